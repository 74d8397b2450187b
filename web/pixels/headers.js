/**
 * Reads what the headers of JPEG, WebP, AVIF, GIF and BMP files tell, before they are decoded.
 *
 * @module
 */

/** @import { Kind } from "./kinds.js" */

import { Damaged, join } from "./inflate.js";
import { toText } from "./kinds.js";

/**
 * The facts in the header of a picture file.
 *
 * @typedef {object} Header
 * @property {number} width pixels, as stored; 0 where it is unknown
 * @property {number} height pixels
 * @property {number} bands bands of color: 1 for gray, 3, 4 for CMYK
 * @property {boolean} hasAlpha whether it may have opacity
 * @property {Uint8Array | null} exif
 * @property {string} xmp
 * @property {Uint8Array<ArrayBuffer> | null} profile the ICC profile
 * @property {() => void} hideProfile overwrites names in the file's content, so that the browser
 *   does not see the profile
 */

/**
 * @param {number} width
 * @param {number} height
 * @returns {Header}
 */
function makeHeader(width, height) {
  return {
    width,
    height,
    bands: 3,
    hasAlpha: false,
    exif: null,
    xmp: "",
    profile: null,
    hideProfile() {},
  };
}

/**
 * Reads the header of a file, and hides its EXIF data from the browser, which turns pictures of some
 * formats and not those of others.
 *
 * @param {Exclude<Kind, "png">} kind
 * @param {Uint8Array<ArrayBuffer>} bytes the file's content; the name of its EXIF data is overwritten
 * @returns {Header}
 * @throws {Damaged} for a file that is cut short
 */
