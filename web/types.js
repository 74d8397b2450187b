/**
 * The types that the modules of this page share. They exist for the type checker and for readers;
 * nothing here runs.
 *
 * @module
 */

/**
 * An 8-bit RGB picture: rows from top to bottom, three bytes a pixel.
 *
 * @typedef {object} Picture
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {Uint8Array} data width * height * 3 bytes, RGB
 */

/**
 * Which bands of a file are used and which values become black and white, as in `PixelRule` of the
 * Python package; pix2pix.json has it under `reading.input`.
 *
 * @typedef {object} PixelRule
 * @property {number[] | null} bands numbers of the bands from 1: three, or one for gray
 * @property {"auto" | "dtype" | [number, number]} valueRange
 * @property {Color[] | null} [legend] the colors of class numbers, class 0 first
 */

/**
 * Red, green and blue.
 *
 * @typedef {[number, number, number]} Color
 */

/**
 * Where a model's files are. Either `id` or `folder` is set.
 *
 * @typedef {object} ModelSource
 * @property {string} [id] a public model of the Hub, such as "user/pix2pix-maps"
 * @property {string} [revision] commit, tag or branch; "main" if it is missing
 * @property {string} [sha256] the digest of generator.onnx that the deployment names
 * @property {string} [endpoint] the Hub's address; "https://huggingface.co" if it is missing
 * @property {string} [folder] a URL of a folder with the model's files, relative to the page
 */

/**
 * How far a download is.
 *
 * @typedef {object} DownloadProgress
 * @property {string} what what is loaded, for people: "model" or "runtime"
 * @property {number} bytes bytes that have arrived
 * @property {number} total all bytes; 0 where the server does not tell
 * @property {number} secondsLeft an estimate; NaN before there is one
 */

/** @typedef {"fit" | "full"} Mode */
/** @typedef {"wasm" | "webgpu"} Device */

/**
 * @typedef {object} LoadOptions
 * @property {(progress: DownloadProgress) => void} [onProgress]
 * @property {AbortSignal} [signal] cancels the loading
 * @property {Device | "auto"} [device] "auto" (default): see `session.js`
 * @property {number} [threads] threads of the CPU; default: one per core where the page is
 *   cross-origin isolated, at most 4, and one elsewhere and on iOS
 */

/**
 * @typedef {object} TranslateOptions
 * @property {Mode} [mode] "fit" (default): the whole picture at the training size; "full": every
 *   pixel, in blended tiles
 * @property {"left" | "right" | null} [half] translates only this half of a side-by-side pair
 * @property {Blob | null} [real] the real picture of a held-out sample, to compare the result with;
 *   the sample's pictures are read as plain RGB, without the model's rule for bands and values
 * @property {(done: number, total: number) => void} [onProgress] called after each tile
 * @property {AbortSignal} [signal] cancels the remaining tiles
 */

/**
 * One translation with all that the page shows of it.
 *
 * @typedef {object} Translation
 * @property {Blob} png the result: a lossless PNG of the picture's own size
 * @property {Blob} photo the picture as it was read, upright and over white, as a PNG
 * @property {Blob | null} real what the result is compared with, as a PNG: the other half of a
 *   side-by-side pair, or the `real` of the options where it has the result's size
 * @property {{l1: number, psnr: number} | null} closeness against `real`: gray levels of 255; dB
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {number} milliseconds from the decoded picture to the encoded result
 * @property {number} readMilliseconds from the file to the decoded picture
 * @property {string[]} notes sentences about how the file's values were read
 */

/**
 * What is known about a picture before it is translated.
 *
 * @typedef {object} PictureInfo
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {boolean} isPair whether it is about twice as wide as high, like two pictures side by
 *   side
 * @property {string[]} notes sentences about how the file's values were read
 */

export {};
