/**
 * The tools and colors beside the canvas, and the keys that choose them.
 *
 * @module
 */

import { make } from "../dom.js";
import { TOOLS } from "./drawing.js";

/** @import { Settings, Tool } from "./drawing.js" */
/** @import { Palette } from "./palette.js" */

/**
 * What the buttons do.
 *
 * @typedef {{undo: () => void, redo: () => void, clear: () => void, zoom: (direction: number) => void}} Actions
 */

const MAX_WIDTH = 64;

export class Toolbar {
  /**
   * @param {Palette} palette
   * @param {Settings} settings is changed by the visitor
   * @param {Actions} actions
   */
  constructor(palette, settings, actions) {
    this.palette = palette;
    this.settings = settings;
    this.actions = actions;
    this.tools = TOOLS.map(({ tool, name, key }) => {
      const isChosen = tool === settings.tool;
      const input = makeRadio("draw-tool", tool, isChosen, key, () => {
        settings.tool = tool;
      });
      return {
        input,
        label: make("label", { class: "choice", title: `${name} (${key})` }, input, name),
      };
    });
    this.swatches = palette.swatches.map(({ name, color, value }) => {
      const input = makeRadio("draw-color", String(value), value === settings.value, null, () => {
        settings.value = value;
      });
      const patch = make("span", { class: "draw-patch", "aria-hidden": "true" });
      patch.style.background = color;
      return {
        input,
        label: make("label", { class: "choice" }, input, patch, make("span", {}, name)),
      };
    });
    this.output = make("output", {});
    this.width = make("input", { type: "range", min: 1, max: MAX_WIDTH, value: settings.width });
    this.width.addEventListener("input", () => this.setWidth(this.width.valueAsNumber));
    this.undo = makeButton("Undo", "Ctrl+Z", actions.undo);
    this.redo = makeButton("Redo", "Ctrl+Shift+Z or Ctrl+Y", actions.redo);
    this.setWidth(settings.width);
  }

  /** @returns {HTMLElement} tools, size and colors */
  get choices() {
    const attributes = { class: "draw-width", title: "Size ([ and ])" };
    const size = make("label", attributes, "Size", this.width, this.output);
    const [tools, colors] = [this.tools, this.swatches].map((choices) =>
      choices.map(({ label }) => label),
    );
    const groups = [makeGroup("Tool", tools), size, makeGroup("Color", colors)];
    return make("div", { class: "draw-choices" }, ...groups);
  }

  /** @returns {HTMLElement} what acts on the whole drawing */
  get buttons() {
    const { clear, zoom } = this.actions;
    const zooms = [
      makeButton("Zoom in", "+", () => zoom(1)),
      makeButton("Zoom out", "-", () => zoom(-1)),
    ];
    const buttons = [this.undo, this.redo, makeButton("Clear", "", clear), ...zooms];
    return make("div", { class: "buttons" }, ...buttons);
  }

  /** @param {number} width pixels */
  setWidth(width) {
    this.settings.width = Math.min(MAX_WIDTH, Math.max(1, width));
    this.width.value = String(this.settings.width);
    this.output.textContent = `${this.settings.width} px`;
  }

  /** Chooses the color under the eyedropper. @param {number} value of a drawing */
  pick(value) {
    const swatch = this.palette.swatchOf(value);
    this.settings.value = swatch.value;
    this.swatches[this.palette.swatches.indexOf(swatch)].input.checked = true;
  }

  /** @param {Tool} tool */
  choose(tool) {
    this.settings.tool = tool;
    this.tools[TOOLS.findIndex((entry) => entry.tool === tool)].input.checked = true;
  }

  /** @param {{canUndo: boolean, canRedo: boolean}} state */
  showHistory({ canUndo, canRedo }) {
    // They stay focusable: a button that is disabled would lose the keyboard's place.
    this.undo.setAttribute("aria-disabled", String(!canUndo));
    this.redo.setAttribute("aria-disabled", String(!canRedo));
  }

  /**
   * Does what a key stands for.
   *
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it stands for something
   */
  press(event) {
    const key = event.key.toLowerCase();
    if (event.altKey) return false;
    if (event.ctrlKey || event.metaKey) {
      const isRedo = key === "y" || (key === "z" && event.shiftKey);
      if (isRedo) this.actions.redo();
      else if (key === "z") this.actions.undo();
      return isRedo || key === "z";
    }
    const tool = TOOLS.find((entry) => entry.key.toLowerCase() === key);
    if (tool) this.choose(tool.tool);
    else if (key === "[" || key === "]") this.setWidth(stepWidth(this.settings.width, key === "]"));
    else if (key === "+" || key === "=" || key === "-") this.actions.zoom(key === "-" ? -1 : 1);
    else return false;
    return true;
  }
}

/** @param {number} width @param {boolean} isLarger @returns {number} about a quarter more or less */
function stepWidth(width, isLarger) {
  const step = Math.max(1, Math.round(width / 4));
  return isLarger ? width + step : width - step;
}

/**
 * @param {string} name of the group
 * @param {string} value
 * @param {boolean} checked
 * @param {string | null} key
 * @param {() => void} onChoose
 */
function makeRadio(name, value, checked, key, onChoose) {
  const attributes = { type: "radio", name, value, checked, "aria-keyshortcuts": key };
  const input = make("input", { ...attributes, autocomplete: "off" });
  input.addEventListener("change", onChoose);
  return input;
}

/** @param {string} legend @param {HTMLElement[]} choices */
function makeGroup(legend, choices) {
  const list = make("div", { class: "choices" }, ...choices);
  return make(
    "fieldset",
    { class: "draw-group", role: "radiogroup" },
    make("legend", {}, legend),
    list,
  );
}

/**
 * Makes a button whose tooltip has its key.
 *
 * @param {string} name
 * @param {string} keys
 * @param {() => void} onClick
 */
export function makeButton(name, keys, onClick) {
  const title = keys ? `${name} (${keys})` : null;
  const button = make("button", { type: "button", title }, name);
  button.addEventListener("click", onClick);
  return button;
}
