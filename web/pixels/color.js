/**
 * Converts the colors of pictures with an ICC profile to sRGB, as `pix2pix/pixels/color.py` does.
 *
 * Browsers convert too, but by approximations of a profile's curves: Chromium's differ by up to 4
 * gray levels in the wide color space ProPhoto. These formulas differ by at most 1 from LittleCMS.
 *
 * @module
 */

import { toText } from "./kinds.js";

// A profile that changes no color by more than this is one of sRGB, and is not applied.
const ROUNDING = 1;
const CUBE_STEP = 15;
const CURVE_STEPS = 65_535;
/** From XYZ of the profiles' white D50 to linear sRGB. */
const XYZ_TO_SRGB = [
  3.134186, -1.617209, -0.490694, -0.978749, 1.91613, 0.033433, 0.071964, -0.228994, 1.405754,
];
/** Gray levels of linear values from 0 to 1. */
const SRGB_LEVELS = Uint8ClampedArray.from({ length: CURVE_STEPS + 1 }, (_, step) => {
  const value = step / CURVE_STEPS;
  return 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
});

/**
 * A profile's conversion of colors: `curves` give linear values, and `matrix` brings them to sRGB.
 *
 * @typedef {object} Conversion
 * @property {Float64Array[]} curves 256 values for each of red, green and blue, or for gray
 * @property {number[]} matrix nine numbers; empty for gray
 */

/**
 * Returns how to convert a picture's colors to sRGB.
 *
 * @param {Uint8Array | null} profile
 * @param {boolean} isGray whether the picture has one band
 * @returns {Conversion | null | "unknown"} null where nothing is to be done, which is so for
 *   damaged profiles too; "unknown" for profiles with tables, which the browser can convert
 */
export function findConversion(profile, isGray) {
  try {
    return profile && readProfile(profile, isGray);
  } catch {
    return null; // beyond the profile's end
  }
}

/**
 * @param {Uint8Array} profile
 * @param {boolean} isGray
 */
function readProfile(profile, isGray) {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.length);
  if (toText(profile.subarray(36, 40)) !== "acsp") {
    return null;
  }
  /** @type {Map<string, number>} */
  const tags = new Map();
  for (let entry = 132; entry < 132 + view.getUint32(128) * 12; entry += 12) {
    tags.set(toText(profile.subarray(entry, entry + 4)), view.getUint32(entry + 4));
  }
  const space = toText(profile.subarray(16, 20));
  if (space !== "RGB " && !(space === "GRAY" && isGray)) {
    return null;
  }
  if (tags.has("A2B0") || tags.has("A2B1")) {
    return "unknown";
  }
  const curves = (space === "GRAY" ? ["k"] : ["r", "g", "b"]).map((name) =>
    readCurve(view, tags.get(`${name}TRC`)),
  );
  if (space === "GRAY") {
    return { curves, matrix: [] };
  }
  const columns = ["r", "g", "b"].map((name) => readXyz(view, tags.get(`${name}XYZ`)));
  const conversion = { curves, matrix: multiply(XYZ_TO_SRGB, columns) };
  return changesColors(conversion) ? conversion : null;
}

/**
 * @param {DataView} view
 * @param {number | undefined} at
 */
function readXyz(view, at = Number.NaN) {
  return [8, 12, 16].map((offset) => view.getInt32(at + offset) / 65_536);
}

/**
 * Returns the linear value of each gray level.
 *
 * @param {DataView} view
 * @param {number | undefined} at
 */
function readCurve(view, at = Number.NaN) {
  const isTable = view.getUint32(at) === 0x63757276; // "curv"
  const curve = isTable ? readTable(view, at + 8) : readParameters(view, at + 8);
  return Float64Array.from({ length: 256 }, (_, level) => curve(level / 255));
}

/**
 * @param {DataView} view
 * @param {number} at
 * @returns {(value: number) => number}
 */
function readTable(view, at) {
  const count = view.getUint32(at);
  if (count <= 1) {
    const gamma = count ? view.getUint16(at + 4) / 256 : 1;
    return (value) => value ** gamma;
  }
  return (value) => {
    const position = value * (count - 1);
    const below = Math.min(count - 2, Math.floor(position));
    const [low, high] = [0, 2].map((offset) => view.getUint16(at + 4 + below * 2 + offset));
    return (low + (high - low) * (position - below)) / 65_535;
  };
}

/**
 * @param {DataView} view
 * @param {number} at
 * @returns {(value: number) => number}
 */
function readParameters(view, at) {
  const type = view.getUint16(at);
  const count = [1, 3, 4, 5, 7][type];
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from(
    { length: count },
    (_, index) => view.getInt32(at + 4 + index * 4) / 65_536,
  );
  /** @param {number} value */
  const power = (value) => Math.max(0, a * value + b) ** g;
  if (type < 3) {
    return (value) => (value >= -b / a ? power(value) : 0) + c;
  }
  return (value) => (value >= d ? power(value) + e : c * value + f);
}

/**
 * @param {number[]} matrix nine numbers, row by row
 * @param {number[][]} columns
 */
function multiply(matrix, columns) {
  return [0, 3, 6].flatMap((row) =>
    columns.map((column) => column.reduce((sum, value, k) => sum + matrix[row + k] * value, 0)),
  );
}

/** @param {Conversion} conversion */
function changesColors(conversion) {
  const levels = Array.from({ length: 256 / CUBE_STEP + 1 }, (_, index) => index * CUBE_STEP);
  const cube = Uint8Array.from(
    levels.flatMap((red) =>
      levels.flatMap((green) => levels.flatMap((blue) => [red, green, blue])),
    ),
  );
  const converted = cube.slice();
  convertColors(converted, conversion);
  return cube.some((value, index) => Math.abs(value - converted[index]) > ROUNDING);
}

/**
 * Converts RGB colors to sRGB, in place.
 *
 * @param {Uint8Array} data three bytes a pixel
 * @param {Conversion} conversion
 */
export function convertColors(data, { curves, matrix }) {
  if (!matrix.length) {
    const levels = curves[0].map((value) => SRGB_LEVELS[toStep(value)]);
    for (let index = 0; index < data.length; index++) {
      data[index] = levels[data[index]];
    }
    return;
  }
  const [reds, greens, blues] = curves;
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = matrix;
  for (let index = 0; index < data.length; index += 3) {
    const red = reds[data[index]];
    const green = greens[data[index + 1]];
    const blue = blues[data[index + 2]];
    data[index] = SRGB_LEVELS[toStep(m0 * red + m1 * green + m2 * blue)];
    data[index + 1] = SRGB_LEVELS[toStep(m3 * red + m4 * green + m5 * blue)];
    data[index + 2] = SRGB_LEVELS[toStep(m6 * red + m7 * green + m8 * blue)];
  }
}

/** @param {number} value linear */
function toStep(value) {
  return value <= 0 ? 0 : value >= 1 ? CURVE_STEPS : (value * CURVE_STEPS + 0.5) | 0;
}
