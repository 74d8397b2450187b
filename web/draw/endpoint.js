/**
 * Asks a Gradio Space for the translation of a drawing, as any program does.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { encodePng } from "../pixels/png.js";
import { readPicture } from "../pixels/read.js";
import { toRgb, toRgba } from "../pixels/rgba.js";

/** @import { Pixels } from "./pictures.js" */

// Milliseconds: for an answer, and for a result while other visitors' pictures are translated.
const [MAX_TRANSFER, MAX_WAIT] = [60_000, 300_000];
const OFFLINE =
  "The Space does not answer: check the connection; the next stroke asks again, and the drawing is still here.";
const BUSY = "Too many visitors wait for this Space now: the next stroke asks again.";
const FAILED = "The Space could not translate the drawing: the next stroke asks again.";

export class Endpoint {
  /**
   * @param {string} root the address of the Space, without a slash at its end
   * @param {string} name such as "translate_with"
   * @param {string[]} more the arguments after the picture and the mode
   */
  constructor(root, name, more) {
    this.root = root;
    this.address = `${root}/gradio_api/call/${name}`;
    this.more = more;
    // One for all strokes: the Space keeps something for each, of as many visitors as it can.
    this.session = crypto.getRandomValues(new Uint32Array(3)).join("");
  }

  /**
   * Translates a square.
   *
   * @param {Pixels} pixels
   * @param {number} side pixels
   * @returns {Promise<Pixels>}
   * @throws {UserError} with the Space's own sentence where it has one
   */
  async translate(pixels, side) {
    const png = await encodePng({ width: side, height: side, data: toRgb(pixels) });
    const data = [await toDataUrl(png), "fit", ...this.more];
    const started = await request(this.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ data, session_hash: this.session }),
    });
    const event = (await started.json().catch(() => null))?.event_id;
    if (typeof event !== "string") throw new UserError(FAILED);
    const stream = await request(`${this.address}/${event}`, {}, MAX_WAIT);
    const path = readResult(await readText(stream));
    // The path, because the address that the Space believes it has may be another one.
    const file = path.split("/").map(encodeURIComponent).join("/");
    const response = await request(`${this.root}/gradio_api/file=${file}`);
    const blob = await response.blob().catch(() => null);
    if (!blob) throw new UserError(OFFLINE);
    const { picture } = await readPicture(blob);
    if (picture.width !== side || picture.height !== side) throw new UserError(FAILED);
    return toRgba(picture);
  }
}

/**
 * Sends a request.
 *
 * @param {string} address
 * @param {RequestInit} [options]
 * @param {number} [limit] milliseconds in which all of the response comes
 * @returns {Promise<Response>} whose status is not an error's
 * @throws {UserError}
 */
async function request(address, options, limit = MAX_TRANSFER) {
  const signal = AbortSignal.timeout(limit);
  const response = await fetch(address, { ...options, signal }).catch(() => null);
  if (!response) throw new UserError(OFFLINE);
  if (response.ok) return response;
  throw new UserError(response.status === 503 ? BUSY : FAILED);
}

/** @param {Response} response */
async function readText(response) {
  try {
    return await response.text();
  } catch {
    throw new UserError(OFFLINE); // was cut off
  }
}

/**
 * Returns the path of the result from the events of a call.
 *
 * @param {string} text server-sent events, of which the last one counts
 * @returns {string}
 * @throws {UserError} with the Space's sentence
 */
export function readResult(text) {
  const lines = text.trim().split("\n");
  const [event, data] = ["event: ", "data: "].map((start) =>
    lines.findLast((line) => line.startsWith(start))?.slice(start.length),
  );
  let content = null;
  try {
    content = JSON.parse(data ?? "null");
  } catch {
    // was cut off
  }
  if (event === "complete" && typeof content?.[0]?.path === "string") return content[0].path;
  const sentence = event === "error" ? (content?.error ?? content) : null;
  throw new UserError(typeof sentence === "string" && sentence ? sentence : FAILED);
}

/**
 * Returns a file as a text that carries it.
 *
 * @param {Blob} blob
 * @returns {Promise<string>} "data:image/png;base64,..."
 */
async function toDataUrl(blob) {
  const reader = new FileReader();
  await new Promise((resolve, reject) => {
    reader.onload = resolve;
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  return String(reader.result);
}
