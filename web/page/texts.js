/**
 * Words and figures for people.
 *
 * @module
 */

import { Canceled, UserError } from "../errors.js";

/** @param {string} text @returns {string} the text with its first letter in upper case */
export function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string} noun @returns {string} the noun with "a" or "an" */
export function withArticle(noun) {
  return `${/^[aeio]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** @param {number} bytes @returns {string} the bytes in MB, as in "9.8" */
export function formatMegabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** @param {number} seconds @returns {string} a duration, as in "40 s" or "2 min" */
export function formatSeconds(seconds) {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

/** @param {number} value @returns {string} a whole number with separators, as in "24,000" */
export function formatCount(value) {
  return value.toLocaleString("en-US");
}

/**
 * Returns the sentence of an error that is shown to visitors.
 *
 * @param {unknown} error
 */
export function describeError(error) {
  if (error instanceof UserError) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `Something unexpected went wrong (${reason.slice(0, 200)}); reload the page.`;
}

/** @param {unknown} error @returns {boolean} whether the visitor canceled */
export function isCanceled(error) {
  return error instanceof Canceled || (error instanceof Error && error.name === "AbortError");
}
