/**
 * The line below the title: loads the model, and shows how far that is and what runs.
 *
 * @module
 */

import { find, make, makeLink } from "../dom.js";
import { loadModel } from "../engine.js";
import { LoadedModel, nameFolder } from "./loaded_model.js";
import { capitalize, describeError, formatMegabytes, formatSeconds, isCanceled } from "./texts.js";

/** @import { DownloadProgress, LoadOptions } from "../types.js" */
/** @import { Wanted } from "./deployment.js" */

/** @typedef {Pick<LoadOptions, "device" | "threads">} RunOptions */

export class ModelLoader {
  /**
   * @param {Wanted} starter what is loaded where the first model can't be
   * @param {(loaded: LoadedModel) => void} onLoad called for each model that is loaded
   */
  constructor(starter, onLoad) {
    this.starter = starter;
    this.onLoad = onLoad;
    /** @type {LoadedModel | null} */
    this.loaded = null;
    /** Is set while a model is loaded. @type {AbortController | null} */
    this.controller = null;
    /** The number of calls of `load`. */
    this.turn = 0;
    this.text = find("state-text", HTMLElement);
    this.progress = find("state-progress", HTMLProgressElement);
    this.error = find("state-error", HTMLElement);
    this.cancel = find("state-cancel", HTMLButtonElement);
    this.retry = find("state-retry", HTMLButtonElement);
    this.cancel.addEventListener("click", () => this.controller?.abort());
  }

  /**
   * Loads a model; where that fails, the page keeps the model it has or loads the starter.
   *
   * @param {Wanted} wanted
   * @param {RunOptions} options on which device, and with how many threads
   */
  async load(wanted, options) {
    this.controller?.abort();
    const turn = ++this.turn;
    this.#showError("");
    try {
      await this.#replace(wanted, options);
    } catch (error) {
      // A newer call has canceled this one, and shows what happens.
      if (turn === this.turn) await this.#recover(error, wanted, turn);
    }
  }

  /**
   * Cancels the load of another model, because the visitor went back to the one that runs.
   *
   * @param {LoadedModel} loaded
   */
  keep(loaded) {
    this.controller?.abort();
    this.controller = null;
    this.turn++;
    this.#showError("");
    this.#showButtons({ cancel: false, retry: false });
    this.#showLoaded(loaded);
  }

  /**
   * @param {unknown} error
   * @param {Wanted} wanted what could not be loaded
   * @param {number} turn
   */
  async #recover(error, wanted, turn) {
    let sentence = isCanceled(error) ? "The download was canceled." : describeError(error);
    if (!this.loaded && wanted.source.folder !== this.starter.source.folder) {
      this.#showError(`${sentence} The page goes on with ${nameFolder(this.starter)}.`);
      try {
        await this.#replace(this.starter, {});
      } catch (second) {
        if (turn !== this.turn) return;
        sentence += ` The starter model fails too: ${describeError(second)}`;
      }
    }
    this.#showEnd(sentence);
  }

  /**
   * Loads a model, and closes the one before once it is there.
   *
   * @param {Wanted} wanted
   * @param {RunOptions} options
   */
  async #replace(wanted, options) {
    const controller = new AbortController();
    this.controller = controller;
    /** @type {Map<string, DownloadProgress>} */
    const downloads = new Map();
    this.#showProgress([]);
    this.#showButtons({ cancel: true, retry: false });
    const model = await loadModel(wanted.source, {
      ...options,
      signal: controller.signal,
      onProgress: (progress) => {
        downloads.set(progress.what, progress);
        if (this.controller === controller) this.#showProgress([...downloads.values()]);
      },
    });
    if (controller.signal.aborted) {
      model.close();
      throw controller.signal.reason;
    }
    this.loaded?.model.close();
    this.loaded = new LoadedModel(model, wanted, options);
    this.controller = null;
    this.#showButtons({ cancel: false, retry: false });
    this.#showLoaded(this.loaded);
    this.onLoad(this.loaded);
  }

  /**
   * Shows how far all downloads together are: the model and the runtime arrive side by side.
   *
   * @param {DownloadProgress[]} downloads
   */
  #showProgress(downloads) {
    const bytes = sum(downloads.map((download) => download.bytes));
    const total = sum(downloads.map((download) => download.total));
    const seconds = Math.max(0, ...downloads.map((download) => download.secondsLeft || 0));
    // The size of one that has just begun may be unknown.
    const isKnown = total > 0 && downloads.every((download) => download.total > 0);
    let text = "Loading the model";
    if (isKnown && bytes >= total) text = "Starting the model";
    else if (isKnown) {
      const percent = Math.floor((100 * bytes) / total);
      text = `Downloading the model: ${formatMegabytes(bytes)} of ${formatMegabytes(total)} MB, ${percent} %`;
      if (seconds) text += `, about ${formatSeconds(seconds)} left`;
    } else if (bytes) text = `Downloading the model: ${formatMegabytes(bytes)} MB`;
    if (isKnown && bytes < total) this.progress.value = bytes / total;
    else this.progress.removeAttribute("value");
    this.progress.hidden = false;
    this.text.textContent = text;
  }

  /** @param {LoadedModel} loaded */
  #showLoaded(loaded) {
    const { revision, runsOn } = loaded.model;
    const name = revision ? `${loaded.name}@${revision.slice(0, 7)}` : capitalize(loaded.name);
    const threads = runsOn.threads === 1 ? "1 thread" : `${runsOn.threads} threads`;
    const where = runsOn.device === "wasm" ? `the CPU with ${threads}` : "the GPU with WebGPU";
    const link = loaded.url ? makeLink(loaded.url, name, loaded.wanted.endpoint) : name;
    this.progress.hidden = true;
    this.text.replaceChildren(
      make("strong", {}, link),
      ` runs in your browser, on ${where}: the picture never leaves this machine.`,
    );
    find("announcement", HTMLElement).textContent = `${name} is loaded.`;
  }

  /** @param {string} sentence what went wrong; Retry is offered */
  #showEnd(sentence) {
    this.#showError(sentence + (this.loaded ? ` The page goes on with ${this.loaded.name}.` : ""));
    this.controller = null;
    this.progress.hidden = true;
    if (this.loaded) this.#showLoaded(this.loaded);
    else this.text.textContent = "No model is loaded.";
    this.#showButtons({ cancel: false, retry: true });
  }

  /** @param {string} sentence */
  #showError(sentence) {
    this.error.textContent = sentence;
    this.error.hidden = !sentence;
  }

  /** @param {{cancel: boolean, retry: boolean}} shown */
  #showButtons({ cancel, retry }) {
    const hadFocus = [this.cancel, this.retry].some((button) => button === document.activeElement);
    this.cancel.hidden = !cancel;
    this.retry.hidden = !retry;
    // A button that disappears would take the keyboard's place on the page with it.
    if (hadFocus) (cancel ? this.cancel : this.retry).focus();
  }
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
