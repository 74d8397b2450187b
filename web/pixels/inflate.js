/**
 * Decompresses parts of files, and has what their readers share.
 *
 * @module
 */

const PIECE_BYTES = 16_384;

/** Thrown for a damaged file; the message says in a few words what is wrong. */
export class Damaged extends Error {}

/** @param {Uint8Array[]} parts */
export function join(parts) {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/**
 * Returns compressed data in small pieces: the stream decompresses each one at once, and 16 KB may
 * become 16 MB.
 *
 * @param {Uint8Array<ArrayBuffer>} part
 */
function splitPart(part) {
  const count = Math.ceil(part.length / PIECE_BYTES);
  return Array.from({ length: count }, (_, index) =>
    part.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
  );
}

/** Decompresses data as far as they are asked for: a small file may hold very much. */
export class ByteReader {
  /** @param {Uint8Array<ArrayBuffer>[]} parts compressed data */
  constructor(parts) {
    const queue = parts.flatMap(splitPart).values();
    const source = new ReadableStream({
      pull(controller) {
        const { value, done } = queue.next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
    });
    this.bytes = new Uint8Array();
    this.position = 0;
    this.reader = source.pipeThrough(new DecompressionStream("deflate")).getReader();
  }

  /** @param {number} count bytes */
  has(count) {
    return this.position + count <= this.bytes.length;
  }

  /**
   * Decompresses until there are `count` more bytes; returns their position in `bytes`.
   *
   * @param {number} count
   */
  async load(count) {
    const parts = [this.bytes.subarray(this.position)];
    let length = parts[0].length;
    while (length < count) {
      const { value, done } = await this.reader.read().catch(() => {
        throw new Damaged("the compressed data are wrong or cut short");
      });
      if (done) {
        throw new Damaged("rows are missing");
      }
      parts.push(value);
      length += value.length;
    }
    this.bytes = join(parts);
    this.position = 0;
    return 0;
  }

  async close() {
    // The rest, such as a wrong checksum after the last row, does not matter to Pillow either.
    await this.reader.cancel().catch(() => {});
  }
}
