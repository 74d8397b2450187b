/**
 * The canvas that is drawn on: shows the drawing, and turns mouse, pen, fingers and keys to strokes.
 *
 * @module
 */

import { make } from "../dom.js";
import { Pinch } from "./pinch.js";

/** @import { Point, Rect } from "./bitmap.js" */
/** @import { Drawing, Pen } from "./drawing.js" */

const MAX_ZOOM = 8;
const ZOOM_STEP = 1.5;
const LONG_STEP = 10;
/** @type {Record<string, [number, number]>} */
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Sheet {
  /**
   * @param {Drawing} drawing
   * @param {Pen} pen
   * @param {string} name what the drawing is, for people who can't see it
   * @param {(text: string) => void} announce says where the cursor is
   */
  constructor(drawing, pen, name, announce) {
    this.drawing = drawing;
    this.pen = pen;
    this.announce = announce;
    this.zoom = 1;
    /** The mouse, pen or finger that draws: a hand on the screen does not draw too. */
    this.pointer = { id: Number.NaN, type: "" };
    const { side, palette } = drawing.bitmap;
    this.canvas = make("canvas", {
      id: "draw-canvas",
      width: side,
      height: side,
      tabindex: 0,
      role: "application",
      "aria-roledescription": "drawing",
      "aria-label": `${name}, ${side} x ${side} pixels`,
      "aria-describedby": "draw-keys",
      class: palette.isSmooth ? null : "draw-pixels",
    });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.cursor = make("span", { class: "draw-cursor", "aria-hidden": "true", hidden: true });
    this.sheet = make("div", { class: "draw-sheet" }, this.canvas, this.cursor);
    this.element = make("div", { class: "draw-stage" }, this.sheet);
    /** Where the keyboard draws. @type {Point} */
    this.at = { x: side / 2 + 0.5, y: side / 2 + 0.5 };
    this.pinch = new Pinch(this.element, (zoom) => this.setZoom(zoom));
    this.#listenToPointers();
    this.canvas.addEventListener("keydown", (event) => this.#press(event));
    this.canvas.addEventListener("keyup", (event) => {
      if (isPenKey(event) && !pen.isShape) pen.end();
    });
    this.canvas.addEventListener("blur", () => {
      if (pen.isDown) pen.end();
      this.cursor.hidden = true;
    });
    this.show(drawing.bitmap.bounds);
  }

  /** Shows a part of the drawing as it is now. @param {Rect} rect */
  show(rect) {
    const { bitmap } = this.drawing;
    const width = rect.right - rect.left;
    const image = new ImageData(bitmap.toPixels(rect), width);
    this.context.putImageData(image, rect.left, rect.top);
  }

  /** @param {number} direction 1 enlarges, -1 reduces */
  stepZoom(direction) {
    const { element } = this;
    const [x, y] = [element.clientWidth / 2, element.clientHeight / 2];
    this.pinch.zoomAround(this.zoom, this.zoom * ZOOM_STEP ** direction, x, y);
  }

  /** @param {number} zoom @returns {number} what it is, within the limits */
  setZoom(zoom) {
    this.zoom = Math.min(MAX_ZOOM, Math.max(1, zoom));
    this.sheet.style.width = `${this.zoom * 100}%`;
    return this.zoom;
  }

  #listenToPointers() {
    const { canvas, pen, pinch } = this;
    canvas.addEventListener("pointerdown", (event) => {
      const { pointerId, pointerType } = event;
      if (pointerType === "mouse" && event.button !== 0) return;
      // The hand that holds the pen lies on the screen.
      if (pointerType === "touch" && pen.isDown && this.pointer.type === "pen") return;
      capture(canvas, pointerId);
      this.cursor.hidden = true;
      if (pinch.add(event, this.zoom)) pen.cancel();
      else if (!pinch.isActive && !pen.isDown) {
        this.pointer = { id: pointerId, type: pointerType };
        pen.begin(this.#locate(event));
      }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (pinch.move(event) || !pen.isDown || event.pointerId !== this.pointer.id) return;
      // All places since the last event: a fast stroke stays round.
      const events = event.getCoalescedEvents?.() ?? [];
      for (const part of events.length ? events : [event]) pen.move(this.#locate(part));
    });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(name, (event) => {
        const wasPinch = pinch.isActive;
        pinch.remove(event);
        if (wasPinch || !pen.isDown || event.pointerId !== this.pointer.id) return;
        // The browser has taken the finger for something else, such as a gesture of the system.
        if (name === "pointercancel" && (pen.isPoint || pen.isShape)) pen.cancel();
        else pen.end();
      });
    }
  }

  /** @param {PointerEvent} event @returns {Point} */
  #locate({ clientX, clientY }) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = width ? this.drawing.bitmap.side / width : 0; // hidden meanwhile
    return { x: (clientX - left) * scale, y: (clientY - top) * scale };
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { pen } = this;
    const arrow = ARROWS[event.key];
    if (arrow) this.#moveCursor(arrow, event.shiftKey ? LONG_STEP : 1);
    else if (event.key === "Escape" && pen.isDown) pen.cancel();
    else if (!isPenKey(event)) return;
    else if (!event.repeat) this.#pressPen();
    event.preventDefault(); // the page does not scroll
  }

  /** A shape begins with one press and ends with the next; other strokes last as long as the key. */
  #pressPen() {
    const { pen } = this;
    if (pen.isDown && pen.isShape) pen.end();
    else if (!pen.isDown) pen.begin(this.at);
    this.#showCursor();
  }

  /** @param {[number, number]} direction @param {number} step */
  #moveCursor([x, y], step) {
    const { side } = this.drawing.bitmap;
    /** @type {(value: number) => number} */
    const clip = (value) => Math.min(side - 0.5, Math.max(0.5, value));
    this.at = { x: clip(this.at.x + x * step), y: clip(this.at.y + y * step) };
    this.pen.move(this.at);
    this.#showCursor();
    const { bitmap } = this.drawing;
    const { name } = bitmap.palette.swatchOf(bitmap.valueAt(this.at));
    this.announce(`${Math.floor(this.at.x)}, ${Math.floor(this.at.y)}: ${name}`);
  }

  #showCursor() {
    const { side } = this.drawing.bitmap;
    this.cursor.hidden = false;
    this.cursor.style.left = `${(this.at.x / side) * 100}%`;
    this.cursor.style.top = `${(this.at.y / side) * 100}%`;
    this.cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** @param {KeyboardEvent} event */
function isPenKey({ key }) {
  return key === " " || key === "Enter";
}

/**
 * Sends all events of a pointer to an element, also from outside of it.
 *
 * @param {Element} element
 * @param {number} pointerId
 */
function capture(element, pointerId) {
  try {
    element.setPointerCapture(pointerId);
  } catch {
    // is the event of a program, which has no pointer
  }
}
