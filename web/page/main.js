/**
 * Starts the page: loads the model and gives it to each tab. Programs get the model from
 * `window.pix2pix`, a promise of the `Model` that is shown.
 *
 * @module
 */

import { find, makeLink } from "../dom.js";
import { UserError } from "../errors.js";
import { showCodeTab } from "./code_tab.js";
import { readDeployment, writeAddress } from "./deployment.js";
import { DrawTab } from "./draw_tab.js";
import { showGallery } from "./gallery_tab.js";
import { ModelLoader } from "./loading.js";
import { ModelChoice } from "./model_choice.js";
import { showModelTab } from "./model_tab.js";
import { Tabs } from "./tabs.js";
import { capitalize } from "./texts.js";
import { TranslateTab } from "./translate_tab.js";

/** @import { Model } from "../engine.js" */
/** @import { Wanted } from "./deployment.js" */
/** @import { RunOptions } from "./loading.js" */
/** @import { LoadedModel } from "./loaded_model.js" */

const theme = new URL(location.href).searchParams.get("__theme");
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;

/** @type {(model: Model) => void} */
let resolveModel = () => {};
/** @type {(error: Error) => void} */
let rejectModel = () => {};
/** @type {Window & {pix2pix?: Promise<Model>}} */
const page = window;
page.pix2pix = new Promise((resolve, reject) => {
  resolveModel = resolve;
  rejectModel = reject;
});
page.pix2pix.catch(() => {}); // the page shows the error itself

const tabs = new Tabs(find("tabs", HTMLElement));
const translate = new TranslateTab();
document.addEventListener("pictures", () => tabs.open("translate"));
const { wanted: first, starter, choices } = await readDeployment();
const loader = new ModelLoader(starter, showModel);
/** The device and the threads that the visitor chose. @type {RunOptions} */
let wish = {};
/** What Retry does. */
let again = () => load(first);
loader.retry.addEventListener("click", () => again());
const choice = new ModelChoice(choices, (chosen) => {
  // A way back, while another model is loaded, needs no download.
  if (loader.loaded?.wanted === chosen) loader.keep(loader.loaded);
  else load(chosen);
});
const draw = new DrawTab(tabs, choices, (chosen) => load(chosen));
await load(first);

/**
 * Loads a model; where that fails, the page's controls show the one that still runs.
 *
 * @param {Wanted} wanted
 * @param {RunOptions} [options] by default what the visitor chose last
 */
async function load(wanted, options = wish) {
  const before = loader.loaded;
  wish = options;
  again = () => load(wanted, options);
  choice.show(wanted);
  await loader.load(wanted, options);
  const { loaded } = loader;
  if (loader.controller) return; // a newer call goes on
  if (loaded) wish = loaded.options;
  if (!loaded) rejectModel(new UserError("No model could be loaded; the page says why."));
  else if (loaded.wanted === wanted) writeAddress(wanted, choices);
  if (loaded && loaded === before) showControls(loaded);
}

/** @param {LoadedModel} loaded */
async function showModel(loaded) {
  resolveModel(loaded.model);
  page.pix2pix = Promise.resolve(loaded.model);
  const title = `From ${loaded.labels.title}`;
  find("title", HTMLElement).textContent = title;
  document.title = `pix2pix: ${title}`;
  showLinks(loaded);
  choice.show(loaded.wanted);
  translate.showModel(loaded);
  draw.showModel(loaded);
  await loaded.readMetrics();
  if (loader.loaded !== loaded) return; // another one is shown by now
  translate.showExamples(loaded);
  draw.showSamples(loaded);
  // The samples' pictures are downloaded when the tab is opened.
  openOnce("gallery", () =>
    showGallery(loaded, (sample) => {
      tabs.open("translate");
      tabs.focus();
      translate.open(loaded, sample);
    }),
  );
  openOnce("model", () => fillModelTab(loaded));
  openOnce("code", () => showCodeTab(loaded));
}

/** @param {LoadedModel} loaded */
function showControls(loaded) {
  choice.show(loaded.wanted);
  if (find("model", HTMLElement).hasChildNodes()) fillModelTab(loaded);
}

/** @param {LoadedModel} loaded */
function fillModelTab(loaded) {
  showModelTab(loaded, (options) => load(loaded.wanted, options));
}

/**
 * Fills a tab when it is opened for the first time with this model.
 *
 * @param {string} panel
 * @param {() => void} fill
 */
function openOnce(panel, fill) {
  let isFilled = false;
  tabs.onOpen(panel, () => {
    if (!isFilled) fill();
    isFilled = true;
  });
}

/** @param {LoadedModel} loaded */
function showLinks({ url, name, wanted }) {
  const { endpoint, gradioSpace, spaceId } = wanted;
  const spaces = `${endpoint}/spaces`;
  const links = [];
  if (url) links.push([url, `${capitalize(name)} on the Hub`]);
  if (gradioSpace) links.push([`${spaces}/${gradioSpace}`, "The same model in a Gradio Space"]);
  // A static Space is free for every account.
  if (spaceId)
    links.push([`${spaces}/${spaceId}?duplicate=true`, "Duplicate this Space (free for everyone)"]);
  find("links", HTMLElement).replaceChildren(
    ...links.map(([target, text]) => makeLink(target, text, endpoint)),
  );
}
