/**
 * Takes a picture with the camera, in a dialog with the live picture.
 *
 * @module
 */

import { find } from "../dom.js";
import { UserError } from "../errors.js";

/** Sentences for the names of the errors of `getUserMedia`. @type {Record<string, string>} */
const ERRORS = {
  NotAllowedError:
    "The camera is not allowed for this page: allow it in the browser's address bar, or choose a file.",
  NotFoundError: "No camera was found: connect one, or choose a file.",
  NotReadableError:
    "The camera is in use by another program: close that program, or choose a file.",
};
const NO_CAMERA = "This browser offers no camera to the page: choose a file instead.";

/**
 * Opens the dialog until a picture is taken or the dialog is closed.
 *
 * @returns {Promise<File | null>} a PNG; null when the visitor took none
 * @throws {UserError} when there is no camera or no permission
 */
export async function takePicture() {
  const stream = await openCamera();
  const dialog = find("camera-dialog", HTMLDialogElement);
  const video = find("camera-video", HTMLVideoElement);
  const take = find("camera-take", HTMLButtonElement);
  const listeners = new AbortController();
  const { signal } = listeners;
  try {
    return await new Promise((resolve) => {
      take.disabled = true;
      video.addEventListener(
        "playing",
        () => {
          take.disabled = false;
        },
        { signal },
      );
      take.addEventListener("click", async () => resolve(await snapshot(video)), { signal });
      find("camera-close", HTMLButtonElement).addEventListener("click", () => resolve(null), {
        signal,
      });
      dialog.addEventListener("close", () => resolve(null), { signal });
      video.srcObject = stream;
      dialog.showModal();
      video.play().catch(() => {}); // fails only when the dialog is closed meanwhile
    });
  } finally {
    listeners.abort();
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    dialog.close();
  }
}

/** @returns {Promise<MediaStream>} */
async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) throw new UserError(NO_CAMERA);
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1920 } },
    });
  } catch (error) {
    throw new UserError((error instanceof Error && ERRORS[error.name]) || NO_CAMERA);
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<File | null>} */
async function snapshot(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  /** @type {Blob | null} */
  const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return png && new File([png], "camera.png", { type: "image/png" });
}
