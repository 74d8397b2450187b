/**
 * Downloads files: with progress, resumed after an interruption, and within a limit of size.
 *
 * @module
 */

import { Canceled, UserError } from "../errors.js";

// With these, a server may be away for 6 seconds.
const FIRST_DELAY_SECONDS = 0.4;
const RETRIES = 4;
const LONGEST_DELAY_SECONDS = 20;
// A connection that delivers nothing for this long is given up and opened again.
const STALLED_SECONDS = 30;
// After this many new bytes, an interrupted download has all its retries again.
const RENEWING_BYTES = 1 << 20;
const TRANSIENT_STATUSES = [408, 425, 429, 500, 502, 503, 504];

/** A response that says that a file can't be had; the caller knows what this means. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} code the Hub's name of the reason, such as "RepoNotFound"; may be empty
   */
  constructor(status, code) {
    super(`status ${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** A download that failed although it was tried several times; a cached copy is used instead. */
export class Unreachable extends UserError {}

/** A failure that may be over when the request is repeated. */
class Interrupted extends Error {
  /**
   * @param {string} reason half a sentence
   * @param {number} [delay] seconds that the server asks to wait
   */
  constructor(reason, delay = 0) {
    super(reason);
    this.delay = delay;
  }
}

/**
 * @typedef {object} DownloadOptions
 * @property {number} limit bytes; a larger file is refused
 * @property {number} [size] bytes of the file, if they are known
 * @property {AbortSignal} [signal] cancels the download
 * @property {number} [retries] how often it is tried again without getting further
 * @property {(bytes: number, total: number) => void} [onBytes] called as bytes arrive; total is 0
 *   where it is not known
 * @property {RequestCache} [cache] "no-store" (default): not through the browser's cache, since the
 *   file would be on the disk twice
 */

/**
 * Downloads a file whose content never changes.
 *
 * @param {string} url
 * @param {DownloadOptions} options
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {Refused} when the server does not have it for us
 * @throws {Unreachable} when the server can't be reached or breaks off, several times
 * @throws {UserError} when the file is too large, for the limit or for the memory
 */
export async function download(url, options) {
  const { signal, retries = RETRIES } = options;
  const body = new Body(url, options);
  for (let attempt = 0; ; attempt++) {
    throwIfCanceled(signal);
    const before = body.length;
    try {
      await receive(url, body, options);
      return body.finish();
    } catch (error) {
      throwIfCanceled(signal);
      if (!(error instanceof Interrupted)) {
        throw error;
      }
      if (body.length >= before + RENEWING_BYTES) {
        attempt = 0;
      } else if (attempt >= 2 && body.length === before) {
        body.length = 0; // perhaps this server can't resume
      }
      if (attempt >= retries || (navigator.onLine === false && !isLocal(url))) {
        throw new Unreachable(describe(url, error.message));
      }
      const delay = Math.max(FIRST_DELAY_SECONDS * 2 ** attempt, error.delay);
      await sleep(Math.min(delay, LONGEST_DELAY_SECONDS), signal);
    }
  }
}

/**
 * @param {AbortSignal} [signal]
 * @throws {Canceled}
 */
export function throwIfCanceled(signal) {
  if (signal?.aborted) {
    throw new Canceled();
  }
}

/**
 * Sends one request for the rest of a file, and adds what arrives to `body`.
 *
 * @param {string} url
 * @param {Body} body
 * @param {DownloadOptions} options
 */
async function receive(url, body, { signal, cache = "no-store" }) {
  const controller = new AbortController();
  const cancel = () => controller.abort();
  signal?.addEventListener("abort", cancel);
  let timer = setTimeout(cancel, STALLED_SECONDS * 1000);
  try {
    const response = await fetch(url, {
      cache,
      credentials: "omit",
      headers: body.length ? { Range: `bytes=${body.length}-` } : {},
      signal: controller.signal,
    });
    if (response.status === 416) {
      body.length = 0; // the file ends before the bytes that are asked for
      throw new Interrupted("the download breaks off");
    }
    checkStatus(response);
    body.begin(response);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      body.add(part.value);
      clearTimeout(timer);
      timer = setTimeout(cancel, STALLED_SECONDS * 1000);
    }
  } catch (error) {
    // fetch and read reject with a TypeError for each failure of the network.
    if (error instanceof TypeError || controller.signal.aborted) {
      throw new Interrupted(
        body.length ? "the download breaks off" : "the server can't be reached",
      );
    }
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    controller.abort();
  }
  if (body.length < body.size) {
    throw new Interrupted("the download breaks off");
  }
}

/**
 * Throws an error unless the response has the file.
 *
 * @param {Response} response
 */
function checkStatus({ ok, status, headers }) {
  if (TRANSIENT_STATUSES.includes(status)) {
    const reason =
      status === 429 ? "it gets too many requests (429)" : `a server error (${status})`;
    throw new Interrupted(reason, Number(headers.get("Retry-After")) || 0);
  }
  if (!ok) {
    throw new Refused(status, headers.get("X-Error-Code") ?? "");
  }
}

/** The bytes of a file that have arrived so far. */
class Body {
  /**
   * @param {string} url
   * @param {DownloadOptions} options
   */
  constructor(url, { limit, size = 0, onBytes = () => {} }) {
    this.url = url;
    this.limit = limit;
    this.size = size;
    this.total = size;
    this.onBytes = onBytes;
    this.length = 0;
    this.buffer = new Uint8Array(0);
    this.reserve(size);
  }

  /**
   * Prepares for the bytes of a response, which may go on where the last one broke off.
   *
   * @param {Response} response
   */
  begin({ status, headers }) {
    if (status !== 206) {
      this.length = 0;
    }
    // Of a compressed response, this is the compressed size.
    const length = headers.has("Content-Encoding") ? 0 : Number(headers.get("Content-Length"));
    this.total = this.size || (length ? this.length + length : 0);
    this.reserve(this.total);
  }

  /** @param {Uint8Array} chunk */
  add(chunk) {
    const length = this.length + chunk.length;
    if (length > this.buffer.length) {
      this.reserve(Math.max(length, Math.min(this.limit, 2 * this.buffer.length)));
    }
    this.buffer.set(chunk, this.length);
    this.length = length;
    this.onBytes(length, Math.max(this.total, this.total && length));
  }

  finish() {
    return this.length === this.buffer.length ? this.buffer : this.buffer.slice(0, this.length);
  }

  /**
   * Makes room for so many bytes: one buffer, since joining chunks would take the memory twice.
   *
   * @param {number} length
   */
  reserve(length) {
    if (length > this.limit) {
      const limit = Math.round(this.limit / 1e6);
      throw new UserError(`${this.url} is larger than the ${limit} MB that are allowed.`);
    }
    if (length > this.buffer.length) {
      const larger = new Uint8Array(length);
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
  }
}

/**
 * Returns the sentence for a download that was given up.
 *
 * @param {string} url
 * @param {string} reason
 */
function describe(url, reason) {
  const { host } = new URL(url);
  const advice = reason.includes("(")
    ? "Try again in a few minutes."
    : "Check the connection, and try again.";
  return `Nothing can be downloaded from ${host}: ${reason}. ${advice}`;
}

/** @param {string} url */
function isLocal(url) {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 * @throws {Canceled} when the signal says so meanwhile
 */
function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const cancel = () => {
      clearTimeout(timer);
      reject(new Canceled());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", cancel);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", cancel, { once: true });
  });
}
