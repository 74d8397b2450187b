/**
 * Keeps the drawing for each palette in the browser, so that it survives a reload of the page.
 *
 * A storage that is full or forbidden is no error: then the drawing lasts as long as the page.
 *
 * @module
 */

import { decodeDrawing, encodeDrawing } from "./link.js";

/** @import { Bitmap } from "./bitmap.js" */

export class Keeper {
  /** Counts the calls of `save`. */
  #turn = 0;

  /** @param {Bitmap} bitmap */
  constructor(bitmap) {
    this.bitmap = bitmap;
    this.key = `pix2pix-drawing-${bitmap.side}-${bitmap.palette.key}`;
  }

  async save() {
    const turn = ++this.#turn;
    try {
      const text = await encodeDrawing(this.bitmap);
      if (turn === this.#turn) localStorage.setItem(this.key, text);
    } catch {
      // is full or forbidden
    }
  }

  /** @returns {Promise<Uint8Array | null>} the values of the drawing; null where there is none */
  async load() {
    try {
      const text = localStorage.getItem(this.key);
      return text ? await decodeDrawing(text, this.bitmap) : null;
    } catch {
      return null;
    }
  }
}
