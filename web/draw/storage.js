/**
 * Keeps the drawing for each palette in the browser, so that it survives a reload of the page.
 *
 * A storage that is full or forbidden is no error: then the drawing lasts as long as the page.
 *
 * @module
 */

import { decodeDrawing, encodeDrawing } from "./link.js";

/** @import { Bitmap } from "./bitmap.js" */

const PREFIX = "pix2pix-drawing-";

export class Keeper {
  /** Counts the calls of `save`. */
  #turn = 0;

  /** @param {Bitmap} bitmap */
  constructor(bitmap) {
    this.bitmap = bitmap;
    // In any order: a model that was trained anew may have another color as the most common one.
    const colors = bitmap.palette.swatches.map(({ color }) => color.slice(1)).sort();
    this.key = `${PREFIX}${bitmap.side}-${colors.join("")}`;
  }

  async save() {
    const turn = ++this.#turn;
    try {
      const text = await encodeDrawing(this.bitmap);
      if (turn === this.#turn) this.#store(text);
    } catch {
      // is full or forbidden
    }
  }

  /** Stores a drawing; where there is no room, those for other palettes make some. @param {string} text */
  #store(text) {
    try {
      localStorage.setItem(this.key, text);
    } catch {
      const others = Object.keys(localStorage).filter(
        (key) => key.startsWith(PREFIX) && key !== this.key,
      );
      for (const key of others) localStorage.removeItem(key);
      localStorage.setItem(this.key, text);
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
