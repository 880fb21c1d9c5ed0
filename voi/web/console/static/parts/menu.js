// A button that opens a list of actions; arrow keys move in it, Escape and a click elsewhere close it.
import { html, useId, useLayoutEffect, useRef, useState } from "../lib.js";
import { Icon } from "./icons.js";

/**
 * @typedef {{label: string, icon: string, danger?: boolean, disabled?: boolean, run: () => void}} Item
 */

/** @param {{label: string, items: Item[], disabled?: boolean}} props */
export function Menu({ label, items, disabled = false }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const id = useId();

  useLayoutEffect(() => {
    // At once: the next key may be pressed before the next frame.
    if (!open) return undefined;
    box.current.querySelector('[role="menuitem"]:not(:disabled)')?.focus();
    const outside = (event) => box.current.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  function onKeyDown(event) {
    if (!open) {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      setOpen(true);
      return;
    }
    const entries = [...box.current.querySelectorAll('[role="menuitem"]:not(:disabled)')];
    const at = entries.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      entries[(next + entries.length) % entries.length]?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      setOpen(false);
      box.current.querySelector("button").focus();
    } else if (event.key === "Tab") {
      setOpen(false);
    }
  }

  const run = (item) => {
    setOpen(false);
    box.current.querySelector("button").focus();
    item.run();
  };
  return html`<div class="menu" ref=${box} onKeyDown=${onKeyDown}>
    <button type="button" aria-haspopup="menu" aria-expanded=${open} aria-controls=${id} disabled=${disabled}
      onClick=${() => setOpen(!open)}>
      ${label}<${Icon} name="down" />
    </button>
    ${
      open &&
      html`<div class="menu-list" id=${id} role="menu" aria-label=${label}>
      ${items.map(
        (
          item,
        ) => html`
          <button type="button" key=${item.label} role="menuitem" class=${item.danger ? "danger" : ""}
            disabled=${item.disabled} onClick=${() => run(item)}>
          <${Icon} name=${item.icon} />${item.label}
        </button>`,
      )}
    </div>`
    }
  </div>`;
}
