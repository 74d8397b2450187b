/**
 * Turns label maps, whose values are class numbers, into pictures with a color for each class, as
 * `pix2pix/pixels/label_maps.py` does.
 *
 * @module
 */

/** @import { Color, Picture } from "../types.js" */
/** @import { PngFile } from "./png_decoder.js" */

import { UserError } from "../errors.js";
import { readRows } from "./png_decoder.js";

// Datasets mark pixels without a class with this number. They become black.
const NO_CLASS = 255;
/** @type {Color} */
const BLACK = [0, 0, 0];
const GRAY = 0;

/**
 * Returns the colors of a legend in pix2pix.json, class 0 first, or null if it is none.
 *
 * @param {unknown} colors
 * @returns {Color[] | null}
 */
export function parseLegend(colors) {
  const isLegend =
    Array.isArray(colors) &&
    colors.length > 0 &&
    colors.length <= 256 &&
    colors.every((color) => /^#[0-9a-f]{6}$/i.test(color));
  return isLegend ? colors.map(parseColor) : null;
}

/**
 * @param {string} text for example "#ff8000"
 * @returns {Color}
 */
function parseColor(text) {
  const code = Number.parseInt(text.slice(1), 16);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

/**
 * Decodes a PNG file with one value for each pixel, a class number, in the colors of `legend`.
 *
 * @param {PngFile} png
 * @param {Color[]} legend
 * @returns {Promise<Picture>} not turned yet
 * @throws {UserError} for a class without a color
 */
export async function paintPng(png, legend) {
  const { width, height, depth } = png;
  const data = new Uint8Array(width * height * 3);
  const mask = (1 << depth) - 1;
  // Pillow scales gray values of 2 and 4 bits to 8 bits.
  const scale = png.colorType === GRAY && (depth === 2 || depth === 4) ? 255 / mask : 1;
  await readRows(png, (row, x, y, step, pixels) => {
    let to = (y * width + x) * 3;
    for (let index = 0, bit = 0; index < pixels; index++, bit += depth, to += step * 3) {
      const value =
        depth === 16
          ? row[2 * index] * 256 + row[2 * index + 1]
          : (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
      data.set(colorOf(value * scale, legend), to);
    }
  });
  return { width, height, data };
}

/**
 * Gives a picture of class numbers the colors of `legend`, in place.
 *
 * Its values are that if all channels are equal and each value has a color. Other pictures stay as
 * they are, and so do those in gray colors of the legend itself.
 *
 * @param {Uint8Array} data three bytes a pixel
 * @param {Color[] | null | undefined} legend
 */
export function paintGray(data, legend) {
  if (!legend) {
    return;
  }
  const grays = new Set(legend.filter(([r, g, b]) => r === g && g === b).map(([r]) => r));
  let isDrawn = true;
  for (let at = 0; at < data.length; at += 3) {
    const number = data[at];
    const hasColor = number < legend.length || number === NO_CLASS;
    if (!hasColor || data[at + 1] !== number || data[at + 2] !== number) {
      return;
    }
    isDrawn &&= grays.has(number);
  }
  for (let at = 0; !isDrawn && at < data.length; at += 3) {
    data.set(colorOf(data[at], legend), at);
  }
}

/**
 * @param {number} number
 * @param {Color[]} legend
 * @returns {Color}
 */
function colorOf(number, legend) {
  if (number < legend.length) {
    return legend[number];
  }
  if (number === NO_CLASS) {
    return BLACK;
  }
  throw new UserError(
    `The picture has the class number ${number}, and this model has colors for 0 to ` +
      `${legend.length - 1}.`,
  );
}
