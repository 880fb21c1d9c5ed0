// The page's one event stream: opened, watched, opened again; what it brings goes into the store at once.
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
const HIDDEN_SECONDS = 30;

/** @type {EventSource | null} */
let source = null;
/** @type {EventSource | null} */
let replaced = null;
let gap = true;
/** @type {number | null} */
let rollout = null;
let failures = 0;
let retry = 0;
let watchdog = 0;
let lastMessage = 0;
let checking = false;
let wanted = false;
let hiding = 0;
let everLive = false;
let loadedVersion = null;

const waiting = new Map();
const rolloutListeners = new Set();

/**
 * Listen to the news of the rollout that `connect` named.
 * @param {(data: any) => void} listener
 * @returns {() => void} call to stop
 */
export function onRollout(listener) {
  rolloutListeners.add(listener);
  return () => rolloutListeners.delete(listener);
}

const HANDLERS = {
  hello,
  terminals(changes) {
    if (mergeTerminals(changes)) rereadPlaces();
  },
  gone: dropTerminals,
  rollouts: mergeRollouts,
  rollout: (news) => {
    for (const listener of rolloutListeners) listener(news);
  },
  stale: () => changed("stale"),
  resync: catchUp,
  traffic(data) {
    store.traffic = data;
    changed("traffic");
  },
  templates() {
    soon("templates", loadTemplates);
  },
  event(entry) {
    if (/^room\./.test(entry.kind)) rereadPlaces();
    else if (/^terminal\./.test(entry.kind)) soon("rooms", loadRooms);
    changed("events");
  },
};

/** Be connected, with news of this rollout if there is one. @param {number | null} id */
export function connect(id = null) {
  if (source && id === rollout) return;
  rollout = id;
  wanted = true;
  open();
  if (!watchdog) watchdog = setInterval(checkSilence, WATCH_SECONDS * 1000);
}

/** Disconnect. */
export function disconnect() {
  close();
  clearInterval(watchdog);
  waiting.forEach(clearTimeout);
  waiting.clear();
  watchdog = 0;
  wanted = everLive = false;
}

// A browser opens six connections to a server, all tabs together: a hidden one gives its stream back.
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (!wanted) return;
  if (document.hidden) hiding = setTimeout(close, HIDDEN_SECONDS * 1000);
  else if (!source) open();
});

function open() {
  clearTimeout(retry);
  lastMessage = performance.now();
  const opened = new EventSource(address(`events/stream${query({ rollout })}`));
  // One that works goes on until the new one does, so that nothing is missed between the two.
  replaced ??= source;
  source = opened;
  for (const [name, handler] of Object.entries(HANDLERS)) {
    opened.addEventListener(name, (message) => {
      lastMessage = performance.now();
      handler(JSON.parse(message.data));
    });
  }
  opened.onerror = () => {
    if (source === opened) lost();
  };
}

/** Without a stream things are missed, until the next one begins. */
function close() {
  clearTimeout(retry);
  source?.close();
  replaced?.close();
  source = replaced = null;
  gap = true;
}

function hello({ version }) {
  replaced?.close();
  replaced = null;
  failures = 0;
  loadedVersion ??= version;
  store.outdated = version !== loadedVersion;
  state("live");
  if (gap && everLive) catchUp();
  gap = false;
  everLive = true;
}

/** After a gap anything may have changed: read again what pages have read. */
function catchUp() {
  if (store.terminalsLoaded) loadTerminals().catch(() => {});
  loadRooms().catch(() => {});
  loadTemplates().catch(() => {});
  changed("again");
}

/** Which terminals there are, or which room each is in, has changed. */
function rereadPlaces() {
  if (store.terminalsLoaded) soon("terminals", loadTerminals);
  soon("rooms", loadRooms);
}

/** Read again in a while, once for all calls until then. */
function soon(name, load) {
  if (waiting.has(name)) return;
  const read = () => {
    waiting.delete(name);
    load().catch(() => {});
  };
  waiting.set(name, setTimeout(read, REREAD_SECONDS * 1000));
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

/** A server without power does not even close the connection: after a silence, ask. */
async function checkSilence() {
  if (!source || checking || performance.now() - lastMessage < SILENCE_SECONDS * 1000) return;
  checking = true;
  const asked = source;
  try {
    await get("session", AbortSignal.timeout(WATCH_SECONDS * 1000));
    lastMessage = performance.now();
  } catch {
    if (source === asked) lost();
  } finally {
    checking = false;
  }
}

function state(name) {
  if (store.connection === name) return;
  store.connection = name;
  changed("connection");
}
