/**
 * Translates large pictures with a network of fixed size, in overlapping tiles that are blended, to
 * the same bits as `pix2pix/tiles.py`.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

import { roundHalfEven } from "./geometry.js";

/**
 * Translates a picture tile by tile, row by row.
 *
 * Besides the picture and the result, one row of tiles is in memory.
 *
 * @param {Picture} picture one that is smaller than a tile is extended by reflection
 * @param {number} tile side of the tiles in pixels
 * @param {(tile: Picture) => Promise<Picture>} generate the network, for one tile
 * @param {(done: number, total: number) => void} [onTile] called after each tile; cancels the
 *   others by throwing
 * @returns {Promise<Picture>} of the picture's size
 */
export async function translateInTiles(picture, tile, generate, onTile = () => {}) {
  const { width, height } = picture;
  const paddedWidth = Math.max(width, tile);
  const tops = tileOrigins(Math.max(height, tile), tile);
  const lefts = tileOrigins(paddedWidth, tile);
  const total = tops.length * lefts.length;
  const band = new Band(paddedWidth, tile);
  /** @type {Picture} */
  const result = { width, height, data: new Uint8Array(width * height * 3) };
  for (const [row, top] of tops.entries()) {
    for (const [column, left] of lefts.entries()) {
      band.add(await generate(cropMirrored(picture, left, top, tile)), left);
      if (column + 1 < lefts.length) {
        onTile(row * lefts.length + column + 1, total);
      }
    }
    // Pixel rows above the next row of tiles are final; the others are carried over to it.
    const final = row + 1 < tops.length ? tops[row + 1] - top : tile;
    band.finish(result, top, final);
    onTile((row + 1) * lefts.length, total);
  }
  return result;
}

/** The weighted sums of one row of tiles, in float32 as NumPy computes them. */
class Band {
  /**
   * @param {number} width
   * @param {number} tile
   */
  constructor(width, tile) {
    this.width = width;
    this.tile = tile;
    this.weights = blendWeights(tile);
    this.sums = new Float32Array(tile * width * 3);
    this.weightSums = new Float32Array(tile * width);
  }

  /**
   * Adds a translated tile whose left side is at `left`.
   *
   * @param {Picture} translated
   * @param {number} left
   */
  add({ data }, left) {
    const { tile, width, weights, sums, weightSums } = this;
    for (let y = 0, from = 0; y < tile; y++) {
      for (let x = 0, to = y * width + left; x < tile; x++, from++, to++) {
        const weight = weights[from];
        weightSums[to] += weight;
        sums[to * 3] += Math.fround(weight * data[from * 3]);
        sums[to * 3 + 1] += Math.fround(weight * data[from * 3 + 1]);
        sums[to * 3 + 2] += Math.fround(weight * data[from * 3 + 2]);
      }
    }
  }

  /**
   * Writes the first `count` rows into `result` from row `top` on, and moves the others up.
   *
   * @param {Picture} result
   * @param {number} top
   * @param {number} count
   */
  finish(result, top, count) {
    const { tile, width, sums, weightSums } = this;
    // This type rounds what is stored to the nearest number, and halves to the even one.
    const rounded = new Uint8ClampedArray(result.data.buffer, result.data.byteOffset);
    for (let y = 0; y < Math.min(count, result.height - top); y++) {
      let to = (top + y) * result.width * 3;
      for (let from = y * width; from < y * width + result.width; from++, to += 3) {
        const weight = weightSums[from];
        rounded[to] = Math.fround(sums[from * 3] / weight);
        rounded[to + 1] = Math.fround(sums[from * 3 + 1] / weight);
        rounded[to + 2] = Math.fround(sums[from * 3 + 2] / weight);
      }
    }
    sums.copyWithin(0, count * width * 3).fill(0, (tile - count) * width * 3);
    weightSums.copyWithin(0, count * width).fill(0, (tile - count) * width);
  }
}

/**
 * Returns evenly spread tile origins that cover `length` and overlap by about a quarter tile.
 *
 * @param {number} length
 * @param {number} tile
 * @returns {number[]}
 */
export function tileOrigins(length, tile) {
  const last = length - tile;
  const steps = Math.ceil(last / (tile - Math.floor(tile / 4)));
  // All but the last are even: the network's pattern of period 2 is then in step in neighbors.
  const origins = Array.from(
    { length: steps },
    (_, index) => 2 * roundHalfEven((index * (last / steps)) / 2),
  );
  return [...origins, last];
}

/**
 * Returns tile * tile float32 weights that fall to nearly 0 over a tile's outer quarter.
 *
 * @param {number} tile
 */
function blendWeights(tile) {
  const width = Math.floor(tile / 4) + 1;
  const ramp = Array.from({ length: tile }, (_, index) => {
    const distance = Math.min(index + 1, tile - index, width);
    return Math.sin(((Math.PI / 2) * distance) / width) ** 2;
  });
  const weights = new Float32Array(tile * tile);
  for (let y = 0, index = 0; y < tile; y++) {
    for (let x = 0; x < tile; x++, index++) {
      weights[index] = ramp[y] * ramp[x];
    }
  }
  return weights;
}

/**
 * Returns a square part of a picture, which is extended by reflection at the right and bottom.
 *
 * @param {Picture} picture
 * @param {number} left
 * @param {number} top
 * @param {number} side
 * @returns {Picture}
 */
function cropMirrored(picture, left, top, side) {
  const { width, height, data } = picture;
  const result = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const row = reflect(top + y, height) * width;
    const inside = Math.min(side, width - left);
    const start = (row + left) * 3;
    result.set(data.subarray(start, start + inside * 3), y * side * 3);
    for (let x = inside; x < side; x++) {
      const from = (row + reflect(left + x, width)) * 3;
      result.set(data.subarray(from, from + 3), (y * side + x) * 3);
    }
  }
  return { width: side, height: side, data: result };
}

/**
 * @param {number} index
 * @param {number} length
 */
function reflect(index, length) {
  const position = index % (2 * length);
  return position < length ? position : 2 * length - 1 - position;
}
