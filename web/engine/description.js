/**
 * Checks pix2pix.json, which describes a model. Anybody may have written it, so nothing in it is
 * believed.
 *
 * @module
 */

/** @import { PixelRule } from "../types.js" */

import { UserError } from "../errors.js";
import { parseLegend } from "../pixels/label_maps.js";

/**
 * What running a model needs of its pix2pix.json, checked.
 *
 * @typedef {object} Description
 * @property {Record<string, any>} content all of pix2pix.json
 * @property {string} digest the SHA-256 of generator.onnx
 * @property {number} side image size of the training, in pixels
 * @property {1 | 3} inputChannels
 * @property {1 | 3} outputChannels
 * @property {PixelRule} rule how the values of a file become 8-bit RGB
 */

// Python trains at 64, 128, 256 or 512 pixels.
const LARGEST_SIDE = 2048;
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Checks the content of pix2pix.json.
 *
 * @param {Uint8Array | string} json
 * @param {string} subject the model, for messages
 * @returns {Description}
 * @throws {UserError} when it does not describe a pix2pix model
 */
export function parseDescription(json, subject) {
  const text = typeof json === "string" ? json : new TextDecoder().decode(json);
  try {
    return checkDescription(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof Problem ? error.message : "it is not JSON";
    throw new UserError(
      `${subject} is not a model that this page can run: its pix2pix.json can't be read (${reason}).`,
    );
  }
}

/** What is wrong with a pix2pix.json, as half a sentence. */
class Problem extends Error {}

/**
 * @param {unknown} content
 * @returns {Description}
 */
function checkDescription(content) {
  const description = requireObject(content, "it");
  const config = requireObject(description.config, "config");
  const side = config.image_size;
  if (!isCount(side) || side > LARGEST_SIDE) {
    throw new Problem(`image_size is not a number of pixels up to ${LARGEST_SIDE}`);
  }
  const multiple = description.size_multiple ?? 1;
  if (!isCount(multiple) || side % multiple) {
    throw new Problem("image_size is not a multiple of size_multiple");
  }
  if (!["squash", "crop", "pad"].includes(config.aspect ?? "squash")) {
    throw new Problem("aspect is not squash, crop or pad");
  }
  if (!["a_to_b", "b_to_a"].includes(config.direction ?? "a_to_b")) {
    throw new Problem("direction is not a_to_b or b_to_a");
  }
  const digest = requireObject(description.sha256, "sha256")["generator.onnx"];
  if (typeof digest !== "string" || !DIGEST.test(digest)) {
    throw new Problem("the sha256 of generator.onnx is missing");
  }
  checkAspects(description.pair_aspects);
  return {
    content: description,
    digest,
    side,
    inputChannels: checkChannels(config.input_channels, "input_channels"),
    outputChannels: checkChannels(config.target_channels, "target_channels"),
    rule: checkRule(description.reading),
  };
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {Record<string, any>}
 */
function requireObject(value, name) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(`${name} is not a JSON object`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

/**
 * @param {unknown} value missing in files of the first version
 * @param {string} name
 */
function checkChannels(value, name) {
  if (value !== undefined && value !== 1 && value !== 3) {
    throw new Problem(`${name} is not 1 or 3`);
  }
  return value ?? 3;
}

/** @param {unknown} aspects the smallest and largest width / height of the pairs; may be missing */
function checkAspects(aspects) {
  if (aspects !== undefined && aspects !== null) {
    const [low, high] = requireNumbers(aspects, "pair_aspects");
    if (low <= 0 || low > high) {
      throw new Problem("pair_aspects are not two proportions, the smaller one first");
    }
  }
}

/**
 * @param {unknown} values
 * @param {string} name
 * @returns {[number, number]}
 */
function requireNumbers(values, name) {
  if (!Array.isArray(values) || values.length !== 2 || !values.every(Number.isFinite)) {
    throw new Problem(`${name} does not have two numbers`);
  }
  return [values[0], values[1]];
}

/**
 * @param {unknown} reading missing in files of earlier versions
 * @returns {PixelRule}
 */
function checkRule(reading) {
  const input = requireObject(requireObject(reading ?? {}, "reading").input ?? {}, "reading.input");
  const bands = input.bands ?? null;
  if (bands !== null) {
    if (!Array.isArray(bands) || ![1, 3].includes(bands.length) || !bands.every(isCount)) {
      throw new Problem("bands are not the numbers of three bands, or of one");
    }
  }
  const legend = parseLegend(input.legend);
  if (input.legend && !legend) {
    throw new Problem("the legend does not have a color for each class");
  }
  const range = input.value_range ?? "auto";
  if (range === "auto" || range === "dtype") {
    return { bands, valueRange: range, legend };
  }
  const [low, high] = requireNumbers(range, "value_range");
  if (low >= high) {
    throw new Problem("value_range does not have the smaller value first");
  }
  return { bands, valueRange: [low, high], legend };
}
