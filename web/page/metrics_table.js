/**
 * The table of held-out metrics: the model beside trivial baselines, as on the model card.
 *
 * @module
 */

import { make } from "../dom.js";
import { isNumber, isObject } from "./loaded_model.js";

/** @typedef {(value: number) => string} Format */

/** @param {number} digits @returns {Format} */
const fixed = (digits) => (value) => value.toFixed(digits);
/** @type {Format} */
const percent = (value) => `${(100 * value).toFixed(1)}%`;

/** Label and format of each metric of metrics.json. @type {Record<string, [string, Format]>} */
const METRICS = {
  l1: ["L1 (gray levels of 255)", fixed(2)],
  psnr: ["PSNR (dB)", fixed(2)],
  ssim: ["SSIM", fixed(3)],
  ms_ssim: ["MS-SSIM", fixed(3)],
  within_5: ["pixels within 5 gray levels", percent],
  within_10: ["pixels within 10 gray levels", percent],
  class_accuracy: ["class accuracy", percent],
  mean_iou: ["mean IoU", fixed(3)],
  boundary_f1: ["boundary F1", fixed(3)],
  classes_found: ["classes found", percent],
  spectrum_distance: ["spectrum distance (dB)", fixed(2)],
  sharpness: ["sharpness (target: 1)", fixed(2)],
  checkerboard: ["checkerboard (target: 1)", fixed(2)],
};
/** Names that earlier versions spelled differently. @type {Record<string, string>} */
const RENAMED = { colour_lookup: "color_lookup" };
const MAX_BASELINES = 8;

/**
 * Returns the table and the protocol below it.
 *
 * @param {Record<string, any> | null} report the content of metrics.json
 * @returns {HTMLElement[]}
 */
export function metricsTable(report) {
  const keys = Object.keys(METRICS).filter((key) => isNumber(report?.metrics?.[key]));
  if (!report || !keys.length) {
    return [make("p", {}, "This model comes without held-out metrics.")];
  }
  const baselines = isObject(report.baselines) ? Object.entries(report.baselines) : [];
  /** @type {[string, any, any][]} */
  const columns = [["this model [95 % interval]", report.metrics, report.intervals]];
  const base = report.base_model; // of a fine-tuned model
  if (isObject(base)) columns.push(["base model, before", base.metrics, base.intervals]);
  for (const [key, values] of baselines.slice(0, MAX_BASELINES)) {
    const name = (RENAMED[key] ?? key).replaceAll("_", " ");
    columns.push([name, values, report.baseline_intervals?.[key]]);
  }
  const head = columns.map(([name]) => make("th", { scope: "col" }, name));
  const rows = keys.map((key) => {
    const [label, format] = METRICS[key];
    const cells = columns.map(([, values, intervals]) =>
      make("td", {}, formatValue(values?.[key], intervals?.[key], format)),
    );
    return make("tr", {}, make("th", { scope: "row" }, label), ...cells);
  });
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, make("td"), ...head)),
    make("tbody", {}, ...rows),
  );
  // The focus lets the arrow keys scroll a table that is wider than the page.
  const scroller = make(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": "Held-out metrics" },
    table,
  );
  const protocol = typeof report.protocol === "string" ? report.protocol : "";
  return [scroller, make("p", { class: "hint" }, protocol)];
}

/**
 * @param {unknown} value
 * @param {unknown} interval
 * @param {Format} format
 */
function formatValue(value, interval, format) {
  if (!isNumber(value)) return "";
  const bounds = Array.isArray(interval) && interval.length === 2 && interval.every(isNumber);
  return bounds ? `${format(value)} [${interval.map(format).join(", ")}]` : format(value);
}
