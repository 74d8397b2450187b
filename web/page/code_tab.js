/**
 * The "Use it from code" tab: programs for the model and the page that are shown.
 *
 * @module
 */

import { find, make } from "../dom.js";
import { SNIPPETS } from "./snippets.js";

/** @import { LoadedModel } from "./loaded_model.js" */

/** Milliseconds for which a button says that the text was copied. */
const COPIED_MS = 2000;

/** @param {LoadedModel} loaded */
export function showCodeTab(loaded) {
  const panel = find("code", HTMLElement);
  const { model, labels, wanted } = loaded;
  const page = new URL(".", location.href).href;
  const folder = wanted.source.folder ?? "";
  const place = {
    page,
    id: model.id,
    revision: model.revision,
    folder: new URL(`${folder}/`, page).href,
    endpoint: wanted.endpoint,
    gradioSpace: wanted.gradioSpace,
    size: Number(model.description.config?.image_size) || 256,
    channels: model.description.config?.input_channels === 1 ? 1 : 3,
    asked: model.id
      ? `${encodeURIComponent(model.id)}@${model.revision}`
      : encodeURIComponent(wanted.name ? folder : ""),
    source: labels.exampleFile,
    result: labels.shortResult,
  };
  const sections = SNIPPETS.flatMap(({ id, title, about, file, write }) => {
    const code = write(place);
    if (!code) return [];
    return [make("h2", {}, title), make("p", {}, about), codeBlock(id, file, code)];
  });
  const introduction = `A picture goes in, a lossless PNG of its own size comes out. The mode is fit (the default) or full.`;
  panel.replaceChildren(make("p", {}, introduction), ...sections);
}

/** @param {string} id @param {string} file @param {string} code */
function codeBlock(id, file, code) {
  const copy = make("button", { type: "button", "aria-label": `Copy ${file}` }, "Copy");
  const status = make("span", { class: "visually-hidden", role: "status" });
  copy.addEventListener("click", async () => {
    const done = await navigator.clipboard.writeText(code).then(
      () => "Copied",
      () => "Not allowed",
    );
    copy.textContent = done;
    status.textContent = done;
    setTimeout(() => {
      copy.textContent = "Copy";
      status.textContent = "";
    }, COPIED_MS);
  });
  const head = make("div", { class: "code-head" }, make("span", {}, file), copy, status);
  return make(
    "div",
    { class: "code" },
    head,
    make("pre", { id: `code-${id}`, tabindex: 0, "aria-label": file }, code),
  );
}
