/**
 * A drawing as a short text, for the fragment of a link and for the browser's storage.
 *
 * The text is "1.256.colors.runs": the version, the side in pixels, the colors that the values stand
 * for, and the runs, compressed; both are in base64url. A model that was trained anew may have the
 * same colors in another order, so that values are found by their colors. Anybody may have written
 * a link, so that all of it is checked.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { packRuns, unpackRuns } from "./runs.js";

/** @import { Bitmap } from "./bitmap.js" */
/** @import { Palette } from "./palette.js" */

export const FRAGMENT = "#draw=";
const VERSION = "1";
// Messengers cut longer addresses.
const MAX_LINK = 16_000;
// Nothing that this module writes for a drawing of 512 pixels is longer.
const MAX_TEXT = 1_000_000;
const TEXT = /^(\d{1,4})\.(\d{1,5})\.([\w-]{1,128})\.([\w-]*)$/;

/**
 * Returns a drawing as a text.
 *
 * @param {Bitmap} bitmap
 * @returns {Promise<string>}
 */
export async function encodeDrawing({ side, palette, data }) {
  const bytes = new Blob([packRuns(data)]).stream();
  const packed = bytes.pipeThrough(new CompressionStream("deflate-raw"));
  const content = new Uint8Array(await new Response(packed).arrayBuffer());
  return [VERSION, side, toBase64(palette.swatchColors), toBase64(content)].join(".");
}

/**
 * Returns the fragment of a link that carries a drawing.
 *
 * @param {Bitmap} bitmap
 * @returns {Promise<string>}
 * @throws {UserError} where the drawing has too many details
 */
export async function makeFragment(bitmap) {
  const text = await encodeDrawing(bitmap);
  if (text.length > MAX_LINK) {
    throw new UserError("The drawing has too many details for a link: download it instead.");
  }
  return FRAGMENT + text;
}

/**
 * Returns the values of a drawing that a text carries.
 *
 * @param {string} text what `encodeDrawing` has returned, or anything else
 * @param {Bitmap} bitmap the drawing that they are for
 * @returns {Promise<Uint8Array>}
 * @throws {UserError} where it is damaged, or made for another model
 */
export async function decodeDrawing(text, { side, palette }) {
  const parts = text.length > MAX_TEXT ? null : TEXT.exec(text);
  if (!parts) throw damaged();
  const [, version, width, colors, content] = parts;
  if (version !== VERSION) {
    throw new UserError(
      "The drawing in the link is of another version of this page: reload the page and try again.",
    );
  }
  const table = matchValues(fromBase64(colors), palette);
  if (Number(width) !== side || !table) {
    throw new UserError(
      `The drawing in the link is for another model: it has ${width} pixels a side and its own colors, and this model ${side} pixels and the colors above.`,
    );
  }
  // A run has at least two bytes; one for each pixel is the longest packing.
  const runs = await inflate(fromBase64(content), 2 * side * side);
  const values = runs && unpackRuns(runs, side * side, table.length);
  if (!values) throw damaged();
  return values.map((value) => table[value]);
}

/**
 * Returns the value of a palette for each value of a drawing.
 *
 * @param {Uint8Array} colors of the drawing's swatches, three bytes each
 * @param {Palette} palette
 * @returns {Uint8Array | null} null where a color is not one of the palette's
 */
function matchValues(colors, palette) {
  if (!colors.length || colors.length % 3) return null;
  const own = palette.swatchColors;
  /** @type {number[]} */
  const values = [];
  for (let from = 0; from < colors.length; from += 3) {
    let at = 0;
    while (at < own.length && [0, 1, 2].some((c) => own[at + c] !== colors[from + c])) at += 3;
    if (at === own.length) return null;
    values.push(palette.swatches[at / 3].value);
  }
  if (!palette.isSmooth) return Uint8Array.from(values);
  // The steps between two colors, from the first one of the drawing to the second.
  if (values.length !== 2 || values[0] === values[1]) return null;
  return Uint8Array.from({ length: palette.size }, (_, step) => Math.abs(values[0] - step));
}

function damaged() {
  return new UserError("The drawing in the link is damaged or cut short: copy the whole link.");
}

/**
 * Returns inflated bytes, or null where they are damaged or more than `limit`.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {number} limit
 */
async function inflate(bytes, limit) {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const reader = stream.getReader();
    const chunks = [];
    let length = 0;
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      chunks.push(read.value);
      length += read.value.length;
      if (length > limit) {
        await reader.cancel();
        return null;
      }
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } catch {
    return null;
  }
}

/** @param {Uint8Array} bytes @returns {string} base64url without padding */
function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} empty where it is damaged */
function fromBase64(text) {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
