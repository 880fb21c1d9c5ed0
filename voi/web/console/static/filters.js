// Which terminals are shown and in which order: pure, and fast for thousands that change during typing.

/** @typedef {import("./store.js").Terminal} Terminal */
/**
 * `room` "0": in none; `version` a number, "newest", "older" or "unknown", "0": none that is whole; "": any.
 * @typedef {{q: string, room: string, state: string, image: string, version?: string}} Filter
 */

/** States in the order of how much they want a person's eye; also that of sorting by state. */
export const STATES = ["failed", "downloading", "waiting", "outdated", "unknown", "unreported", "current", "offline"];

const texts = new WeakMap();

/** What a search looks through. @param {Terminal} terminal */
export function searchText(terminal) {
  let text = texts.get(terminal);
  if (text === undefined) {
    text = `${terminal.name}\n${terminal.mac}\n${terminal.mac.replaceAll(":", "")}\n${terminal.ip}`.toLowerCase();
    texts.set(terminal, text);
  }
  return text;
}

/** @param {Filter} filter @returns {(terminal: Terminal) => boolean} */
export function matcher({ q, room, state, image, version = "" }) {
  const words = q.toLowerCase().replaceAll("-", ":").split(/\s+/).filter(Boolean);
  const plain = q.toLowerCase().split(/\s+/).filter(Boolean);
  return (terminal) => {
    if (room !== "" && String(terminal.room ?? 0) !== room) return false;
    if (state === "online" ? !terminal.online : state !== "" && terminal.state !== state) return false;
    if (image !== "" && terminal.template !== image) return false;
    if (version !== "" && !hasVersion(terminal, version)) return false;
    const text = searchText(terminal);
    return plain.every((word, index) => text.includes(word) || text.includes(words[index]));
  };
}

/** As the server counts them. @param {Terminal} terminal @param {string} wanted */
function hasVersion({ template, version, newest }, wanted) {
  if (template === null) return false;
  if (version === null) return wanted === "unknown";
  if (wanted === "newest") return version > 0 && version === newest;
  if (wanted === "older") return version > 0 && version < newest;
  return String(version) === wanted;
}

/** What is not known comes first, before what is none. @param {number | null} version */
function versionKey(version) {
  return version ?? -1;
}

/** An IPv4 address as a number, so that .9 comes before .10. @param {string} ip */
export function ipKey(ip) {
  return (ip ?? "").split(".").reduce((sum, part) => sum * 256 + (Number(part) || 0), 0);
}

/**
 * How two terminals compare.
 * @param {string} sort a column, with "-" first for descending
 * @param {{language: string, roomName: (id: number | null) => string,
 *   imageName: (uuid: string | null) => string}} names
 * @returns {(a: Terminal, b: Terminal) => number}
 */
export function comparer(sort, { language, roomName, imageName }) {
  const { compare } = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const text = (read) => (a, b) => compare(read(a), read(b));
  const number = (read) => (a, b) => read(a) - read(b);
  const time = (value) => (value ? Date.parse(value) : 0);
  const byMac = (a, b) => (a.mac < b.mac ? -1 : a.mac > b.mac ? 1 : 0);
  const columns = {
    // The nameless last.
    name: (a, b) => Number(!a.name) - Number(!b.name) || compare(a.name ?? "", b.name ?? "") || byMac(a, b),
    mac: byMac,
    ip: number((x) => ipKey(x.ip)),
    room: text((x) => roomName(x.room)),
    client_type: number((x) => x.client_type),
    online_since: number((x) => (x.online ? time(x.online_since) : 0)),
    last_seen: number((x) => time(x.last_seen)),
    boot_disk: text((x) => x.boot_disk ?? ""),
    version: (a, b) => compare(imageName(a.template), imageName(b.template)) || versionKey(a.version) - versionKey(b.version),
    running: number((x) => versionKey(x.running)),
    state: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || (a.progress ?? 0) - (b.progress ?? 0),
    progress: number((x) => x.progress ?? -1),
  };
  const descending = sort.startsWith("-");
  const by = columns[sort.replace(/^-/, "")] ?? columns.name;
  const sign = descending ? -1 : 1;
  return (a, b) => sign * by(a, b) || columns.name(a, b) || columns.mac(a, b);
}

/** The terminals in order: keeps the last order, so that sorting after a few changes is nearly free. */
export class Ordered {
  #order = [];

  /**
   * @param {Map<string, Terminal>} terminals
   * @param {(a: Terminal, b: Terminal) => number} compare
   * @returns {Terminal[]}
   */
  rows(terminals, compare) {
    const rows = [];
    for (const mac of this.#order) {
      const terminal = terminals.get(mac);
      if (terminal) rows.push(terminal);
    }
    if (rows.length < terminals.size) {
      const there = new Set(this.#order);
      for (const terminal of terminals.values()) if (!there.has(terminal.mac)) rows.push(terminal);
    }
    rows.sort(compare);
    this.#order = rows.map((terminal) => terminal.mac);
    return rows;
  }
}
