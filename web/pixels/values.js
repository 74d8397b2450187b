/**
 * Scales 16-bit values to 8 bits by a model's rule, as `pix2pix/pixels/values.py` does, and chooses
 * bands.
 *
 * @module
 */

/** @import { PixelRule } from "../types.js" */

import { UserError } from "../errors.js";

const LARGEST = 65_535;
// The largest values of 8, 10, 11, 12, 14 and 16 bits, and the 10,000 of a reflectance of 1 in
// satellite products. A measured reflectance may be a little above 1, so 10,000 holds more.
const WHITES = [255, 1023, 2047, 4095, 10_000, 16_383, LARGEST];
const REFLECTANCE = { white: 10_000, holds: 10_500 };
// More clipped values than this part are reported, and pictures with fewer that are not dark.
const SMALL_PART = 0.01;
const DARK = 32;
const BRIGHT_QUANTILE = 0.995;

/**
 * Returns the indices, from 0, of three bands or one.
 *
 * @param {number} count bands of the picture
 * @param {number[] | null} bands numbers from 1; null takes the first three, or the first one where
 *   there are fewer
 * @throws {UserError} when the picture lacks one
 */
export function chooseBands(count, bands) {
  if (!bands) {
    return count >= 3 ? [0, 1, 2] : [0];
  }
  const missing = Math.max(...bands);
  if (missing > count) {
    const has = count === 1 ? "1 band" : `${count} bands`;
    throw new UserError(
      `The picture has ${has}, so it has no band ${missing}, which this model reads.`,
    );
  }
  return bands.map((band) => band - 1);
}

/**
 * How the values of a 16-bit picture become gray levels.
 *
 * @typedef {object} Scaling
 * @property {Uint8Array} levels the gray level of each of 65,536 values
 * @property {string[]} notes sentences for the visitor
 */

/**
 * Returns how to scale the values of a picture.
 *
 * @param {Float64Array} counts how often each of 65,536 values occurs
 * @param {PixelRule["valueRange"]} rule
 * @param {number} bands of the picture, with opacity
 * @returns {Scaling}
 */
export function findScaling(counts, rule, bands) {
  const [low, high] = rule === "dtype" ? [0, LARGEST] : rule === "auto" ? findRange(counts) : rule;
  const levels = scaleValues(low, high);
  const kind = `${bands} band${bands > 1 ? "s" : ""} of uint16`;
  const bits = Math.log2(high + 1);
  const isBits = low === 0 && Number.isInteger(bits) && bits >= 8;
  const meaning = isBits ? ` (${bits} bits)` : high === REFLECTANCE.white ? " (reflectance)" : "";
  const notes = [
    `The picture has ${kind}: values ${low} to ${high}${meaning} become black to white.`,
  ];
  const all = counts.reduce((sum, count) => sum + count, 0);
  const clipped = sumWhere(counts, (value) => value < low || value > high);
  if (clipped > SMALL_PART * all) {
    notes.push(`More than 1 % of the values are beyond ${low} to ${high} and were clipped.`);
  }
  const dark = sumWhere(counts, (value) => levels[value] < DARK);
  const zeros = counts[0];
  if (rule === "auto" && dark > (1 - SMALL_PART) * all && zeros < (all - 1) * BRIGHT_QUANTILE + 1) {
    notes.push("The picture is nearly black.");
  }
  return { levels, notes };
}

/**
 * @param {Float64Array} counts
 * @returns {[number, number]} the values that become black and white
 */
function findRange(counts) {
  const largest = counts.findLastIndex((count) => count > 0);
  const white = WHITES.find(
    (candidate) => largest <= (candidate === REFLECTANCE.white ? REFLECTANCE.holds : candidate),
  );
  return [0, white ?? LARGEST];
}

/**
 * Returns the gray level of each value, computed in float32 as NumPy does.
 *
 * @param {number} low
 * @param {number} high
 */
export function scaleValues(low, high) {
  const [black, factor] = [Math.fround(low), Math.fround(255 / (high - low))];
  return Uint8Array.from({ length: LARGEST + 1 }, (_, value) => {
    const scaled = Math.fround(Math.fround(value - black) * factor);
    return Math.min(255, Math.max(0, Math.fround(scaled + 0.5)));
  });
}

/**
 * @param {Float64Array} counts
 * @param {(value: number) => boolean} isCounted
 */
function sumWhere(counts, isCounted) {
  return counts.reduce((sum, count, value) => (isCounted(value) ? sum + count : sum), 0);
}
