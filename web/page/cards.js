/**
 * Shows held-out samples as buttons: a picture each, or three with their scores.
 *
 * @module
 */

import { empty, make, setPicture } from "../dom.js";

/** @import { LoadedModel, Sample, SampleKind } from "./loaded_model.js" */

/**
 * @typedef {object} CardTexts
 * @property {string} label the button's accessible name
 * @property {string} [text] a line below the pictures
 * @property {{kind: SampleKind, alt: string, caption?: string}[]} pictures
 */

/**
 * Fills a list with one button for each sample. A sample whose pictures are missing is left out.
 *
 * @param {HTMLElement} list
 * @param {LoadedModel} loaded
 * @param {Sample[]} samples
 * @param {(sample: Sample) => CardTexts} describe
 * @param {(sample: Sample) => void} onSelect
 */
export async function showCards(list, loaded, samples, describe, onSelect) {
  empty(list);
  const filled = samples.map(async (sample) => {
    const { label, text, pictures } = describe(sample);
    const row = make("span", { class: "pictures" });
    const button = make("button", { type: "button", "aria-label": label }, row);
    if (text) button.append(make("span", { class: "text" }, text));
    button.addEventListener("click", () => onSelect(sample));
    const item = make("li", {}, button);
    list.append(item);
    for (const { kind, alt, caption } of pictures) {
      const image = make("img", { alt, width: 256, height: 256 });
      const cell = make("span", {}, image);
      if (caption) cell.append(make("span", { class: "caption" }, caption));
      row.append(cell);
      const blob = await loaded.readPicture(sample, kind);
      if (!item.isConnected) return; // another model or order is shown by now
      if (!blob) {
        item.remove();
        return;
      }
      setPicture(image, blob);
    }
  });
  await Promise.all(filled);
}
