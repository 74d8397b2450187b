/**
 * The Translate tab: translates one picture and compares the result with it; several become a list.
 *
 * @module
 */

import { DownloadButton, empty, find, findIn, make, setPicture } from "../dom.js";
import { looksLikePair } from "../pixels/geometry.js";
import { showCards } from "./cards.js";
import { FileList } from "./file_list.js";
import { safeStem } from "./labels.js";
import { PairOffer } from "./pair_offer.js";
import { PictureInput } from "./picture_input.js";
import { abortable, describeResult, RunStatus } from "./run_status.js";
import { CompareSlider } from "./slider.js";
import { capitalize, describeError, isCanceled, withArticle } from "./texts.js";

/** @import { Translation } from "../types.js" */
/** @import { LoadedModel, Sample } from "./loaded_model.js" */

/**
 * What is translated.
 *
 * @typedef {object} Subject
 * @property {Blob} blob
 * @property {string} name of the file
 * @property {Blob | null} real what the result is compared with, for a held-out sample
 * @property {"left" | "right" | null} half of a side-by-side pair
 */

const NO_PICTURE = "There is no picture yet: choose one first.";
const STOPPED = "Stopped: there is no result.";

export class TranslateTab {
  constructor() {
    /** @type {LoadedModel | null} */
    this.loaded = null;
    /** @type {(loaded: LoadedModel) => void} */
    this.resolveFirst = () => {};
    /** @type {Promise<LoadedModel>} */
    this.first = new Promise((resolve) => {
      this.resolveFirst = resolve;
    });
    /** @type {Subject | null} */
    this.subject = null;
    /** @type {AbortController | null} */
    this.controller = null;
    this.stage = find("photo", HTMLElement);
    this.remove = find("remove", HTMLButtonElement);
    this.download = new DownloadButton(find("download", HTMLButtonElement));
    this.against = find("against", HTMLElement);
    this.result = new CompareSlider(
      find("result", HTMLElement),
      "The result will appear here, with a slider to compare.",
    );
    this.comparison = new CompareSlider(this.against, "");
    this.files = new FileList({
      onOpen: (file) => {
        this.show({ blob: file, name: file.name, real: null, half: null });
        this.result.figure.scrollIntoView({ block: "center" });
      },
      getModel: () => this.#model(),
      getMode: () => this.#mode(),
    });
    this.status = new RunStatus(() => this.controller?.abort());
    this.pair = new PairOffer((half) => {
      if (!this.subject) return;
      this.subject.half = half;
      this.#start();
    });
    new PictureInput(
      (files) => this.#receive(files),
      (sentence) => this.status.fail(sentence),
    );
    find("start", HTMLButtonElement).addEventListener("click", () => this.#start());
    find("mode", HTMLElement).addEventListener("change", () => {
      if (this.subject) this.#start();
    });
    this.remove.addEventListener("click", () => {
      this.show(null);
      find("choose", HTMLInputElement).focus();
    });
  }

  /** @param {LoadedModel} loaded a model that is ready; the picture on the page stays */
  showModel(loaded) {
    const isSame = this.loaded?.wanted === loaded.wanted;
    this.loaded = loaded;
    this.resolveFirst(loaded);
    const { labels } = loaded;
    const size = loaded.model.description.config?.image_size;
    const pixels = Number.isInteger(size) ? `${size} x ${size} pixels` : "its own size";
    find("mode-explanation", HTMLElement).textContent =
      `At once: quick, and the network sees everything, but at ${pixels}. In tiles: every pixel of a larger picture is kept, and it takes longer. Changing it translates the picture again; a running list goes on with the new choice.`;
    this.download.button.textContent = `Download the ${labels.shortResult} (PNG)`;
    // Held-out pictures of another model fit neither this one's input nor its output.
    if (!isSame) find("examples", HTMLElement).hidden = true;
    this.show(isSame || !this.subject?.real ? this.subject : null);
  }

  /**
   * Shows a sample's input and its real picture.
   *
   * @param {LoadedModel} loaded
   * @param {Sample} sample
   */
  async open(loaded, sample) {
    const [blob, real] = await Promise.all([
      loaded.readPicture(sample, "input"),
      loaded.readPicture(sample, "target"),
    ]);
    if (this.loaded !== loaded) return; // another model was loaded meanwhile
    if (blob) this.show({ blob, name: `${sample.name}-input.png`, real, half: null });
  }

  /**
   * Shows a picture in place of the one before, and translates it.
   *
   * @param {Subject | null} subject null for none
   */
  show(subject) {
    this.controller?.abort();
    this.subject = subject;
    this.#reset();
    this.remove.disabled = !subject;
    empty(this.stage);
    if (!subject) {
      const what = withArticle(this.loaded?.labels.source ?? "picture");
      const hint = `Drop, paste or choose ${what} of any size: it is translated right away. Several become a list.`;
      this.stage.append(make("label", { for: "choose", class: "empty" }, hint));
      return;
    }
    const image = this.#showPhoto(subject.blob);
    image.addEventListener("load", () => this.#offerPair(subject, image));
    this.#start();
  }

  /** @param {File[]} files */
  #receive(files) {
    document.dispatchEvent(new CustomEvent("pictures")); // the page opens this tab
    const [file] = files;
    if (files.length > 1) this.files.add(files);
    else this.show({ blob: file, name: file.name, real: null, half: null });
  }

  async #start() {
    this.controller?.abort();
    const { subject } = this;
    if (!subject) {
      this.status.fail(NO_PICTURE);
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    this.controller = controller;
    this.#clearResult();
    const mode = this.#mode();
    const begun = mode === "full" ? "Reading the picture." : "Reading and translating the picture.";
    this.status.begin(this.loaded ? begun : "Waiting for the model.");
    try {
      const loaded = await abortable(this.#model(), signal);
      this.status.say(begun);
      const { half, real } = subject;
      const onProgress = this.status.track(signal);
      const options = { mode, half, real, signal, onProgress };
      const translation = await abortable(
        loaded.model.translateWithDetails(subject.blob, options),
        signal,
      );
      await this.#showResult(translation, subject, loaded);
      if (this.controller === controller) this.status.say(describeResult(translation, mode));
    } catch (error) {
      if (this.controller !== controller) return; // another picture is shown by now
      this.status.say(isCanceled(error) ? STOPPED : "");
      if (!isCanceled(error)) this.status.fail(describeError(error));
    }
    if (this.controller === controller) this.#finish();
  }

  #finish() {
    this.controller = null;
    this.status.end();
  }

  /**
   * @param {Translation} translation
   * @param {Subject} subject
   * @param {LoadedModel} loaded
   */
  async #showResult(translation, subject, loaded) {
    const { png, photo, real, closeness, width, height } = translation;
    const { labels } = loaded;
    const [source, result, target] = [labels.shortSource, labels.shortResult, labels.real].map(
      capitalize,
    );
    const shown = [this.result.showTwo([source, result], [photo, png], { width, height })];
    if (real && closeness) {
      const caption = `L1 ${closeness.l1.toFixed(2)} gray levels of 255, PSNR ${closeness.psnr.toFixed(2)} dB against the ${labels.real}.`;
      this.against.hidden = false;
      shown.push(
        this.comparison.showTwo([result, target], [png, real], { width, height }, caption),
      );
    }
    if (subject.half) this.#showPhoto(photo);
    this.download.offer(png, `${safeStem(subject.name)}-${labels.shortResult}.png`);
    await Promise.all(shown);
  }

