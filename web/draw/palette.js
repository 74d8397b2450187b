/**
 * The colors that a model's input may have, and the values that stand for them in a drawing.
 *
 * A drawing has one byte a pixel. For a legend of flat colors, the byte is the number of the color.
 * For black and white edges, which are drawn antialiased, it is one of 256 steps from the first
 * color to the second.
 *
 * @module
 */

/** @typedef {{width: number, height: number, data: Uint8Array}} RgbPicture */

const COLOR = /^#[0-9a-f]{6}$/i;
const MAX_COLORS = 32;
const MAX_NAME = 40;
/** Edges are nearly black on nearly white, or the other way round. */
const BLACK = 32;
const WHITE = 223;
const STEPS = 256;

/** One color that can be chosen. @typedef {{name: string, color: string, value: number}} Swatch */

export class Palette {
  /**
   * @param {Swatch[]} swatches the background first
   * @param {Uint8Array} colors three bytes (RGB) for each value
   * @param {boolean} isSmooth whether it is drawn with antialiasing
   */
  constructor(swatches, colors, isSmooth) {
    this.swatches = swatches;
    this.colors = colors;
    this.isSmooth = isSmooth;
    /** The number of values that a pixel may have. */
    this.size = colors.length / 3;
    /** The value of an empty sheet and of the eraser: the most common color. */
    this.background = swatches[0].value;
    /** Tells drawings for different palettes apart. */
    this.key = swatches.map(({ color }) => color.slice(1)).join("");
    /** @type {Map<number, number>} */
    this.known = new Map();
  }

  /** The colors of the swatches, three bytes (RGB) each. */
  get swatchColors() {
    return Uint8Array.from(this.swatches.flatMap(({ color }) => toRgb(color)));
  }

  /** @param {number} value @returns {Swatch} the swatch that is nearest to a value of a drawing */
  swatchOf(value) {
    if (!this.isSmooth) return this.swatches[value];
    return this.swatches[value < STEPS / 2 ? 0 : 1];
  }

  /** Returns the value whose color is nearest. @param {number} red @param {number} green @param {number} blue */
  nearest(red, green, blue) {
    const color = (red << 16) | (green << 8) | blue;
    const known = this.known.get(color);
    if (known !== undefined) return known;
    const { colors } = this;
    let [best, least] = [0, Infinity];
    for (let value = 0, from = 0; value < this.size; value++, from += 3) {
      const distance =
        (colors[from] - red) ** 2 +
        (colors[from + 1] - green) ** 2 +
        (colors[from + 2] - blue) ** 2;
      if (distance < least) [best, least] = [value, distance];
    }
    if (this.known.size > 1e5) this.known.clear(); // a photo has more colors than are worth keeping
    this.known.set(color, best);
    return best;
  }
}

/**
 * Returns the palette of a model's input, or null where it has no usable one.
 *
 * Anybody may have written the file, so that entries that are no colors are left out.
 *
 * @param {unknown} entries `input_palette` of pix2pix.json, the most common color first
 * @returns {Palette | null}
 */
export function readPalette(entries) {
  if (!Array.isArray(entries) || entries.length > MAX_COLORS) return null;
  /** @type {Map<string, Swatch>} */
  const found = new Map();
  for (const entry of entries) {
    const color = readColor(entry);
    if (!color || found.has(color)) continue;
    const name = readName(entry.name) || color;
    found.set(color, { name, color, value: found.size });
  }
  const swatches = [...found.values()];
  if (swatches.length < 2) return null;
  const colors = Uint8Array.from(swatches.flatMap(({ color }) => toRgb(color)));
  return isBlackAndWhite(colors)
    ? makeRamp(swatches, colors)
    : new Palette(swatches, colors, false);
}

/** @param {unknown} entry @returns {string | null} "#rrggbb" in lower case */
function readColor(entry) {
  const color = typeof entry === "object" && entry && "color" in entry ? entry.color : null;
  return typeof color === "string" && COLOR.test(color) ? color.toLowerCase() : null;
}

/** @param {unknown} name @returns {string} one short line */
function readName(name) {
  if (typeof name !== "string") return "";
  return [...name.replace(/[\p{C}\s]+/gu, " ").trim()].slice(0, MAX_NAME).join("");
}

/** @param {string} color @returns {[number, number, number]} */
function toRgb(color) {
  const number = Number.parseInt(color.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** @param {Uint8Array} colors */
function isBlackAndWhite(colors) {
  if (colors.length !== 6) return false;
  const dark =
    Math.max(...colors.subarray(0, 3)) < Math.max(...colors.subarray(3))
      ? [colors.subarray(0, 3), colors.subarray(3)]
      : [colors.subarray(3), colors.subarray(0, 3)];
  return Math.max(...dark[0]) <= BLACK && Math.min(...dark[1]) >= WHITE;
}

/**
 * @param {Swatch[]} swatches two
 * @param {Uint8Array} ends their colors
 */
function makeRamp([first, second], ends) {
  const colors = new Uint8ClampedArray(STEPS * 3);
  for (let value = 0; value < STEPS; value++) {
    for (let channel = 0; channel < 3; channel++) {
      const part = value / (STEPS - 1);
      colors[value * 3 + channel] = ends[channel] * (1 - part) + ends[channel + 3] * part;
    }
  }
  const swatches = [first, { ...second, value: STEPS - 1 }];
  return new Palette(swatches, new Uint8Array(colors.buffer), true);
}
