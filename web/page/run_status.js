/**
 * What the Translate tab says about a run: its progress, its end, or what went wrong.
 *
 * @module
 */

import { find, findIn } from "../dom.js";
import { formatSeconds } from "./texts.js";

/** @import { Mode, Translation } from "../types.js" */

/** Milliseconds between two progress messages, and before the first. */
const PROGRESS_INTERVAL = 150;

export class RunStatus {
  /** @param {() => void} onCancel */
  constructor(onCancel) {
    this.start = find("start", HTMLButtonElement);
    this.cancel = find("cancel", HTMLButtonElement);
    this.note = find("note-text", HTMLElement);
    this.error = find("note-error", HTMLElement);
    this.progress = find("note-progress", HTMLElement);
    this.tiles = find("note-tiles", HTMLElement);
    this.bar = findIn(this.progress, "progress", HTMLProgressElement);
    this.cancel.addEventListener("click", onCancel);
  }

  /**
   * Shows that a run has started: a bar that moves, and a text until the first tile is done.
   *
   * @param {string} text
   */
  begin(text) {
    this.say(text);
    this.fail("");
    this.tiles.textContent = "";
    this.bar.removeAttribute("value");
    this.progress.hidden = false;
    this.cancel.disabled = false;
  }

  /** Shows that nothing runs; the texts stay. */
  end() {
    this.progress.hidden = true;
    // A disabled button can't keep the focus.
    if (document.activeElement === this.cancel) this.start.focus();
    this.cancel.disabled = true;
  }

  /** @param {string} text */
  say(text) {
    this.note.textContent = text;
  }

  /** @param {string} sentence an error; empty for none */
  fail(sentence) {
    this.error.textContent = sentence;
    this.error.hidden = !sentence;
  }

  /**
   * Returns a function that shows how many tiles are done.
   *
   * @param {AbortSignal} signal of the run
   * @returns {(done: number, total: number) => void}
   */
  track(signal) {
    /** The first report: what is before it is reading, and says nothing about tiles. */
    let first = { done: 0, time: Number.NaN };
    let last = performance.now();
    return (done, total) => {
      const now = performance.now();
      if (!first.done) first = { done, time: now };
      if (signal.aborted || now - last < PROGRESS_INTERVAL || total === 1) return;
      last = now;
      const seconds = (now - first.time) / 1000 / (done - first.done);
      const left =
        done > first.done ? `, about ${formatSeconds(seconds * (total - done))} left` : "";
      this.say("");
      this.tiles.textContent = `Tile ${done} of ${total}${left}`;
      this.bar.value = done / total;
    };
  }
}

/**
 * Returns the sentences about a result: mode, size, times, and how the file's values were read.
 *
 * @param {Translation} translation
 * @param {Mode} mode
 */
export function describeResult({ width, height, milliseconds, readMilliseconds, notes }, mode) {
  const [translated, read] = [milliseconds, readMilliseconds].map((ms) => (ms / 1000).toFixed(2));
  const prefix = mode === "full" ? "In tiles" : "At once";
  const sentence = `${prefix}: ${width} x ${height} pixels, translated in ${translated} s, read in ${read} s.`;
  return [sentence, ...notes].join(" ");
}

/**
 * Waits for a promise, or until the signal aborts.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function abortable(promise, signal) {
  signal.throwIfAborted();
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([promise, /** @type {Promise<never>} */ (aborted)]);
}
