// A grid of many items of which one is a stop of the tabulator; the arrows go from one to the other.
import { useLayoutEffect, useState } from "../lib.js";

const STOPS = "a[href], button, input";

/** @param {HTMLElement} box @param {string} selector @returns {HTMLElement[]} */
const within = (box, selector) => Array.from(box.querySelectorAll(selector));
/** @param {HTMLElement} item */
const stopsOf = (item) => within(item, STOPS);

/**
 * @param {{current: HTMLElement | null}} box what has the items
 * @param {string} selector of an item
 * @returns {object} handlers for the box
 */
export function useRoving(box, selector) {
  const [at, setAt] = useState(0);
  const items = () => (box.current ? within(box.current, selector) : []);

  useLayoutEffect(() => {
    if (!box.current) return;
    const all = items();
    const stop = Math.min(at, all.length - 1);
    for (const [index, item] of all.entries())
      for (const one of stopsOf(item)) one.tabIndex = index === stop ? 0 : -1;
  });

  function onKeyDown(event) {
    const item = event.target.closest(selector);
    const all = items();
    const index = all.indexOf(item);
    if (index < 0) return;
    const width = all.filter((other) => other.offsetTop === all[0].offsetTop).length;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: width,
      ArrowUp: -width,
      Home: -all.length,
      End: all.length,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const there = stopsOf(item).indexOf(event.target);
    const next = stopsOf(all[Math.max(0, Math.min(all.length - 1, index + steps[event.key]))]);
    (next[there] ?? next[0])?.focus();
  }

  function onFocusCapture(event) {
    const index = items().indexOf(event.target.closest(selector));
    if (index >= 0) setAt(index);
  }

  return { onKeyDown, onFocusCapture };
}
