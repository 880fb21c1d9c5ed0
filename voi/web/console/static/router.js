// The place in the console that the address names: `#/terminals/AA:BB?x=1` is a path and a query.

/** @typedef {{path: string[], query: Record<string, string>}} Place */

/** @param {string} hash @returns {Place} */
export function placeOf(hash) {
  const [path, ...search] = hash.replace(/^#?\/?/, "").split("?");
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(search.join("?"))),
  };
}

/** The address of a place. @param {string[]} path @param {Record<string, unknown>} [values] */
export function hashOf(path, values = {}) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = pairs.length ? `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}` : "";
  return `#/${path.map(encodeURIComponent).join("/").replaceAll("%3A", ":")}${search}`;
}

/** Go there, with a new entry in the history. @param {string[]} path @param {Record<string, unknown>} [values] */
export function go(path, values) {
  location.hash = hashOf(path, values);
}

const lists = new Map();
let here = [];
let before = [];

/** Remember that a place is shown. @param {Place} place */
export function visited({ path, query }) {
  if (path.join("/") !== here.join("/")) before = here;
  here = path;
  if (path.length === 1) lists.set(path[0], hashOf(path, query));
}

/** The path of the page before this one, empty without one. */
export function cameFrom() {
  return before;
}

/** The address of a list with the filter that it had when it was last seen. @param {string} name */
export function listOf(name) {
  return lists.get(name) ?? hashOf([name]);
}

/** Forget the places that were shown. */
export function forgetPlaces() {
  lists.clear();
  before = [];
}

const NOTE_MS = 300;
let noting = 0;

/**
 * Keep the query of the place that is shown, without a new entry in the history; once typing pauses, as browsers
 * refuse to do it for every key.
 * @param {string[]} path
 * @param {Record<string, unknown>} values
 */
export function keepQuery(path, values) {
  clearTimeout(noting);
  lists.set(path[0], hashOf(path, values));
  noting = setTimeout(() => {
    if (placeOf(location.hash).path.join("/") === path.join("/")) history.replaceState(null, "", hashOf(path, values));
  }, NOTE_MS);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
