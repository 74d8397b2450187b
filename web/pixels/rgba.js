/**
 * Converts between pictures and the pixels of a canvas.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

/**
 * Returns the colors of RGBA pixels, three bytes a pixel; the opacity is left out.
 *
 * @param {ArrayLike<number>} pixels four bytes a pixel
 * @param {number[]} [bands] which of them are red, green and blue; one is gray
 */
export function toRgb(pixels, bands = [0, 1, 2]) {
  const [red, green = red, blue = red] = bands;
  const data = new Uint8Array((pixels.length / 4) * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    data[to] = pixels[from + red];
    data[to + 1] = pixels[from + green];
    data[to + 2] = pixels[from + blue];
  }
  return data;
}

/**
 * Returns a picture as opaque RGBA pixels.
 *
 * @param {Picture} picture
 * @returns {Uint8ClampedArray<ArrayBuffer>}
 */
export function toRgba({ width, height, data }) {
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels[to] = data[from];
    pixels[to + 1] = data[from + 1];
    pixels[to + 2] = data[from + 2];
  }
  return pixels;
}
