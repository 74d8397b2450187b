/**
 * Turns the values of PNG files into 8-bit colors and opacity.
 *
 * @module
 */

/** @import { Picture, PixelRule } from "../types.js" */
/** @import { PngFile } from "./png_decoder.js" */

import { ByteReader } from "./inflate.js";
import { readRows } from "./png_decoder.js";
import { chooseBands, findScaling, scaleValues } from "./values.js";

const GRAY = 0;
const PALETTE = 3;

/**
 * A PNG's pixels, in its own colors.
 *
 * @typedef {object} PngPixels
 * @property {Picture} picture not turned yet; gray ones have three equal values
 * @property {boolean} isGray whether it has one band
 * @property {Uint8Array | null} alpha opacity of each pixel
 * @property {string[]} notes sentences about how its values were read
 */

/**
 * Decodes a PNG file.
 *
 * @param {PngFile} png
 * @param {PixelRule} rule
 * @returns {Promise<PngPixels>}
 */
export async function decodePng(png, rule) {
  const { width, height } = png;
  const isDeep = png.depth === 16;
  const expander = makeExpander(png);
  const { count } = expander;
  const hasAlpha = count === 2 || count === 4;
  const chosen = chooseBands(rule.bands || !hasAlpha ? count : count - 1, rule.bands);
  const keepsAlpha = hasAlpha && !chosen.includes(count - 1);
  const scaling = isDeep ? await measure(png, expander, chosen, rule) : null;
  const data = new Uint8Array(width * height * 3);
  const alpha = keepsAlpha ? new Uint8Array(width * height) : null;
  const alphaLevels = isDeep && keepsAlpha ? scaleValues(0, 65_535) : null;
  const [red, green, blue] = chosen.length === 3 ? chosen : [chosen[0], chosen[0], chosen[0]];
  const isPlain = png.depth === 8 && count === 3 && chosen.join() === "0,1,2" && !png.isInterlaced;
  await readRows(png, (row, x, y, step, pixels) => {
    if (isPlain && png.colorType === 2) {
      data.set(row, y * width * 3);
      return;
    }
    const values = expander.expand(row, pixels);
    let to = y * width + x;
    for (let from = 0; from < pixels * count; from += count, to += step) {
      const r = values[from + red];
      const g = values[from + green];
      const b = values[from + blue];
      data[to * 3] = scaling ? scaling.levels[r] : r;
      data[to * 3 + 1] = scaling ? scaling.levels[g] : g;
      data[to * 3 + 2] = scaling ? scaling.levels[b] : b;
      if (alpha) {
        const opacity = values[from + count - 1];
        alpha[to] = alphaLevels ? alphaLevels[opacity] : opacity;
      }
    }
  });
  const notes = scaling ? scaling.notes : [];
  return { picture: { width, height, data }, isGray: chosen.length === 1, alpha, notes };
}

/**
 * Reads a 16-bit file's values once without keeping them, to find which are black and white.
 *
 * @param {PngFile} png
 * @param {Expander} expander
 * @param {number[]} chosen indices of the bands
 * @param {PixelRule} rule
 */
async function measure(png, { expand, count }, chosen, rule) {
  const counts = new Float64Array(65_536);
  await readRows(png, (row, _x, _y, _step, pixels) => {
    const values = expand(row, pixels);
    for (const band of chosen) {
      for (let from = band; from < pixels * count; from += count) {
        counts[values[from]]++;
      }
    }
  });
  return findScaling(counts, rule.valueRange, count);
}

/**
 * @typedef {object} Expander
 * @property {number} count values of a pixel: 1 for gray, 3 for colors, one more with opacity
 * @property {(row: Uint8Array, pixels: number) => Uint8Array | Uint16Array} expand returns them;
 *   overwritten by the next call
 */

/**
 * Returns how to unpack the rows of a file, with its palette and its transparent color applied.
 *
 * @param {PngFile} png
 * @returns {Expander}
 */
