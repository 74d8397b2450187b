/**
 * The one Web Worker of a model: serves the requests of `client.js` in their order.
 *
 * Messages in: {id, method, params}, and {id, cancel: true}. Messages out: {holdsLock: true} at the
 * start, then {id, progress}, {id, result}, and {id, error: {name, message}, isFatal}; after a fatal
 * error, the worker is of no more use.
 *
 * @module
 */

/** @import { Context } from "./model.js" */

import { Canceled, UserError } from "../errors.js";
import { loadModel } from "./model.js";

/** @type {Awaited<ReturnType<typeof loadModel>> | null} */
let model = null;
/** @type {Map<number, AbortController>} */
const controllers = new Map();
/** @type {Promise<void>} */
let previous = Promise.resolve();

// A browser that ends a worker, for example for lack of memory, sends no event. But it releases the
// worker's locks, and the page waits for this one.
navigator.locks?.request(self.name, () => {
  self.postMessage({ holdsLock: true });
  return new Promise(() => {});
});

self.onmessage = ({ data: { id, method, params, cancel } }) => {
  if (cancel) {
    controllers.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  controllers.set(id, controller);
  const serve = () => answer(id, method, params, controller.signal);
  // The gallery does not wait for a long translation.
  if (method === "readFile") {
    serve();
  } else {
    previous = previous.then(serve);
  }
};

/**
 * Serves a request and posts its result or its error.
 *
 * @param {number} id
 * @param {string} method
 * @param {any} params
 * @param {AbortSignal} signal
 */
async function answer(id, method, params, signal) {
  try {
    if (signal.aborted) {
      throw new Canceled();
    }
    const onProgress = (/** @type {unknown} */ progress) => self.postMessage({ id, progress });
    const result = await call(method, params, { onProgress, signal });
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, ...describe(error, method) });
  } finally {
    controllers.delete(id);
  }
}

/**
 * @param {string} method
 * @param {any} params
 * @param {Context} context
 */
async function call(method, params, context) {
  if (method === "load") {
    model = await loadModel(params, context);
    return model.info;
  }
  if (model === null) {
    throw new UserError("No model is loaded.");
  }
  switch (method) {
    case "translate":
      return await model.translate(params, context);
    case "translatePixels":
      return await model.translatePixels(params);
    case "inspect":
      return await model.inspect(params);
    case "readFile":
      return await model.readFile(params, context);
    default:
      return await model.useDevice(params, context);
  }
}

/**
 * Returns an error as a message; the text of one that is not ours is for the console only.
 *
 * @param {unknown} error
 * @param {string} method
 */
function describe(error, method) {
  if (error instanceof UserError) {
    return { error: { name: error.name, message: error.message }, isFatal: false };
  }
  console.error(error);
  const message = lacksMemory(error)
    ? `There is too little memory for this ${method === "load" ? "model" : "picture"}: close other pages, or use a smaller one.`
    : method === "load"
      ? "This browser can't run the model: its generator.onnx is not a graph that ONNX Runtime for the browser knows."
      : "The translation stopped with an unexpected error: try again, or use another picture.";
  // After a failure in WebAssembly, its memory may be in any state.
  return { error: { name: "UserError", message }, isFatal: true };
}

/** @param {unknown} error */
function lacksMemory(error) {
  const text = String(error);
  return (
    error instanceof RangeError ||
    /out of memory|alloc|memory access|exceeds the supported/i.test(text)
  );
}
