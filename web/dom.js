/**
 * Finds and makes elements. Texts from outside become text nodes and attributes, never HTML.
 *
 * @module
 */

/** @typedef {string | number | boolean | null | undefined} Attribute */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Returns the element with an id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind the class of the element
 * @returns {T}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}`);
  return element;
}

/**
 * Returns the first element inside `parent` that matches a selector.
 *
 * @template {Element} T
 * @param {Element} parent
 * @param {string} selector
 * @param {new () => T} kind the class of the element
 * @returns {T}
 */
export function findIn(parent, selector, kind) {
  const element = parent.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`There is no ${kind.name} ${selector}`);
  return element;
}

/**
 * Makes an HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Attribute>} [attributes] `true` sets an empty attribute; null and false
 *   leave it out
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * Makes an SVG element.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Makes a link. Other addresses than https and the page's own become plain text: a model's files
 * come from strangers.
 *
 * @param {string} url
 * @param {string} text
 * @param {string} [endpoint] the Hub's address, which may be a plain http: one on the own machine
 * @returns {HTMLElement}
 */
export function makeLink(url, text, endpoint = "https://huggingface.co") {
  let address;
  try {
    address = new URL(url, document.baseURI);
  } catch {
    return make("span", {}, text);
  }
  const isHub = address.origin === new URL(endpoint, document.baseURI).origin;
  if (address.protocol !== "https:" && address.origin !== location.origin && !isHub) {
    return make("span", {}, text);
  }
  return make("a", { href: address.href, target: "_blank", rel: "noopener" }, text);
}

/**
 * Shows a blob in an image, and frees what the image showed before.
 *
 * @param {HTMLImageElement} image
 * @param {Blob | null} blob
 */
export function setPicture(image, blob) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  if (blob) image.src = URL.createObjectURL(blob);
  else image.removeAttribute("src");
}

/**
 * Empties an element and frees the pictures in it.
 *
 * @param {Element} parent
 */
export function empty(parent) {
  for (const image of parent.querySelectorAll("img")) setPicture(image, null);
  parent.replaceChildren();
}

/** A button that saves a file; it is disabled while there is none. */
export class DownloadButton {
  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.button = button;
    /** @type {{blob: Blob, name: string} | null} */
    this.file = null;
    button.addEventListener("click", () => this.save());
  }

  /** @param {Blob | null} blob @param {string} [name] the name of the file */
  offer(blob, name = "") {
    this.file = blob && { blob, name };
    this.button.disabled = !blob;
  }

  save() {
    if (!this.file) return;
    const href = URL.createObjectURL(this.file.blob);
    make("a", { href, download: this.file.name }).click();
    // The browser reads the blob after the click; a minute is enough to start.
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }
}

/**
 * @template {Element} T
 * @param {T} element
 * @param {Record<string, Attribute>} attributes
 * @param {(Node | string)[]} children
 * @returns {T}
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children);
  return element;
}
