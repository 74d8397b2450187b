/**
 * A model with what the tabs show of it. All of it comes from files that anybody may have written,
 * so whatever is damaged is left out.
 *
 * @module
 */

import { labelsFor } from "./labels.js";

/** @import { Model } from "../engine.js" */
/** @import { Wanted } from "./deployment.js" */
/** @import { RunOptions } from "./loading.js" */

/** The metrics that are shown below a sample. */
const SCORES = ["l1", "psnr", "ssim"];
const SAMPLE_NAME = /^\w{1,64}$/;
const MAX_SAMPLES = 100;
export const STARTER_FOLDER = "starter_model";

/**
 * A held-out pair with the scores of its translation.
 *
 * @typedef {object} Sample
 * @property {string} name "000"
 * @property {{l1: number, psnr: number, ssim: number}} scores
 */

/** @typedef {"input" | "generated" | "target"} SampleKind */

export class LoadedModel {
  /**
   * @param {Model} model
   * @param {Wanted} wanted how it was asked for
   * @param {RunOptions} options what the visitor chose for it
   */
  constructor(model, wanted, options) {
    this.model = model;
    this.wanted = wanted;
    this.options = options;
    this.labels = labelsFor(model.description);
    /** The content of metrics.json, or null. @type {Record<string, any> | null} */
    this.metrics = null;
    /** @type {Sample[]} */
    this.samples = [];
    /** @type {Map<string, Promise<Blob | null>>} */
    this.files = new Map();
  }

  /** Reads the metrics and the list of samples. */
  async readMetrics() {
    try {
      const metrics = JSON.parse((await this.readText("metrics.json")) ?? "null");
      if (isObject(metrics) && isObject(metrics.metrics)) this.metrics = metrics;
    } catch {
      this.metrics = null;
    }
    this.samples = findSamples(this.metrics?.samples);
  }

  /** What the model is called on the page. */
  get name() {
    return this.model.id ?? nameFolder(this.wanted);
  }

  /** The page of the served commit on the Hub, or null. */
  get url() {
    const { id, revision } = this.model;
    return id && revision ? `${this.wanted.endpoint}/${id}/tree/${revision}` : null;
  }

  /**
   * Returns a picture of a sample, or null where it can't be read.
   *
   * @param {Sample} sample
   * @param {SampleKind} kind
   */
  async readPicture(sample, kind) {
    const path = `samples/${sample.name}-${kind}.png`;
    if (!this.files.has(path))
      this.files.set(
        path,
        this.model.readFile(path).catch(() => null),
      );
    return (await this.files.get(path)) ?? null;
  }

  /**
   * Returns the text of one of the model's files, or null where it can't be read.
   *
   * @param {string} path
   */
  async readText(path) {
    try {
      return (await (await this.model.readFile(path))?.text()) ?? null;
    } catch {
      return null;
    }
  }
}

/**
 * Returns what a model beside index.html is called on the page.
 *
 * @param {Wanted} wanted
 */
export function nameFolder({ source, name }) {
  if (name) return `the starter model "${name}"`;
  return source.folder === STARTER_FOLDER ? "the starter model" : "this folder's model";
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number} whether it is a finite number */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** @param {unknown} entries "samples" of metrics.json @returns {Sample[]} those that are complete */
function findSamples(entries) {
  if (!Array.isArray(entries)) return [];
  return entries
    .filter((entry) => isObject(entry) && SAMPLE_NAME.test(String(entry.name)))
    .filter((entry) => SCORES.every((key) => isNumber(entry[key])))
    .slice(0, MAX_SAMPLES)
    .map(({ name, l1, psnr, ssim }) => ({ name: String(name), scores: { l1, psnr, ssim } }));
}
