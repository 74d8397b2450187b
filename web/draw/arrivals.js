/**
 * Pictures that are dropped or pasted while a canvas is open.
 *
 * @module
 */

/**
 * Hands over each picture that is dropped or pasted anywhere on the page while a canvas is open.
 *
 * @param {() => {openPicture: (file: Blob) => void} | null} find returns the open canvas, or null
 */
export function listenForPictures(find) {
  document.addEventListener(
    "dragover",
    (event) => {
      // Without it, the browser would leave the page for the picture.
      if (find() && event.dataTransfer?.types.includes("Files")) event.preventDefault();
    },
    { capture: true },
  );
  for (const name of /** @type {const} */ (["drop", "paste"])) {
    document.addEventListener(
      name,
      (event) => {
        const canvas = find();
        const data = event instanceof DragEvent ? event.dataTransfer : event.clipboardData;
        const file = data?.files[0];
        if (!canvas || !file) return;
        event.preventDefault(); // no other tab of the page takes it too
        canvas.openPicture(file);
      },
      { capture: true },
    );
  }
}
