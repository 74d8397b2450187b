/**
 * A drawing: one byte a pixel, a value of the palette. Every change returns the changed rectangle.
 *
 * @module
 */

/** @import { Palette } from "./palette.js" */

/**
 * A part of a drawing; `right` and `bottom` are not in it.
 *
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rect
 */
/** A place on a drawing in pixels: 0.5 is the middle of the first one. @typedef {{x: number, y: number}} Point */

export class Bitmap {
  /**
   * @param {number} side width and height in pixels
   * @param {Palette} palette
   */
  constructor(side, palette) {
    this.side = side;
    this.palette = palette;
    this.data = new Uint8Array(side * side).fill(palette.background);
  }

  /** @returns {Rect} */
  get bounds() {
    return { left: 0, top: 0, right: this.side, bottom: this.side };
  }

  /** @param {Point} point @returns {boolean} */
  contains({ x, y }) {
    return x >= 0 && y >= 0 && x < this.side && y < this.side;
  }

  /** @param {Point} point inside @returns {number} */
  valueAt({ x, y }) {
    return this.data[Math.floor(y) * this.side + Math.floor(x)];
  }

  /**
   * Draws a line with round ends; one from a point to itself is a round dot.
   *
   * @param {Point} from
   * @param {Point} to
   * @param {number} width pixels; 1 draws exactly the pixels on the way
   * @param {number} value
   * @returns {Rect | null} null where nothing of it is on the drawing
   */
  drawLine(from, to, width, value) {
    if (this.palette.isSmooth) return this.#drawThick(from, to, width, value, mixSmooth);
    if (width === 1) return this.#drawThin(from, to, value);
    return this.#drawThick(from, to, width, value, mixHard);
  }

  /**
   * Draws a filled rectangle between two corners, whose pixels are part of it.
   *
   * @param {Point} from
   * @param {Point} to
   * @param {number} value
   * @returns {Rect | null}
   */
  drawRectangle(from, to, value) {
    const rect = this.#around(from, to, 0);
    if (!rect) return null;
    for (let y = rect.top; y < rect.bottom; y++) {
      this.data.fill(value, y * this.side + rect.left, y * this.side + rect.right);
    }
    return rect;
  }

  /**
   * Fills the area around a point, up to where another color begins.
   *
   * @param {Point} point
   * @param {number} value
   * @returns {Rect | null} null where it has this value already
   */
  fill(point, value) {
    if (!this.contains(point) || this.valueAt(point) === value) return null;
    const { data, side, palette } = this;
    const seed = this.valueAt(point);
    // The soft edges of a line belong to the side whose color they are nearer to.
    const half = seed < 128;
    /** @type {(index: number) => boolean} */
    const isInside = palette.isSmooth
      ? (index) => !isFilled[index] && data[index] < 128 === half
      : (index) => data[index] === seed;
    const isFilled = new Uint8Array(palette.isSmooth ? data.length : 0);
    const rect = { left: side, top: side, right: 0, bottom: 0 };
    const rows = [Math.floor(point.y) * side + Math.floor(point.x)];
    for (let start = rows.pop(); start !== undefined; start = rows.pop()) {
      if (!isInside(start)) continue;
      const y = Math.floor(start / side);
      let [left, right] = [start, start + 1];
      while (left > y * side && isInside(left - 1)) left--;
      while (right < (y + 1) * side && isInside(right)) right++;
      data.fill(value, left, right);
      if (palette.isSmooth) isFilled.fill(1, left, right);
      extend(rect, { left: left - y * side, right: right - y * side, top: y, bottom: y + 1 });
      for (const row of [y - 1, y + 1]) {
        if (row < 0 || row >= side) continue;
        const shift = (row - y) * side;
        for (let at = left + shift; at < right + shift; at++) {
          // One start for each stretch of the neighboring row.
          if (isInside(at) && (at === left + shift || !isInside(at - 1))) rows.push(at);
        }
      }
    }
    return rect;
  }

  /** @param {Rect} rect @returns {Uint8Array} a copy of its values, row by row */
  copy({ left, top, right, bottom }) {
    const width = right - left;
    const values = new Uint8Array(width * (bottom - top));
    for (let y = top; y < bottom; y++) {
      const start = y * this.side;
      values.set(this.data.subarray(start + left, start + right), (y - top) * width);
    }
    return values;
  }

  /** @param {Rect} rect @param {Uint8Array} values as of `copy` */
  paste({ left, top, right, bottom }, values) {
    const width = right - left;
    for (let y = top; y < bottom; y++) {
      const from = (y - top) * width;
      this.data.set(values.subarray(from, from + width), y * this.side + left);
    }
  }

