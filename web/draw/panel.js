/**
 * The canvas with its tools and, beside it, what the model makes of the drawing.
 *
 *     const panel = new DrawPanel({ side: 256, palette: readPalette(entries), host });
 *     document.body.append(panel.element);
 *     await panel.start();
 *
 * It knows neither the page around it nor where the model runs: the host passes functions. Programs
 * find the canvas as `#draw-canvas` and the result as `#draw-result`. Its `data-shown` and
 * `data-dropped` count results that were shown and states that were overtaken; `data-read` is when
 * the drawing that it shows was read, and `data-live` says whether the result may follow the pen.
 *
 * @module
 */

import { make } from "../dom.js";
import { UserError } from "../errors.js";
import { Drawing, Pen, TOOLS } from "./drawing.js";
import { decodeDrawing, makeFragment } from "./link.js";
import { Live } from "./live.js";
import { Sharing } from "./sharing.js";
import { Sheet } from "./sheet.js";
import { Starts } from "./start.js";
import { Keeper } from "./storage.js";
import { Toolbar } from "./toolbar.js";

/** @import { Rect } from "./bitmap.js" */
/** @import { Settings } from "./drawing.js" */
/** @import { Palette } from "./palette.js" */
/** @import { Pixels } from "./pictures.js" */
/** @import { Template } from "./start.js" */

/**
 * What the page around the panel does for it.
 *
 * @typedef {object} Host
 * @property {(pixels: Pixels, side: number) => Promise<Pixels>} translate
 * @property {(fragment: string) => string} makeAddress returns the address of a link
 * @property {{drawing: string, result: string}} names one word each, such as "sketch" and "photo"
 * @property {boolean} [isLive] whether it may translate while the pen is down, which it does by
 *   default where that is quick
 */

const KEYS = `Keys on the canvas: arrows move the cursor, with Shift ten pixels at once; Space or Enter draws; Esc takes a line or a rectangle back. ${TOOLS.map(({ name, key }) => `${key} ${name.toLowerCase()}`).join(", ")}, [ and ] size, Ctrl+Z undo, Ctrl+Shift+Z or Ctrl+Y redo, + and - zoom.`;
// The first width of the brush as a part of the side: areas are painted, edges are drawn.
const FIRST_WIDTH = { areas: 1 / 16, edges: 1 / 85 };

