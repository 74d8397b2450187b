/**
 * What a drawing can start from: an empty sheet, held-out inputs, or a picture file.
 *
 * @module
 */

import { empty, make, setPicture } from "../dom.js";
import { Bitmap } from "./bitmap.js";
import { readDrawing } from "./pictures.js";
import { makeButton } from "./toolbar.js";

/** @import { Drawing } from "./drawing.js" */

/**
 * A picture to start from.
 *
 * @typedef {{name: string, read: () => Promise<Blob | null>}} Template
 */

const UNREADABLE = "This template can't be read: choose another one, or draw on an empty sheet.";
const MAX_TEMPLATES = 12;

export class Starts {
  /** Counts what was chosen: a slow file does not replace what was chosen after it. */
  #turn = 0;

  /**
   * @param {Drawing} drawing
   * @param {(error: unknown) => void} onError called with null where something is chosen
   */
  constructor(drawing, onError) {
    this.drawing = drawing;
    this.onError = onError;
    /** @type {Template[]} */
    this.templates = [];
    this.list = make("ul", { class: "cards small" });
    const { side, palette } = drawing.bitmap;
    this.preview = make("canvas", {
      width: side,
      height: side,
      role: "img",
      "aria-label": "The picture in the colors of the palette",
      class: palette.isSmooth ? null : "draw-pixels",
    });
    const accept = makeButton("Draw on it", "", () => this.#decide(true));
    this.refuse = makeButton("Keep my drawing", "", () => this.#decide(false));
    const text = `The middle square of the picture, ${side} x ${side} pixels, in the nearest of ${palette.swatches.length} colors:`;
    this.offer = make(
      "section",
      {
        class: "panel draw-offer",
        "aria-label": "Picture in the colors of the palette",
        hidden: true,
      },
      make("p", {}, text),
      this.preview,
      make("div", { class: "buttons" }, accept, this.refuse),
    );
    /** What the preview shows. @type {Uint8Array | null} */
    this.offered = null;
    this.choose = make("input", {
      type: "file",
      class: "visually-hidden",
      accept: "image/*",
      "aria-label": "Start from a picture",
    });
    this.choose.addEventListener("change", () => {
      const file = this.choose.files?.[0];
      if (file) this.open(file);
      this.choose.value = ""; // so that the same file can be chosen again
    });
  }

  /** @returns {HTMLElement[]} */
  get elements() {
    const random = makeButton("Random template", "", () => this.#openRandom());
    this.random = random;
    random.disabled = !this.templates.length;
    const label = make("label", { class: "button" }, this.choose, "Start from a picture");
    const sheet = makeButton("Empty sheet", "", () => {
      this.#turn++;
      this.onError(null);
      this.drawing.clear();
    });
    return [make("div", { class: "buttons" }, sheet, random, label), this.offer, this.list];
  }

  /** @param {Template[]} templates a dozen of them is shown */
  showTemplates(templates) {
    this.templates = templates.slice(0, MAX_TEMPLATES);
    if (this.random) this.random.disabled = !this.templates.length;
    empty(this.list);
    for (const template of this.templates) this.#addCard(template);
  }

  /**
   * Shows what becomes of a picture file, and asks whether to draw on it.
   *
   * @param {Blob} file
   */
  async open(file) {
    const turn = ++this.#turn;
    try {
      const values = await readDrawing(file, this.drawing.bitmap);
      if (turn !== this.#turn) return;
      this.onError(null);
      this.offered = values;
      const { side, palette } = this.drawing.bitmap;
      const bitmap = new Bitmap(side, palette);
      bitmap.data.set(values);
      this.preview.getContext("2d")?.putImageData(new ImageData(bitmap.toPixels(), side), 0, 0);
      this.offer.hidden = false;
      this.offer.querySelector("button")?.focus();
    } catch (error) {
      if (turn === this.#turn) this.onError(error);
    }
  }

  /** @param {boolean} isAccepted */
  #decide(isAccepted) {
    if (isAccepted && this.offered) this.drawing.replace(this.offered);
    this.offered = null;
    this.offer.hidden = true;
    this.choose.focus();
  }

  #openRandom() {
    const { templates } = this;
    if (templates.length) this.#start(templates[Math.floor(Math.random() * templates.length)]);
  }

  /** @param {Template} template */
  async #start(template) {
    const turn = ++this.#turn;
    try {
      const blob = await template.read();
      const values = blob && (await readDrawing(blob, this.drawing.bitmap));
      if (turn !== this.#turn) return;
      this.onError(values ? null : UNREADABLE);
      if (values) this.drawing.replace(values);
    } catch {
      if (turn === this.#turn) this.onError(UNREADABLE);
    }
  }

  /** @param {Template} template */
  async #addCard(template) {
    const image = make("img", { alt: template.name, width: 256, height: 256 });
    const pictures = make("span", { class: "pictures" }, make("span", {}, image));
    const button = make(
      "button",
      { type: "button", "aria-label": `Start from ${template.name}` },
      pictures,
    );
    button.addEventListener("click", () => this.#start(template));
    const item = make("li", {}, button);
    this.list.append(item);
    const blob = await template.read().catch(() => null);
    if (!item.isConnected && this.list.isConnected) return; // others are shown by now
    if (blob) setPicture(image, blob);
    else item.remove();
  }
}
