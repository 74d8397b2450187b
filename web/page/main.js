/**
 * Starts the page: loads the model and gives it to each tab. Programs get the model from
 * `window.pix2pix`, a promise of the `Model` that is shown.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { showCodeTab } from "./code_tab.js";
import { readWanted } from "./deployment.js";
import { find, makeLink } from "./dom.js";
import { showGallery } from "./gallery_tab.js";
import { ModelLoader } from "./loading.js";
import { showModelTab } from "./model_tab.js";
import { Tabs } from "./tabs.js";
import { capitalize } from "./texts.js";
import { TranslateTab } from "./translate_tab.js";

/** @import { Model } from "../engine.js" */
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
const loader = new ModelLoader(await readWanted(), showModel);
/** What the visitor chose for the model. @type {RunOptions} */
let chosen = {};
await loader.load();
if (!loader.loaded) rejectModel(new UserError("No model could be loaded; the page says why."));

/** @param {LoadedModel} loaded */
async function showModel(loaded) {
  resolveModel(loaded.model);
  page.pix2pix = Promise.resolve(loaded.model);
  const { labels } = loaded;
  const title = `From ${labels.source} to ${labels.result}`;
  find("title", HTMLElement).textContent = title;
  document.title = `pix2pix: ${title}`;
  showLinks(loaded);
  translate.showModel(loaded);
  await loaded.readMetrics();
  if (loader.loaded !== loaded) return; // another one is shown by now
  translate.showExamples(loaded);
  // The samples' pictures are downloaded when the tab is opened.
  openOnce("gallery", () =>
    showGallery(loaded, (sample) => {
      tabs.open("translate");
      tabs.focus();
      translate.open(loaded, sample);
    }),
  );
  openOnce("model", () => showModelTab(loaded, chosen, (options) => choose(loaded, options)));
  openOnce("code", () => showCodeTab(loaded));
}

/**
 * Loads the model again as the visitor chose; where that fails, the tab shows what still runs.
 *
 * @param {LoadedModel} loaded
 * @param {RunOptions} options
 */
async function choose(loaded, options) {
  const before = chosen;
  chosen = options;
  await loader.reload(options);
  if (loader.loaded !== loaded || chosen !== options) return;
  chosen = before;
  await showModelTab(loaded, chosen, (next) => choose(loaded, next));
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
  const { endpoint, gradioSpace } = wanted;
  const links = [];
  if (url) links.push(makeLink(url, `${capitalize(name)} on the Hub`, endpoint));
  if (gradioSpace) {
    links.push(
      makeLink(`${endpoint}/spaces/${gradioSpace}`, "The same model in a Gradio Space", endpoint),
    );
  }
  find("links", HTMLElement).replaceChildren(
    ...links.flatMap((link, index) => (index ? [" · ", link] : [link])),
  );
}
