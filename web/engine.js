/**
 * Translates pictures with a published pix2pix generator, in the browser and without a server.
 *
 *     import { loadModel } from "./engine.js";
 *
 *     const model = await loadModel("<id>@<revision>", { onProgress: console.log });
 *     const png = await model.translate(blob, { mode: "fit" });
 *
 * The page of any site may import this module from the address of a browser Space. It defines no
 * globals. Each model has a worker of its own, which downloads, reads, translates and writes
 * pictures, so that the page stays responsive. All errors are a `UserError` with one sentence for
 * people, or, after an `AbortSignal`, an error named "AbortError".
 *
 * @module
 */

/** @import { Device, DownloadProgress, LoadOptions, ModelSource, PictureInfo, Translation, TranslateOptions } from "./types.js" */
/** @import { ModelInfo } from "./engine/model.js" */
/** @import { RunsOn } from "./engine/session.js" */

import { Client } from "./engine/client.js";
import { parseName } from "./engine/source.js";
import { UserError } from "./errors.js";

export { UserError };

// More threads make a network of this size hardly faster, and each takes memory.
const MAX_THREADS = 4;

/**
 * Loads a model into a worker of its own.
 *
 * @param {string | ModelSource} name "id" or "id@revision" on the Hub, or where else its files are
 * @param {LoadOptions} [options]
 * @returns {Promise<Model>}
 * @throws {UserError} when the model can't be found, downloaded, checked or run
 */
export async function loadModel(name, { onProgress, signal, device = "auto", threads } = {}) {
  const source = parseName(name, document.baseURI);
  const client = new Client({ source, device, threads: chooseThreads(threads) });
  const info = await client.load({ onProgress, signal });
  // After a crash, the same commit is loaded again.
  client.params = {
    ...client.params,
    source: { ...source, revision: info.revision ?? undefined, sha256: info.sha256 },
  };
  return new Model(client, info);
}

/** A loaded model. */
export class Model {
  #client;

  /**
   * Is for `loadModel` only.
   *
   * @param {Client} client
   * @param {ModelInfo} info
   */
  constructor(client, info) {
    this.#client = client;
    /** The id on the Hub; null for a folder. @type {string | null} */
    this.id = info.id;
    /** The commit on the Hub; null for a folder. @type {string | null} */
    this.revision = info.revision;
    /** The SHA-256 of generator.onnx. @type {string} */
    this.sha256 = info.sha256;
    /** The content of pix2pix.json. @type {Record<string, any>} */
    this.description = info.description;
    /** Where it runs; the note says how a trial of WebGPU ended. @type {RunsOn} */
    this.runsOn = info.runsOn;
  }

  /**
   * Translates a picture file; returns a PNG of the picture's own size.
   *
   * Several calls at once are served one after the other.
   *
   * @param {Blob} picture any size; PNG, JPEG, WebP, AVIF, GIF or BMP
   * @param {TranslateOptions} [options]
   * @returns {Promise<Blob>}
   * @throws {UserError} when the picture can't be read or is too large
   */
  async translate(picture, options = {}) {
    return (await this.#translate(picture, options, false)).png;
  }

  /**
   * Translates a picture file; returns the result with all that the page shows of it.
   *
   * @param {Blob} picture
   * @param {TranslateOptions} [options]
   * @returns {Promise<Translation>}
   */
  async translateWithDetails(picture, options = {}) {
    return await this.#translate(picture, options, true);
  }

  /**
   * @param {Blob} picture
   * @param {TranslateOptions} options
   * @param {boolean} details
   * @returns {Promise<Translation>}
   */
  async #translate(picture, { mode = "fit", half, real, onProgress, signal }, details) {
    if (mode !== "fit" && mode !== "full") {
      throw new UserError(`The mode "${mode}" is unknown; choose fit or full.`);
    }
    const params = { picture: requireBlob(picture), mode, half, real, details };
    /** @type {(tiles: {done: number, total: number}) => void} */
    const report = ({ done, total }) => onProgress?.(done, total);
    return await this.#client.call("translate", params, { onProgress: report, signal });
  }

  /**
   * Translates pixels as `translate` does a PNG of them in the mode "fit", without the files.
   *
   * @param {Uint8ClampedArray} pixels four bytes (RGBA) a pixel; the opacity does not count
   * @param {number} width pixels; quickest is the network's own size, `image_size`
   * @param {number} height
   * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>} opaque, of the same size
   * @throws {UserError}
   */
  async translatePixels(pixels, width, height) {
    const isWhole = Number.isSafeInteger(width) && width > 0 && Number.isSafeInteger(height);
    if (!isWhole || pixels?.length !== width * height * 4) {
      throw new UserError("Pixels are RGBA: four bytes for each of width * height.");
    }
    return await this.#client.call("translatePixels", { pixels, width, height });
  }

  /**
   * Reads a picture's size, and whether it looks like a side-by-side pair.
   *
   * @param {Blob} picture
   * @returns {Promise<PictureInfo>}
   * @throws {UserError} when the picture can't be read or is too large
   */
  async inspect(picture) {
    return await this.#client.call("inspect", { picture: requireBlob(picture) });
  }

  /**
   * Returns another file of the model, such as metrics.json or samples/000-input.png.
   *
   * @param {string} path
   * @returns {Promise<Blob | null>} null when the model has no such file
   * @throws {UserError} when it can't be downloaded
   */
  async readFile(path) {
    return await this.#client.call("readFile", { path });
  }

  /**
   * Chooses where the model runs; `runsOn` has the choice and the reason.
   *
   * @param {Device | "auto"} device "wasm": the CPU; "webgpu": WebGPU even if it is slower or has
   *   other pixels; "auto": WebGPU if it is faster and its pixels are the same within a gray level
   * @param {{onProgress?: (progress: DownloadProgress) => void, signal?: AbortSignal}} [options]
   * @returns {Promise<RunsOn>}
   */
  async useDevice(device, options = {}) {
    this.runsOn = await this.#client.call("useDevice", { device }, options);
    this.#client.params = { ...this.#client.params, device };
    return this.runsOn;
  }

  /** Ends the worker and frees its memory. */
  close() {
    this.#client.close();
  }
}

/**
 * Returns how many threads of the CPU a translation uses.
 *
 * @param {number} [wanted]
 */
function chooseThreads(wanted) {
  // On iPhones and iPads, threads can hang or run out of memory. An iPad calls itself a Mac, but
  // has a touch screen.
  const { platform, maxTouchPoints, hardwareConcurrency } = navigator;
  const isIos = /^iP/.test(platform) || (platform === "MacIntel" && maxTouchPoints > 1);
  const most = isIos ? 1 : MAX_THREADS;
  return crossOriginIsolated ? Math.max(1, Math.min(wanted ?? most, hardwareConcurrency || 1)) : 1;
}

/**
 * @param {unknown} picture
 * @returns {Blob}
 */
function requireBlob(picture) {
  if (picture instanceof Blob) {
    return picture;
  }
  throw new UserError(
    "A picture is a Blob, such as a File of an <input> or the body of a response.",
  );
}
