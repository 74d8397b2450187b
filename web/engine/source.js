/**
 * Names of models: what they mean, and the sentences that say why one can't be used.
 *
 * @module
 */

/** @import { ModelSource } from "../types.js" */
/** @import { Description } from "./description.js" */

import { UserError } from "../errors.js";
import { Refused } from "./download.js";

export const DESCRIPTION_FILE = "pix2pix.json";
export const GRAPH_FILE = "generator.onnx";
const ENDPOINT = "https://huggingface.co";
const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[\w][\w.-]{0,95}$/;
export const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Returns where the files of a model are, by its name.
 *
 * @param {string | ModelSource} name "id", "id@revision", or a `ModelSource`
 * @param {string} page the URL that a folder is relative to
 * @returns {ModelSource} with an absolute URL as its folder or its endpoint
 * @throws {UserError} when it is not a name
 */
export function parseName(name, page) {
  if (typeof name === "string") {
    const [, id, revision] = /^([^@]*)@?(.*)$/s.exec(name.trim()) ?? [];
    return parseName({ id, revision: revision || undefined }, page);
  }
  const { id, revision, sha256, endpoint = ENDPOINT, folder } = name ?? {};
  if (typeof folder === "string") {
    return { folder: toUrl(`${folder.replace(/\/+$/, "")}/`, page), sha256 };
  }
  if (typeof id !== "string" || !ID.test(id) || id.includes("..")) {
    const shown = String(id).slice(0, 100);
    throw new UserError(
      `"${shown}" is not the id of a model. An id looks like "user/pix2pix-maps"; a revision may follow after an @.`,
    );
  }
  if (revision !== undefined && (typeof revision !== "string" || /^\.*$/.test(revision))) {
    throw new UserError(`"${String(revision).slice(0, 100)}" is not the name of a revision.`);
  }
  return {
    id,
    revision: revision ?? "main",
    sha256,
    endpoint: toUrl(endpoint, page).replace(/\/+$/, ""),
  };
}

/**
 * @param {string} address
 * @param {string} page
 */
function toUrl(address, page) {
  if (!URL.canParse(address, page) || !/^https?:$/.test(new URL(address, page).protocol)) {
    throw new UserError(`"${address.slice(0, 100)}" is not the address of a folder or of a Hub.`);
  }
  return new URL(address, page).href;
}

/**
 * Returns the name of a source for messages, such as 'The model "user/maps" (revision v1)'.
 *
 * @param {ModelSource} source
 */
export function describeSource({ id, revision, folder }) {
  if (folder !== undefined) {
    return `The folder ${new URL(folder).pathname}`;
  }
  return `The model "${id}"${revision === "main" ? "" : ` (revision ${revision?.slice(0, 60)})`}`;
}

/**
 * Returns the name under which the cache knows a source.
 *
 * @param {ModelSource} source
 * @param {string | null} [commit] instead of its revision
 */
export function cacheName({ id, revision, endpoint, folder }, commit = null) {
  return folder ?? `${endpoint}/${id}@${commit ?? revision}`;
}

/**
 * Returns whether a source always has the same files.
 *
 * @param {ModelSource} source
 */
export function isPinned({ revision, folder }) {
  return folder === undefined && COMMIT.test(revision ?? "");
}

/**
 * Returns the URL of a file of a model.
 *
 * @param {ModelSource} source
 * @param {string | null} commit null for a folder
 * @param {string} path
 */
export function fileUrl({ id, endpoint, folder }, commit, path) {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return folder === undefined ? `${endpoint}/${id}/resolve/${commit}/${encoded}` : folder + encoded;
}

/**
 * Returns the result of `action`, and throws a sentence when a server refuses a file of a model.
 *
 * @template Result
 * @param {ModelSource} source
 * @param {() => Promise<Result>} action
 * @returns {Promise<Result>}
 */
export async function explaining(source, action) {
  try {
    return await action();
  } catch (error) {
    throw error instanceof Refused ? explainRefusal(source, error) : error;
  }
}

/**
 * Throws an error when the deployment, the Hub and pix2pix.json name different graphs.
 *
 * @param {ModelSource} source
 * @param {Description} description
 * @param {string} [listed] the digest that the Hub names
 */
export function requireSameDigest(source, { digest }, listed) {
  const subject = describeSource(source);
  if (source.sha256 && source.sha256 !== digest) {
    throw new UserError(
      `${subject} is not the one that this page was deployed with: its generator.onnx has another sha256.`,
    );
  }
  if (listed && listed !== digest) {
    throw new UserError(
      `${subject} is damaged: the sha256 of its generator.onnx is not the one in its pix2pix.json.`,
    );
  }
}

/**
 * @param {ModelSource} source
 * @param {string} missing the name of a file
 */
export function notOurs(source, missing) {
  return new UserError(
    `${describeSource(source)} is not a model of this project: it has no ${missing}.`,
  );
}

/**
 * Returns the sentence for a response of the Hub, or of the page's own server, that refuses a file.
 *
 * @param {ModelSource} source
 * @param {Refused} refusal
 */
function explainRefusal(source, { status, code }) {
  const { id, revision, folder } = source;
  if (folder !== undefined) {
    return status === 404
      ? notOurs(source, `${DESCRIPTION_FILE} or ${GRAPH_FILE}`)
      : new UserError(`${describeSource(source)} can't be read: its server answers ${status}.`);
  }
  if (code === "GatedRepo") {
    return new UserError(
      `The model "${id}" is gated, and gated models can't be shown in a browser: download it after you accepted its terms.`,
    );
  }
  if (code === "RevisionNotFound") {
    return new UserError(
      `The model "${id}" has no revision "${revision?.slice(0, 60)}": check the name of the commit, tag or branch.`,
    );
  }
  if (code === "EntryNotFound") {
    return notOurs(source, `${DESCRIPTION_FILE} or ${GRAPH_FILE}`);
  }
  if (status === 401 || status === 404) {
    return new UserError(
      `There is no public model "${id}": check the id. Private models can't be shown in a browser.`,
    );
  }
  return new UserError(`${describeSource(source)} can't be read: the Hub answers ${status}.`);
}
