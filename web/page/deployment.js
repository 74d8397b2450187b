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
 * @property {string | null} spaceId the id of the static Space that this page is
 * @property {string | null} name what a choice of models calls it
 * @property {boolean} draws whether a choice of models says that its input can be drawn
 */

/**
 * @typedef {object} Deployment
 * @property {Wanted} wanted the model to load
 * @property {Wanted} starter the one that the page goes on with where that fails
 * @property {Wanted[]} choices the models that visitors choose from, the one of model.json first;
 *   empty where there is only one
 */

/** The model that comes with the page. @type {Wanted} */
const STARTER = {
  source: { folder: STARTER_FOLDER },
  endpoint: HUB,
  gradioSpace: null,
  spaceId: null,
  name: null,
  draws: false,
};

/**
 * Reads model.json and the page's address.
 *
 * @returns {Promise<Deployment>} with the starter model where model.json is missing or damaged
 */
export async function readDeployment() {
  const content = await readSettings();
  const deployed = readWanted(content);
  const { endpoint } = deployed;
  const choices = readChoices(content.choices, deployed);
  const wanted = choices[0] ?? deployed;
  const starter = findFolder(choices, STARTER_FOLDER) ?? STARTER;
  const asked = new URL(location.href).searchParams.get("model");
  if (!asked) return { wanted, starter, choices };
  const chosen = findFolder(choices, asked);
  if (chosen) return { wanted: chosen, starter, choices };
  const [id, revision] = asked.split("@", 2);
  const { source } = deployed;
  const isDeployed = id === source.id && (!revision || revision === source.revision);
  if (isDeployed) return { wanted, starter, choices };
  const other = { id, revision: revision || "main", endpoint };
  return { wanted: { ...STARTER, source: other, endpoint }, starter, choices: [] };
}

/**
 * Writes the chosen model to the page's address, where a reload of the page finds it.
 *
 * @param {Wanted} chosen
 * @param {Wanted[]} choices
 */
export function writeAddress(chosen, choices) {
  if (!choices.includes(chosen)) return;
  const url = new URL(location.href);
  if (chosen === choices[0]) url.searchParams.delete("model");
  else url.searchParams.set("model", chosen.source.folder ?? "");
  history.replaceState(null, "", url);
}

/** @returns {Promise<Record<string, unknown>>} the content of model.json */
async function readSettings() {
  try {
    const content = await (await fetch("model.json")).json();
    return isObject(content) ? content : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, unknown>} content @returns {Wanted} the model that it names */
function readWanted(content) {
  const endpoint = readText(content.endpoint)?.replace(/\/+$/, "") || HUB;
  const gradioSpace = readSpace(content.gradio_space);
  const spaceId = readSpace(content.space_id);
  const id = readText(content.id);
  const source = id
    ? { id, revision: readText(content.revision), sha256: readText(content.sha256), endpoint }
    : { folder: readText(content.folder) || STARTER_FOLDER };
  return { ...STARTER, source, endpoint, gradioSpace, spaceId };
}

/**
 * @param {unknown} entries "choices" of model.json
 * @param {Wanted} deployed
 * @returns {Wanted[]} the deployed model, which is named first, and others; or none
 */
function readChoices(entries, deployed) {
  if (deployed.source.id || !Array.isArray(entries)) return [];
  const choices = entries.filter(isObject).flatMap((entry) => {
    const [folder, name] = [readText(entry.folder), readText(entry.name)];
    // Programs call /translate, which uses the Gradio Space's default model.
    const isDeployed = folder === deployed.source.folder;
    const gradioSpace = isDeployed ? deployed.gradioSpace : null;
    const draws = entry.draws === true;
    return folder && name ? [{ ...deployed, source: { folder }, gradioSpace, name, draws }] : [];
  });
  const isDeployedFirst = choices[0]?.source.folder === deployed.source.folder;
  return choices.length > 1 && isDeployedFirst ? choices : [];
}

/** @param {Wanted[]} choices @param {string | undefined} folder */
function findFolder(choices, folder) {
  return choices.find(({ source }) => source.folder === folder);
}

/** @param {unknown} value @returns {string | null} the id of a Space, or null for anything else */
function readSpace(value) {
  const id = readText(value) ?? "";
  return SPACE_ID.test(id) ? id : null;
}

/** @param {unknown} value @returns {string | undefined} */
function readText(value) {
  return typeof value === "string" && value ? value : undefined;
}
