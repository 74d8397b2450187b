/**
 * Keeps the result up to date while somebody draws: always the newest state, never a queue.
 *
 * @module
 */

/**
 * @typedef {object} LiveOptions
 * @property {boolean} isLive whether it may translate before the pen is lifted
 * @property {() => Uint8ClampedArray<ArrayBuffer>} read returns the pixels of the drawing as it is now
 * @property {(pixels: Uint8ClampedArray<ArrayBuffer>) => Promise<Uint8ClampedArray<ArrayBuffer>>} translate
 * @property {(result: Uint8ClampedArray<ArrayBuffer>, readAt: number) => void} onResult called with
 *   the time at which the drawing was read, as of `performance.now()`
 * @property {(error: unknown) => void} onError
 * @property {(isBusy: boolean) => void} onBusy called where somebody would wait for a slow model
 */

// Models that take longer are used only when the pen is lifted.
const FAST_MILLISECONDS = 100;
const TIMES_KEPT = 5;

export class Live {
  /** @type {Promise<void> | null} */
  #running = null;
  #isWanted = false;
  #isClosed = false;
  /** @type {number[]} */
  #times = [];

  /** @param {LiveOptions} options */
  constructor(options) {
    this.options = options;
    /** For benchmarks: results that were shown, and states that were overtaken by newer ones. */
    this.counts = { shown: 0, dropped: 0 };
  }

  /** Whether the model takes so long that it waits for the pen to be lifted. */
  get isSlow() {
    if (!this.options.isLive) return true;
    // The quickest of the last times: the browser may have been busy with something else.
    return Math.min(...this.#times) > FAST_MILLISECONDS && this.#times.length > 0;
  }

  /**
   * Says that the drawing has changed.
   *
   * @param {boolean} isDone whether the pen is lifted
   */
  change(isDone) {
    if (this.#isClosed || (!isDone && this.isSlow)) return;
    if (this.#isWanted) this.counts.dropped++;
    this.#isWanted = true;
    this.#running ??= this.#run();
  }

  /** Waits until the result is that of the drawing. */
  async settle() {
    while (this.#running) await this.#running;
  }

  /** Ends it: results that are on their way are not shown. */
  close() {
    this.#isClosed = true;
  }

  async #run() {
    const { read, translate, onResult, onError, onBusy } = this.options;
    await null; // several changes of one event are one state
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      const start = performance.now();
      // Before the first result nobody knows how long it takes.
      onBusy(this.isSlow || !this.#times.length);
      try {
        const result = await translate(read());
        if (this.#isClosed) break;
        this.#times = [...this.#times, performance.now() - start].slice(-TIMES_KEPT);
        this.counts.shown++;
        onResult(result, start);
      } catch (error) {
        this.#isWanted = false; // the next stroke tries again
        if (!this.#isClosed) onError(error);
      }
    }
    this.#running = null;
    onBusy(false);
  }
}
