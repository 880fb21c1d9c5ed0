// What all pages share: who is signed in, terminals, rooms, templates, running rollouts, traffic. Bounded by the site.
import { useEffect, useState } from "./lib.js";
import { get } from "./api.js";

/**
 * @typedef {import("./reasons.js").Why} Why
 * @typedef {{mac: string, name: string, ip: string, room: number | null, online: boolean, online_since: string | null,
 *   client_type: number, boot_disk: string | null, template: string | null, version: number | null,
 *   running: number | null, newest: number,
 *   state: string, progress: number, rollout: number | null, reason: string,
 *   why: Why | null, first_seen: string, last_seen: string}} Terminal
 * @typedef {{name: string, role: string, csrf: string, kind: "account" | "token", version: string}} Session
 * @typedef {{uuid: string, level: number, name: string, type: number, size: number}} Disk
 * @typedef {{id: number, state: string, name: string, mac: string | null, progress: number}} Upload
 * @typedef {{uuid: string, name: string, version: number, state: string, disks: Disk[], uploads: Upload[],
 *   failed: Upload[]}} Template
 * @typedef {{id: number, template: string, template_name: string, version: number, state: string,
 *   progress: number, counts: Record<string, number>, ran: number}} Rollout
 */

const MOST_ROLLOUTS = 200;

/** What is known before anything has come, and after the one who was signed in has left. */
const nothing = () => ({
  /** @type {Session | null} */
  session: null,
  /** @type {Map<string, Terminal>} a terminal that changes is a new object: rows compare by identity */
  terminals: new Map(),
  terminalsLoaded: false,
  /** @type {Set<string>} MACs that are chosen in the list of terminals; stays while one looks at one of them */
  chosen: new Set(),
  /** @type {{id: number, name: string, subnets: string[], online: number, total: number}[]} */
  rooms: [],
  /** @type {{name: string, subnet: string, count: number}[]} */
  proposals: [],
  unassigned: 0,
  roomsLoaded: false,
  /** @type {Template[]} */
  templates: [],
  templatesLoaded: false,
  /** @type {Map<number, Rollout>} summaries that came to this page, newest kept */
  rollouts: new Map(),
  /** @type {{server_out: number, server_in: number, swarm: number} | null} null until the stream brings it */
  traffic: null,
  /** "connecting" | "live" | "lost" */
  connection: "connecting",
});

export const store = {
  ...nothing(),
  /** The server was replaced by another version since this page was loaded. */
  outdated: false,
  /** @type {"idle" | "busy" | null} the session ended by itself, "busy" when a dialog was open */
  ended: null,
};

let roomIndex = new Map();
let templateIndex = new Map();

const listeners = new Map();
const dirty = new Set();
const revisions = new Map();
let frame = 0;

/**
 * A topic changed. However often that is, listeners are called once a frame, and not while the page is hidden.
 * @param {string} topic
 */
export function changed(topic) {
  revisions.set(topic, (revisions.get(topic) ?? 0) + 1);
  dirty.add(topic);
  if (!frame) frame = requestAnimationFrame(flush);
}

function flush() {
  frame = 0;
  const topics = [...dirty];
  dirty.clear();
  const called = new Set(topics.flatMap((topic) => [...(listeners.get(topic) ?? [])]));
  for (const listener of called) listener();
}

/**
 * Listen to changes.
 * @param {string[]} topics
 * @param {() => void} listener
 * @returns {() => void} call to stop
 */
export function listen(topics, listener) {
  for (const topic of topics) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
  return () => {
    for (const topic of topics) listeners.get(topic).delete(listener);
  };
}

/**
 * Render the component again when one of these topics changes; the number is new after each change.
 * @param {...string} topics
 */
export function useTopics(...topics) {
  const [, setRevision] = useState(() => revisionOf(topics));
  useEffect(() => {
    const update = () => setRevision(revisionOf(topics));
    update(); // what changed between the rendering and now
    return listen(topics, update);
  }, [topics.join()]);
  return revisionOf(topics);
}

