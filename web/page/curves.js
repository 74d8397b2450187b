/**
 * The training curves of a model, drawn from history.csv as SVG.
 *
 * @module
 */

import { make, makeSvg } from "../dom.js";
import { formatCount } from "./texts.js";

/** @typedef {Record<string, number>} HistoryRow */
/** @typedef {{title: string, series: Record<string, string>}} Plot title, and labels by column */

/**
 * The L1 loss is far below the others, and would look like a flat line in one plot with them.
 *
 * @type {Plot[]}
 */
const PLOTS = [
  {
    title: "GAN losses",
    series: { discriminator_loss: "discriminator", generator_gan_loss: "generator" },
  },
  { title: "L1 loss", series: { l1_loss: "generator" } },
  {
    title: "Mean output of the discriminator",
    series: { d_real: "on real pairs", d_fake: "on generated pairs" },
  },
];
const COLUMNS = ["step", ...PLOTS.flatMap(({ series }) => Object.keys(series))];
const MAX_POINTS = 500;
/** Of a drawing, in its own units, with the margins around the plot. */
const SIZE = { width: 340, height: 220, left: 44, right: 12, top: 12, bottom: 40 };

/**
 * Returns the plots, or a sentence where the model has no readable history.
 *
 * @param {string | null} csv the content of history.csv
 * @returns {HTMLElement}
 */
export function trainingCurves(csv) {
  const rows = readHistory(csv ?? "");
  if (!rows.length) return make("p", {}, "This model comes without a training history.");
  return make("div", { class: "plots" }, ...PLOTS.map((plot) => drawPlot(plot, rows)));
}

/**
 * Returns the rows with all plotted figures, at most 500, evenly spread.
 *
 * @param {string} csv
 * @returns {HistoryRow[]}
 */
export function readHistory(csv) {
  const [head, ...lines] = csv.trim().split(/\r?\n/);
  const names = head.split(",");
  const rows = lines
    .map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(
        names.map((name, index) => [name, cells[index] ? Number(cells[index]) : Number.NaN]),
      );
    })
    .filter((row) => COLUMNS.every((name) => Number.isFinite(row[name])));
  const every = Math.max(1, Math.ceil(rows.length / MAX_POINTS));
  return rows.filter((_, index) => index % every === 0);
}

/** @param {Plot} plot @param {HistoryRow[]} rows */
function drawPlot({ title, series }, rows) {
  const names = Object.keys(series);
  const steps = ticks(0, Math.max(...rows.map((row) => row.step)), 5);
  const values = rows.flatMap((row) => names.map((name) => row[name]));
  const levels = ticks(Math.min(0, ...values), Math.max(...values), 5);
  const [right, top] = [SIZE.width - SIZE.right, SIZE.height - SIZE.bottom];
  const x = scale(steps[0], Math.max(...rows.map((row) => row.step)), SIZE.left, right);
  const y = scale(levels[0], Math.max(levels.at(-1) ?? 1, ...values), top, SIZE.top);
  const svg = makeSvg("svg", {
    viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
    role: "img",
    "aria-label": describe(title, series, rows),
  });
  for (const level of levels) {
    svg.append(
      makeSvg("line", { class: "grid", x1: SIZE.left, x2: right, y1: y(level), y2: y(level) }),
      makeSvg("text", { x: SIZE.left - 6, y: y(level) + 4, "text-anchor": "end" }, shorten(level)),
    );
  }
  for (const step of steps) {
    svg.append(
      makeSvg("line", { class: "grid", x1: x(step), x2: x(step), y1: SIZE.top, y2: top }),
      makeSvg("text", { x: x(step), y: top + 16, "text-anchor": "middle" }, formatCount(step)),
    );
  }
  svg.append(
    makeSvg(
      "text",
      { x: (SIZE.left + right) / 2, y: SIZE.height - 6, "text-anchor": "middle" },
      "step",
    ),
  );
  names.forEach((name, index) => {
    const points = rows.map((row) => `${x(row.step).toFixed(1)},${y(row[name]).toFixed(1)}`);
    svg.append(makeSvg("polyline", { class: `curve curve-${index}`, points: points.join(" ") }));
  });
  const legend = Object.values(series).map((label, index) =>
    make("li", { class: `key-${index}` }, label),
  );
  return make(
    "figure",
    { class: "plot" },
    make("figcaption", {}, title),
    svg,
    make("ul", { class: "legend" }, ...legend),
  );
}

/**
 * Returns the text that screen readers say in place of the drawing.
 *
 * @param {string} title
 * @param {Record<string, string>} series
 * @param {HistoryRow[]} rows
 */
function describe(title, series, rows) {
  const last = rows[rows.length - 1];
  const curves = Object.entries(series).map(
    ([name, label]) => `${label} from ${shorten(rows[0][name])} to ${shorten(last[name])}`,
  );
  return `${title} until step ${formatCount(last.step)}: ${curves.join(", ")}`;
}

/**
 * Returns round values that cover a range.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count about how many
 */
function ticks(low, high, count) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= count) ??
    10 * power;
  const first = Math.floor(low / step + 1e-9);
  // A value just below a round one, such as 0.999, gets the tick above it.
  const last = Math.floor(high / step + 0.05);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/**
 * @param {number} from @param {number} to the range of the values
 * @param {number} start @param {number} end where they are drawn
 * @returns {(value: number) => number}
 */
function scale(from, to, start, end) {
  return (value) => start + ((value - from) / (to - from || 1)) * (end - start);
}

/** @param {number} value */
function shorten(value) {
  return String(Number(value.toPrecision(3)));
}
