/**
 * Compares two pictures of one size, with a line that mouse, touch or arrow keys move.
 *
 * @module
 */

import { empty, make, setPicture } from "../dom.js";

export class CompareSlider {
  /**
   * @param {HTMLElement} figure
   * @param {string} message what is shown while there are no pictures
   */
  constructor(figure, message) {
    this.figure = figure;
    this.stage = make("div", { class: "stage" });
    this.caption = make("figcaption");
    figure.replaceChildren(this.stage, this.caption);
    /** Counts what is shown, so that a picture that was decoded too late is dropped. */
    this.turn = 0;
    this.showText(message);
  }

  /** @param {string} message */
  showText(message) {
    this.#show([make("p", { class: "empty" }, message)]);
  }

  /** @param {string} name @param {Blob} blob */
  async showOne(name, blob) {
    const turn = ++this.turn;
    const image = await decode(blob, name, "alone");
    if (turn === this.turn) this.#show([image, nameTag(name)]);
  }

  /**
   * @param {[string, string]} names captions, left and right of the line
   * @param {[Blob, Blob]} blobs the pictures
   * @param {{width: number, height: number}} size of both, in pixels
   * @param {string} [caption] a line below them
   */
  async showTwo(names, blobs, size, caption = "") {
    const turn = ++this.turn;
    const [before, after] = await Promise.all(
      blobs.map((blob, index) => decode(blob, names[index], index ? "after" : "before")),
    );
    if (turn !== this.turn) return;
    const range = make("input", {
      type: "range",
      min: 0,
      max: 100,
      value: 50,
      "aria-label": `Where ${names[0]} ends and ${names[1]} begins, in percent`,
    });
    const line = make("span", { class: "line", "aria-hidden": "true" });
    const frame = make("div", { class: "frame" }, before, after, range, line);
    frame.append(nameTag(names[0]), nameTag(names[1], "right"));
    frame.style.setProperty("--ratio", `${size.width} / ${size.height}`);
    range.addEventListener("input", () => frame.style.setProperty("--at", `${range.value}%`));
    this.#show([frame, this.#fullScreenButton()], caption);
  }

  #fullScreenButton() {
    const button = make("button", { type: "button", class: "full-screen" }, "Full screen");
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.stage.requestFullscreen();
    });
    return button;
  }

  /** @param {HTMLElement[]} children @param {string} [caption] */
  #show(children, caption = "") {
    this.turn++;
    empty(this.stage);
    this.stage.append(...children);
    this.caption.textContent = caption;
  }
}

/**
 * Returns an image that is ready to be drawn, so that nothing flashes when it appears.
 *
 * @param {Blob} blob
 * @param {string} alt
 * @param {string} kind the class of the image
 */
async function decode(blob, alt, kind) {
  const image = make("img", { alt, class: kind, draggable: "false" });
  setPicture(image, blob);
  // A picture that the browser can't show stays empty; the engine says why it can't be read.
  await image.decode().catch(() => {});
  return image;
}

/** @param {string} name @param {string} [side] */
function nameTag(name, side = "") {
  return make("span", { class: `name ${side}`, "aria-hidden": "true" }, name);
}
