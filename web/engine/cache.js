/**
 * Keeps the last few models in Cache Storage, so that the next visit needs no network.
 *
 * The graph of a model is stored by its digest, with its small files beside it. A *record* says for
 * the name of a model what it was when it was last loaded. Where the browser has no Cache Storage,
 * or no room in it, nothing is kept and nothing fails.
 *
 * @module
 */

const CACHE = "pix2pix-models-1";
// Addresses that are never requested; Cache Storage wants URLs as keys.
const ROOT = "https://pix2pix.invalid";
// A full-size model has 109 MB.
const MAX_MODELS = 4;

/** @param {string} name */
const recordKey = (name) => `${ROOT}/record/${encodeURIComponent(name)}`;
/** @param {string} digest */
const usedKey = (digest) => `${ROOT}/used/${digest}`;

/**
 * Returns the key of a file of a model.
 *
 * @param {string} digest of the model's graph
 * @param {string} version the commit, since other files may differ between commits
 * @param {string} path
 */
export const fileKey = (digest, version, path) =>
  `${ROOT}/file/${digest}/${encodeURIComponent(version)}/${encodeURIComponent(path)}`;

/** @param {string} digest */
export const graphKey = (digest) => `${ROOT}/file/${digest}/graph`;

/**
 * Returns what is stored under a key, or null.
 *
 * @param {string} key
 * @returns {Promise<Uint8Array<ArrayBuffer> | null>}
 */
export async function load(key) {
  return await attempt(async (cache) => {
    const response = await cache.match(key);
    return response ? new Uint8Array(await response.arrayBuffer()) : null;
  });
}

/**
 * Stores bytes under a key, if there is room.
 *
 * @param {string} key
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export async function store(key, bytes) {
  await attempt((cache) => cache.put(key, new Response(bytes)));
}

/**
 * Deletes what is stored under a key.
 *
 * @param {string} key
 */
export async function remove(key) {
  await attempt((cache) => cache.delete(key));
}

/**
 * Returns what the model of this name was when it was last loaded, or null.
 *
 * @param {string} name
 * @returns {Promise<unknown>}
 */
export async function loadRecord(name) {
  return await attempt(async (cache) => (await cache.match(recordKey(name)))?.json() ?? null);
}

/**
 * Stores the record of a model that was just loaded, and deletes the models that were not used for
 * longest.
 *
 * @param {string[]} names
 * @param {{digest: string}} record
 */
export async function storeRecord(names, record) {
  await attempt(async (cache) => {
    for (const name of names) {
      await cache.put(recordKey(name), new Response(JSON.stringify(record)));
    }
    // The keys are in the order in which they were put.
    await cache.delete(usedKey(record.digest));
    await cache.put(usedKey(record.digest), new Response());
    const keys = (await cache.keys()).map(({ url }) => url);
    const used = keys.filter((url) => url.startsWith(usedKey("")));
    const kept = used.slice(-MAX_MODELS).map((url) => url.slice(usedKey("").length));
    for (const url of keys) {
      if (!kept.includes(await digestOf(cache, url))) {
        await cache.delete(url);
      }
    }
  });
}

/**
 * Returns the digest of the model that an entry belongs to.
 *
 * @param {Cache} cache
 * @param {string} url
 */
async function digestOf(cache, url) {
  const [kind, digest] = url.slice(ROOT.length + 1).split("/");
  return kind === "record" ? (await (await cache.match(url))?.json())?.digest : digest;
}

/**
 * Returns the result of `action`, or null where Cache Storage is missing, forbidden or full.
 *
 * @template Result
 * @param {(cache: Cache) => Promise<Result>} action
 * @returns {Promise<Result | null>}
 */
async function attempt(action) {
  try {
    return await action(await caches.open(CACHE));
  } catch {
    return null;
  }
}
