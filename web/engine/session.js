/**
 * Runs a generator on the CPU (WebAssembly) or on WebGPU, and decides between them.
 *
 * The CPU is the reference: WebGPU is used only where its translation of a test picture has the
 * same pixels within one gray level, and comes faster. WebGPU's runtime has 6 MB more to download,
 * so that it is tried only where a picture takes the CPU long.
 *
 * @module
 */

/** @import { Device, Picture } from "../types.js" */
/** @import { Description } from "./description.js" */
/** @import { Runtime } from "./runtime.js" */
/** @typedef {{device: Device, threads: number, note: string}} RunsOn */
/** @typedef {import("onnxruntime-web/wasm").InferenceSession} InferenceSession */
/** @typedef {(bytes: number, total: number) => void} OnBytes */

import { Canceled, UserError } from "../errors.js";
import { toPicture, toTensor } from "../pixels/tensors.js";
import { throwIfCanceled } from "./download.js";
import { loadRuntime } from "./runtime.js";

// Translations that are faster than this stay on the CPU: nobody waits for them.
const FAST_MILLISECONDS = 200;
const TOLERANCE = 1;

/** One generator, ready to translate. */
export class Generator {
  /** @type {Record<Device, {ort: Runtime, session: InferenceSession} | null>} */
  #loaded = { wasm: null, webgpu: null };
  #description;
  #loadGraph;
  #threads;
  #cpuRuntime;

  /**
   * @param {object} parts
   * @param {Description} parts.description
   * @param {() => Promise<Uint8Array>} parts.loadGraph returns the content of generator.onnx
   * @param {number} parts.threads threads of the CPU
   * @param {Promise<Runtime>} parts.runtime the runtime for the CPU, with as many threads
   */
  constructor({ description, loadGraph, threads, runtime }) {
    this.#description = description;
    this.#loadGraph = loadGraph;
    this.#threads = threads;
    this.#cpuRuntime = runtime;
    /** @type {RunsOn} */
    this.runsOn = { device: "wasm", threads, note: "" };
  }

  /**
   * Gets ready to translate, and chooses where.
   *
   * @param {Device | "auto"} device
   * @param {{onBytes?: OnBytes, signal?: AbortSignal}} [options]
   * @throws {UserError} when the runtime or the graph can't be loaded
   */
  async use(device, options = {}) {
    await this.#start("wasm", options);
    this.runsOn = { device: "wasm", threads: this.#threads, note: "" };
    if (device === "wasm") {
      return;
    }
    if (!(await hasWebGpu())) {
      this.runsOn.note =
        device === "webgpu" ? "This browser has no WebGPU, so the CPU is used." : "";
      return;
    }
    const cpu = await this.#measure("wasm");
    if (device === "auto" && cpu.milliseconds < FAST_MILLISECONDS) {
      return;
    }
    try {
      await this.#start("webgpu", options);
      const gpu = await this.#measure("webgpu");
      this.#decide(device, cpu, gpu);
    } catch (error) {
      if (error instanceof Canceled || options.signal?.aborted) {
        throw error;
      }
      this.runsOn.note = "WebGPU was tried: it can't run this model, so the CPU is used.";
    }
    if (this.runsOn.device === "wasm") {
      await this.#release("webgpu");
    }
  }

  /**
   * Chooses the device after both have translated the test picture.
   *
   * @param {Device | "auto"} device
   * @param {Measured} cpu
   * @param {Measured} gpu
   */
  #decide(device, cpu, gpu) {
    const levels = largestDifference(cpu.picture, gpu.picture);
    const times = cpu.milliseconds / gpu.milliseconds;
    const isSame = levels <= TOLERANCE;
    const speed =
      times >= 1 ? `${times.toFixed(1)} times faster` : `${(1 / times).toFixed(1)} times slower`;
    const pixels = isSame ? "same pixels" : `it differs by up to ${levels} gray levels`;
    if (device === "webgpu" || (isSame && times > 1)) {
      this.runsOn = { device: "webgpu", threads: 1, note: `WebGPU: ${speed}, ${pixels}.` };
    } else {
      const reason = isSame ? `it is ${speed}` : pixels;
      this.runsOn.note = `WebGPU was tried: ${reason}, so the CPU is used.`;
    }
  }