function revisionOf(topics) {
  return topics.reduce((sum, topic) => sum + (revisions.get(topic) ?? 0), 0);
}

/** Whether the one who is signed in may do that: "operate", "templates" or "accounts". @param {string} what */
export function may(what) {
  return what === "operate" ? store.session !== null : store.session?.role === "administrator";
}

/** The room of an id. @param {number | null} id */
export function roomOf(id) {
  return roomIndex.get(id);
}

/** The template of a uuid. @param {string | null} uuid */
export function templateOf(uuid) {
  return templateIndex.get(uuid);
}

/** A terminal as people call it. @param {{mac: string, name?: string}} terminal */
export function nameOf(terminal) {
  return terminal.name || terminal.mac;
}

// What comes while the list is on its way is newer than the list: kept, and put on it when it is there. A terminal
// that was forgotten meanwhile is null.
/** @type {Map<string, any> | null} */
let early = null;
/** @type {Promise<void> | null} */
let loading = null;

/** Read the terminals, once for all who ask at the same time. */
export function loadTerminals() {
  if (loading) return loading;
  const reading = readTerminals().finally(() => {
    if (loading === reading) loading = early = null;
  });
  loading = reading;
  return reading;
}

async function readTerminals() {
  const changes = new Map();
  early = changes;
  const { terminals } = await get("terminals?disks=0&limit=10000&sort=name");
  if (early !== changes) return; // the one who asked has signed out
  store.terminals = new Map(terminals.map((terminal) => [terminal.mac, terminal]));
  store.terminalsLoaded = true;
  for (const [mac, change] of changes) change ? merge(mac, change) : store.terminals.delete(mac);
  changed("terminals");
}

/**
 * Take changes of terminals from the stream.
 * @param {(Partial<Terminal> & {mac: string})[]} changes
 * @returns {boolean} whether one of them is new here, so that the list must be read again
 */
export function mergeTerminals(changes) {
  let unknown = false;
  for (const change of changes) {
    early?.set(change.mac, { ...early.get(change.mac), ...change });
    unknown = (store.terminalsLoaded && !merge(change.mac, change)) || unknown;
  }
  changed("terminals");
  return unknown;
}

function merge(mac, change) {
  const old = store.terminals.get(mac);
  if (!old && !("first_seen" in change)) return false; // only a part of one that is not known
  store.terminals.set(mac, { ...old, ...change });
  return true;
}

/** Take away terminals that were forgotten. @param {string[]} macs */
export function dropTerminals(macs) {
  for (const mac of macs) {
    early?.set(mac, null);
    store.terminals.delete(mac);
  }
  changed("terminals");
}

/** Read the rooms. */
export async function loadRooms() {
  const { rooms, unassigned, proposals } = await get("rooms");
  Object.assign(store, { rooms, unassigned, proposals, roomsLoaded: true });
  roomIndex = new Map(rooms.map((room) => [room.id, room]));
  changed("rooms");
}

/** Read the templates. */
export async function loadTemplates() {
  store.templates = (await get("templates")).templates;
  store.templatesLoaded = true;
  templateIndex = new Map(store.templates.map((template) => [template.uuid, template]));
  changed("templates");
}

/** Take summaries of rollouts. @param {Rollout[]} summaries */
export function mergeRollouts(summaries) {
  for (const summary of summaries) store.rollouts.set(summary.id, summary);
  if (store.rollouts.size > MOST_ROLLOUTS) {
    const newest = new Set([...store.rollouts.keys()].sort((a, b) => b - a).slice(0, MOST_ROLLOUTS));
    for (const id of store.rollouts.keys()) if (!newest.has(id)) store.rollouts.delete(id);
  }
  changed("rollouts");
}

/** Forget everything of the one who was signed in. */
export function clear() {
  loading = early = null;
  Object.assign(store, nothing());
}