export function takeHeader(kind, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { jpeg: takeJpeg, webp: takeWebp, avif: takeAvif, gif: readGif, bmp: readBmp }[kind](
    bytes,
    view,
  );
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {DataView} view
 */
function takeJpeg(bytes, view) {
  const header = makeHeader(0, 0);
  /** @type {Uint8Array[]} */
  const profile = [];
  let profileParts = 0;
  /** @type {Uint8Array[]} */
  const profileNames = [];
  header.hideProfile = () => {
    for (const name of profileNames) {
      name[0] = 0;
    }
  };
  for (let at = 2; ; ) {
    if (bytes[at] !== 0xff) {
      throw new Damaged("a marker is missing");
    }
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    const size = view.getUint16(at + 2);
    const content = bytes.subarray(at + 4, at + 2 + size);
    const name = toText(content.subarray(0, 29));
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      header.height = view.getUint16(at + 5);
      header.width = view.getUint16(at + 7);
      header.bands = content[5];
    } else if (marker === 0xe1 && name.startsWith("Exif\0\0")) {
      header.exif ??= content.slice();
      content[0] = 0;
    } else if (marker === 0xe1 && name.startsWith("http://ns.adobe.com/xap/1.0/\0")) {
      header.xmp ||= new TextDecoder("latin1").decode(content);
    } else if (marker === 0xe2 && name.startsWith("ICC_PROFILE\0")) {
      profile[content[12]] = content.subarray(14);
      profileParts = content[13];
      profileNames.push(content);
    } else if (marker === 0xda) {
      checkJpegEnd(bytes, at);
      break;
    }
    at += 2 + size;
  }
  const parts = profile.filter(Boolean);
  if (parts.length && parts.length === profileParts) {
    header.profile = join(parts);
  }
  return header;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start where the compressed data begin
 */
function checkJpegEnd(bytes, start) {
  // The browser would show the missing rows in gray.
  for (let at = bytes.indexOf(0xff, start + 2); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) {
      return;
    }
  }
  throw new Damaged("the end is missing");
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {DataView} view
 */
function takeWebp(bytes, view) {
  const end = view.getUint32(4, true) + 8;
  if (end > bytes.length) {
    throw new Damaged("the end is missing");
  }
  const header = makeHeader(0, 0);
  for (let at = 12; at + 8 <= end; ) {
    const name = toText(bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const content = bytes.subarray(start, start + size);
    if (name === "VP8X") {
      header.hasAlpha = (bytes[start] & 0x10) > 0;
      header.width = 1 + (view.getUint32(start + 4, true) & 0xffffff);
      header.height = 1 + (view.getUint32(start + 6, true) >>> 8);
    } else if (name === "VP8 " && !header.width) {
      header.width = view.getUint16(start + 6, true) & 0x3fff;
      header.height = view.getUint16(start + 8, true) & 0x3fff;
    } else if (name === "VP8L" && !header.width) {
      const bits = view.getUint32(start + 1, true);
      header.width = 1 + (bits & 0x3fff);
      header.height = 1 + ((bits >>> 14) & 0x3fff);
    } else if (name === "EXIF") {
      header.exif = content;
      bytes[at] = 0x65; // readers ignore a part named "eXIF"
      bytes[20] &= ~0x08; // the flag in VP8X
    } else if (name === "XMP ") {
      header.xmp = new TextDecoder("latin1").decode(content);
    } else if (name === "ICCP") {
      header.profile = content.slice();
      const name = bytes.subarray(at, at + 4);
      header.hideProfile = () => {
        name[0] = 0x69; // readers ignore a part named "iCCP"
        bytes[20] &= ~0x20; // the flag in VP8X
      };
    }
    at = start + size + (size % 2);
  }
  return header;
}

/** Boxes of AVIF that hold boxes, and how many bytes of their content are before these. */
const CONTAINERS = new Map([
  ["meta", 4],
  ["iprp", 0],
  ["ipco", 0],
]);

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {DataView} view
 */
function takeAvif(bytes, view) {
  const header = makeHeader(0, 0);
  /** @type {Uint8Array[]} */
  const boxes = [];
  header.hideProfile = () => {
    for (const box of boxes) {
      box.set([0x66, 0x72, 0x65, 0x65]); // "free", an unused box
    }
  };
  /** @type {(start: number, end: number) => void} */
  const walk = (start, end) => {
    for (let at = start; at + 8 <= end; ) {
      let size = view.getUint32(at) || end - at;
      size = size === 1 ? Number(view.getBigUint64(at + 8)) : size;
      const name = toText(bytes.subarray(at + 4, at + 8));
      const inside = at + 8;
      if (name === "ispe") {
        // A picture that consists of tiles has their size too.
        header.width = Math.max(header.width, view.getUint32(inside + 4));
        header.height = Math.max(header.height, view.getUint32(inside + 8));
      } else if (name === "auxC") {
        header.hasAlpha = true;
      } else if (name === "colr" && /prof|rICC/.test(toText(bytes.subarray(inside, inside + 4)))) {
        header.profile ??= bytes.slice(inside + 4, at + size);
        boxes.push(bytes.subarray(at + 4, at + 8));
      }
      const skipped = CONTAINERS.get(name);
      if (skipped !== undefined && size >= 8) {
        walk(inside + skipped, Math.min(end, at + size));
      }
      at += size < 8 ? end : size;
    }
  };
  walk(0, bytes.length);
  return header;
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 */
function readGif(bytes, view) {
  const header = makeHeader(view.getUint16(6, true), view.getUint16(8, true));
  let at = 13 + tableSize(bytes[10]);
  // The browser would show the missing rows of a file that is cut short as transparent.
  for (let isPicture = false; !isPicture; ) {
    isPicture = bytes[at] === 0x2c;
    if (!isPicture && bytes[at] !== 0x21) {
      throw new Damaged("it has no picture");
    }
    at += isPicture ? 11 + tableSize(bytes[at + 9]) : 2;
    while (bytes[at]) {
      at += 1 + bytes[at];
    }
    if (at >= bytes.length) {
      throw new Damaged("the end is missing");
    }
    at += 1;
  }
  return header;
}

/** @param {number} flags @returns {number} bytes of a table of colors */
function tableSize(flags) {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 */
function readBmp(bytes, view) {
  if (view.getUint32(14, true) === 12) {
    return makeHeader(view.getUint16(18, true), view.getUint16(20, true));
  }
  const [width, height] = [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  const isCompressed = [1, 2].includes(view.getUint32(30, true));
  const rowBytes = Math.ceil((width * view.getUint16(28, true)) / 32) * 4;
  if (!isCompressed && view.getUint32(10, true) + rowBytes * height > bytes.length) {
    throw new Damaged("the end is missing");
  }
  return makeHeader(width, height);
}
