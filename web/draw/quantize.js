/**
 * Turns any picture into a drawing: its middle square, with the nearest colors of the palette.
 *
 * @module
 */

import { resize } from "../pixels/resample.js";

/** @import { Palette, RgbPicture } from "./palette.js" */

/**
 * Returns the values of a drawing that is like a picture.
 *
 * @param {RgbPicture} picture of any size
 * @param {number} side of the drawing in pixels
 * @param {Palette} palette
 * @returns {Uint8Array}
 */
export function quantize(picture, side, palette) {
  const square = cropSquare(picture);
  if (!palette.isSmooth) return vote(classify(square, palette), square.width, side, palette.size);
  return classify(resize(square, side, side), palette);
}

/**
 * Returns the square in a picture's middle.
 *
 * @param {RgbPicture} picture
 * @returns {RgbPicture}
 */
function cropSquare({ width, height, data }) {
  const side = Math.min(width, height);
  if (width === height) return { width, height, data };
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * 3;
    square.set(data.subarray(start, start + side * 3), y * side * 3);
  }
  return { width: side, height: side, data: square };
}

/** @param {RgbPicture} picture @param {Palette} palette @returns {Uint8Array} a value for each pixel */
function classify({ data }, palette) {
  const values = new Uint8Array(data.length / 3);
  for (let index = 0, from = 0; index < values.length; index++, from += 3) {
    values[index] = palette.nearest(data[from], data[from + 1], data[from + 2]);
  }
  return values;
}

/**
 * Resizes a square of values: each pixel gets the most common one of those that it covers.
 *
 * Averages of colors would show a third class along the border between two.
 *
 * @param {Uint8Array} values
 * @param {number} from side of the square
 * @param {number} to side of the result
 * @param {number} size the number of values
 */
function vote(values, from, to, size) {
  if (from === to) return values;
  const starts = Array.from({ length: to + 1 }, (_, index) => Math.floor((index * from) / to));
  const counts = new Uint32Array(size);
  const result = new Uint8Array(to * to);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      counts.fill(0);
      let best = values[starts[y] * from + starts[x]];
      for (let row = starts[y]; row < starts[y + 1]; row++) {
        for (let at = row * from + starts[x]; at < row * from + starts[x + 1]; at++) {
          if (++counts[values[at]] > counts[best]) best = values[at];
        }
      }
      result[y * to + x] = best;
    }
  }
  return result;
}
