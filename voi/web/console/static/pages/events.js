// The audit log: what happened, who did it, from where; filtered, read further back, taken away as CSV.
import { html, useEffect, useState } from "../lib.js";
import { address, get, query } from "../api.js";
import { groupName, GROUPS } from "../audit-entries.js";
import { t } from "../i18n.js";
import { notifyError } from "../notifications.js";
import { Card, Choice, PageHead, Remote } from "../parts/bits.js";
import { Entries } from "../parts/entries.js";
import { Icon } from "../parts/icons.js";
import { useRemote } from "../remote.js";
import { keepQuery } from "../router.js";

const ALL = { q: "", who: "", kind: "", since: "", until: "" };
const PAGE = 100;
const MOST = 1000;
const TYPING_MS = 250;

/** @param {{query: Record<string, string>}} props */
export function EventsPage({ query: asked }) {
  const [filter, setFilter] = useState({ ...ALL, ...asked });
  const settled = useSettled(filter);
  const wanted = { ...settled, since: startOf(settled.since), until: endOf(settled.until) };
  const remote = useRemote(`events${query({ ...wanted, limit: PAGE })}`, { topics: ["events"] });
  const [older, setOlder] = useState([]);

  useEffect(() => setFilter({ ...ALL, ...asked }), [asked]);
  useEffect(() => setOlder([]), [settled]);

  const set = (part) => {
    const next = { ...filter, ...part };
    setFilter(next);
    keepQuery(["events"], next);
  };
  const more = async (last) => {
    try {
      const { events } = await get(`events${query({ ...wanted, limit: PAGE, before: last.id })}`);
      setOlder((old) => [...old, ...events].slice(0, MOST));
    } catch (error) {
      notifyError(error);
    }
  };
  return html`<div class="page">
    <${PageHead} title=${t("nav.events")} note=${t("events.note")}>
      <a class="button" href=${address(`events.csv${query(wanted)}`)} download="voi-events.csv">
        <${Icon} name="download" />
        ${t("events.csv")}
      </a>
    <//>
    <div class="filters" role="search">
      <label class="search">
        <${Icon} name="search" />
        <input type="search" placeholder=${t("events.search")} aria-label=${t("events.search")} value=${filter.q}
          onInput=${(event) => set({ q: event.currentTarget.value })} />
      </label>
      <${Choice} label=${t("column.kind")} value=${filter.kind} onChange=${(kind) => set({ kind })}
        options=${[["", t("events.any_kind")], ...GROUPS.map((kind) => [kind, groupName(kind)])]} />
      <input type="text" class="who" placeholder=${t("column.who")} aria-label=${t("column.who")} value=${filter.who}
        onInput=${(event) => set({ who: event.currentTarget.value })} />
      <label class="date">
        ${t("events.since")} <input type="date" value=${filter.since} max=${filter.until}
          onChange=${(event) => set({ since: event.currentTarget.value })} />
      </label>
      <label class="date">
        ${t("events.until")} <input type="date" value=${filter.until} min=${filter.since}
          onChange=${(event) => set({ until: event.currentTarget.value })} />
      </label>
    </div>
    <${Card}>
      <${Remote} remote=${remote}>
        ${(answer) => {
          const shown = [...answer.events, ...older.filter((entry) => !answer.events.some((x) => x.id === entry.id))];
          const rest = answer.total > shown.length && shown.length < MOST;
          return html`<${Entries} entries=${shown} empty=${t("events.none")} />
            <p class="foot-note">${t("events.shown", { n: shown.length, total: answer.total })}
              ${rest && html` <button type="button" class="link" onClick=${() => more(shown.at(-1))}>
                  ${t("events.more")}
                </button>`}
              </p>`;
        }}
      <//>
    <//>
  </div>`;
}

/** A value as it was when typing last paused. */
function useSettled(value) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function startOf(day) {
  return day ? new Date(`${day}T00:00:00`).toISOString() : "";
}

function endOf(day) {
  return day ? new Date(`${day}T23:59:59.999`).toISOString() : "";
}
