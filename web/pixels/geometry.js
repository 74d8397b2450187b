/**
 * In which size a network is shown a picture, and how side-by-side pairs are recognized, as
 * `pix2pix/geometry.py` and `pix2pix/space/pair_upload.py` do it.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */
/** @typedef {{width: number, height: number}} Size */

import { UserError } from "../errors.js";

const SQUARE = [1, 1];
// A picture that is longer than this many squares is not translated square by square any more.
const MAX_SQUARES = 16;
// The width of a pair differs from twice its height by at most 2 % of the height.
const TOLERANCE = 0.02;
const MAX_PSNR = 100;

/** Describes in which proportions a network was shown its training pairs. */
export class Geometry {
  /**
   * @param {"squash" | "crop" | "pad"} aspect how the pairs became squares
   * @param {number[]} pairAspects the smallest and largest width / height of the training pairs
   */
  constructor(aspect = "squash", pairAspects = SQUARE) {
    this.aspect = aspect;
    this.pairAspects = pairAspects;
  }

  /**
   * Returns the geometry of a model.
   *
   * @param {Record<string, any>} description the content of its pix2pix.json
   */
  static ofModel(description) {
    return new Geometry(description.config?.aspect ?? "squash", description.pair_aspects || SQUARE);
  }

  /**
   * Returns the size at which a picture is translated in the mode `fit`.
   *
   * @param {Size} size of the picture
   * @param {number} side image size of the training
   * @returns {Size}
   */
  scaledSize({ width, height }, side) {
    const longer = Math.max(width, height);
    if (this.aspect === "crop") {
      const scale = Math.min(side / Math.min(width, height), (MAX_SQUARES * side) / longer);
      return toSize(width * scale, height * scale);
    }
    const [low, high] = this.aspect === "squash" ? this.pairAspects : SQUARE;
    const squeezed = width / Math.min(Math.max(width / height, low), high);
    const scale = side / Math.max(squeezed, height);
    return toSize(squeezed * scale, height * scale);
  }
}

/**
 * @param {number} width
 * @param {number} height
 */
function toSize(width, height) {
  return { width: Math.max(1, roundHalfEven(width)), height: Math.max(1, roundHalfEven(height)) };
}

/**
 * Rounds to the nearest integer, and halves to the even one, as Python does.
 *
 * @param {number} value
 */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/**
 * Returns whether a picture is about twice as wide as high and can be halved.
 *
 * @param {Size} size
 */
export function looksLikePair({ width, height }) {
  return width % 2 === 0 && Math.abs(width - 2 * height) <= TOLERANCE * height;
}

/**
 * Returns which half of a side-by-side pair is the input of a model.
 *
 * @param {string} direction "a_to_b" or "b_to_a", as in pix2pix.json
 * @returns {"left" | "right"}
 */
export function inputHalf(direction) {
  return direction === "a_to_b" ? "left" : "right";
}

/**
 * Splits a side-by-side pair.
 *
 * @param {Picture} picture
 * @param {"left" | "right"} half the half that is the input
 * @returns {{input: Picture, target: Picture}}
 * @throws {UserError} when the width is odd
 */
export function splitPair(picture, half) {
  const { width } = picture;
  if (width % 2) {
    throw new UserError(`A pair in one picture needs an even width; this one's is ${width}.`);
  }
  const [left, right] = [0, width / 2].map((start) => cropColumns(picture, start, width / 2));
  return half === "left" ? { input: left, target: right } : { input: right, target: left };
}

/**
 * @param {Picture} picture
 * @param {number} left
 * @param {number} width
 * @returns {Picture}
 */
function cropColumns(picture, left, width) {
  const data = new Uint8Array(width * picture.height * 3);
  for (let y = 0; y < picture.height; y++) {
    const start = (y * picture.width + left) * 3;
    data.set(picture.data.subarray(start, start + width * 3), y * width * 3);
  }
  return { width, height: picture.height, data };
}

/**
 * Compares two pictures of the same size.
 *
 * @param {Picture} generated
 * @param {Picture} target
 * @returns {{l1: number, psnr: number}} gray levels of 255; dB, at most 100
 */
export function closeness(generated, target) {
  const { length } = generated.data;
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < length; index++) {
    const difference = generated.data[index] - target.data[index];
    sum += Math.abs(difference);
    squares += difference * difference;
  }
  const psnr = squares ? 10 * Math.log10((255 ** 2 * length) / squares) : MAX_PSNR;
  return { l1: sum / length, psnr: Math.min(MAX_PSNR, psnr) };
}
