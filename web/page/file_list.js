/**
 * The list of several pictures: translates one after the other, with a download each and a zip.
 *
 * @module
 */

import { DownloadButton, empty, find, findIn, make, setPicture } from "../dom.js";
import { resultNames } from "./labels.js";
import { abortable, describeResult } from "./run_status.js";
import { describeError, isCanceled } from "./texts.js";
import { makeZip } from "./zip.js";

/** @import { Mode } from "../types.js" */
/** @import { LoadedModel } from "./loaded_model.js" */

/**
 * One line of the list.
 *
 * @typedef {object} Row
 * @property {File} file
 * @property {"waiting" | "done" | "failed" | "canceled"} status
 * @property {string} name of the result
 * @property {Blob | null} png the result
 * @property {HTMLElement} item
 * @property {HTMLElement} state
 * @property {HTMLImageElement} result
 * @property {HTMLElement} buttons
 * @property {DownloadButton} download
 */

/**
 * What the list needs of its tab.
 *
 * @typedef {object} Tab
 * @property {(file: File) => void} onOpen shows a picture of the list in the slider
 * @property {() => Promise<LoadedModel>} getModel
 * @property {() => Mode} getMode called for each picture, so that a switch holds for the rest
 */

export class FileList {
  /** @param {Tab} tab */
  constructor(tab) {
    this.tab = tab;
    /** @type {Row[]} */
    this.rows = [];
    this.section = find("files", HTMLElement);
    this.list = find("files-list", HTMLElement);
    this.state = find("files-state", HTMLElement);
    this.bar = findIn(this.section, "progress", HTMLProgressElement);
    this.cancel = find("files-cancel", HTMLButtonElement);
    this.zip = new DownloadButton(find("files-zip", HTMLButtonElement));
    /** Is set while the list is translated. @type {AbortController | null} */
    this.controller = null;
    this.cancel.addEventListener("click", () => this.#cancel());
    find("files-remove", HTMLButtonElement).addEventListener("click", () => this.#remove());
  }

  /**
   * Adds files to the end of the list, and translates them.
   *
   * @param {File[]} files
   */
  add(files) {
    this.rows.push(...files.map((file) => this.#addRow(file)));
    this.section.hidden = false;
    this.section.scrollIntoView({ block: "nearest" });
    if (!this.controller) this.#run();
  }

  async #run() {
    const controller = new AbortController();
    this.controller = controller;
    this.zip.offer(null);
    this.cancel.disabled = false;
    this.#showProgress("Waiting for the model.");
    try {
      await this.#translateAll(controller.signal);
    } catch (error) {
      if (!isCanceled(error)) throw error; // a row shows its own errors
    }
    const note = this.controller === controller ? await this.#offerZip(controller) : "";
    if (this.controller !== controller) return; // the list was removed
    this.controller = null;
    if (this.#next()) this.#run();
    else this.#finish(note);
  }

  /** @param {AbortSignal} signal */
  async #translateAll(signal) {
    for (let row = this.#next(); row && !signal.aborted; row = this.#next()) {
      // Another model may be loaded by now; a row that its start has canceled is still waiting.
      const loaded = await abortable(this.tab.getModel(), signal);
      const { rows } = this;
      const index = rows.indexOf(row);
      const files = rows.map(({ file }) => file.name);
      row.name = resultNames(files, loaded.labels.shortResult)[index];
      this.#showProgress(`${index + 1} of ${rows.length}: ${row.file.name}`);
      await this.#translate(row, loaded, signal);
    }
  }

  /** @returns {Row | undefined} the first one that is not translated yet */
  #next() {
    return this.rows.find(({ status }) => status === "waiting");
  }

  /**
   * @param {Row} row
   * @param {LoadedModel} loaded
   * @param {AbortSignal} signal
   */
  async #translate(row, loaded, signal) {
    const { item, state } = row;
    const mode = this.tab.getMode();
    item.setAttribute("aria-current", "true");
    state.textContent = "translating";
    /** @type {(tiles: number, total: number) => void} */
    const onProgress = (tiles, total) => {
      if (total > 1 && !signal.aborted) state.textContent = `tile ${tiles} of ${total}`;
    };
    try {
      const options = { mode, signal, onProgress };
      const translation = await abortable(
        loaded.model.translateWithDetails(row.file, options),
        signal,
      );
      row.png = translation.png;
      row.status = "done";
      state.textContent = describeResult(translation, mode);
      setPicture(row.result, row.png);
      row.result.hidden = false;
      row.download.offer(row.png, row.name);
    } catch (error) {
      if (isCanceled(error)) return; // the row says so already
      row.status = "failed";
      state.textContent = describeError(error);
      item.classList.add("failed");
      row.buttons.hidden = true;
    } finally {
      item.removeAttribute("aria-current");
    }
  }

  /** Ends the run: the rows that are not done say so, and those added later are translated. */
  #cancel() {
    for (const row of this.rows.filter(({ status }) => status === "waiting")) {
      row.status = "canceled";
      row.state.textContent = "canceled";
    }
    this.controller?.abort();
  }

