/**
 * The ways for pictures to reach the page: chosen, dropped anywhere, pasted, or from the camera.
 *
 * @module
 */

import { find } from "../dom.js";
import { takePicture } from "./camera.js";
import { describeError } from "./texts.js";

export class PictureInput {
  /**
   * @param {(files: File[]) => void} onPictures
   * @param {(sentence: string) => void} onError
   */
  constructor(onPictures, onError) {
    this.onPictures = onPictures;
    this.onError = onError;
    const capture = find("capture", HTMLInputElement);
    for (const input of [find("choose", HTMLInputElement), capture]) {
      input.addEventListener("change", () => {
        this.#receive(input.files);
        input.value = ""; // so that the same file can be chosen again
      });
    }
    const camera = find("camera", HTMLButtonElement);
    camera.addEventListener("click", async () => {
      // A phone's own camera program is better than a video in the page.
      if (matchMedia("(pointer: coarse)").matches) capture.click();
      else await this.#useCamera();
    });
    document.addEventListener("paste", (event) => {
      if (event.defaultPrevented) return; // the canvas has taken it
      // A text field, such as one of an extension, keeps its own paste.
      const { clipboardData } = event;
      if (clipboardData?.files.length) event.preventDefault();
      this.#receive(clipboardData?.files);
    });
    this.#listenForDrops();
  }

  #listenForDrops() {
    const { classList } = document.body;
    /** @param {DragEvent} event */
    const hasFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));
    for (const name of /** @type {const} */ (["dragenter", "dragover"])) {
      document.addEventListener(name, (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault(); // without it, the browser would leave the page for the file
        classList.add("dropping");
      });
    }
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) classList.remove("dropping");
    });
    document.addEventListener("drop", (event) => {
      classList.remove("dropping");
      if (!hasFiles(event) || event.defaultPrevented) return;
      event.preventDefault();
      this.#receive(event.dataTransfer?.files);
    });
  }

  /** @param {FileList | null | undefined} files */
  #receive(files) {
    if (files?.length) this.onPictures([...files]);
  }

  async #useCamera() {
    try {
      const picture = await takePicture();
      if (picture) this.onPictures([picture]);
    } catch (error) {
      this.onError(describeError(error));
    }
  }
}
