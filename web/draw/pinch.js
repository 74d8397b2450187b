/**
 * Two fingers enlarge and move a sheet in its scrolled frame; one finger draws.
 *
 * @module
 */

/** @typedef {{x: number, y: number}} Place */

export class Pinch {
  /** The fingers on the sheet. @type {Map<number, Place>} */
  #fingers = new Map();
  /** The two fingers at the start. @type {{zoom: number, distance: number} | null} */
  #start = null;
  /** The last middle of the two fingers. @type {Place} */
  #middle = { x: 0, y: 0 };

  /**
   * @param {HTMLElement} frame has scroll bars where the sheet is larger
   * @param {(zoom: number) => number} setZoom sets the sheet's size; returns what it is
   */
  constructor(frame, setZoom) {
    this.frame = frame;
    this.setZoom = setZoom;
    this.zoom = 1;
  }

  /** Whether two fingers were there, and not all have left. */
  get isActive() {
    return this.#start !== null;
  }

  /**
   * Adds a finger.
   *
   * @param {PointerEvent} event
   * @param {number} zoom
   * @returns {boolean} whether it is the second one
   */
  add({ pointerId, pointerType, clientX, clientY }, zoom) {
    if (pointerType !== "touch") return false;
    this.#fingers.set(pointerId, { x: clientX, y: clientY });
    if (this.#fingers.size !== 2) return false;
    const { distance, middle } = this.#measure();
    this.zoom = zoom;
    this.#start = { zoom, distance };
    this.#middle = middle;
    return true;
  }

  /**
   * Moves a finger.
   *
   * @param {PointerEvent} event
   * @returns {boolean} whether it is no stroke
   */
  move({ pointerId, clientX, clientY }) {
    if (!this.#start || !this.#fingers.has(pointerId)) return this.isActive;
    this.#fingers.set(pointerId, { x: clientX, y: clientY });
    if (this.#fingers.size < 2) return true;
    const { distance, middle } = this.#measure();
    const { frame } = this;
    frame.scrollLeft -= middle.x - this.#middle.x;
    frame.scrollTop -= middle.y - this.#middle.y;
    this.#middle = middle;
    const { left, top } = frame.getBoundingClientRect();
    const zoom = (this.#start.zoom * distance) / this.#start.distance;
    this.zoom = this.zoomAround(this.zoom, zoom, middle.x - left, middle.y - top);
    return true;
  }

  /** @param {PointerEvent} event */
  remove({ pointerId }) {
    this.#fingers.delete(pointerId);
    if (!this.#fingers.size) this.#start = null;
  }

  /**
   * Changes the zoom; what is at a place of the frame stays there.
   *
   * @param {number} from
   * @param {number} to
   * @param {number} x
   * @param {number} y
   * @returns {number} the zoom, within its limits
   */
  zoomAround(from, to, x, y) {
    const { frame } = this;
    const [left, top] = [frame.scrollLeft + x, frame.scrollTop + y];
    const zoom = this.setZoom(to);
    frame.scrollLeft = (left * zoom) / from - x;
    frame.scrollTop = (top * zoom) / from - y;
    return zoom;
  }

  #measure() {
    const [a, b] = [...this.#fingers.values()];
    const distance = Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
    return { distance, middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }
}
