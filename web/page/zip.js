/**
 * Writes zip files without compression: PNGs are compressed already.
 *
 * @module
 */

const SIGNATURE = { file: 0x04034b50, entry: 0x02014b50, end: 0x06054b50 };
const VERSION = 20;
/** The flag that says that names are UTF-8. */
const UTF8 = 0x0800;
/** Without zip64, sizes and offsets have 32 bits, and the number of files 16. */
const MAX_BYTES = 0xffffffff;
const MAX_FILES = 0xffff;
const TABLE = makeTable();

/**
 * Returns a zip of files.
 *
 * @param {{name: string, blob: Blob}[]} files with unique names
 * @param {Date} [date] the time that the files get
 * @returns {Promise<Blob>}
 * @throws {RangeError} when the files are too many or too large: 65,535 files, 4 GB
 */
export async function makeZip(files, date = new Date()) {
  const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
  if (files.length > MAX_FILES || total > MAX_BYTES - 1e8) {
    throw new RangeError("One zip holds at most 65,535 files and 4 GB; download them one by one.");
  }
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const bytes = new TextEncoder().encode(name);
    const checksum = await crc32OfBlob(blob);
    const header = fileHeader(bytes, blob.size, checksum, date);
    const local = join(uint32(SIGNATURE.file), header, bytes);
    // The blob itself, not its bytes: the browser may keep it on disk.
    parts.push(local, blob);
    directory.push(
      join(
        uint32(SIGNATURE.entry),
        uint16(VERSION),
        header,
        uint16(0),
        uint16(0),
        uint16(0),
        uint32(0),
        uint32(offset),
        bytes,
      ),
    );
    offset += local.length + blob.size;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = join(
    uint32(SIGNATURE.end),
    uint16(0),
    uint16(0),
    uint16(files.length),
    uint16(files.length),
    uint32(size),
    uint32(offset),
    uint16(0),
  );
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/**
 * Returns the CRC-32 of bytes, continued from that of the bytes before them.
 *
 * @param {Uint8Array} bytes
 * @param {number} [before]
 */
export function crc32(bytes, before = 0) {
  let value = ~before;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}

/** @param {Blob} blob */
async function crc32OfBlob(blob) {
  let value = 0;
  const reader = blob.stream().getReader();
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return value;
    value = crc32(chunk, value);
  }
}

/**
 * Returns the part that a file's own header and its entry in the directory share.
 *
 * @param {Uint8Array} name
 * @param {number} size
 * @param {number} checksum
 * @param {Date} date
 */
function fileHeader(name, size, checksum, date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const year = Math.max(0, date.getFullYear() - 1980);
  const day = (year << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return join(
    uint16(VERSION),
    uint16(UTF8),
    uint16(0),
    uint16(time),
    uint16(day),
    uint32(checksum),
    uint32(size),
    uint32(size),
    uint16(name.length),
    uint16(0),
  );
}

/** @param {number} value */
function uint16(value) {
  return new Uint8Array([value & 0xff, (value >> 8) & 0xff]);
}

/** @param {number} value */
function uint32(value) {
  return join(uint16(value & 0xffff), uint16(value >>> 16));
}

/** @param {Uint8Array[]} parts */
function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function makeTable() {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });
}
