/**
 * Reads a picture file as 8-bit RGB: its first frame, upright, transparency over white, in sRGB.
 *
 * The pixels are those of `open_image` in the Python package, within one gray level.
 *
 * @module
 */

/** @import { Picture, PixelRule } from "../types.js" */
/** @import { Kind } from "./kinds.js" */

import { UserError } from "../errors.js";
import { decodeWithBrowser } from "./browser_decoder.js";
import { convertColors, findConversion } from "./color.js";
import { takeHeader } from "./headers.js";
import { Damaged } from "./inflate.js";
import { findKind } from "./kinds.js";
import { paintGray, paintPng, parseLegend } from "./label_maps.js";
import { findOrientation, turnUpright } from "./orientation.js";
import { encodePng } from "./png.js";
import { parsePng } from "./png_decoder.js";
import { decodePng, inflateProfile } from "./png_pixels.js";
import { chooseBands } from "./values.js";

export const MAX_PIXELS = 64e6;
// Chromium's limit; PNG files are decoded here and have none.
const MAX_SIDE = 65_535;

/** @typedef {{picture: Picture, notes: string[]}} ReadPicture */

/**
 * Returns the rule by which a model reads files.
 *
 * @param {Record<string, any>} description the content of pix2pix.json
 * @returns {PixelRule}
 */
export function ruleOf(description) {
  const { bands, value_range, legend } = description.reading?.input ?? {};
  return { bands: bands ?? null, valueRange: value_range ?? "auto", legend: parseLegend(legend) };
}

/**
 * Reads a picture file.
 *
 * @param {Blob} blob
 * @param {PixelRule} [rule] null in `bands` and "auto" by default
 * @param {number} [maxPixels] larger pictures are refused before they are decoded
 * @returns {Promise<ReadPicture>} notes are sentences about how its values were read
 * @throws {UserError} when it can't be read; the message is one sentence
 */
export async function readPicture(blob, rule = ruleOf({}), maxPixels = MAX_PIXELS) {
  try {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const kind = findKind(bytes);
    /** @type {(width: number, height: number) => void} */
    const checkSize = (width, height) => {
      if (width * height > maxPixels) {
        throw tooLarge(width, height, maxPixels);
      }
    };
    const read = await (kind === "png"
      ? readPng(bytes, rule, checkSize)
      : readWithBrowser(kind, bytes, rule, checkSize));
    paintGray(read.picture.data, rule.legend);
    return read;
  } catch (error) {
    throw explain(error);
  }
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} maxPixels
 */
function tooLarge(width, height, maxPixels) {
  return new UserError(
    `The picture is ${width}x${height} pixels, more than the ${maxPixels / 1e6} megapixels ` +
      "accepted here; make it smaller and try again.",
  );
}

/**
 * Returns the error that a visitor sees: browsers' own texts differ and help nobody.
 *
 * @param {unknown} error
 */
function explain(error) {
  if (error instanceof UserError) {
    return error;
  }
  if (/alloc|memory|array length/i.test(String(error))) {
    return new UserError("The picture is too large to be read; make it smaller.");
  }
  const reason = error instanceof Damaged ? ` (${error.message})` : "";
  return new UserError(`The picture is damaged or cut short${reason}; save it again and retry.`);
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {PixelRule} rule
 * @param {(width: number, height: number) => void} checkSize
 * @returns {Promise<ReadPicture>}
 */
async function readPng(bytes, rule, checkSize) {
  const png = parsePng(bytes, checkSize);
  if (rule.legend && png.channels === 1) {
    const painted = await paintPng(png, rule.legend);
    return { picture: turnUpright(painted, findOrientation(png.exif, png.xmp)), notes: [] };
  }
  const { isGray, alpha, notes, ...decoded } = await decodePng(png, rule);
  let { picture } = decoded;
  const conversion = findConversion(await inflateProfile(png), isGray);
  if (conversion === "unknown") {
    const tagged = await encodePng(picture, png.profile);
    picture = await decodeWithBrowser(tagged, checkSize, [0, 1, 2]);
  } else if (conversion) {
    convertColors(picture.data, conversion);
  }
  if (alpha) {
    layOverWhite(picture.data, alpha);
  }
  return { picture: turnUpright(picture, findOrientation(png.exif, png.xmp)), notes };
}

/**
 * Makes what is transparent white, in place and with Pillow's rounding.
 *
 * @param {Uint8Array} data three bytes a pixel
 * @param {Uint8Array} alpha opacity of each pixel
 */
function layOverWhite(data, alpha) {
  for (let index = 0; index < data.length; index++) {
    const opacity = alpha[(index / 3) | 0];
    if (opacity < 255) {
      const sum = (data[index] * opacity + 255 * (255 - opacity)) * 128 + 0x4000;
      data[index] = ((sum >> 8) + sum) >> 15;
    }
  }
}

/**
 * @param {Exclude<Kind, "png">} kind
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {PixelRule} rule
 * @param {(width: number, height: number) => void} checkSize
 * @returns {Promise<ReadPicture>}
 */
async function readWithBrowser(kind, bytes, rule, checkSize) {
  const header = takeHeader(kind, bytes);
  checkSize(header.width, header.height);
  if (Math.max(header.width, header.height) > MAX_SIDE) {
    throw new UserError(
      `The picture is ${header.width}x${header.height} pixels, and a browser decodes sides of up ` +
        `to ${MAX_SIDE}; save it as PNG or make it smaller.`,
    );
  }
  if (rule.legend && kind === "jpeg" && header.bands === 1) {
    throw new UserError(
      "A gray picture holds class numbers here, but this one is a JPEG, which changes them; save " +
        "them as PNG.",
    );
  }
  const isCmyk = header.bands === 4;
  const chosen = isCmyk ? [0, 1, 2] : chooseBands(header.bands, rule.bands);
  // The browser converts those that are laid over white: a canvas rounds faint colors.
  const conversion =
    isCmyk || header.hasAlpha ? "unknown" : findConversion(header.profile, header.bands === 1);
  if (conversion !== "unknown") {
    header.hideProfile();
  }
  const picture = await decodeWithBrowser(new Blob([bytes]), checkSize, chosen);
  if (conversion && conversion !== "unknown") {
    convertColors(picture.data, conversion);
  }
  return { picture: turnUpright(picture, findOrientation(header.exif, header.xmp)), notes: [] };
}
