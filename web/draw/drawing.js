/**
 * A drawing with its history, and the tools that change it.
 *
 * @module
 */

import { Bitmap, extend } from "./bitmap.js";
import { History } from "./history.js";

/** @import { Point, Rect } from "./bitmap.js" */
/** @import { Palette } from "./palette.js" */

/** @typedef {"brush" | "pencil" | "line" | "rectangle" | "fill" | "eraser" | "eyedropper"} Tool */
/**
 * What the next stroke draws with.
 *
 * @typedef {{tool: Tool, width: number, value: number}} Settings
 */

/** The tools in their order, with the keys that choose them. @type {{tool: Tool, name: string, key: string}[]} */
export const TOOLS = [
  { tool: "brush", name: "Brush", key: "B" },
  { tool: "pencil", name: "Pencil", key: "P" },
  { tool: "line", name: "Line", key: "L" },
  { tool: "rectangle", name: "Rectangle", key: "R" },
  { tool: "fill", name: "Fill", key: "F" },
  { tool: "eraser", name: "Eraser", key: "E" },
  { tool: "eyedropper", name: "Eyedropper", key: "I" },
];

export class Drawing {
  /** What has changed since the last step. @type {Rect | null} */
  #pending = null;

  /**
   * @param {number} side pixels
   * @param {Palette} palette
   * @param {(rect: Rect | null, isDone: boolean) => void} onChange called with the part to show
   *   anew, and with true at the end of each step
   */
  constructor(side, palette, onChange) {
    this.bitmap = new Bitmap(side, palette);
    this.history = new History(this.bitmap);
    this.onChange = onChange;
  }

  /** @param {Rect | null} rect what a tool has changed */
  mark(rect) {
    if (!rect) return;
    if (this.#pending) extend(this.#pending, rect);
    else this.#pending = { ...rect };
    this.onChange(rect, false);
  }

  /** Makes what has changed one step of the history. */
  commit() {
    const rect = this.#pending;
    this.#pending = null;
    if (rect && this.history.commit(rect)) this.onChange(null, true);
  }

  /** Takes back what has changed since the last step. @returns {Rect | null} the changed part */
  restore() {
    const rect = this.#pending;
    this.#pending = null;
    if (rect) this.history.restore(rect);
    return rect;
  }

  undo() {
    this.commit();
    const rect = this.history.undo();
    if (rect) this.onChange(rect, true);
  }

  redo() {
    this.commit();
    const rect = this.history.redo();
    if (rect) this.onChange(rect, true);
  }

  /** Replaces all of it, as one step. @param {Uint8Array} values one for each pixel */
  replace(values) {
    this.commit();
    this.bitmap.data.set(values);
    this.mark(this.bitmap.bounds);
    this.commit();
  }

  /** Makes it an empty sheet, as one step. */
  clear() {
    const { data, palette } = this.bitmap;
    this.replace(new Uint8Array(data.length).fill(palette.background));
  }
}

/** Draws strokes with the chosen tool. */
export class Pen {
  /** Where the stroke began, and where it is. @type {{start: Point, last: Point} | null} */
  #stroke = null;

  /**
   * @param {Drawing} drawing
   * @param {Settings} settings are read when a stroke begins, and while it goes on
   * @param {(value: number) => void} onPick called with the value under the eyedropper
   */
  constructor(drawing, settings, onPick) {
    this.drawing = drawing;
    this.settings = settings;
    this.onPick = onPick;
  }

  get isDown() {
    return this.#stroke !== null;
  }

  /** Whether the chosen tool draws a shape between two points. */
  get isShape() {
    return this.settings.tool === "line" || this.settings.tool === "rectangle";
  }

  /** @param {Point} point */
  begin(point) {
    const { bitmap } = this.drawing;
    const { tool, value } = this.settings;
    if (tool === "eyedropper") {
      if (bitmap.contains(point)) this.onPick(bitmap.valueAt(point));
    } else if (tool === "fill") {
      this.drawing.mark(bitmap.fill(point, value));
      this.drawing.commit();
    } else {
      this.#stroke = { start: point, last: point };
      this.drawing.mark(this.#draw(point, point));
    }
  }

  /** @param {Point} point */
  move(point) {
    if (!this.#stroke) return;
    const { start, last } = this.#stroke;
    this.#stroke.last = point;
    if (!this.isShape) {
      this.drawing.mark(this.#draw(last, point));
      return;
    }
    const old = this.drawing.restore();
    const drawn = this.#draw(start, point);
    if (old && drawn) extend(old, drawn);
    this.drawing.mark(old ?? drawn);
  }

  end() {
    this.#stroke = null;
    this.drawing.commit();
  }

  cancel() {
    if (!this.#stroke) return;
    this.#stroke = null;
    const rect = this.drawing.restore();
    if (rect) this.drawing.onChange(rect, true);
  }

  /** @param {Point} from @param {Point} to */
  #draw(from, to) {
    const { bitmap } = this.drawing;
    const { tool, width, value } = this.settings;
    if (tool === "rectangle") return bitmap.drawRectangle(from, to, value);
    const chosen = tool === "eraser" ? bitmap.palette.background : value;
    return bitmap.drawLine(from, to, tool === "pencil" ? 1 : width, chosen);
  }
}
