/**
 * Finds how a picture is turned, and turns it upright.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

const ORIENTATION_TAG = 0x0112;
/** How to read an unsigned number of a TIFF type: byte, short, long. */
const READERS = new Map(
  /** @type {[number, (view: DataView, at: number, little: boolean) => number][]} */ ([
    [1, (view, at) => view.getUint8(at)],
    [3, (view, at, little) => view.getUint16(at, little)],
    [4, (view, at, little) => view.getUint32(at, little)],
  ]),
);

/**
 * Returns the orientation that a picture's metadata name, 1 to 8; 1, which is upright, without one.
 *
 * @param {Uint8Array | null} exif the EXIF data
 * @param {string} xmp the XMP data, which count where EXIF names none
 */
export function findOrientation(exif, xmp) {
  let orientation = exif && readExif(exif);
  if (orientation === null) {
    orientation = Number(/tiff:Orientation(?:="|>)([0-9])/.exec(xmp)?.[1] ?? 1);
  }
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/**
 * Returns the number of the tag Orientation, or null; damaged data have none.
 *
 * @param {Uint8Array} exif
 */
function readExif(exif) {
  const start = exif[0] === 0x45 ? 6 : 0; // after "Exif\0\0"
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.length - start);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let entry = directory + 2; entry < directory + 2 + count * 12; entry += 12) {
      if (view.getUint16(entry, little) === ORIENTATION_TAG) {
        return READERS.get(view.getUint16(entry + 2, little))?.(view, entry + 8, little) ?? null;
      }
    }
  } catch {
    // Beyond the end of the data.
  }
  return null;
}

/**
 * Returns a picture upright; the picture itself for orientation 1.
 *
 * @param {Picture} picture
 * @param {number} orientation as in EXIF
 * @returns {Picture}
 */
export function turnUpright(picture, orientation) {
  if (orientation === 1) {
    return picture;
  }
  const isTurned = orientation >= 5;
  const width = isTurned ? picture.height : picture.width;
  const height = isTurned ? picture.width : picture.height;
  const { data } = picture;
  const result = new Uint8Array(data.length);
  // A step to the right, and one down, in the upright picture are these steps in the file's.
  const [right, down] = isTurned ? [picture.width * 3, 3] : [3, picture.width * 3];
  const fromRight = [2, 3, 6, 7].includes(orientation);
  const fromBottom = [3, 4, 7, 8].includes(orientation);
  const stepRight = fromRight ? -right : right;
  const stepDown = fromBottom ? -down : down;
  const start = (fromRight ? (width - 1) * right : 0) + (fromBottom ? (height - 1) * down : 0);
  for (let y = 0, to = 0; y < height; y++) {
    let from = start + y * stepDown;
    for (let x = 0; x < width; x++, to += 3, from += stepRight) {
      result[to] = data[from];
      result[to + 1] = data[from + 1];
      result[to + 2] = data[from + 2];
    }
  }
  return { width, height, data: result };
}