  /**
   * Translates a square of the training size.
   *
   * @param {Picture} tile
   * @returns {Promise<Picture>}
   */
  async generate(tile) {
    return await this.#run(this.runsOn.device, tile);
  }

  /**
   * Loads the graph on a device, if it is not there yet, and warms it up: first runs are slower.
   *
   * @param {Device} device
   * @param {{onBytes?: OnBytes, signal?: AbortSignal}} options
   */
  async #start(device, { onBytes, signal }) {
    if (this.#loaded[device] !== null) {
      return;
    }
    const [ort, graph] = await Promise.all([
      device === "wasm" ? this.#cpuRuntime : loadRuntime(device, 1, { onBytes, signal }),
      this.#loadGraph(),
    ]);
    throwIfCanceled(signal);
    const session = await ort.InferenceSession.create(graph, {
      executionProviders: [device],
      logSeverityLevel: 3, // errors only
    });
    ort.env.wasm.wasmBinary = undefined; // has been compiled
    this.#loaded[device] = { ort, session };
    throwIfCanceled(signal);
    await this.#measure(device);
  }

  /**
   * Translates the test picture on a device.
   *
   * @param {Device} device
   * @returns {Promise<Measured>}
   */
  async #measure(device) {
    const picture = drawTestPicture(this.#description.side);
    const start = performance.now();
    const translation = await this.#run(device, picture);
    return { picture: translation, milliseconds: performance.now() - start };
  }

  /**
   * @param {Device} device
   * @param {Picture} picture
   * @returns {Promise<Picture>}
   */
  async #run(device, picture) {
    const { inputChannels, outputChannels } = this.#description;
    const { width, height } = picture;
    const { ort, session } = /** @type {{ort: Runtime, session: InferenceSession}} */ (
      this.#loaded[device]
    );
    const image = new ort.Tensor("float32", toTensor(picture, inputChannels), [
      1,
      height,
      width,
      inputChannels,
    ]);
    const { translation } = await session.run({ image }, ["translation"]);
    const values = await translation.getData();
    if (!(values instanceof Float32Array) || values.length !== width * height * outputChannels) {
      throw new UserError("The model's answer does not have the shape that its pix2pix.json says.");
    }
    return toPicture(values, width, height);
  }

  /** @param {Device} device */
  async #release(device) {
    await this.#loaded[device]?.session.release();
    this.#loaded[device] = null;
  }
}

/** @typedef {{picture: Picture, milliseconds: number}} Measured a translation of the test picture */

/** Returns whether there is a graphics card that WebGPU can use. */
async function hasWebGpu() {
  try {
    const { gpu } = /** @type {{gpu?: {requestAdapter(): Promise<unknown>}}} */ (navigator);
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/**
 * Draws a picture with smooth colors, edges and noise, always the same.
 *
 * @param {number} side
 * @returns {Picture}
 */
function drawTestPicture(side) {
  const data = new Uint8Array(side * side * 3);
  let noise = 1;
  for (let y = 0, index = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const square = ((x >> 5) + (y >> 5)) & 1 ? 90 : 0;
      for (const smooth of [x, y, x + y]) {
        noise = (Math.imul(noise, 1103515245) + 12345) & 0x7fffffff;
        data[index++] = square + (smooth * 120) / (2 * side) + (noise >> 26);
      }
    }
  }
  return { width: side, height: side, data };
}

/**
 * Returns the largest difference of two pictures in gray levels.
 *
 * @param {Picture} one
 * @param {Picture} other
 */
function largestDifference(one, other) {
  return one.data.reduce((most, value, i) => Math.max(most, Math.abs(value - other.data[i])), 0);
}
