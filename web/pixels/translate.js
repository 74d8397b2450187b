/**
 * Translates a picture of any size in the modes `fit` and `full`, as the Python `Translator` does.
 *
 * @module
 */

/** @import { Mode, Picture } from "../types.js" */
/** @import { Geometry } from "./geometry.js" */

import { resize } from "./resample.js";
import { translateInTiles } from "./tiles.js";

/**
 * Translates a picture; the result has its size.
 *
 * @param {Picture} picture
 * @param {Mode} mode
 * @param {object} network
 * @param {Geometry} network.geometry in which proportions it was shown its training pairs
 * @param {number} network.side its image size, `config.image_size` in pix2pix.json
 * @param {(tile: Picture) => Promise<Picture>} network.generate translates a square of this size
 * @param {(done: number, total: number) => void} [network.onTile] called after each tile; cancels
 *   the others by throwing
 * @returns {Promise<Picture>}
 */
export async function translatePicture(picture, mode, { geometry, side, generate, onTile }) {
  const { width, height } = mode === "fit" ? geometry.scaledSize(picture, side) : picture;
  const shown = resize(picture, width, height);
  const result = await translateInTiles(shown, side, generate, onTile);
  return resize(result, picture.width, picture.height);
}
