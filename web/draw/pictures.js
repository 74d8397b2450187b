/**
 * Pictures as files: the drawing and its result for downloads, and any file as a drawing.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { encodePng } from "../pixels/png.js";
import { readPicture } from "../pixels/read.js";
import { toRgb } from "../pixels/rgba.js";
import { quantize } from "./quantize.js";

/** @import { Bitmap } from "./bitmap.js" */

/** @typedef {Uint8ClampedArray<ArrayBuffer>} Pixels four bytes (RGBA) a pixel, of a square */

// A photo of a phone has 12 to 50; on the page's own thread, more would take long.
const MAX_PIXELS = 50e6;
const MAX_BYTES = 200e6;

/**
 * Returns squares side by side as one PNG, without transparency.
 *
 * @param {Pixels[]} squares
 * @param {number} side of each in pixels
 */
export async function writePng(squares, side) {
  const width = side * squares.length;
  const data = new Uint8Array(width * side * 3);
  for (const [number, pixels] of squares.entries()) {
    const colors = toRgb(pixels);
    for (let y = 0; y < side; y++) {
      const row = colors.subarray(y * side * 3, (y + 1) * side * 3);
      data.set(row, (y * width + number * side) * 3);
    }
  }
  return await encodePng({ width, height: side, data });
}

/**
 * Returns the values of a drawing that is like a picture file.
 *
 * @param {Blob} file
 * @param {Bitmap} bitmap the drawing that they are for
 * @throws {import("../errors.js").UserError} when the file can't be read as a picture
 */
export async function readDrawing(file, { side, palette }) {
  if (file.size > MAX_BYTES) {
    throw new UserError("The file is larger than 200 MB; make the picture smaller and try again.");
  }
  const { picture } = await readPicture(file, undefined, MAX_PIXELS);
  return quantize(picture, side, palette);
}
