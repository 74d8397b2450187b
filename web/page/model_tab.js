/**
 * The Model tab: where the model runs and comes from, its metrics, training curves and card.
 *
 * @module
 */

import { find, make, makeLink } from "../dom.js";
import { trainingCurves } from "./curves.js";
import { isAToB } from "./labels.js";
import { isObject } from "./loaded_model.js";
import { metricsTable } from "./metrics_table.js";
import { formatCount } from "./texts.js";

/** @import { Device } from "../types.js" */
/** @import { RunOptions } from "./loading.js" */
/** @import { LoadedModel } from "./loaded_model.js" */

/** @typedef {string | HTMLElement | null | undefined} Fact */

const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---\r?\n/;
const REPO_ID = /^[\w.-]+\/[\w.-]+$/;
const DEVICES = {
  auto: "Choose the faster one",
  wasm: "CPU (WebAssembly)",
  webgpu: "GPU (WebGPU)",
};
/** The engine uses no more. */
const MAX_THREADS = 4;

/** The number of calls of `showModelTab`. */
let turns = 0;

/**
 * Fills the tab for a model.
 *
 * @param {LoadedModel} loaded
 * @param {(options: RunOptions) => void} onChoice loads the model again with other options
 */
export async function showModelTab(loaded, onChoice) {
  const panel = find("model", HTMLElement);
  const turn = ++turns;
  const [card, history] = await Promise.all([
    loaded.readText("README.md"),
    loaded.readText("history.csv"),
  ]);
  if (turn !== turns) return; // another model is shown by now
  const focused = document.activeElement?.id;
  panel.replaceChildren(
    heading("Where it runs"),
    runsOn(loaded, onChoice),
    heading("This model"),
    factsTable(facts(loaded, card)),
    heading("Held-out metrics, beside trivial baselines"),
    ...metricsTable(loaded.metrics),
    heading("Training curves"),
    trainingCurves(history),
    cardDetails(loaded, card),
  );
  // The choice of the device has loaded the model again, and is a new element now.
  if (focused && panel.querySelector(`#${CSS.escape(focused)}`))
    document.getElementById(focused)?.focus();
}

/**
 * @param {LoadedModel} loaded
 * @param {(options: RunOptions) => void} onChoice
 */
function runsOn(loaded, onChoice) {
  const chosen = loaded.options;
  const { device, threads, note } = loaded.model.runsOn;
  const devices = makeSelect("device", Object.entries(DEVICES), chosen.device ?? "auto");
  const most = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, MAX_THREADS) : 1;
  const counts = Array.from({ length: most }, (_, index) => String(index + 1));
  const current = chosen.threads ?? (device === "wasm" ? threads : most);
  const threadSelect = makeSelect(
    "threads",
    counts.map((count) => [count, count]),
    String(Math.min(current, most)),
  );
  threadSelect.disabled = most === 1 || device === "webgpu";
  const choose = () =>
    onChoice({
      device: /** @type {Device | "auto"} */ (devices.value),
      threads: Number(threadSelect.value),
    });
  devices.addEventListener("change", choose);
  threadSelect.addEventListener("change", choose);
  const sentence = crossOriginIsolated
    ? ""
    : " One thread, because this page is not cross-origin isolated here.";
  return make(
    "div",
    { class: "panel" },
    make(
      "p",
      { id: "runs-on" },
      `Now: ${DEVICES[device]}, ${threads} thread${threads === 1 ? "" : "s"}. ${note}${sentence}`,
    ),
    make(
      "div",
      { class: "choices" },
      make("div", {}, make("label", { for: "device" }, "Device"), devices),
      make("div", {}, make("label", { for: "threads" }, "Threads of the CPU"), threadSelect),
    ),
  );
}

/** @param {string} id @param {string[][]} options values and texts @param {string} value */
function makeSelect(id, options, value) {
  const select = make("select", { id });
  for (const [key, text] of options)
    select.append(make("option", { value: key, selected: key === value }, text));
  return select;
}

