/**
 * Converts between pictures and the network's tensors, to the same bits as `pix2pix/images.py`.
 *
 * @module
 */

/** @import { Picture } from "../types.js" */

const TENSOR_VALUES = Float32Array.from(
  { length: 256 },
  (_, value) => Math.fround(value / 127.5) - 1,
);

/**
 * Converts a picture to float32 values in [-1, 1], of shape (1, height, width, channels).
 *
 * @param {Picture} picture
 * @param {number} [channels] 3, or 1 for gray
 * @returns {Float32Array}
 */
export function toTensor({ data }, channels = 3) {
  if (channels === 3) {
    const colors = new Float32Array(data.length);
    for (let index = 0; index < data.length; index++) {
      colors[index] = TENSOR_VALUES[data[index]];
    }
    return colors;
  }
  const tensor = new Float32Array(data.length / 3);
  for (let index = 0, from = 0; index < tensor.length; index++, from += 3) {
    tensor[index] = TENSOR_VALUES[luma(data[from], data[from + 1], data[from + 2])];
  }
  return tensor;
}

/**
 * Returns the gray level of a color (ITU-R 601-2), as Pillow's mode L.
 *
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
export function luma(red, green, blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/**
 * Converts float32 values in [-1, 1] to a picture; one channel becomes gray.
 *
 * @param {Float32Array} tensor of shape (1, height, width, channels), channels 1 or 3
 * @param {number} width
 * @param {number} height
 * @returns {Picture}
 */
export function toPicture(tensor, width, height) {
  const data = new Uint8Array(width * height * 3);
  // This type clips what is stored, and rounds it to the nearest number, halves to the even one.
  const rounded = new Uint8ClampedArray(data.buffer);
  const channels = tensor.length / (width * height);
  if (channels === 3) {
    for (let index = 0; index < tensor.length; index++) {
      rounded[index] = toLevel(tensor[index]);
    }
  } else {
    for (let index = 0; index < tensor.length; index++) {
      rounded.fill(toLevel(tensor[index]), index * 3, index * 3 + 3);
    }
  }
  return { width, height, data };
}

/** @param {number} value */
function toLevel(value) {
  return Math.fround(Math.fround(value + 1) * 127.5);
}
