/**
 * The choice of a model, on a page that comes with several.
 *
 * @module
 */

import { find, make } from "../dom.js";

/** @import { Wanted } from "./deployment.js" */

export class ModelChoice {
  /**
   * @param {Wanted[]} choices
   * @param {(chosen: Wanted) => void} onChoice
   */
  constructor(choices, onChoice) {
    this.choices = choices;
    this.select = find("model-choice", HTMLSelectElement);
    this.select.append(...choices.map(({ name }) => make("option", {}, name ?? "")));
    this.select.addEventListener("change", () => onChoice(choices[this.select.selectedIndex]));
    find("choice", HTMLElement).hidden = !choices.length;
  }

  /** @param {Wanted} wanted the model to show as the chosen one */
  show(wanted) {
    this.select.selectedIndex = this.choices.indexOf(wanted);
  }
}
