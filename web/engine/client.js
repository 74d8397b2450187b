/**
 * The page's side of the worker: sends requests, and starts a new worker after a crash.
 *
 * @module
 */

/** @import { ModelInfo } from "./model.js" */
/** @typedef {{onProgress?: (progress: any) => void, signal?: AbortSignal}} CallOptions */
/** @typedef {CallOptions & {resolve: (result: any) => void, reject: (error: Error) => void}} Pending */

import { Canceled, UserError } from "../errors.js";

const CRASHED =
  "The engine stopped unexpectedly, perhaps for want of memory: try again, or use a smaller picture.";
const NOT_STARTED =
  "The engine can't be started in this browser: reload the page, or update the browser to a version of 2023 or newer.";

/** One worker with one model, started anew when it is needed after a crash. */
export class Client {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<ModelInfo> | null} */
  #loading = null;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #lastId = 0;
  #isClosed = false;

  /** @param {Record<string, unknown>} params the parameters of the request "load" */
  constructor(params) {
    this.params = params;
  }

  /**
   * Starts a worker and loads the model.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<ModelInfo>}
   */
  async load(options = {}) {
    this.#start();
    this.#loading = this.#send("load", this.params, options);
    try {
      return await this.#loading;
    } catch (error) {
      this.#stop(new UserError(CRASHED));
      throw error;
    }
  }

  /**
   * Sends a request; requests are served in their order.
   *
   * @param {string} method
   * @param {object} params
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   * @throws {UserError}
   */
  async call(method, params, options = {}) {
    if (this.#isClosed) {
      throw new UserError("The model was closed: load it again.");
    }
    if (this.#worker === null) {
      await this.load();
    } else {
      await this.#loading;
    }
    return await this.#send(method, params, options);
  }

  /** Ends the worker; requests that wait are rejected. */
  close() {
    this.#isClosed = true;
    this.#stop(new Canceled());
  }

  #start() {
    const url = new URL("./worker.js", import.meta.url);
    // Browsers start no worker from another origin, but a worker may import a module from there.
    const source = `import ${JSON.stringify(url.href)};`;
    const isForeign = url.origin !== location.origin;
    const address = isForeign
      ? URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
      : url.href;
    const name = `pix2pix ${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
    const worker = new Worker(address, { type: "module", name });
    let hasStarted = false;
    const crash = () => {
      if (worker === this.#worker) {
        this.#stop(new UserError(hasStarted ? CRASHED : NOT_STARTED));
      }
    };
    worker.onmessage = ({ data }) => {
      hasStarted = true;
      if (data.holdsLock) {
        URL.revokeObjectURL(address);
        navigator.locks.request(name, crash);
      } else if (worker === this.#worker) {
        this.#receive(data);
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      crash();
    };
    this.#worker = worker;
  }

  /** @param {{id: number, progress?: any, result?: any, error?: {name: string, message: string}, isFatal?: boolean}} message */
  #receive({ id, progress, result, error, isFatal }) {
    const request = this.#pending.get(id);
    if (progress !== undefined) {
      request?.onProgress?.(progress);
      return;
    }
    this.#pending.delete(id);
    if (error === undefined) {
      request?.resolve(result);
    } else {
      request?.reject(error.name === "AbortError" ? new Canceled() : new UserError(error.message));
    }
    if (isFatal) {
      this.#stop(new UserError(CRASHED));
    }
  }

  /**
   * @param {string} method
   * @param {object} params
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  #send(method, params, { onProgress, signal }) {
    const id = ++this.#lastId;
    const worker = /** @type {Worker} */ (this.#worker);
    const cancel = () => worker.postMessage({ id, cancel: true });
    const answered = new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new Canceled());
        return;
      }
      this.#pending.set(id, { resolve, reject, onProgress });
      signal?.addEventListener("abort", cancel);
      worker.postMessage({ id, method, params });
    });
    return answered.finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** @param {Error} reason rejects the requests that wait */
  #stop(reason) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#loading = null;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) {
      reject(reason);
    }
  }
}
