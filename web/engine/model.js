/**
 * A loaded model inside the worker, which reads, translates and writes pictures.
 *
 * @module
 */

/** @import { Device, DownloadProgress, Mode, ModelSource, Picture, PictureInfo, Translation } from "../types.js" */
/** @import { Description } from "./description.js" */
/** @import { FoundModel } from "./fetching.js" */
/** @import { RunsOn } from "./session.js" */

import { closeness, Geometry, looksLikePair, splitPair } from "../pixels/geometry.js";
import { encodePng } from "../pixels/png.js";
import { readPicture } from "../pixels/read.js";
import { toRgb, toRgba } from "../pixels/rgba.js";
import { translatePicture } from "../pixels/translate.js";
import { chooseBands } from "../pixels/values.js";
import { storeRecord } from "./cache.js";
import { parseDescription } from "./description.js";
import { throwIfCanceled } from "./download.js";
import { fetchFile, fetchFound, fetchGraph } from "./fetching.js";
import { loadRuntime, requireBrowser } from "./runtime.js";
import { Generator } from "./session.js";
import { cacheName, describeSource, requireSameDigest } from "./source.js";

const MILLISECONDS_BETWEEN_REPORTS = 100;

/**
 * What a request may report and obey while it is served.
 *
 * @typedef {object} Context
 * @property {(progress: any) => void} onProgress
 * @property {AbortSignal} signal
 */

/**
 * @typedef {object} ModelInfo
 * @property {string | null} id
 * @property {string | null} revision the commit
 * @property {string} sha256 of generator.onnx
 * @property {Record<string, any>} description
 * @property {RunsOn} runsOn
 */

/**
 * Loads a model.
 *
 * @param {{source: ModelSource, device: Device | "auto", threads: number}} params
 * @param {Context} context
 */
export async function loadModel({ source, device, threads }, { onProgress, signal }) {
  requireBrowser();
  const meter = (/** @type {string} */ what) => meterDownload(what, onProgress);
  const runtime = loadRuntime("wasm", threads, { onBytes: meter("runtime"), signal });
  runtime.catch(() => {}); // is reported below, unless there is no model to run
  const found = await fetchFound(source, signal);
  const description = parseDescription(found.description, describeSource(source));
  requireSameDigest(source, description);
  const generator = new Generator({
    description,
    threads,
    runtime,
    loadGraph: () => fetchGraph(source, found, meter("model"), signal),
  });
  await generator.use(device, { onBytes: meter("runtime"), signal });
  // Also under its commit, for the page that is deployed with it and for a restart.
  const names = [cacheName(source), cacheName(source, found.commit)];
  await storeRecord(names, found);
  return new LoadedModel(source, found, description, generator);
}

/** A model that is ready to translate. */
class LoadedModel {
  /**
   * @param {ModelSource} source
   * @param {FoundModel} found
   * @param {Description} description
   * @param {Generator} generator
   */
  constructor(source, found, description, generator) {
    this.source = source;
    this.found = found;
    this.description = description;
    this.generator = generator;
    this.geometry = Geometry.ofModel(description.content);
  }

  /** @returns {ModelInfo} */
  get info() {
    return {
      id: this.source.id ?? null,
      revision: this.found.commit,
      sha256: this.found.digest,
      description: this.description.content,
      runsOn: this.generator.runsOn,
    };
  }

  /**
   * @param {{device: Device | "auto"}} params
   * @param {Context} context
   */
  async useDevice({ device }, { onProgress, signal }) {
    await this.generator.use(device, { onBytes: meterDownload("runtime", onProgress), signal });
    return this.generator.runsOn;
  }

  /**
   * @param {{picture: Blob}} params
   * @returns {Promise<PictureInfo>}
   */
  async inspect({ picture }) {
    const { picture: read, notes } = await readPicture(picture, this.description.rule);
    const { width, height } = read;
    return { width, height, isPair: looksLikePair(read), notes };
  }

  /**
   * @param {{picture: Blob, mode: Mode, half?: "left" | "right" | null, real?: Blob | null,
   *   details: boolean}} params without `details`, only the result is made
   * @param {Context} context
   * @returns {Promise<Translation>}
   */
  async translate({ picture, mode, half, real, details }, { onProgress, signal }) {
    const begin = performance.now();
    const { picture: read, notes } = await readPicture(
      picture,
      real ? undefined : this.description.rule,
    );
    const start = performance.now();
    await receiveMessages(signal);
    const { input, target } = half ? splitPair(read, half) : { input: read, target: null };
    const result = await translatePicture(input, mode, {
      geometry: this.geometry,
      side: this.description.side,
      generate: async (tile) => {
        await receiveMessages(signal);
        return await this.generator.generate(tile);
      },
      onTile: (done, total) => onProgress({ done, total }),
    });
    await receiveMessages(signal);
    const png = await encodePng(result);
    const milliseconds = performance.now() - start;
    const { width, height } = result;
    const made = { png, width, height, milliseconds, readMilliseconds: start - begin, notes };
    if (!details) {
      return { ...made, photo: png, real: null, closeness: null };
    }
    const compared = target ?? (real ? (await readPicture(real)).picture : null);
    const isComparable = compared?.width === width && compared.height === height;
    return {
      ...made,
      photo: await encodePng(input),
      real: isComparable ? await encodePng(compared) : null,
      closeness: isComparable ? closeness(result, compared) : null,
    };
  }

  /**
   * @param {{pixels: Uint8ClampedArray, width: number, height: number}} params
   * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>}
   */
  async translatePixels({ pixels, width, height }) {
    const { rule, side } = this.description;
    const picture = { width, height, data: toRgb(pixels, chooseBands(3, rule.bands)) };
    const { geometry, generator } = this;
    const generate = (/** @type {Picture} */ tile) => generator.generate(tile);
    const result = await translatePicture(picture, "fit", { geometry, side, generate });
    return toRgba(result);
  }

  /**
   * @param {{path: string}} params
   * @param {Context} context
   * @returns {Promise<Blob | null>}
   */
  async readFile({ path }, { signal }) {
    return await fetchFile(this.source, this.found, path, signal);
  }
}

/**
 * Returns a function that turns arrived bytes into progress reports, a few each second.
 *
 * @param {string} what
 * @param {(progress: DownloadProgress) => void} report
 */
function meterDownload(what, report) {
  const start = performance.now();
  let last = -Infinity;
  return (/** @type {number} */ bytes, /** @type {number} */ total) => {
    const now = performance.now();
    if (now >= last + MILLISECONDS_BETWEEN_REPORTS || bytes === total) {
      last = now;
      const secondsLeft = total ? ((now - start) / 1000) * (total / bytes - 1) : Number.NaN;
      report({ what, bytes, total, secondsLeft });
    }
  };
}

/**
 * Lets the worker receive messages, among them the one that cancels a request.
 *
 * @param {AbortSignal} signal
 * @throws {UserError} when it was canceled
 */
async function receiveMessages(signal) {
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  port1.close();
  throwIfCanceled(signal);
}
