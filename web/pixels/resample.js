/**
 * Resizes pictures with the antialiased bicubic filter of Pillow, to the same bits.
 *
 * The filter is that of training and of the Python package. A browser's `drawImage` has another one,
 * which makes a network's input, and so its translation, differ by many gray levels.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

// Pillow's fixed point numbers: 32 bits, less 8 for the value and 2 for sums beyond it.
const PRECISION = 22;
const SUPPORT = 2;
const CHANNELS = 3;

/**
 * Resizes a picture; returns the picture itself when it has that size already.
 *
 * @param {Picture} picture
 * @param {number} width pixels, at least 1
 * @param {number} height pixels, at least 1
 * @returns {Picture}
 */
export function resize(picture, width, height) {
  let { data } = picture;
  if (width !== picture.width) {
    data = resizeRows(data, picture.width, picture.height, width);
  }
  if (height !== picture.height) {
    data = resizeColumns(data, width * CHANNELS, picture.height, height);
  }
  return data === picture.data ? picture : { width, height, data };
}

/**
 * The filter's coefficients in fixed point for each pixel of a row or column of the result.
 *
 * @typedef {object} Filter
 * @property {Int32Array} starts the first pixel of the source that counts
 * @property {Int32Array} counts how many pixels of the source count
 * @property {Int32Array} coefficients `taps` numbers for each pixel of the result
 * @property {number} taps
 */

/**
 * Returns the filter that resizes `from` pixels to `to`, as Pillow's `precompute_coeffs`.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Filter}
 */
function makeFilter(from, to) {
  const scale = from / to;
  // The kernel grows with the reduction, so that it averages all pixels of the source.
  const stretch = Math.max(scale, 1);
  const support = SUPPORT * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const coefficients = new Int32Array(to * taps);
  const weights = new Float64Array(taps);
  for (let index = 0; index < to; index++) {
    const center = (index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      weights[tap] = bicubic((tap + start - center + 0.5) * (1 / stretch));
      sum += weights[tap];
    }
    for (let tap = 0; tap < count; tap++) {
      const weight = sum === 0 ? weights[tap] : weights[tap] / sum;
      coefficients[index * taps + tap] = Math.trunc(
        (weight < 0 ? -0.5 : 0.5) + weight * 2 ** PRECISION,
      );
    }
    starts[index] = start;
    counts[index] = count;
  }
  return { starts, counts, coefficients, taps };
}

/** @param {number} x */
function bicubic(x) {
  const distance = Math.abs(x);
  if (distance < 1) {
    return (1.5 * distance - 2.5) * distance * distance + 1;
  }
  return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * -0.5 : 0;
}

/**
 * @param {Uint8Array} source
 * @param {number} width of the source
 * @param {number} height
 * @param {number} newWidth
 */
function resizeRows(source, width, height, newWidth) {
  const { starts, counts, coefficients, taps } = makeFilter(width, newWidth);
  // Clamped, because the filter goes beyond black and white at edges.
  const result = new Uint8ClampedArray(newWidth * height * CHANNELS);
  let target = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * CHANNELS;
    for (let x = 0; x < newWidth; x++) {
      let red = 1 << (PRECISION - 1);
      let green = red;
      let blue = red;
      let position = row + starts[x] * CHANNELS;
      const first = x * taps;
      const end = first + counts[x];
      for (let tap = first; tap < end; tap++) {
        const coefficient = coefficients[tap];
        red = (red + Math.imul(source[position], coefficient)) | 0;
        green = (green + Math.imul(source[position + 1], coefficient)) | 0;
        blue = (blue + Math.imul(source[position + 2], coefficient)) | 0;
        position += CHANNELS;
      }
      result[target] = red >> PRECISION;
      result[target + 1] = green >> PRECISION;
      result[target + 2] = blue >> PRECISION;
      target += CHANNELS;
    }
  }
  return new Uint8Array(result.buffer);
}

/**
 * @param {Uint8Array} source
 * @param {number} stride bytes of a row
 * @param {number} height of the source
 * @param {number} newHeight
 */
function resizeColumns(source, stride, height, newHeight) {
  const { starts, counts, coefficients, taps } = makeFilter(height, newHeight);
  const result = new Uint8ClampedArray(stride * newHeight);
  const sums = new Int32Array(stride);
  for (let y = 0; y < newHeight; y++) {
    sums.fill(1 << (PRECISION - 1));
    for (let tap = 0; tap < counts[y]; tap++) {
      const coefficient = coefficients[y * taps + tap];
      const row = (starts[y] + tap) * stride;
      for (let x = 0; x < stride; x++) {
        sums[x] = (sums[x] + Math.imul(source[row + x], coefficient)) | 0;
      }
    }
    const row = y * stride;
    for (let x = 0; x < stride; x++) {
      result[row + x] = sums[x] >> PRECISION;
    }
  }
  return new Uint8Array(result.buffer);
}
