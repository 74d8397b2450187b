/**
 * Decodes files with the browser.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

import { Damaged } from "./inflate.js";

// Pixels that are copied at once: as RGBA, a whole photo of 64 megapixels takes 256 MB.
const PIXELS_AT_ONCE = 1_000_000;

/**
 * Decodes a file; the browser applies what it knows of the file's ICC profile and EXIF data.
 *
 * @param {Blob} file
 * @param {(width: number, height: number) => void} checkSize
 * @param {number[]} chosen indices of the three bands that are red, green and blue, or of one
 * @returns {Promise<Picture>} over white
 * @throws {Damaged}
 */
export async function decodeWithBrowser(file, checkSize, chosen) {
  const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none" }).catch(() => {
    throw new Damaged("the browser can't decode it");
  });
  try {
    checkSize(bitmap.width, bitmap.height);
    return copyPixels(bitmap, chosen);
  } finally {
    bitmap.close();
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number[]} chosen
 */
function copyPixels(bitmap, chosen) {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(PIXELS_AT_ONCE / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) {
    throw new Error("no memory for a canvas");
  }
  const [red, green, blue] = chosen.length === 3 ? chosen : [chosen[0], chosen[0], chosen[0]];
  const data = new Uint8Array(width * height * 3);
  context.fillStyle = "white";
  let to = 0;
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.fillRect(0, 0, width, count);
    context.drawImage(bitmap, 0, top, width, count, 0, 0, width, count);
    const rgba = context.getImageData(0, 0, width, count).data;
    for (let from = 0; from < rgba.length; from += 4, to += 3) {
      data[to] = rgba[from + red];
      data[to + 1] = rgba[from + green];
      data[to + 2] = rgba[from + blue];
    }
  }
  return { width, height, data };
}
