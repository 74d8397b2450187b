/**
 * The Gallery tab: held-out pairs beside the pictures that the model generates for them.
 *
 * @module
 */

import { find, findIn, make } from "../dom.js";
import { showCards } from "./cards.js";
import { capitalize } from "./texts.js";

/** @import { LoadedModel, Sample } from "./loaded_model.js" */

/** @type {Record<string, (a: Sample, b: Sample) => number>} */
const ORDERS = {
  "as stored": () => 0,
  "best first": (a, b) => a.scores.l1 - b.scores.l1,
  "worst first": (a, b) => b.scores.l1 - a.scores.l1,
};

/**
 * Fills the tab for a model.
 *
 * @param {LoadedModel} loaded
 * @param {(sample: Sample) => void} onSelect
 */
export function showGallery(loaded, onSelect) {
  const panel = find("gallery", HTMLElement);
  const { labels, samples } = loaded;
  if (!samples.length) {
    panel.replaceChildren(make("p", {}, "This model comes without samples."));
    return;
  }
  const explanation =
    `Pairs the model never saw in training. L1 is the mean difference from the ${labels.real} in gray levels of 255: lower is closer. ` +
    `PSNR and SSIM: higher is closer. A click opens the ${labels.shortSource} in Translate, with the ${labels.real} to compare with.`;
  const list = make("ul", { class: "cards wide" });
  const choices = Object.keys(ORDERS).map((order, index) =>
    make(
      "label",
      { class: "choice" },
      make("input", { type: "radio", name: "order", value: order, checked: index === 0 }),
      order,
    ),
  );
  const fieldset = make(
    "fieldset",
    {},
    make("legend", {}, "Order, by L1"),
    make("div", { class: "choices" }, ...choices),
  );
  const show = () => {
    const order = findIn(fieldset, "input:checked", HTMLInputElement).value;
    const sorted = [...samples].sort(ORDERS[order]);
    showCards(list, loaded, sorted, (sample) => describe(sample, loaded), onSelect);
  };
  fieldset.addEventListener("change", show);
  panel.replaceChildren(make("p", {}, explanation), fieldset, list);
  show();
}

/**
 * @param {Sample} sample
 * @param {LoadedModel} loaded
 * @returns {import("./cards.js").CardTexts}
 */
function describe({ name, scores }, { labels }) {
  const text = `L1 ${scores.l1.toFixed(2)}, PSNR ${scores.psnr.toFixed(1)} dB, SSIM ${scores.ssim.toFixed(3)}`;
  /** @type {[import("./loaded_model.js").SampleKind, string][]} */
  const kinds = [
    ["input", labels.shortSource],
    ["generated", `generated ${labels.shortResult}`],
    ["target", labels.real],
  ];
  return {
    label: `Sample ${name}: ${text}. Open it in Translate.`,
    text,
    pictures: kinds.map(([kind, caption]) => ({
      kind,
      alt: `Sample ${name}: ${caption}`,
      caption: capitalize(caption),
    })),
  };
}
