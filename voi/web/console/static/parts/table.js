// A table of thousands of rows: a real <table> of which only the rows in sight exist; sorting, choosing, keys.
import { Component, html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { t } from "../i18n.js";
import { inSight, reach } from "./window.js";

const ROW = 40;
const HEAD = 40;
const SPARE = 8;
const NONE = new Set();
const STOPS = "a[href], button, input";

/**
 * @typedef {{key: string, label: string, className?: string, sortable?: boolean, render: (row: any) => any}} Column
 */

/**
 * `chosen` and `onChoose` make rows choosable: by click, with shift from the last one to this, with the space bar,
 * with shift and the arrow keys. One row at a time is a stop of the tabulator. `columns` must be the same array as long
 * as nothing about them changes.
 * @param {{label: string, columns: Column[], rows: any[], rowKey: (row: any) => string, sort?: string,
 *   onSort?: (sort: string) => void, chosen?: Set<string>, onChoose?: (chosen: Set<string>) => void,
 *   rowLabel?: (row: any) => string, empty: any}} props
 */
export function LongTable({ label, columns, rows, rowKey, sort, onSort, chosen = NONE, onChoose, rowLabel, empty }) {
  const box = useRef(null);
  const anchor = useRef(null);
  const wanted = useRef(null);
  const [at, setAt] = useState(0);
  const [view, setView] = useState({ top: 0, height: 800 });

  useEffect(() => {
    const observer = new ResizeObserver(() => measure());
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    for (const row of box.current.querySelectorAll("tr[data-index]")) {
      const tab = Number(row.dataset.index) === stop ? 0 : -1;
      for (const one of row.querySelectorAll(STOPS)) if (one.tabIndex !== tab) one.tabIndex = tab;
    }
    // The row that the keyboard goes to may not have existed until now.
    if (wanted.current === null) return;
    const { index, cell } = wanted.current;
    const row = box.current.querySelector(`tr[data-index="${index}"]`);
    if (row) {
      wanted.current = null;
      (row.cells[cell]?.querySelector(STOPS) ?? row.querySelector(STOPS))?.focus({ preventScroll: true });
    }
  });

  function measure() {
    const { scrollTop, clientHeight } = box.current;
    const top = Math.floor(scrollTop / ROW) * ROW; // steps of a row: fewer renderings
    setView((old) => (old.top === top && old.height === clientHeight ? old : { top, height: clientHeight }));
  }

  /** @param {number} index @param {{shift?: boolean, on?: boolean | null}} [how] */
  function choose(index, { shift = false, on = null } = {}) {
    const next = new Set(chosen);
    const key = rowKey(rows[index]);
    const set = on ?? !next.has(key);
    const from = shift && anchor.current !== null ? rows.findIndex((row) => rowKey(row) === anchor.current) : index;
    const [low, high] = from < 0 ? [index, index] : [Math.min(from, index), Math.max(from, index)];
    for (let i = low; i <= high; i++) set ? next.add(rowKey(rows[i])) : next.delete(rowKey(rows[i]));
    if (!shift) anchor.current = key;
    onChoose?.(next);
  }

  function onKeyDown(event) {
    const row = event.target.closest?.("tr[data-index]");
    if (!row) return;
    const index = Number(row.dataset.index);
    const page = Math.max(1, Math.floor((view.height - HEAD) / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length };
    if (onChoose && event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onChoose(new Set(rows.map(rowKey)));
    } else if (event.key in steps) {
      event.preventDefault();
      const next = Math.max(0, Math.min(rows.length - 1, index + steps[event.key]));
      if (onChoose && event.shiftKey) {
        anchor.current ??= rowKey(rows[index]);
        choose(next, { shift: true, on: true });
      }
      wanted.current = { index: next, cell: event.target.closest("td").cellIndex };
      box.current.scrollTop = reach(next, box.current.scrollTop, view.height - HEAD, ROW);
      setView((old) => ({ ...old }));
    }
  }

  function onFocus(event) {
    const row = event.target.closest?.("tr[data-index]");
    if (row) setAt(Number(row.dataset.index));
  }

  function onClick(event) {
    const row = event.target.closest("tr[data-index]");
    if (!row || !onChoose || event.target.closest("a, button")) return;
    if (event.target.tagName !== "INPUT" && String(getSelection())) return; // text is being marked
    choose(Number(row.dataset.index), { shift: event.shiftKey });
  }

  const { first, last } = inSight(view.top, view.height, ROW, rows.length, SPARE);
  const inView = at >= first && at < last;
  const stop = inView ? at : Math.max(first, Math.min(last - 1, Math.ceil(view.top / ROW)));
  const all = Boolean(onChoose) && rows.length > 0 && rows.every((row) => chosen.has(rowKey(row)));
  return html`<div class="long-table" ref=${box} onScroll=${measure}>
    <table aria-label=${label} aria-rowcount=${rows.length + 1} onKeyDown=${onKeyDown} onClick=${onClick}
      onFocusCapture=${onFocus}
      onMouseDown=${(event) => event.shiftKey && event.preventDefault()}>
      <colgroup>
        ${onChoose && html`<col class="choose" />`}
        ${columns.map((column) => html`
          <col key=${column.key} class=${`col-${column.key} ${column.className ?? ""}`} />`)}
      </colgroup>
      <thead>
        <tr aria-rowindex="1">
          ${
            onChoose &&
            html`<th scope="col" class="choose">
            <input type="checkbox" aria-label=${t("table.all")} checked=${all}
              ref=${(input) => {
                if (input) input.indeterminate = !all && chosen.size > 0;
              }}
              onChange=${() => onChoose(all ? new Set() : new Set(rows.map(rowKey)))} />
          </th>`
          }
          ${columns.map((column) => html`
            <${HeadCell} key=${column.key} column=${column} sort=${sort} onSort=${onSort} />`)}
        </tr>
      </thead>
      <tbody>
        ${first > 0 && html`
          <tr key="above" aria-hidden="true">
            <td class="gap" style=${{ height: `${first * ROW}px` }}></td>
          </tr>`}
        ${rows.slice(first, last).map((row, offset) => {
          const key = rowKey(row);
          return html`<${Row} key=${key} row=${row} index=${first + offset} columns=${columns}
            chosen=${onChoose ? chosen.has(key) : null} label=${rowLabel?.(row)} />`;
        })}
        ${last < rows.length && html`
          <tr key="below" aria-hidden="true">
            <td class="gap" style=${{ height: `${(rows.length - last) * ROW}px` }}></td>
          </tr>`}
      </tbody>
    </table>
    ${rows.length === 0 && html`<div class="nothing">${empty}</div>`}
  </div>`;
}

function HeadCell({ column, sort, onSort }) {
  const up = sort === column.key;
  const down = sort === `-${column.key}`;
  if (!column.sortable || !onSort) return html`<th scope="col" class=${column.className}>${column.label}</th>`;
  return html`<th scope="col" class=${column.className} aria-sort=${up ? "ascending" : down ? "descending" : "none"}>
    <button type="button" class="sort" onClick=${() => onSort(up ? `-${column.key}` : column.key)}>
      ${column.label}<span class="sort-mark" aria-hidden="true">${up ? "▲" : down ? "▼" : ""}</span>
    </button>
  </th>`;
}

/** A row renders again only when its own object, place or choice changed. */
class Row extends Component {
  shouldComponentUpdate(next) {
    const now = this.props;
    return (
      next.row !== now.row || next.index !== now.index || next.chosen !== now.chosen || next.columns !== now.columns
    );
  }

  render({ row, index, columns, chosen, label }) {
    return html`<tr data-index=${index} aria-rowindex=${index + 2} class=${chosen ? "chosen" : ""}>
      ${chosen !== null && html`
        <td class="choose"><input type="checkbox" checked=${chosen} aria-label=${label} /></td>`}
      ${columns.map((column) => html`<td key=${column.key} class=${column.className}>${column.render(row)}</td>`)}
    </tr>`;
  }
}
