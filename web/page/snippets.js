/**
 * The programs of the tab "Use it from code".
 *
 * @module
 */

/**
 * What the programs name.
 *
 * @typedef {object} Place
 * @property {string} page the address of this page's folder
 * @property {string | null} id the model on the Hub, or null
 * @property {string | null} revision its commit
 * @property {string} folder the address of the model's files where it is not on the Hub
 * @property {string} endpoint the Hub's address
 * @property {string | null} gradioSpace the Gradio Space with the same model
 * @property {number} size of the pictures that the network sees, in pixels
 * @property {number} channels of the network's input: 3, or 1 for gray
 * @property {string} asked what `?model=` of the page's address names; empty where the page offers
 *   no choice
 * @property {string} source the file name of an input
 * @property {string} result one word for the output
 */

/**
 * @typedef {object} Snippet
 * @property {string} id
 * @property {string} title
 * @property {string} about
 * @property {string} file the name of the file
 * @property {(place: Place) => string | null} write null where it does not apply
 */

/** @type {Snippet[]} */
export const SNIPPETS = [
  {
    id: "python",
    title: "Python",
    about:
      "pip install huggingface_hub onnxruntime pillow numpy. At the training size only; the " +
      "package pix2pix has Translator, which takes any size as this page does.",
    file: "translate.py",
    write: (place) => `${pythonImports(place)}

path = ${pythonDownload(place)}
session = onnxruntime.InferenceSession(path)
picture = Image.open(${quote(place.source)}).convert("${place.channels === 1 ? "L" : "RGB"}")
small = picture.resize((${place.size}, ${place.size}), Image.Resampling.BICUBIC)
image = np.asarray(small, np.float32).reshape(1, ${place.size}, ${place.size}, -1) / 127.5 - 1
translation = session.run(["translation"], {"image": image})[0][0]
result = Image.fromarray(((translation + 1) * 127.5).round().astype(np.uint8).squeeze())
result.resize(picture.size, Image.Resampling.BICUBIC).save(${quote(`${place.result}.png`)})
`,
  },
  {
    id: "onnx",
    title: "onnxruntime-web",
    about:
      "npm install onnxruntime-web@1.30.0. Without the engine of this page: the canvas scales the picture, so the pixels differ a little from Python's.",
    file: "translate.mjs",
    write: (place) => `import * as ort from "onnxruntime-web/wasm";

const session = await ort.InferenceSession.create(${quote(fileUrl(place, "generator.onnx"))});

/** Translates an <img>, <video> or canvas; returns its values from -1 to 1, row by row. */
export async function translate(photo, size = ${place.size}) {
  const context = new OffscreenCanvas(size, size).getContext("2d");
  context.drawImage(photo, 0, 0, size, size);
  const { data } = context.getImageData(0, 0, size, size);
  const values = Float32Array.from(data.filter((_, index) => index % 4 < ${place.channels}), (v) => v / 127.5 - 1);
  const image = new ort.Tensor("float32", values, [1, size, size, ${place.channels}]);
  return (await session.run({ image })).translation.data;
}
`,
  },
  {
    id: "module",
    title: "On your own page",
    about:
      "The engine of this page is a module without a user interface. Any site may import it; the picture stays in the browser.",
    file: "index.html",
    write: (place) => `<input type="file" id="photo" accept="image/*" aria-label="Photo">
<img id="result" alt="Result">
<script type="module">
  import { loadModel } from ${quote(`${place.page}engine.js`)};

  const model = await loadModel(${modelArgument(place)});
  document.querySelector("#photo").onchange = async ({ target }) => {
    const png = await model.translate(target.files[0], { mode: "fit" });
    document.querySelector("#result").src = URL.createObjectURL(png);
  };
</script>
`,
  },
  {
    id: "iframe",
    title: "As a part of your page",
    about: "The whole page in a frame; the visitor's camera needs the permission.",
    file: "frame.html",
    write: ({ page, asked }) => {
      const query = asked && `?model=${asked}`;
      return `<iframe src="${escapeAttribute(page + query)}" title="pix2pix" width="100%" height="1000"
  allow="camera; cross-origin-isolated; fullscreen; clipboard-write"></iframe>
`;
    },
  },
  {
    id: "gradio",
    title: "Gradio client",
    about:
      "pip install gradio_client. The Gradio Space of the same model translates on its own machine.",
    file: "client.py",
    write: ({ gradioSpace, source, result }) =>
      gradioSpace &&
      `import shutil

from gradio_client import Client, handle_file

client = Client(${quote(gradioSpace)})
path = client.predict(handle_file(${quote(source)}), "fit", api_name="/translate")
shutil.copy(path, ${quote(`${result}.png`)})
`,
  },
];

/** @param {Place} place @param {string} file @returns {string} where the model's file is */
function fileUrl({ id, revision, folder, endpoint }, file) {
  return id ? `${endpoint}/${id}/resolve/${revision}/${file}` : `${folder}${file}`;
}

/** @param {Place} place @returns {string} the first argument of `loadModel` */
function modelArgument({ id, revision, folder, endpoint }) {
  if (!id) return `{ folder: ${quote(folder.replace(/\/$/, ""))} }`;
  if (endpoint === "https://huggingface.co") return quote(`${id}@${revision}`);
  return `{ id: ${quote(id)}, revision: ${quote(revision ?? "main")}, endpoint: ${quote(endpoint)} }`;
}

/** @param {Place} place @returns {string} */
function pythonImports({ id }) {
  const packages = ["import numpy as np", "import onnxruntime"];
  if (id) packages.push("from huggingface_hub import hf_hub_download");
  else packages.unshift("from urllib.request import urlretrieve", "");
  return [...packages, "from PIL import Image"].join("\n");
}

/** @param {Place} place @returns {string} the expression for the path of generator.onnx */
function pythonDownload(place) {
  const { id, revision } = place;
  if (!id) return `urlretrieve(${quote(fileUrl(place, "generator.onnx"))}, "generator.onnx")[0]`;
  return `hf_hub_download(${quote(id)}, "generator.onnx", revision=${quote(revision ?? "main")})`;
}

/** @param {string} text @returns {string} a string of JavaScript and of Python */
function quote(text) {
  // A closing script tag inside a string would end the script.
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}

/** @param {string} text @returns {string} the text as an attribute of HTML */
function escapeAttribute(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
