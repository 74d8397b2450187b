/**
 * Undo and redo. A step keeps what its rectangle had before, as runs, which is a few kilobytes.
 *
 * @module
 */

import { packRuns, unpackRuns } from "./runs.js";

/** @import { Bitmap, Rect } from "./bitmap.js" */
/** @typedef {{rect: Rect, runs: Uint8Array}} Step */

const MAX_STEPS = 200;
// A noisy drawing of 512 pixels has 0.5 MB a step.
const MAX_BYTES = 32e6;
const MIN_STEPS = 50;

export class History {
  /** @param {Bitmap} bitmap */
  constructor(bitmap) {
    this.bitmap = bitmap;
    /** @type {Step[]} */
    this.undone = [];
    /** @type {Step[]} */
    this.done = [];
    /** The drawing as it was after the last step. */
    this.before = bitmap.data.slice();
  }

  /**
   * Keeps what has changed since the last step as one step.
   *
   * @param {Rect} rect holds all changes
   * @returns {boolean} whether anything is different
   */
  commit(rect) {
    const runs = packRuns(this.#old(rect));
    if (isEqual(runs, packRuns(this.bitmap.copy(rect)))) return false;
    this.done.push({ rect: { ...rect }, runs });
    this.undone.length = 0;
    this.#forget();
    this.#remember(rect);
    return true;
  }

  /** Takes back what has changed since the last step. @param {Rect} rect holds all changes */
  restore(rect) {
    this.bitmap.paste(rect, this.#old(rect));
  }

  /** @returns {Rect | null} what has changed; null where there is nothing to undo */
  undo() {
    return this.#swap(this.done, this.undone);
  }

  /** @returns {Rect | null} what has changed; null where there is nothing to redo */
  redo() {
    return this.#swap(this.undone, this.done);
  }

  /**
   * Takes a step from one list and puts the opposite one onto the other list.
   *
   * @param {Step[]} from
   * @param {Step[]} to
   */
  #swap(from, to) {
    const step = from.pop();
    if (!step) return null;
    const { rect, runs } = step;
    to.push({ rect, runs: packRuns(this.bitmap.copy(rect)) });
    const area = (rect.right - rect.left) * (rect.bottom - rect.top);
    const values = unpackRuns(runs, area);
    if (values) this.bitmap.paste(rect, values);
    this.#remember(rect);
    return rect;
  }

  /** @param {Rect} rect */
  #old(rect) {
    const { bitmap } = this;
    const { data } = bitmap;
    bitmap.data = this.before;
    const values = bitmap.copy(rect);
    bitmap.data = data;
    return values;
  }

  /** @param {Rect} rect */
  #remember({ left, top, right, bottom }) {
    const { data, side } = this.bitmap;
    for (let y = top; y < bottom; y++) {
      this.before.set(data.subarray(y * side + left, y * side + right), y * side + left);
    }
  }

  #forget() {
    let bytes = this.done.reduce((sum, step) => sum + step.runs.length, 0);
    while (this.done.length > MAX_STEPS || (bytes > MAX_BYTES && this.done.length > MIN_STEPS)) {
      bytes -= this.done.shift()?.runs.length ?? 0;
    }
  }
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function isEqual(one, other) {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
