/**
 * Packs the values of a drawing as runs: how often a value follows, then the value.
 *
 * A count has 7 bits a byte, the low ones first, and the highest bit says that more follow. A
 * drawing of flat colors has one or two thousand runs.
 *
 * @module
 */

/**
 * Packs values.
 *
 * @param {Uint8Array} values
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function packRuns(values) {
  /** @type {number[]} */
  const bytes = [];
  for (let start = 0; start < values.length; ) {
    let end = start + 1;
    while (values[end] === values[start]) end++; // is undefined after the last one
    let count = end - start;
    for (; count > 127; count >>>= 7) bytes.push((count & 127) | 128);
    bytes.push(count, values[start]);
    start = end;
  }
  return Uint8Array.from(bytes);
}

/**
 * Unpacks values; returns null for bytes that are not exactly `length` values below `limit`.
 *
 * @param {Uint8Array} bytes
 * @param {number} length
 * @param {number} [limit]
 * @returns {Uint8Array | null}
 */
export function unpackRuns(bytes, length, limit = 256) {
  const values = new Uint8Array(length);
  let filled = 0;
  for (let at = 0; at < bytes.length; ) {
    let count = 0;
    for (let factor = 1; ; factor *= 128) {
      if (at >= bytes.length || factor > length) return null;
      count += (bytes[at] & 127) * factor;
      if (bytes[at++] < 128) break;
    }
    if (!count || at >= bytes.length || bytes[at] >= limit || count > length - filled) return null;
    values.fill(bytes[at++], filled, filled + count);
    filled += count;
  }
  return filled === length ? values : null;
}
