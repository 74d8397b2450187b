/**
 * The offer to translate one half of a side-by-side pair and to compare it with the other.
 *
 * @module
 */

import { find, make } from "../dom.js";
import { isAToB } from "./labels.js";

/** @import { LoadedModel } from "./loaded_model.js" */

export class PairOffer {
  /** @param {(half: "left" | "right") => void} onAccept */
  constructor(onAccept) {
    this.section = find("pair", HTMLElement);
    this.text = find("pair-offer", HTMLElement);
    this.accept = find("pair-accept", HTMLButtonElement);
    /** @type {"left" | "right"} */
    this.half = "left";
    find("pair-refuse", HTMLButtonElement).addEventListener("click", () => this.hide());
    this.accept.addEventListener("click", () => {
      this.hide();
      onAccept(this.half);
    });
  }

  hide() {
    const hadFocus = this.section.contains(document.activeElement);
    this.section.hidden = true;
    if (hadFocus) find("start", HTMLButtonElement).focus();
  }

  /** @param {LoadedModel} loaded */
  show({ model, labels }) {
    this.half = isAToB(model.description) ? "left" : "right";
    this.text.replaceChildren(
      make("strong", {}, "A side-by-side pair?"),
      ` This picture is twice as wide as high. If its ${this.half} half is the ` +
        `${labels.shortSource}, that half can be translated alone and compared with the other ` +
        `one, the ${labels.real}.`,
    );
    this.accept.textContent = `Use the ${this.half} half`;
    this.section.hidden = false;
  }
}
