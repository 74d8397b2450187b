/**
 * The buttons that keep a drawing: downloads, and a link that carries it.
 *
 * @module
 */

import { DownloadButton, make } from "../dom.js";
import { UserError } from "../errors.js";
import { writePng } from "./pictures.js";
import { makeButton } from "./toolbar.js";

/** @import { Pixels } from "./pictures.js" */

/**
 * @typedef {object} Shared
 * @property {number} side of the drawing in pixels
 * @property {{drawing: string, result: string}} names one word each
 * @property {() => Pixels} readDrawing
 * @property {() => Promise<{drawing: Pixels, result: Pixels | null}>} readBoth waits for the result
 *   of the drawing; null where there is none
 * @property {() => Promise<string>} makeLink
 * @property {(text: string) => void} say
 * @property {(error: unknown) => void} fail
 */

export class Sharing {
  /** @param {Shared} shared */
  constructor(shared) {
    this.shared = shared;
    const { drawing, result } = shared.names;
    this.link = make("input", {
      class: "draw-link",
      "aria-label": "Link to this drawing",
      readonly: true,
      hidden: true,
    });
    this.buttons = make(
      "div",
      { class: "buttons" },
      makeButton(`Download the ${drawing}`, "", () => this.#download(["drawing"])),
      makeButton(`Download the ${result}`, "", () => this.#download(["result"])),
      makeButton("Download both", "", () => this.#download(["drawing", "result"])),
      makeButton("Copy a link", "", () => this.#share()),
    );
  }

  /** @param {("drawing" | "result")[]} parts what the file shows, side by side */
  async #download(parts) {
    const { side, names, readDrawing, readBoth, say, fail } = this.shared;
    try {
      // A drawing alone waits for nothing: a model may be slow, or have stopped.
      const isAlone = parts.length === 1 && parts[0] === "drawing";
      const pixels = isAlone ? { drawing: readDrawing(), result: null } : await readBoth();
      const squares = parts.map((part) => pixels[part]).filter((square) => square !== null);
      if (squares.length < parts.length) {
        say(`There is no ${names.result} of this ${names.drawing} yet.`);
        return;
      }
      const name = parts.map((part) => names[part]).join("-");
      const file = new DownloadButton(make("button"));
      file.offer(await writePng(squares, side), `pix2pix-${name}.png`);
      file.save();
    } catch (error) {
      fail(error);
    }
  }

  async #share() {
    const { makeLink, say, fail } = this.shared;
    try {
      this.link.value = await makeLink();
      this.link.hidden = false;
      fail(null);
      await navigator.clipboard.writeText(this.link.value);
      say("The link is copied. Anyone who opens it sees this drawing.");
    } catch (error) {
      if (error instanceof UserError) fail(error);
      else say("Copy the link from the field above."); // the browser lets no page copy it
    }
  }
}
