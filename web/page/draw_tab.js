/**
 * The Draw tab: the canvas, for a model whose input is a legend of colors.
 *
 * The tab is there for a model that has a palette. It is also there while another model is shown,
 * where the page's choice of models has one to draw for: a visitor who sees only the first model
 * would not find the canvas. Then the tab offers to load that one.
 *
 * @module
 */

import { find, make } from "../dom.js";
import { listenForPictures } from "../draw/arrivals.js";
import { FRAGMENT } from "../draw/link.js";
import { readPalette } from "../draw/palette.js";

/** @import { DrawPanel } from "../draw/panel.js" */
/** @import { Wanted } from "./deployment.js" */
/** @import { LoadedModel } from "./loaded_model.js" */
/** @import { Tabs } from "./tabs.js" */

export class DrawTab {
  /** The canvas of each palette: a drawing stays while another model is shown. @type {Map<string, DrawPanel>} */
  #panels = new Map();
  /** The canvas that is shown. @type {DrawPanel | null} */
  #panel = null;
  /** @type {LoadedModel | null} */
  #loaded = null;
  /** What is in the tab. @type {LoadedModel | null} */
  #filledFor = null;
  /** @type {Promise<void>} */
  #filling = Promise.resolve();

  /**
   * @param {Tabs} tabs
   * @param {Wanted[]} choices
   * @param {(wanted: Wanted) => void} onChoice loads a model
   */
  constructor(tabs, choices, onChoice) {
    this.tabs = tabs;
    this.onChoice = onChoice;
    this.drawable = choices.find(({ draws }) => draws) ?? null;
    this.tab = find("tab-draw", HTMLElement);
    this.section = find("draw", HTMLElement);
    tabs.onOpen("draw", () => this.#fill());
    window.addEventListener("hashchange", () => this.#openLink());
    listenForPictures(() => (tabs.isOpen("draw") ? this.#panel : null));
  }

  /** @param {LoadedModel} loaded a model that is ready */
  showModel(loaded) {
    this.#loaded = loaded;
    const hasLink = location.hash.startsWith(FRAGMENT);
    const isOffered = Boolean(paletteOf(loaded) || this.drawable || hasLink);
    if (!isOffered && this.tabs.isOpen("draw")) this.tabs.open("translate");
    this.tab.hidden = !isOffered;
    if (hasLink) this.#openLink();
    else if (this.tabs.isOpen("draw")) this.#fill();
  }

  /** @param {LoadedModel} loaded one whose list of samples is known */
  showSamples(loaded) {
    if (loaded === this.#filledFor) this.#panel?.showTemplates(makeTemplates(loaded));
  }

  async #openLink() {
    if (!location.hash.startsWith(FRAGMENT) || !this.#loaded) return;
    this.tab.hidden = false;
    this.tabs.open("draw");
    await this.#fill();
    // Without a panel, the link waits for a model that can be drawn for.
    if (!this.#panel || !location.hash.startsWith(FRAGMENT)) return;
    const text = location.hash.slice(FRAGMENT.length);
    // A reload shows what was drawn since.
    history.replaceState(null, "", location.pathname + location.search);
    await this.#panel.openLink(text);
  }

  /** Fills the tab for the model that is loaded. */
  async #fill() {
    const loaded = this.#loaded;
    if (!loaded) return;
    if (this.#filledFor !== loaded) {
      this.#filledFor = loaded;
      this.#panel = null;
      this.#filling = this.#showPanel(loaded);
    }
    await this.#filling;
  }

  /** @param {LoadedModel} loaded */
  async #showPanel(loaded) {
    const palette = paletteOf(loaded);
    if (!palette) {
      this.#offerOther(loaded);
      return;
    }
    const side = loaded.model.description.config.image_size;
    const key = `${side} ${palette.key}`;
    const host = makeHost(loaded);
    try {
      const { DrawPanel } = await import("../draw/panel.js");
      if (this.#filledFor !== loaded) return; // another model is shown by now
      const known = this.#panels.get(key);
      const panel = known ?? new DrawPanel({ side, palette, host });
      this.#panels.set(key, panel);
      this.#panel = panel;
      this.section.replaceChildren(panel.element);
      panel.showTemplates(makeTemplates(loaded));
      if (known) panel.setHost(host);
      else await panel.start();
    } catch {
      this.#filledFor = null; // opening the tab again tries again
      const sentence = "The canvas can't be loaded: reload the page.";
      this.section.replaceChildren(make("p", { class: "error", role: "alert" }, sentence));
    }
  }

  /** @param {LoadedModel} loaded one without a palette */
  #offerOther({ labels }) {
    const sentence = make("p", {}, `This model (${labels.title}) does not translate drawings.`);
    this.section.replaceChildren(sentence);
    const { drawable } = this;
    if (!drawable) return;
    const text = `Draw for the model “${drawable.name}”`;
    const button = make("button", { type: "button", class: "primary" }, text);
    button.addEventListener("click", () => this.onChoice(drawable));
    this.section.append(button);
  }
}

/** @param {LoadedModel} loaded */
function paletteOf({ model }) {
  return readPalette(model.description.input_palette);
}

/** @param {LoadedModel} loaded @returns {import("../draw/panel.js").Host} */
function makeHost({ model, labels }) {
  return {
    translate: (pixels, side) => model.translatePixels(pixels, side, side),
    makeAddress: (fragment) => new URL(fragment, location.href).href,
    names: { drawing: labels.shortSource, result: labels.shortResult },
  };
}

/** @param {LoadedModel} loaded @returns {import("../draw/start.js").Template[]} */
function makeTemplates(loaded) {
  return loaded.samples.map((sample) => ({
    name: `held-out ${loaded.labels.shortSource} ${sample.name}`,
    read: () => loaded.readPicture(sample, "input"),
  }));
}