function makeExpander(png) {
  const { depth, channels, width } = png;
  if (depth === 16) {
    const values = new Uint16Array(width * channels);
    return {
      count: channels,
      expand(row, pixels) {
        for (let index = 0, from = 0; index < pixels * channels; index++, from += 2) {
          values[index] = row[from] * 256 + row[from + 1];
        }
        return values;
      },
    };
  }
  const unpacked = new Uint8Array(width * channels);
  /** @type {Expander["expand"]} */
  const unpack = (row, pixels) => (depth === 8 ? row : unpackBits(row, depth, pixels, unpacked));
  if (png.colorType === PALETTE || png.colorType === GRAY) {
    return expandByTable(makeTable(png), unpack, width);
  }
  if (png.colorType === 2 && png.transparency) {
    return expandByColor(png.transparency, unpack, width);
  }
  return { count: channels, expand: unpack };
}

/**
 * @param {Uint8Array} row
 * @param {number} depth bits of a value: 1, 2 or 4
 * @param {number} pixels
 * @param {Uint8Array} values are overwritten
 */
function unpackBits(row, depth, pixels, values) {
  const mask = (1 << depth) - 1;
  for (let index = 0, bit = 0; index < pixels; index++, bit += depth) {
    values[index] = (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
  }
  return values;
}

/**
 * Returns the values of a pixel for each value of a gray file or a file with a palette.
 *
 * @param {PngFile} png
 * @returns {number[][]}
 */
function makeTable({ colorType, depth, palette, transparency }) {
  const values = Array.from({ length: 1 << depth }, (_, value) => value);
  if (colorType === PALETTE) {
    return values.map((value) => {
      const at = value * 3;
      // Colors that the palette lacks are black, as in Pillow.
      const color = [0, 1, 2].map((band) => palette?.[at + band] ?? 0);
      return transparency ? [...color, transparency[value] ?? 255] : color;
    });
  }
  const grays = values.map((value) => Math.floor((value * 255) / ((1 << depth) - 1)));
  if (!transparency) {
    return grays.map((gray) => [gray]);
  }
  const named = transparency[1];
  const clear = depth === 1 ? (transparency[0] || named ? 255 : 0) : named;
  return grays.map((gray) => [gray, gray, gray, gray === clear ? 0 : 255]);
}

/**
 * @param {number[][]} table
 * @param {Expander["expand"]} unpack
 * @param {number} width
 * @returns {Expander}
 */
function expandByTable(table, unpack, width) {
  const count = table[0].length;
  const flat = Uint8Array.from(table.flat());
  const values = new Uint8Array(width * count);
  return {
    count,
    expand(row, pixels) {
      const indices = unpack(row, pixels);
      for (let index = 0, to = 0; index < pixels; index++) {
        for (let band = 0; band < count; band++, to++) {
          values[to] = flat[indices[index] * count + band];
        }
      }
      return values;
    },
  };
}

/**
 * @param {Uint8Array} transparency the chunk tRNS: the color that is transparent
 * @param {Expander["expand"]} unpack
 * @param {number} width
 * @returns {Expander}
 */
function expandByColor(transparency, unpack, width) {
  const [, red, , green, , blue] = transparency;
  const values = new Uint8Array(width * 4);
  return {
    count: 4,
    expand(row, pixels) {
      const colors = unpack(row, pixels);
      for (let from = 0, to = 0; from < pixels * 3; from += 3, to += 4) {
        values[to] = colors[from];
        values[to + 1] = colors[from + 1];
        values[to + 2] = colors[from + 2];
        const isClear = values[to] === red && values[to + 1] === green && values[to + 2] === blue;
        values[to + 3] = isClear ? 0 : 255;
      }
      return values;
    },
  };
}

/**
 * Returns the ICC profile in the chunk iCCP, or null; a damaged one is ignored.
 *
 * @param {PngFile} png
 */
export async function inflateProfile({ profile }) {
  if (!profile) {
    return null;
  }
  const reader = new ByteReader([profile.subarray(profile.indexOf(0) + 2)]);
  try {
    await reader.load(132);
    const size = new DataView(reader.bytes.buffer).getUint32(0);
    await reader.load(Math.min(size, MAX_PROFILE_BYTES));
    return reader.bytes;
  } catch {
    return null;
  } finally {
    await reader.close();
  }
}

const MAX_PROFILE_BYTES = 16e6;
