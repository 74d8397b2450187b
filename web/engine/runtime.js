/**
 * Loads ONNX Runtime from the folder ort/ beside engine.js, and checks what the browser can do.
 *
 * @module
 */

/** @import { Device } from "../types.js" */
/** @typedef {typeof import("onnxruntime-web/wasm")} Runtime */

import { UserError } from "../errors.js";
import { download, Refused } from "./download.js";

const FOLDER = new URL("../ort/", import.meta.url);
/** @type {Record<Device, {module: string, binary: string}>} */
const BUILDS = {
  wasm: { module: "ort.wasm.bundle.min.mjs", binary: "ort-wasm-simd-threaded.wasm.gz" },
  webgpu: {
    module: "ort.webgpu.bundle.min.mjs",
    binary: "ort-wasm-simd-threaded.asyncify.wasm.gz",
  },
};
const MAX_BINARY_BYTES = 64e6;

/**
 * Throws an error when the browser lacks something that the engine can't do without.
 *
 * @throws {UserError}
 */
export function requireBrowser() {
  if (!isSecureContext) {
    throw new UserError(
      "This page was opened over http://, where browsers allow no check of the model: open it over https://.",
    );
  }
  if (typeof WebAssembly === "undefined") {
    throw new UserError(
      "This browser does not run WebAssembly, or its settings forbid it: allow it, or use another browser.",
    );
  }
  if (typeof DecompressionStream === "undefined" || typeof OffscreenCanvas === "undefined") {
    throw new UserError(
      "This browser is too old for this page: update it to a version of 2023 or newer.",
    );
  }
}

/**
 * Loads ONNX Runtime's build for a device.
 *
 * @param {Device} device
 * @param {number} threads
 * @param {{onBytes?: (bytes: number, total: number) => void, signal?: AbortSignal}} [options]
 * @returns {Promise<Runtime>}
 * @throws {UserError} when a file is missing or can't be downloaded
 */
export async function loadRuntime(device, threads, { onBytes, signal } = {}) {
  const { module, binary } = BUILDS[device];
  const [ort, compressed] = await Promise.all([
    importModule(new URL(module, FOLDER).href),
    downloadBinary(new URL(binary, FOLDER).href, onBytes, signal),
  ]);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = await inflate(compressed, binary);
  return ort;
}

/**
 * @param {string} url
 * @returns {Promise<Runtime>}
 */
async function importModule(url) {
  try {
    return await import(url);
  } catch {
    throw incomplete(url);
  }
}

/**
 * @param {string} url
 * @param {((bytes: number, total: number) => void) | undefined} onBytes
 * @param {AbortSignal | undefined} signal
 */
async function downloadBinary(url, onBytes, signal) {
  try {
    // Through the browser's cache: unlike a model, this file is not kept elsewhere.
    return await download(url, { limit: MAX_BINARY_BYTES, onBytes, signal, cache: "default" });
  } catch (error) {
    throw error instanceof Refused ? incomplete(url) : error;
  }
}

/** @param {string} url */
function incomplete(url) {
  const name = url.slice(url.lastIndexOf("/") + 1);
  return new UserError(
    `ONNX Runtime can't be loaded: ort/${name} is missing or unreadable. Reload the page, or deploy it again.`,
  );
}

/**
 * Returns WebAssembly, inflated where the server has not done it already.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} name of the file
 * @returns {Promise<ArrayBuffer>}
 * @throws {UserError} when it is something else, such as a page of the server
 */
async function inflate(bytes, name) {
  try {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const gzip = () => new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const binary = isGzip ? await new Response(gzip()).arrayBuffer() : bytes.buffer;
    if (new TextDecoder().decode(new Uint8Array(binary, 0, 4)) === "\0asm") {
      return binary;
    }
  } catch {
    // is damaged
  }
  throw incomplete(name);
}
