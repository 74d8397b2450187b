/** Runs the functions of web/pixels on tasks from Python, in Node or in a page. */

const encode = (bytes) => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 30_000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 30_000));
  }
  return btoa(text);
};
const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const toPicture = ({ width, height, data }) => ({ width, height, data: decode(data) });
const toJson = ({ width, height, data }) => ({ width, height, data: encode(data) });
/** A network that depends on colors and on positions in the tile, as the one in Python. */
const distort = async ({ width, height, data }) => {
  const result = data.map((value, index) => {
    const pixel = Math.floor(index / 3);
    return (value * 3 + (pixel % width) * 5 + Math.floor(pixel / width) * 7) % 256;
  });
  return { width, height, data: result };
};

/**
 * Returns the result of each task; an error is `{error: message, name}`.
 *
 * @param {string} folder the URL of web/pixels/
 * @param {any[]} tasks
 */
export async function runTasks(folder, tasks) {
  const load = (name) => import(`${folder}${name}.js`);
  const [read, png, resample, geometry, tensors, tiles, translate] = await Promise.all(
    ["read", "png", "resample", "geometry", "tensors", "tiles", "translate"].map(load),
  );
  const functions = {
    async read({ file, rule, maxPixels }) {
      const { picture, notes } = await read.readPicture(new Blob([decode(file)]), rule, maxPixels);
      return { ...toJson(picture), notes };
    },
    async encode({ picture }) {
      const blob = await png.encodePng(toPicture(picture));
      return encode(new Uint8Array(await blob.arrayBuffer()));
    },
    resize: ({ picture, width, height }) =>
      toJson(resample.resize(toPicture(picture), width, height)),
    scaledSize({ description, size, side }) {
      const [width, height] = size;
      const scaled = geometry.Geometry.ofModel(description).scaledSize({ width, height }, side);
      return [scaled.width, scaled.height];
    },
    isPair: ({ size: [width, height] }) => geometry.looksLikePair({ width, height }),
    split({ picture, half }) {
      const { input, target } = geometry.splitPair(toPicture(picture), half);
      return [toJson(input), toJson(target)];
    },
    closeness: ({ picture, other }) => geometry.closeness(toPicture(picture), toPicture(other)),
    toTensor: ({ picture, channels }) =>
      encode(new Uint8Array(tensors.toTensor(toPicture(picture), channels).buffer)),
    toPicture: ({ tensor, width, height }) =>
      toJson(tensors.toPicture(new Float32Array(decode(tensor).buffer), width, height)),
    async tiles({ picture, tile }) {
      const progress = [];
      const onTile = (...counts) => progress.push(counts);
      const result = await tiles.translateInTiles(toPicture(picture), tile, distort, onTile);
      return { ...toJson(result), progress };
    },
    async translate({ picture, mode, description, side, stopAfter = 0 }) {
      const onTile = (done) => {
        if (done === stopAfter) {
          throw new Error("stopped");
        }
      };
      const model = geometry.Geometry.ofModel(description);
      const network = { geometry: model, side, generate: distort, onTile };
      return toJson(await translate.translatePicture(toPicture(picture), mode, network));
    },
  };
  const results = [];
  for (const task of tasks) {
    try {
      results.push(await functions[task.do](task));
    } catch (error) {
      results.push({ error: error.message, name: error.name });
    }
  }
  return results;
}

if (globalThis.process?.versions?.node) {
  let input = "";
  for await (const part of process.stdin) {
    input += part;
  }
  const { folder, tasks } = JSON.parse(input);
  process.stdout.write(JSON.stringify(await runTasks(folder, tasks)));
}