/**
 * @param {LoadedModel} loaded
 * @param {string | null} card
 * @returns {[string, Fact][]}
 */
function facts(loaded, card) {
  const { model, labels, wanted } = loaded;
  const about = model.description;
  const config = isObject(about.config) ? about.config : {};
  const training = isObject(about.training) ? about.training : {};
  const sides = isAToB(about) ? "A to B" : "B to A";
  const digests = isObject(about.sha256) ? about.sha256 : {};
  const size = text(config.image_size);
  return [
    ["model", loaded.url ? makeLink(loaded.url, loaded.name, wanted.endpoint) : loaded.name],
    ["revision", model.revision && make("code", {}, model.revision)],
    ["direction", `${labels.source} to ${labels.result} (${sides})`],
    ["size", size && `${size} x ${size} pixels`],
    ["dataset", dataset(config, wanted.endpoint)],
    ["dataset's license", text(about.dataset_license)],
    ["weights' license", readLicense(card)],
    ["training steps", Number.isInteger(training.steps) ? formatCount(training.steps) : null],
    ["trained on", text(training.device)],
    ["code", codeVersion(about)],
    ["sha256 of generator.onnx", digest(digests["generator.onnx"])],
    ["sha256 of model.weights.h5", digest(digests["model.weights.h5"])],
    [
      "limits",
      "The results are guesses: do not use them for navigation or decisions about land. A picture unlike those of the dataset gives a result without meaning.",
    ],
  ];
}

/** @param {[string, Fact][]} rows */
function factsTable(rows) {
  const lines = rows
    .filter(([, value]) => value)
    .map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value ?? "")),
    );
  return make("table", { class: "facts" }, make("tbody", {}, ...lines));
}

/** @param {Record<string, any>} config @param {string} endpoint @returns {Fact} */
function dataset(config, endpoint) {
  const name = text(config.dataset_name);
  const revision = text(config.dataset_revision);
  if (!name || !revision || !REPO_ID.test(name)) return name && make("code", {}, name);
  return makeLink(
    `${endpoint}/datasets/${name}/tree/${encodeURIComponent(revision)}`,
    name,
    endpoint,
  );
}

/** @param {LoadedModel} loaded @param {string | null} card */
function cardDetails(loaded, card) {
  const details = make("details", {}, make("summary", {}, "The model's card"));
  const body = card?.replace(FRONT_MATTER, "").trim();
  if (loaded.url)
    details.append(
      make("p", {}, makeLink(loaded.url, "Read it on the Hub", loaded.wanted.endpoint)),
    );
  details.append(
    body
      ? make("pre", { class: "card", tabindex: 0 }, body)
      : make("p", {}, "This model comes without a card."),
  );
  return details;
}

/** @param {string | null} card @returns {Fact} the license in the card's front matter */
function readLicense(card) {
  const matter = card?.match(FRONT_MATTER)?.[1] ?? "";
  return matter.match(/^license:\s*["']?([\w.+-]+)/m)?.[1];
}

/** @param {Record<string, any>} about @returns {Fact} as in "0.1.0 (commit 0123456)" */
function codeVersion(about) {
  const version = text(about.pix2pix_version);
  const commit = text(about.pix2pix_commit);
  if (!version || !commit) return version;
  const [oid, ...rest] = commit.split(" ");
  return `${version} (commit ${[oid.slice(0, 7), ...rest].join(" ")})`;
}

/** @param {unknown} value @returns {Fact} */
function digest(value) {
  return typeof value === "string" ? make("code", {}, value) : null;
}

/** @param {unknown} value @returns {string | null} what can be shown of a value from outside */
function text(value) {
  return typeof value === "string" || typeof value === "number"
    ? String(value).slice(0, 300)
    : null;
}

/** @param {string} title */
function heading(title) {
  return make("h2", {}, title);
}