  /**
   * @param {Subject} subject
   * @param {HTMLImageElement} image its size is known before the engine has read the file
   */
  async #offerPair(subject, { naturalWidth: width, naturalHeight: height }) {
    const loaded = await this.#model();
    if (this.subject !== subject || subject.real || subject.half) return;
    if (looksLikePair({ width, height })) this.pair.show(loaded);
  }

  /** @param {LoadedModel} loaded */
  showExamples(loaded) {
    const section = find("examples", HTMLElement);
    section.hidden = !loaded.samples.length;
    /** @param {Sample} sample */
    const describe = ({ name }) => {
      const alt = `held-out ${loaded.labels.shortSource} ${name}`;
      return { label: `Load ${alt}`, pictures: [{ kind: /** @type {const} */ ("input"), alt }] };
    };
    const list = findIn(section, "ul", HTMLElement);
    showCards(list, loaded, loaded.samples, describe, (sample) => this.open(loaded, sample));
  }

  /** @param {Blob} real shown alone until there is a result to compare with */
  #showReal(real) {
    this.against.hidden = false;
    const name = this.loaded ? this.loaded.labels.real : "real picture";
    this.comparison.showOne(capitalize(name), real);
  }

  /** @param {Blob} blob */
  #showPhoto(blob) {
    empty(this.stage);
    const name = capitalize(this.loaded?.labels.shortSource ?? "picture");
    const image = make("img", { alt: name, class: "alone", decoding: "async" });
    image.addEventListener("error", () => image.remove()); // the engine's sentence says why
    setPicture(image, blob);
    this.stage.append(image, make("span", { class: "name", "aria-hidden": "true" }, name));
    return image;
  }

  #clearResult() {
    const what = this.loaded?.labels.shortResult ?? "result";
    this.result.showText(`The ${what} will appear here, with a slider to compare.`);
    this.comparison.showText("");
    this.against.hidden = true;
    this.download.offer(null);
    if (this.subject?.real) this.#showReal(this.subject.real);
  }

  #reset() {
    this.#clearResult();
    this.pair.hide();
    this.status.say("");
    this.status.fail("");
    this.#finish();
  }

  /** @returns {Promise<LoadedModel>} the model, once there is one */
  async #model() {
    return this.loaded ?? this.first;
  }

  /** @returns {"fit" | "full"} */
  #mode() {
    return document.querySelector("input[name=mode][value=full]:checked") ? "full" : "fit";
  }
}
