// The page's one event stream: opened, watched, opened again; what it says goes into the store at once.
import { address, get, query } from "./api.js";
import {
  changed,
  dropTerminals,
  loadRooms,
  loadTemplates,
  loadTerminals,
  mergeRollouts,
  mergeTerminals,
  store,
} from "./store.js";

const PAUSES = [1, 2, 4, 8, 15];
const SILENCE_SECONDS = 40;
const WATCH_SECONDS = 10;
const REREAD_SECONDS = 3;

let source = null;
let rollout = null;
let failures = 0;
let retry = 0;
let watch = 0;
let reread = 0;
let heard = 0;
let asking = false;
let everLive = false;
let loadedVersion = null;

/** What a page wants to hear beside the store: events of the journal, news of one rollout. */
const hearers = { event: new Set(), rollout: new Set() };

/**
 * Hear each message of a kind.
 * @param {"event" | "rollout"} kind
 * @param {(data: any) => void} hearer
 * @returns {() => void} call to stop
 */
export function hear(kind, hearer) {
  hearers[kind].add(hearer);
  return () => hearers[kind].delete(hearer);
}

const HANDLERS = {
  hello,
  terminals(changes) {
    if (mergeTerminals(changes)) rereadSoon();
  },
  gone: dropTerminals,
  rollouts: mergeRollouts,
  rollout: (data) => hearers.rollout.forEach((hearer) => hearer(data)),
  traffic(data) {
    store.traffic = data;
    changed("traffic");
  },
  templates() {
    loadTemplates().catch(() => {});
  },
  event(entry) {
    hearers.event.forEach((hearer) => hearer(entry));
    if (/room/.test(entry.kind)) loadRooms().catch(() => {});
    changed("events");
  },
};

/** Be connected, with news of this rollout if there is one. @param {number | null} id */
export function connect(id = null) {
  if (source && id === rollout) return;
  rollout = id;
  open();
  if (!watch) watch = setInterval(look, WATCH_SECONDS * 1000);
}

/** Be connected no more. */
export function disconnect() {
  close();
  clearInterval(watch);
  clearTimeout(reread);
  watch = reread = 0;
  everLive = false;
}

function open() {
  close();
  heard = performance.now();
  const opened = new EventSource(address("events/stream" + query({ rollout })));
  source = opened;
  for (const [name, handler] of Object.entries(HANDLERS)) {
    opened.addEventListener(name, (message) => {
      heard = performance.now();
      handler(JSON.parse(message.data));
    });
  }
  opened.onerror = () => {
    if (source === opened) lost();
  };
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function hello({ version }) {
  failures = 0;
  loadedVersion ??= version;
  store.outdated = version !== loadedVersion;
  state("live");
  if (everLive) catchUp();
  everLive = true;
}

/** After a gap anything may have changed: read again what pages have read. */
function catchUp() {
  if (store.terminalsLoaded) loadTerminals().catch(() => {});
  loadRooms().catch(() => {});
  loadTemplates().catch(() => {});
  changed("again");
}

function rereadSoon() {
  if (reread) return;
  reread = setTimeout(() => {
    reread = 0;
    loadTerminals().catch(() => {});
    loadRooms().catch(() => {});
  }, REREAD_SECONDS * 1000);
}

/** The browser's own tries end at an answer that is no stream, such as a proxy's 502: so all tries are ours. */
function lost() {
  close();
  state("lost");
  const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
  failures += 1;
  retry = setTimeout(open, pause * 1000);
  get("session").catch(() => {}); // a session that has ended shows the sign-in page
}

/** A server without power says nothing, not even goodbye: after a silence, ask. */
async function look() {
  if (!source || asking || performance.now() - heard < SILENCE_SECONDS * 1000) return;
  asking = true;
  const asked = source;
  try {
    await get("session", AbortSignal.timeout(WATCH_SECONDS * 1000));
    heard = performance.now();
  } catch {
    if (source === asked) lost();
  } finally {
    asking = false;
  }
}

function state(name) {
  if (store.connection === name) return;
  store.connection = name;
  changed("connection");
}
