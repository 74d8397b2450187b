/**
 * The canvas in the Gradio Space, where `pix2pix/space/draw_tab.py` shows it.
 *
 * The result of each stroke comes from the Space's own endpoint. Where the Space has ONNX Runtime's
 * files, the browser loads the model meanwhile, and from then on the result follows the pen.
 *
 * @module
 */

import { make } from "../dom.js";
import { listenForPictures } from "./arrivals.js";
import { Endpoint } from "./endpoint.js";
import { FRAGMENT } from "./link.js";
import { readPalette } from "./palette.js";
import { DrawPanel } from "./panel.js";

/** @import { ModelSource } from "../types.js" */
/** @import { Host } from "./panel.js" */

/** @typedef {{url: string}} File where a file of the Space is */
/**
 * What the Space says about the canvas.
 *
 * @typedef {object} Settings
 * @property {string} model the name of the model that is drawn for
 * @property {string} endpoint "translate_with" or "translate"
 * @property {{description?: File, source?: ModelSource} | null} engine where the browser finds the
 *   model; null where it can't translate itself
 * @property {string | null} note a sentence above the canvas
 * @property {number} side pixels
 * @property {unknown} palette as in pix2pix.json
 * @property {{drawing: string, result: string}} names
 * @property {{name: string, file: File}[]} templates
 */

// The module's own address is .../gradio_api/file=/.../draw/space_host.js
const [MODULE_ROOT] = import.meta.url.split("/gradio_api/file=");
// Behind a proxy, the Space may be reached at another port or protocol than it believes: as in Gradio,
// those of the page count if the host name is the same.
const { hostname, pathname } = new URL(MODULE_ROOT);
const ROOT =
  hostname === location.hostname ? location.origin + pathname.replace(/\/$/, "") : MODULE_ROOT;
/** The canvas of each model: it stays while another tab or another model is shown. @type {Map<string, DrawPanel>} */
const panels = new Map();
/** @type {DrawPanel | null} */
let shown = null;
/** @type {Promise<void>} */
let starting = Promise.resolve();

listenForPictures(() => (shown?.element.checkVisibility() ? shown : null));
window.addEventListener("hashchange", openLink);

/**
 * Shows the canvas for a model.
 *
 * @param {HTMLElement} place
 * @param {Settings} settings
 */
export function showCanvas(place, settings) {
  const { model, note } = settings;
  const known = panels.get(model);
  const panel = known ?? makePanel(settings);
  if (!panel) {
    place.textContent = "This model does not translate drawings.";
    return;
  }
  shown = panel;
  place.replaceChildren(...(note ? [make("p", {}, note)] : []), panel.element);
  if (!known) {
    panels.set(model, panel);
    starting = panel.start();
  }
  openLink();
}

/** @param {Settings} settings @returns {DrawPanel | null} null where nothing can be drawn */
function makePanel({ model, endpoint, engine, side, palette, names, templates }) {
  const colors = readPalette(palette);
  if (!colors) return null;
  const space = new Endpoint(ROOT, endpoint, endpoint === "translate_with" ? [model] : []);
  const host = makeHost((pixels) => space.translate(pixels, side), names, false);
  const panel = new DrawPanel({ side, palette: colors, host });
  panel.showTemplates(templates.map(({ name, file }) => ({ name, read: () => readFile(file) })));
  if (engine) runInBrowser(panel, engine);
  return panel;
}

/** @param {File} file @returns {Promise<Blob | null>} null where it is missing */
async function readFile({ url }) {
  const response = await fetch(url.replace(MODULE_ROOT, ROOT));
  return response.ok ? await response.blob() : null;
}

/**
 * @param {Host["translate"]} translate
 * @param {Host["names"]} names
 * @param {boolean} isLive
 * @returns {Host}
 */
function makeHost(translate, names, isLive) {
  const makeAddress = (/** @type {string} */ fragment) => `${ROOT}/${fragment}`;
  return { translate, makeAddress, names, isLive };
}

/**
 * Loads the model into the browser. Without it, the canvas goes on with the Space's endpoint.
 *
 * @param {DrawPanel} panel
 * @param {NonNullable<Settings["engine"]>} engine
 */
async function runInBrowser(panel, { description, source }) {
  const { translate, names } = panel.host;
  try {
    const { loadModel } = await import("../engine.js");
    const folder = description && new URL("./", description.url).href;
    const model = await loadModel(folder ? { folder } : (source ?? {}), { device: "wasm" });
    /** @type {Host["translate"]} */
    const translateHere = async (pixels, side) => {
      try {
        return await model.translatePixels(pixels, side, side);
      } catch {
        return await translate(pixels, side); // such as after the browser has ended the worker
      }
    };
    panel.setHost(makeHost(translateHere, names, true));
  } catch (error) {
    console.info("The Space translates the drawings:", error);
  }
}

/** Shows the drawing of the page's address, once. */
async function openLink() {
  await starting;
  const { hash } = location;
  if (!shown || !hash.startsWith(FRAGMENT)) return;
  // A reload shows what was drawn since.
  history.replaceState(null, "", location.pathname + location.search);
  await shown.openLink(hash.slice(FRAGMENT.length));
}
