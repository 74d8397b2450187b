/**
 * Fetches what belongs to a model, from the cache, the Hub or a folder.
 *
 * @module
 */

/** @import { ModelSource } from "../types.js" */

import { UserError } from "../errors.js";
import * as cache from "./cache.js";
import { parseDescription } from "./description.js";
import { download, Refused, Unreachable } from "./download.js";
import {
  COMMIT,
  cacheName,
  DESCRIPTION_FILE,
  describeSource,
  explaining,
  fileUrl,
  GRAPH_FILE,
  isPinned,
  notOurs,
  requireSameDigest,
} from "./source.js";

const MAX_DESCRIPTION_BYTES = 4e6;
// The list of all files of a repository with their digests.
const MAX_LISTING_BYTES = 32e6;
const MAX_GRAPH_BYTES = 1e9;
const MAX_FILE_BYTES = 64e6;
/** @type {Record<string, string>} */
const TYPES = { png: "image/png", json: "application/json", csv: "text/csv", md: "text/markdown" };

/**
 * A model that was found. It is also what the cache keeps of it, as JSON.
 *
 * @typedef {object} FoundModel
 * @property {string | null} commit 40 hexadecimal digits; null for a folder
 * @property {string} digest the SHA-256 of generator.onnx
 * @property {number} size bytes of generator.onnx; 0 where it is not known
 * @property {string[] | null} files the paths of all files; null where they are not known
 * @property {string} description the content of pix2pix.json
 */

/**
 * Finds a model; one that is known and can't have changed is not asked for again, and one whose
 * server can't be reached is taken as it was the last time.
 *
 * @param {ModelSource} source
 * @param {AbortSignal} signal
 * @returns {Promise<FoundModel>}
 */
export async function fetchFound(source, signal) {
  const known = checkFound(await cache.loadRecord(cacheName(source)));
  if (known !== null && isPinned(source)) {
    return known;
  }
  try {
    return await findModel(source, { signal, retries: known === null ? undefined : 1 });
  } catch (error) {
    if (known !== null && error instanceof Unreachable) {
      return known;
    }
    throw error;
  }
}

/**
 * Asks the Hub, or a folder, for the present state of a model.
 *
 * @param {ModelSource} source
 * @param {{signal?: AbortSignal, retries?: number}} options
 * @returns {Promise<FoundModel>}
 * @throws {UserError} when there is no such model, or it is not ours
 */
async function findModel(source, options) {
  return await explaining(source, async () => {
    const listed = source.folder === undefined ? await askHub(source, options) : null;
    const commit = listed?.commit ?? null;
    const url = fileUrl(source, commit, DESCRIPTION_FILE);
    const json = await download(url, { limit: MAX_DESCRIPTION_BYTES, ...options });
    const description = parseDescription(json, describeSource(source));
    requireSameDigest(source, description, listed?.digest);
    return {
      commit,
      digest: description.digest,
      size: listed?.size ?? 0,
      files: listed?.files ?? null,
      description: JSON.stringify(description.content),
    };
  });
}

/**
 * Asks the Hub which commit a revision is, and which files it has.
 *
 * @param {ModelSource} source
 * @param {{signal?: AbortSignal, retries?: number}} options
 */
async function askHub(source, options) {
  const { id, revision = "main", endpoint } = source;
  const url = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const answer = await download(url, { limit: MAX_LISTING_BYTES, ...options });
  const info = parseListing(answer);
  if (info === null) {
    throw new UserError(`${new URL(url).host} does not answer like the Hub: check its address.`);
  }
  if (info.gated) {
    throw new Refused(403, "GatedRepo");
  }
  for (const name of [DESCRIPTION_FILE, GRAPH_FILE]) {
    if (!info.files.includes(name)) {
      throw notOurs(source, name);
    }
  }
  return info;
}

/**
 * Returns what is needed of the Hub's answer about a model, or null when it is not such an answer.
 *
 * @param {Uint8Array} json
 */
function parseListing(json) {
  try {
    const { sha, gated, siblings } = JSON.parse(new TextDecoder().decode(json));
    /** @type {{rfilename: string, size?: number, lfs?: {sha256?: string}}[]} */
    const entries = siblings;
    const graph = entries.find(({ rfilename }) => rfilename === GRAPH_FILE);
    if (!COMMIT.test(sha)) {
      return null;
    }
    return {
      commit: String(sha),
      gated: Boolean(gated),
      files: entries.map(({ rfilename }) => String(rfilename)),
      digest: graph?.lfs?.sha256,
      size: Number.isSafeInteger(graph?.size) ? Number(graph?.size) : 0,
    };
  } catch {
    return null;
  }
}

/**
 * Returns what the cache kept of a model, or null when it is damaged or missing.
 *
 * @param {any} record
 * @returns {FoundModel | null}
 */
function checkFound(record) {
  const isFound =
    (record?.commit === null || COMMIT.test(record?.commit)) &&
    typeof record.digest === "string" &&
    typeof record.description === "string" &&
    Number.isSafeInteger(record.size) &&
    (record.files === null || Array.isArray(record.files));
  return isFound ? record : null;
}

/**
 * Returns the graph of a model, from the cache if it is there and undamaged.
 *
 * @param {ModelSource} source
 * @param {FoundModel} found
 * @param {(bytes: number, total: number) => void} onBytes
 * @param {AbortSignal} signal
 */
export async function fetchGraph(source, { commit, digest, size }, onBytes, signal) {
  const key = cache.graphKey(digest);
  const cached = await cache.load(key);
  if (cached !== null) {
    if ((await sha256(cached)) === digest) {
      return cached;
    }
    await cache.remove(key);
  }
  const url = fileUrl(source, commit, GRAPH_FILE);
  for (let attempt = 0; attempt < 2; attempt++) {
    const bytes = await explaining(source, () =>
      download(url, { limit: MAX_GRAPH_BYTES, size, onBytes, signal }),
    );
    if ((await sha256(bytes)) === digest) {
      await cache.store(key, bytes);
      return bytes;
    }
  }
  throw new UserError(
    `${describeSource(source)} is damaged: the sha256 of its generator.onnx is not the one in its pix2pix.json.`,
  );
}

/**
 * Returns a small file of a model, or null where it has no such file.
 *
 * @param {ModelSource} source
 * @param {FoundModel} found
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<Blob | null>}
 */
export async function fetchFile(source, { commit, digest, files }, path, signal) {
  const isPath = path.split("/").every((part) => !/^\.{0,2}$/.test(part));
  if (!isPath || files?.includes(path) === false) {
    return null;
  }
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "";
  const key = commit === null ? null : cache.fileKey(digest, commit, path);
  const cached = key === null ? null : await cache.load(key);
  if (cached) {
    return new Blob([cached], { type });
  }
  const url = fileUrl(source, commit, path);
  const bytes = await explaining(source, () => downloadIfAny(url, signal));
  if (key !== null && bytes !== null) {
    await cache.store(key, bytes);
  }
  return bytes && new Blob([bytes], { type });
}

/**
 * Returns the content of a small file, or null where there is no such file.
 *
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function downloadIfAny(url, signal) {
  try {
    return await download(url, { limit: MAX_FILE_BYTES, signal });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) {
      return null;
    }
    throw error;
  }
}

/**
 * Returns the SHA-256 of a file as 64 hexadecimal digits.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
