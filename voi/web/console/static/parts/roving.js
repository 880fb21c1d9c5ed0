// A grid of many items of which one is a stop of the tabulator; the arrows go from one to the other.
import { useLayoutEffect, useState } from "../lib.js";

const STOPS = "a[href], button, input";

/**
 * @param {{current: HTMLElement | null}} box what has the items
 * @param {string} selector of an item
 * @returns {object} handlers for the box
 */
export function useRoving(box, selector) {
  const [at, setAt] = useState(0);
  const items = () => [...box.current.querySelectorAll(selector)];

  useLayoutEffect(() => {
    if (!box.current) return;
    const all = items();
    const stop = Math.min(at, all.length - 1);
    for (const [index, item] of all.entries())
      for (const one of item.querySelectorAll(STOPS)) one.tabIndex = index === stop ? 0 : -1;
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
    const there = [...item.querySelectorAll(STOPS)].indexOf(event.target);
    const next = all[Math.max(0, Math.min(all.length - 1, index + steps[event.key]))].querySelectorAll(STOPS);
    (next[there] ?? next[0])?.focus();
  }

  function onFocusCapture(event) {
    const index = items().indexOf(event.target.closest(selector));
    if (index >= 0) setAt(index);
  }

  return { onKeyDown, onFocusCapture };
}
