/**
 * Names on the page that depend on the model, and names of files, as in the Python package.
 *
 * @module
 */

const MAX_STEM = 50;

/** Names of a model's input and output, such as "aerial photo" and "map". */
export class Labels {
  /**
   * @param {string} source the input
   * @param {string} result the output
   */
  constructor(source, result) {
    this.source = source;
    this.result = result;
    /** Both names: "aerial photo to map". */
    this.title = `${source} to ${result}`;
    /** One word for the input. */
    this.shortSource = lastWord(source);
    /** The file name of an input in code snippets, as in the model card. */
    this.exampleFile = this.shortSource === "photo" ? "aerial.jpg" : `${this.shortSource}.png`;
    /** One word for the output. */
    this.shortResult = lastWord(result);
    /** The real picture that a result is compared with. */
    this.real = `real ${this.shortResult}`;
  }
}

/** The picture columns of assets/sample_maps. @type {Record<string, string>} */
const SAMPLE_MAPS = { imageA: "satellite photo", imageB: "atlas map", imageC: "sketch" };

/**
 * Returns the names for data sets of maps, and "input" and "output" for all others.
 *
 * @param {Record<string, any>} description the content of pix2pix.json
 */
export function labelsFor(description) {
  const { dataset_name, input_column, target_column } = description.config ?? {};
  const dataset = String(dataset_name ?? "").toLowerCase();
  const columns = [input_column || "imageA", target_column || "imageB"];
  let names;
  if (dataset.includes("sample_maps")) {
    // Any other column is of a data set that only has the same name.
    const isKnown = columns.every((column) => Object.hasOwn(SAMPLE_MAPS, column));
    names = isKnown ? columns.map((column) => SAMPLE_MAPS[column]) : null;
  } else if (dataset.includes("map")) names = ["aerial photo", "map"];
  const [a, b] = names ?? ["input", "output"];
  return names && !isAToB(description) ? new Labels(b, a) : new Labels(a, b);
}

/**
 * Returns whether the model translates the left picture of a pair, A, to the right one, B.
 *
 * @param {Record<string, any>} description the content of pix2pix.json
 */
export function isAToB(description) {
  return description.config?.direction !== "b_to_a";
}

/**
 * Returns a file's name without its suffix, safe in any file system: letters, digits, dots, dashes
 * and underscores, at most 50 of them.
 *
 * @param {string} name
 * @param {string} [fallback] what is returned where nothing is left
 */
export function safeStem(name, fallback = "pix2pix") {
  const file =
    name.normalize("NFC").replaceAll("\\", "/").replace(/\/+$/, "").split("/").at(-1) || "";
  const stem = file.replace(/(?<=.)\.[^.]+$/u, "");
  const safe = [...stem.replace(/[^\p{L}\p{N}_.-]+/gu, "-")].slice(0, MAX_STEM).join("");
  return safe.replace(/^[.\-_]+|[.\-_]+$/g, "") || fallback;
}

/**
 * Returns names for the results of several files, unique even where upper and lower case are the
 * same.
 *
 * @param {string[]} files names of files
 * @param {string} what one word for a result
 * @example resultNames(["Harbor.JPG", "harbor.png"], "map"); // Harbor-map.png, harbor-map-2.png
 */
export function resultNames(files, what) {
  const taken = new Set();
  return files.map((file) => {
    const stem = safeStem(file, "picture");
    let name = `${stem}-${what}.png`;
    for (let number = 2; taken.has(name.toLowerCase()); number++) {
      name = `${stem}-${what}-${number}.png`;
    }
    taken.add(name.toLowerCase());
    return name;
  });
}

/** @param {string} text */
function lastWord(text) {
  return text.split(" ").at(-1) || text;
}
