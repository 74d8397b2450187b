/**
 * Decodes PNG files row by row, with all bits of their values.
 *
 * A canvas can't be used: it multiplies colors by their opacity, drops 8 of 16 bits and applies the
 * gamma that a file names, which Pillow does not.
 *
 * @module
 */

import { ByteReader, Damaged } from "./inflate.js";
import { toText } from "./kinds.js";
import { crc32, predictPaeth, SIGNATURE } from "./png.js";

/** For each color type: how many values a pixel has, and how many bits each may have. */
const COLOR_TYPES = new Map([
  [0, { channels: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { channels: 3, depths: [8, 16] }],
  [3, { channels: 1, depths: [1, 2, 4, 8] }],
  [4, { channels: 2, depths: [8, 16] }],
  [6, { channels: 4, depths: [8, 16] }],
]);
/** The passes of interlaced files: first column and row, and the steps between them. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/**
 * A PNG file, not decompressed yet.
 *
 * @typedef {object} PngFile
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {number} depth bits of a value
 * @property {number} colorType
 * @property {number} channels values of a pixel
 * @property {boolean} isInterlaced
 * @property {Uint8Array | null} palette the chunk PLTE
 * @property {Uint8Array | null} transparency the chunk tRNS
 * @property {Uint8Array | null} exif
 * @property {string} xmp
 * @property {Uint8Array<ArrayBuffer> | null} profile the content of iCCP, compressed
 * @property {Uint8Array<ArrayBuffer>[]} data the content of the chunks IDAT
 */

/**
 * Reads a file's chunks.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes the file's content
 * @param {(width: number, height: number) => void} checkSize called before the data are touched
 * @returns {PngFile}
 * @throws {Damaged}
 */
export function parsePng(bytes, checkSize) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  /** @type {PngFile | null} */
  let png = null;
  for (let at = SIGNATURE.length; ; ) {
    if (at + 12 > bytes.length && png?.data.length) {
      break; // only the chunk IEND is missing
    }
    const size = view.getUint32(at);
    const name = toText(bytes.subarray(at + 4, at + 8));
    if (size > bytes.length - at - 12) {
      throw new Damaged("the end is missing");
    }
    if (crc32(bytes.subarray(at + 4, at + 8 + size)) !== view.getUint32(at + 8 + size)) {
      throw new Damaged(`a wrong checksum in ${name.replace(/[^A-Za-z]/g, "?")}`);
    }
    if (name === "IEND") {
      break;
    }
    const content = bytes.subarray(at + 8, at + 8 + size);
    if (!png) {
      png = parseHeader(name, content);
      checkSize(png.width, png.height);
    } else {
      keepChunk(png, name, content);
    }
    at += size + 12;
  }
  if (!png?.data.length) {
    throw new Damaged("it has no picture");
  }
  return png;
}

/**
 * @param {string} name
 * @param {Uint8Array} content
 * @returns {PngFile}
 */
function parseHeader(name, content) {
  const [depth, colorType, compression, filters, interlacing] = content.subarray(8, 13);
  const type = COLOR_TYPES.get(colorType);
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const known = type?.depths.includes(depth) && !compression && !filters && interlacing <= 1;
  if (
    name !== "IHDR" ||
    content.length < 13 ||
    !known ||
    view.getInt32(0) <= 0 || // sides have at most 31 bits
    view.getInt32(4) <= 0
  ) {
    throw new Damaged("a wrong header");
  }
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth,
    colorType,
    channels: type?.channels ?? 0,
    isInterlaced: interlacing === 1,
    palette: null,
    transparency: null,
    exif: null,
    xmp: "",
    profile: null,
    data: [],
  };
}

/**
 * @param {PngFile} png
 * @param {string} name
 * @param {Uint8Array<ArrayBuffer>} content
 */
function keepChunk(png, name, content) {
  if (name === "IDAT") {
    png.data.push(content);
  } else if (name === "PLTE") {
    png.palette = content;
  } else if (name === "tRNS") {
    png.transparency = content;
  } else if (name === "eXIf") {
    png.exif = content;
  } else if (name === "iCCP") {
    png.profile = content;
  } else if (name === "iTXt") {
    const text = new TextDecoder("latin1").decode(content);
    png.xmp = text.startsWith("XML:com.adobe.xmp\0") ? text : png.xmp;
  }
}

/**
 * Decompresses a file and passes on its rows; those of interlaced files come in seven passes.
 *
 * @param {PngFile} png
 * @param {(row: Uint8Array, x: number, y: number, step: number, count: number) => void} onRow gets
 *   the bytes of `count` pixels, of which the first is at (x, y) and the others are `step` pixels
 *   apart; the bytes are overwritten later
 * @throws {Damaged}
 */
export async function readRows(png, onRow) {
  const reader = new ByteReader(png.data);
  const pixelBits = png.channels * png.depth;
  const distance = Math.max(1, pixelBits >> 3);
  for (const [left, top, stepX, stepY] of png.isInterlaced ? PASSES : [[0, 0, 1, 1]]) {
    const count = Math.ceil((png.width - left) / stepX);
    if (count <= 0) {
      continue;
    }
    const size = Math.ceil((count * pixelBits) / 8);
    let above = new Uint8Array(size);
    let row = new Uint8Array(size);
    for (let y = top; y < png.height; y += stepY) {
      const position = reader.has(size + 1) ? reader.position : await reader.load(size + 1);
      row.set(reader.bytes.subarray(position + 1, position + 1 + size));
      unfilter(reader.bytes[position], row, above, distance);
      reader.position += size + 1;
      onRow(row, left, y, stepX, count);
      [above, row] = [row, above];
    }
  }
  await reader.close();
}

/**
 * Undoes the filter of a row.
 *
 * @param {number} type
 * @param {Uint8Array} row
 * @param {Uint8Array} above the row before it
 * @param {number} distance bytes from a pixel to the next one
 */
function unfilter(type, row, above, distance) {
  const { length } = row;
  if (type === 1) {
    for (let index = distance; index < length; index++) {
      row[index] += row[index - distance];
    }
  } else if (type === 2) {
    for (let index = 0; index < length; index++) {
      row[index] += above[index];
    }
  } else if (type === 3) {
    for (let index = 0; index < length; index++) {
      row[index] += ((index < distance ? 0 : row[index - distance]) + above[index]) >> 1;
    }
  } else if (type === 4) {
    for (let index = 0; index < Math.min(distance, length); index++) {
      row[index] += above[index];
    }
    for (let index = distance; index < length; index++) {
      row[index] += predictPaeth(row[index - distance], above[index], above[index - distance]);
    }
  } else if (type) {
    throw new Damaged("an unknown filter");
  }
}
