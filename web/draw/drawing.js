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
 * What a stroke draws with.
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
  /** Where the stroke began and where it is, and what it draws with. @type {Settings & {start: Point, last: Point} | null} */
  #stroke = null;

  /**
   * @param {Drawing} drawing
   * @param {Settings} settings are read when a stroke begins: keys that are pressed during it are
   *   for the next one
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

  /** Whether the stroke, or the next one, is a shape between two points. */
  get isShape() {
    const { tool } = this.#stroke ?? this.settings;
    return tool === "line" || tool === "rectangle";
  }

  /** Whether the stroke acts on one point, when the pen is lifted: two fingers can still zoom. */
  get isPoint() {
    const { tool } = this.#stroke ?? this.settings;
    return tool === "fill" || tool === "eyedropper";
  }

  /** @param {Point} point */
  begin(point) {
    this.#stroke = { ...this.settings, start: point, last: point };
    if (!this.isPoint) this.drawing.mark(this.#draw(this.#stroke, point));
  }

  /** @param {Point} point */
  move(point) {
    const stroke = this.#stroke;
    if (!stroke) return;
    const { start, last } = stroke;
    stroke.last = point;
    if (this.isPoint) return;
    if (!this.isShape) {
      this.drawing.mark(this.#draw({ ...stroke, start: last }, point));
      return;
    }
    const old = this.drawing.restore();
    const drawn = this.#draw({ ...stroke, start }, point);
    if (old && drawn) extend(old, drawn);
    this.drawing.mark(old ?? drawn);
  }

  end() {
    const stroke = this.#stroke;
    if (stroke && this.isPoint) this.#act(stroke);
    this.#stroke = null;
    this.drawing.commit();
  }

  cancel() {
    if (!this.#stroke) return;
    this.#stroke = null;
    const rect = this.drawing.restore();
    if (rect) this.drawing.onChange(rect, true);
  }

  /** @param {Settings & {last: Point}} stroke of a tool that acts on one point */
  #act({ tool, value, last }) {
    const { bitmap } = this.drawing;
    if (tool === "fill") this.drawing.mark(bitmap.fill(last, value));
    else if (bitmap.contains(last)) this.onPick(bitmap.valueAt(last));
  }

  /** @param {Settings & {start: Point}} stroke @param {Point} to */
  #draw({ tool, width, value, start }, to) {
    const { bitmap } = this.drawing;
    if (tool === "rectangle") return bitmap.drawRectangle(start, to, value);
    const chosen = tool === "eraser" ? bitmap.palette.background : value;
    return bitmap.drawLine(start, to, tool === "pencil" ? 1 : width, chosen);
  }
}
