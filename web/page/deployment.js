/**
 * Which model the page should load: the visitor's `?model=`, else the one in model.json.
 *
 * @module
 */

import { isObject, STARTER_FOLDER } from "./loaded_model.js";

/** @import { ModelSource } from "../types.js" */

const HUB = "https://huggingface.co";
const SPACE_ID = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

/**
 * @typedef {object} Wanted
 * @property {ModelSource} source
 * @property {string} endpoint the Hub's address, without a slash at its end
 * @property {string | null} gradioSpace the id of the Gradio Space with the same model
 */

/** The model that comes with the page. @type {Wanted} */
export const STARTER = { source: { folder: STARTER_FOLDER }, endpoint: HUB, gradioSpace: null };

/**
 * Reads model.json and the page's address.
 *
 * @returns {Promise<Wanted>} the starter model where model.json is missing or damaged
 */
export async function readWanted() {
  const deployed = await readDeployment();
  const asked = new URL(location.href).searchParams.get("model");
  if (!asked) return deployed;
  const [id, revision] = asked.split("@", 2);
  const { endpoint } = deployed;
  const isDeployed =
    id === deployed.source.id && (!revision || revision === deployed.source.revision);
  if (isDeployed) return deployed;
  return { source: { id, revision: revision || "main", endpoint }, endpoint, gradioSpace: null };
}

/** @returns {Promise<Wanted>} what model.json says */
async function readDeployment() {
  let content;
  try {
    content = await (await fetch("model.json")).json();
  } catch {
    return STARTER;
  }
  if (!isObject(content)) return STARTER;
  const endpoint = readText(content.endpoint)?.replace(/\/+$/, "") || HUB;
  const gradioSpace = readText(content.gradio_space) ?? null;
  const id = readText(content.id);
  const source = id
    ? { id, revision: readText(content.revision), sha256: readText(content.sha256), endpoint }
    : { folder: readText(content.folder) || STARTER_FOLDER };
  return {
    source,
    endpoint,
    gradioSpace: gradioSpace && SPACE_ID.test(gradioSpace) ? gradioSpace : null,
  };
}

/** @param {unknown} value @returns {string | undefined} */
function readText(value) {
  return typeof value === "string" && value ? value : undefined;
}
