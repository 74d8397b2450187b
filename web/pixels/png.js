/**
 * Writes pictures as lossless PNG files, and has what reading and writing them share.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

export const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
// Bytes that are filtered at once, before they are compressed.
const BAND_BYTES = 1 << 20;
const UP = 2;
const CHANNELS = 3;

/**
 * Encodes a picture as an 8-bit RGB PNG.
 *
 * Besides the picture and the compressed file, about one megabyte is in memory.
 *
 * @param {Picture} picture
 * @param {Uint8Array<ArrayBuffer> | null} [profile] the content of the chunk iCCP
 * @returns {Promise<Blob>}
 */
export async function encodePng(picture, profile = null) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, picture.width);
  header.setUint32(4, picture.height);
  header.setUint16(8, 0x0802); // 8 bits; RGB
  /** @type {BlobPart[]} */
  const parts = [SIGNATURE, ...makeChunk("IHDR", new Uint8Array(header.buffer))];
  if (profile) {
    parts.push(...makeChunk("iCCP", profile));
  }
  const compressed = filteredRows(picture).pipeThrough(new CompressionStream("deflate"));
  const reader = compressed.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(...makeChunk("IDAT", read.value));
  }
  return new Blob([...parts, ...makeChunk("IEND", new Uint8Array())], { type: "image/png" });
}

/**
 * Returns the differences of each row to the row above, in bands that are made when they are needed.
 *
 * Photos and maps become smaller than with the filter that PNG's specification suggests to choose
 * for each row (9.7 instead of 10.2 MB for a photo of 4800x1890 pixels), in less time.
 *
 * @param {Picture} picture
 * @returns {ReadableStream<BufferSource>}
 */
function filteredRows({ width, height, data }) {
  const stride = width * CHANNELS;
  const rowsAtOnce = Math.max(1, Math.floor(BAND_BYTES / stride));
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const end = Math.min(height, next + rowsAtOnce);
      const band = new Uint8Array((end - next) * (stride + 1));
      for (let to = 0; next < end; next++) {
        band[to++] = UP;
        const start = next * stride;
        for (let from = start; from < start + stride; from++) {
          band[to++] = data[from] - (next ? data[from - stride] : 0);
        }
      }
      controller.enqueue(band);
      if (end === height) {
        controller.close();
      }
    },
  });
}

/**
 * Returns which of three neighbors is nearest to left + above - corner.
 *
 * @param {number} left
 * @param {number} above
 * @param {number} corner
 */
export function predictPaeth(left, above, corner) {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) {
    return left;
  }
  return toAbove <= toCorner ? above : corner;
}

/**
 * @param {string} name four letters
 * @param {Uint8Array<ArrayBuffer>} content
 * @returns {Uint8Array<ArrayBuffer>[]} the chunk's parts
 */
function makeChunk(name, content) {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, content.length);
  head.set(new TextEncoder().encode(name), 4);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, crc32(content, crc32(head.subarray(4))));
  return [head, content, tail];
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

/**
 * Returns the checksum of PNG's chunks.
 *
 * @param {Uint8Array} bytes
 * @param {number} [before] the checksum of the bytes before these
 */
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let index = 0; index < bytes.length; index++) {
    crc = CRC_TABLE[(crc ^ bytes[index]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
