// What a page reads for itself: kept while it is shown, read again when the stream says that it changed.
import { useEffect, useRef, useState } from "./lib.js";
import { get } from "./api.js";
import { listen } from "./store.js";

/** @typedef {import("./api.js").ApiError} ApiError */
/** @typedef {{value: any, error: ApiError | null, reload: () => void, set: (value: any) => void}} Remote */

/**
 * Read a path, and again: when it changes, after a gap in the stream, and, at most each `every` seconds, when one of
 * `topics` changed.
 * @param {string | null} path null: nothing to read now
 * @param {{topics?: string[], every?: number}} [options]
 * @returns {Remote}
 */
export function useRemote(path, { topics = [], every = 3 } = {}) {
  const [answer, setAnswer] = useState({ path: null, value: null, error: null });
  const reader = useRef(null);

  useEffect(() => {
    if (path === null) return undefined;
    let timer = 0;
    let last = 0;
    let stopped = new AbortController();

    const read = async () => {
      clearTimeout(timer);
      timer = 0;
      last = performance.now();
      stopped.abort();
      stopped = new AbortController();
      const { signal } = stopped;
      try {
        const value = await get(path, signal);
        if (!signal.aborted) setAnswer({ path, value, error: null });
      } catch (error) {
        // What was read before stays: an old answer with a message beats an empty page.
        if (!signal.aborted) setAnswer((old) => ({ path, value: old.path === path ? old.value : null, error }));
      }
    };
    const soon = () => {
      if (timer) return;
      timer = setTimeout(read, Math.max(0, last + every * 1000 - performance.now()));
    };

    reader.current = read;
    read();
    const stops = [listen(["again"], read), listen(topics, soon)];
    return () => {
      clearTimeout(timer);
      stopped.abort();
      for (const stop of stops) stop();
    };
  }, [path, topics.join(), every]);

  return {
    value: answer.path === path ? answer.value : null,
    error: answer.path === path ? answer.error : null,
    reload: () => reader.current?.(),
    set: (value) => setAnswer({ path, value, error: null }),
  };
}

/**
 * Call `action` each `seconds` while `active` and the page is looked at.
 * @param {() => void} action
 * @param {number} seconds
 * @param {boolean} active
 */
export function usePolling(action, seconds, active) {
  const latest = useRef(action);
  latest.current = action;
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(() => document.hidden || latest.current(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, active]);
}