  #remove() {
    this.#cancel();
    this.controller = null;
    this.rows = [];
    this.section.hidden = true;
    empty(this.list);
    this.zip.offer(null);
    find("choose", HTMLInputElement).focus();
  }

  /** @param {File} file @returns {Row} */
  #addRow(file) {
    const photo = make("img", { alt: `Picture ${file.name}`, loading: "lazy", decoding: "async" });
    const result = make("img", {
      alt: `Result for ${file.name}`,
      loading: "lazy",
      decoding: "async",
      hidden: true,
    });
    const state = make("span", { class: "row-state" }, "waiting");
    const save = make(
      "button",
      { type: "button", disabled: true, "aria-label": `Download the result for ${file.name}` },
      "Download",
    );
    const open = make(
      "button",
      { type: "button", "aria-label": `Compare ${file.name}` },
      "Compare",
    );
    open.addEventListener("click", () => this.tab.onOpen(file));
    setPicture(photo, file);
    // The icon of a broken picture says nothing that the error's sentence does not.
    photo.addEventListener("error", () => photo.classList.add("broken"));
    const text = make("span", { class: "row-text" }, make("strong", {}, file.name), state);
    const buttons = make("span", { class: "buttons" }, open, save);
    const thumbs = make("span", { class: "thumbs" }, photo, result);
    const item = make("li", {}, thumbs, text, buttons);
    this.list.append(item);
    const download = new DownloadButton(save);
    return { file, status: "waiting", name: "", png: null, item, state, result, buttons, download };
  }

  /**
   * @param {AbortController} controller of the run
   * @returns {Promise<string>} why there is no zip, or an empty text
   */
  async #offerZip(controller) {
    const files = this.rows.flatMap(({ name, png }) => (png ? [{ name, blob: png }] : []));
    if (!files.length) return "";
    try {
      const zip = await makeZip(files);
      const { labels } = await this.tab.getModel();
      if (this.controller === controller)
        this.zip.offer(zip, `${labels.shortSource}-to-${labels.shortResult}.zip`);
      return "";
    } catch (error) {
      return error instanceof RangeError
        ? error.message
        : "The zip can't be made: download the results one by one.";
    }
  }

  /** @param {string} text */
  #showProgress(text) {
    this.state.textContent = text;
    const finished = this.rows.filter(({ status }) => status === "done" || status === "failed");
    this.bar.value = finished.length / this.rows.length;
  }

  /** @param {string} note why something is missing */
  #finish(note) {
    /** @type {(status: Row["status"]) => number} */
    const count = (status) => this.rows.filter((row) => row.status === status).length;
    const failed = count("failed");
    const sentences = [`${count("done")} of ${this.rows.length} translated.`];
    if (failed) sentences.push(`${failed} failed: the list says why.`);
    if (count("canceled")) sentences.push("The rest was canceled.");
    this.#showProgress([...sentences, note].join(" ").trim());
    if (document.activeElement === this.cancel) this.zip.button.focus();
    this.cancel.disabled = true;
  }
}
