/**
 * Recognizes picture files, and files that are no pictures, by their first bytes, as
 * `pix2pix/formats.py` does.
 *
 * @module
 */

import { UserError } from "../errors.js";

/** @typedef {"png" | "jpeg" | "webp" | "avif" | "gif" | "bmp"} Kind */

const HEAD_BYTES = 1024;
const NO_BROWSER = "which browsers can't read; save it as PNG, or use the Python package";

/**
 * Patterns of a file's first bytes, as Latin-1 text, and which kind of picture it is.
 *
 * @type {[string, Kind][]}
 */
const KINDS = [
  [String.raw`\x89PNG\r\n\x1a\n`, "png"],
  [String.raw`\xff\xd8\xff`, "jpeg"],
  ["RIFF....WEBP", "webp"],
  ["GIF8[79]a", "gif"],
  ["BM", "bmp"],
];

/**
 * Patterns of a file's first bytes, what the file is, and what to do.
 *
 * @type {[string, string][]}
 */
const UNREADABLE = [
  [String.raw`[ \t\n\r\f\v]*%PDF-`, "a PDF; export the page as PNG"],
  ["8BP[SB]", "a Photoshop file; export it as PNG"],
  ["gimp xcf", "a GIMP file; export it as PNG"],
  [String.raw`%!PS|\xc5\xd0\xd3\xc6`, "a PostScript drawing; export it as PNG"],
  [String.raw`\xff\x0a|\0\0\0\x0cJXL `, "a JPEG XL picture; export it as PNG"],
  [
    "....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)",
    "a HEIC photo; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)",
  ],
  [
    String.raw`....ftypcrx |FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|II\*\0....CR`,
    "a camera raw file; export it as JPEG or PNG",
  ],
  [String.raw`II[*+]\0|MM\0[*+]`, `a TIFF picture, ${NO_BROWSER}`],
  [String.raw`\0\0\0\x0cjP|\xff\x4f\xff\x51`, `a JPEG 2000 picture, ${NO_BROWSER}`],
  [String.raw`P[1-6][ \t\n\r#]`, `a portable pixmap (PPM), ${NO_BROWSER}`],
  [
    String.raw`....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]`,
    "a video; save a frame of it as PNG",
  ],
  [
    String.raw`PK\x03\x04|7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b`,
    "an archive; unpack it and choose a picture in it",
  ],
];

/**
 * Returns which kind of picture a file is.
 *
 * @param {Uint8Array} bytes its content
 * @returns {Kind}
 * @throws {UserError} for an empty file, and for a file that is no picture or of another kind
 */
export function findKind(bytes) {
  if (!bytes.length) {
    throw new UserError("This file is empty, not a picture; choose another one.");
  }
  const head = toText(bytes.subarray(0, HEAD_BYTES));
  const brands = head.startsWith("ftyp", 4) ? head.slice(8, bytes[2] * 256 + bytes[3]) : "";
  if (/avif|avis/.test(brands)) {
    return "avif";
  }
  const kind = findPattern(KINDS, head);
  if (kind) {
    return kind;
  }
  const description = describeMarkup(head) ?? findPattern(UNREADABLE, head);
  const next = description?.endsWith(NO_BROWSER) ? "" : " and try again";
  throw new UserError(
    description
      ? `This is ${description}${next}.`
      : "This file is not a picture that can be read; use a PNG, JPEG, WebP, AVIF, BMP or GIF.",
  );
}

/**
 * @template {string} T
 * @param {[string, T][]} patterns
 * @param {string} head
 */
function findPattern(patterns, head) {
  return patterns.find(([pattern]) => new RegExp(`^(${pattern})`, "s").test(head))?.[1];
}

/** @param {string} head */
function describeMarkup(head) {
  const text = head
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .toLowerCase();
  if (!text.startsWith("<")) {
    return undefined;
  }
  if (text.includes("<svg")) {
    return "an SVG drawing; export it as PNG";
  }
  const isPage = text.includes("<html") || text.includes("<!doc");
  return isPage ? "a web page; save the picture itself" : undefined;
}

/**
 * Returns bytes as Latin-1 text: one character for each byte.
 *
 * @param {Uint8Array} bytes at most about 60,000
 */
export function toText(bytes) {
  return String.fromCharCode(...bytes);
}