  /**
   * Returns the colors of a part of the drawing.
   *
   * @param {Rect} [rect] by default all of it
   * @returns {Uint8ClampedArray<ArrayBuffer>} four bytes (RGBA) a pixel
   */
  toPixels(rect = this.bounds) {
    const { colors } = this.palette;
    const values = this.copy(rect);
    const pixels = new Uint8ClampedArray(values.length * 4);
    for (let index = 0, to = 0; index < values.length; index++, to += 4) {
      const from = values[index] * 3;
      pixels[to] = colors[from];
      pixels[to + 1] = colors[from + 1];
      pixels[to + 2] = colors[from + 2];
      pixels[to + 3] = 255;
    }
    return pixels;
  }

  /**
   * Draws each pixel on the way (Bresenham's line).
   *
   * @param {Point} from
   * @param {Point} to
   * @param {number} value
   */
  #drawThin(from, to, value) {
    const rect = this.#around(from, to, 0);
    if (!rect) return null;
    let [x, y] = [Math.floor(from.x), Math.floor(from.y)];
    const [endX, endY] = [Math.floor(to.x), Math.floor(to.y)];
    const [width, height] = [Math.abs(endX - x), -Math.abs(endY - y)];
    const [stepX, stepY] = [x < endX ? 1 : -1, y < endY ? 1 : -1];
    let error = width + height;
    for (;;) {
      if (this.contains({ x, y })) this.data[y * this.side + x] = value;
      if (x === endX && y === endY) return rect;
      const twice = 2 * error;
      if (twice >= height) {
        error += height;
        x += stepX;
      }
      if (twice <= width) {
        error += width;
        y += stepY;
      }
    }
  }

  /**
   * Draws all pixels whose middle is near enough to the line.
   *
   * @param {Point} from
   * @param {Point} to
   * @param {number} width
   * @param {number} value
   * @param {(old: number, value: number, inside: number) => number} mix
   */
  #drawThick(from, to, width, value, mix) {
    const rect = this.#around(from, to, width / 2 + 1);
    if (!rect) return null;
    const [wide, high] = [to.x - from.x, to.y - from.y];
    const square = wide * wide + high * high || 1;
    for (let y = rect.top; y < rect.bottom; y++) {
      for (let x = rect.left; x < rect.right; x++) {
        const [toX, toY] = [x + 0.5 - from.x, y + 0.5 - from.y];
        const part = Math.min(1, Math.max(0, (toX * wide + toY * high) / square));
        const distance = Math.hypot(toX - part * wide, toY - part * high);
        const inside = width / 2 - distance;
        if (inside <= -0.5) continue;
        const index = y * this.side + x;
        this.data[index] = mix(this.data[index], value, inside);
      }
    }
    return rect;
  }

  /**
   * Returns the part of the drawing around two points.
   *
   * @param {Point} a
   * @param {Point} b
   * @param {number} margin
   * @returns {Rect | null} null where they are beyond its border
   */
  #around(a, b, margin) {
    /** @type {(value: number) => number} */
    const clip = (value) => Math.min(this.side, Math.max(0, value));
    const left = clip(Math.floor(Math.min(a.x, b.x) - margin));
    const top = clip(Math.floor(Math.min(a.y, b.y) - margin));
    const right = clip(Math.floor(Math.max(a.x, b.x) + margin) + 1);
    const bottom = clip(Math.floor(Math.max(a.y, b.y) + margin) + 1);
    return left < right && top < bottom ? { left, top, right, bottom } : null;
  }
}

/**
 * Makes a rectangle so large that it holds another one too.
 *
 * @param {Rect} rect
 * @param {Rect} other
 */
export function extend(rect, other) {
  rect.left = Math.min(rect.left, other.left);
  rect.top = Math.min(rect.top, other.top);
  rect.right = Math.max(rect.right, other.right);
  rect.bottom = Math.max(rect.bottom, other.bottom);
}

/** @param {number} old @param {number} value @param {number} inside pixels from the edge */
function mixHard(old, value, inside) {
  // A little more than the radius: a dot in the middle of a pixel has no single pixels at its sides.
  return inside > -0.3 ? value : old;
}

/**
 * Moves a value towards black or white, never back: where the parts of a stroke meet, their soft
 * edges do not add up.
 *
 * @param {number} old
 * @param {number} value 0 or 255
 * @param {number} inside pixels from the edge
 */
function mixSmooth(old, value, inside) {
  const covered = Math.min(1, inside + 0.5) * 255;
  return value ? Math.max(old, covered) : Math.min(old, 255 - covered);
}