export class DrawPanel {
  /** @param {{side: number, palette: Palette, host: Host}} options */
  constructor({ side, palette, host }) {
    this.side = side;
    this.host = host;
    /** What the model made of the drawing. @type {Pixels | null} */
    this.result = null;
    /** Whether the last translation has failed, which the next one that works takes back. */
    this.hasFailed = false;
    this.drawing = new Drawing(side, palette, (rect, isDone) => this.#change(rect, isDone));
    this.keeper = new Keeper(this.drawing.bitmap);
    // The first stroke shows on the empty sheet.
    const { value } = palette.swatches[1];
    const part = palette.isSmooth ? FIRST_WIDTH.edges : FIRST_WIDTH.areas;
    /** @type {Settings} */
    const settings = { tool: "brush", width: Math.round(side * part), value };
    const pen = new Pen(this.drawing, settings, (picked) => this.toolbar.pick(picked));
    this.place = make("p", { class: "visually-hidden", "aria-live": "polite" });
    this.sheet = new Sheet(this.drawing, pen, capitalize(host.names.drawing), (text) => {
      this.place.textContent = text;
    });
    this.toolbar = new Toolbar(palette, settings, {
      undo: () => this.drawing.undo(),
      redo: () => this.drawing.redo(),
      clear: () => this.drawing.clear(),
      zoom: (direction) => this.sheet.stepZoom(direction),
    });
    this.starts = new Starts(this.drawing, (error) => this.fail(error));
    this.status = make("p", { role: "status" });
    this.error = make("p", { class: "error", role: "alert", hidden: true });
    this.output = make("canvas", {
      id: "draw-result",
      width: side,
      height: side,
      role: "img",
      "aria-label": `The ${host.names.result} that the model makes of the ${host.names.drawing}`,
    });
    this.busy = make("p", { class: "draw-busy", hidden: true }, "Translating …");
    this.element = this.#build();
    this.element.addEventListener("keydown", (event) => {
      if (!event.defaultPrevented && this.toolbar.press(event)) event.preventDefault();
    });
    this.live = this.#makeLive();
    this.#showHistory();
  }

  /** Shows the drawing that the browser has kept, and translates it. */
  async start() {
    const kept = await this.keeper.load();
    // A stroke that was drawn meanwhile stays.
    if (kept && !this.drawing.history.done.length) this.drawing.replace(kept);
    this.live.change(true);
  }

  /** @param {Host} host another one, such as that of a model which was loaded anew */
  setHost(host) {
    this.host = host;
    this.live.close();
    this.live = this.#makeLive();
    this.live.change(true);
  }

  /** @param {Template[]} templates */
  showTemplates(templates) {
    this.starts.showTemplates(templates);
  }

  /** @param {Blob} file a picture, or anything else */
  async openPicture(file) {
    this.say("The picture is being read.");
    await this.starts.open(file);
  }

  /**
   * Shows the drawing of a link; it can be undone.
   *
   * @param {string} text what follows "#draw=" in its fragment
   */
  async openLink(text) {
    try {
      this.drawing.replace(await decodeDrawing(text, this.drawing.bitmap));
      this.fail(null);
      this.say("This is the drawing of the link; Undo brings back your own.");
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {string} text */
  say(text) {
    this.status.textContent = text;
  }

  /** @param {unknown} error an error or a sentence; null for none. The drawing stays as it is. */
  fail(error) {
    const isCanceled = error instanceof Error && error.name === "AbortError";
    const sentence = error && !isCanceled ? describe(error) : "";
    this.say("");
    this.error.textContent = sentence;
    this.error.hidden = !sentence;
  }

  /**
   * @param {Rect | null} rect what to show anew
   * @param {boolean} isDone whether the pen is lifted
   */
  #change(rect, isDone) {
    if (rect) this.sheet.show(rect);
    this.live.change(isDone);
    if (!isDone) return;
    this.keeper.save();
    this.#showHistory();
  }

  #showHistory() {
    const { done, undone } = this.drawing.history;
    this.toolbar.showHistory({ canUndo: done.length > 0, canRedo: undone.length > 0 });
  }

  #makeLive() {
    const context = this.output.getContext("2d");
    const { host, side, output } = this;
    const isLive = host.isLive ?? true;
    output.dataset.live = String(isLive);
    const live = new Live({
      isLive,
      read: () => this.drawing.bitmap.toPixels(),
      translate: (pixels) => host.translate(pixels, side),
      onResult: (result, readAt) => {
        this.result = result;
        context?.putImageData(new ImageData(result, side), 0, 0);
        output.dataset.shown = String(live.counts.shown);
        output.dataset.dropped = String(live.counts.dropped);
        output.dataset.read = String(readAt);
        if (this.hasFailed) this.fail(null);
        this.hasFailed = false;
      },
      onError: (error) => {
        this.hasFailed = true;
        this.fail(error);
      },
      onBusy: (isBusy) => {
        this.busy.hidden = !isBusy;
      },
    });
    return live;
  }

  #build() {
    const { side, host } = this;
    const sharing = new Sharing({
      side,
      names: host.names,
      readDrawing: () => this.drawing.bitmap.toPixels(),
      readBoth: async () => {
        await this.live.settle();
        const result = this.hasFailed ? null : this.result; // not that of an earlier drawing
        return { drawing: this.drawing.bitmap.toPixels(), result };
      },
      makeLink: async () => this.host.makeAddress(await makeFragment(this.drawing.bitmap)),
      say: (text) => this.say(text),
      fail: (error) => this.fail(error),
    });
    const left = make("div", { class: "column" }, this.sheet.element, this.toolbar.buttons);
    const figure = make("div", { class: "draw-stage" }, this.output, this.busy);
    const right = make("div", { class: "column" }, figure, sharing.buttons, sharing.link);
    const title = make("h2", { id: "draw-start" }, "Start from");
    return make(
      "div",
      { class: "draw" },
      this.toolbar.choices,
      make("div", { class: "columns" }, left, right),
      make("div", {}, this.status, this.error, this.place),
      make("section", { "aria-labelledby": "draw-start" }, title, ...this.starts.elements),
      make("p", { class: "hint", id: "draw-keys" }, KEYS),
    );
  }
}

/** @param {unknown} error @returns {string} one sentence */
function describe(error) {
  if (typeof error === "string") return error;
  if (error instanceof UserError) return error.message;
  return "Something unexpected went wrong; the drawing is still here, so try again.";
}

/** @param {string} text */
function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
