// Every terminal in one table: found, sorted, chosen, acted upon.
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { comparer, matcher, Ordered, STATES } from "../filters.js";
import { diskLabel } from "../format.js";
import { language, t } from "../i18n.js";
import { Badge, Bar, Choice, Failure, PageHead, When } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { LongTable } from "../parts/table.js";
import { TerminalActions } from "../parts/terminal-actions.js";
import { said } from "../reasons.js";
import { hashOf, note } from "../router.js";
import { loadTerminals, nameOf, roomOf, store, templateOf, useTopics } from "../store.js";

const ALL = { q: "", room: "", state: "", image: "", version: "", sort: "name" };
const MOST_VERSIONS = 20;
const MOVING = new Set(["waiting", "downloading", "failed"]);

/** @param {{query: Record<string, string>}} props filter and sort, as the address has them */
export function TerminalsPage({ query }) {
  const [view, setView] = useState({ ...ALL, ...query });
  const [chosen, setChosen] = useState(new Set());
  const [error, setError] = useState(null);
  const ordered = useRef(new Ordered());
  const revision = useTopics("terminals");
  const names = useTopics("rooms", "templates");

  const load = () => {
    setError(null);
    loadTerminals().catch(setError);
  };
  useEffect(() => {
    if (!store.terminalsLoaded) load();
  }, []);

  useEffect(() => setView({ ...ALL, ...query }), [query]);

  const set = (part) => {
    const next = { ...view, ...part };
    setView(next);
    note(["terminals"], { ...next, sort: next.sort === "name" ? "" : next.sort });
  };

  const columns = useMemo(() => makeColumns(), [names, language()]);
  const compare = useMemo(
    () =>
      comparer(view.sort, {
        language: language(),
        roomName: (id) => roomOf(id)?.name ?? "",
        imageName: (uuid) => templateOf(uuid)?.name ?? "",
      }),
    [view.sort, names, language()],
  );
  const sorted = useMemo(() => ordered.current.rows(store.terminals, compare), [revision, compare]);
  const { q, room, state, image, version } = view;
  const rows = useMemo(
    () => sorted.filter(matcher({ q, room, state, image, version })),
    [sorted, q, room, state, image, version],
  );
  const shown = useMemo(() => new Set(rows.map((row) => row.mac)), [rows]);
  const there = [...chosen].filter((mac) => store.terminals.has(mac));
  const hidden = there.filter((mac) => !shown.has(mac)).length;

  return html`<div class="page full">
    <${PageHead} live title=${t("nav.terminals")}
      note=${store.terminalsLoaded ? t("terminals.shown", { n: rows.length, total: store.terminals.size }) : ""} />
    ${error && html`<${Failure} error=${error} retry=${load} />`}
    <${Filters} view=${view} set=${set} />
    <${TerminalActions} terminals=${there.map((mac) => store.terminals.get(mac))} hidden=${hidden}
      onClear=${() => setChosen(new Set())} />
    <${LongTable} label=${t("nav.terminals")} columns=${columns} rows=${rows} rowKey=${macOf} rowLabel=${choiceLabel}
      sort=${view.sort} onSort=${(sort) => set({ sort })} chosen=${chosen} onChoose=${setChosen}
      empty=${nothing()} />
    <p class="keys muted">${t("terminals.keys")}</p>
  </div>`;
}

/** Why the table is empty. */
function nothing() {
  if (!store.terminalsLoaded) return t("wait.loading");
  return store.terminals.size ? t("terminals.no_match") : t("terminals.none");
}

const macOf = (terminal) => terminal.mac;
const choiceLabel = (terminal) => t("table.choose", { name: nameOf(terminal) });

function Filters({ view, set }) {
  const rooms = [
    ["", t("filter.any_room")],
    ["0", t("rooms.none")],
    ...store.rooms.map((room) => [room.id, room.name]),
  ];
  const states = [
    ["", t("filter.any_state")],
    ["online", t("state.online")],
    ...STATES.map((state) => [state, t(`state.${state}`)]),
  ];
  const images = [["", t("filter.any_image")], ...store.templates.map((template) => [template.uuid, template.name])];
  const any = view.q || view.room || view.state || view.image || view.version;
  return html`<div class="filters" role="search">
    <label class="search">
      <${Icon} name="search" />
      <input type="search" placeholder=${t("filter.text")} aria-label=${t("filter.text")} value=${view.q}
        onInput=${(event) => set({ q: event.currentTarget.value })} />
    </label>
    <${Choice} label=${t("field.room")} value=${view.room} options=${rooms} onChange=${(room) => set({ room })} />
    <${Choice} label=${t("field.state")} value=${view.state} options=${states} onChange=${(state) => set({ state })} />
    <${Choice} label=${t("field.image")} value=${view.image} options=${images}
      onChange=${(image) => set({ image, version: "" })} />
    ${(view.image || view.version) && html`
      <${Choice} label=${t("field.version")} value=${view.version} options=${versions(view)}
        onChange=${(version) => set({ version })} />`}
    ${any && html`
      <button type="button" class="link" onClick=${() => set({ ...ALL, sort: view.sort })}>
        ${t("filter.clear")}
      </button>`}
  </div>`;
}

/** Versions to choose from: of the image that is chosen also the last by their numbers, and what is chosen already. */
function versions({ image, version }) {
  const newest = templateOf(image)?.version ?? 0;
  const numbers = Array.from({ length: Math.min(newest, MOST_VERSIONS) }, (_, index) => String(newest - index));
  if (/^[1-9]\d*$/.test(version) && !numbers.includes(version)) numbers.push(version);
  return [
    ["", t("filter.any_version")],
    ["newest", t("filter.newest")],
    ["older", t("filter.older")],
    ["0", t("filter.no_version")],
    ...numbers.map((number) => [number, t("version.n", { version: number })]),
  ];
}

function makeColumns() {
  const column = (key, className, render) => ({ key, label: t(`column.${key}`), className, sortable: true, render });
  return [
    column("name", "", (x) => html`<a class="strong" href=${hashOf(["terminals", x.mac])}>${nameOf(x)}</a>`),
    column("state", "", (x) => html`<${Badge} state=${x.state} title=${said(x.reason, x.why)} />`),
    column("progress", "", (x) =>
      MOVING.has(x.state)
        ? html`<${Bar} value=${x.progress} state=${x.state} label=${t("column.progress")} />`
        : html`<span class="muted">–</span>`,
    ),
    column("version", "", versionCell),
    column("room", "", (x) => {
      const room = roomOf(x.room);
      return room ? html`<a href=${hashOf(["rooms", room.id])}>${room.name}</a>` : html`<span class="muted">–</span>`;
    }),
    column("ip", "mono", (x) => x.ip),
    column("mac", "mono", (x) => x.mac),
    column("client_type", "roomy", (x) => t(`client.${x.client_type}`)),
    column("online_since", "", (x) =>
      x.online
        ? html`<${When} at=${x.online_since} />`
        : html`
          <span class="muted" title=${t("column.last_seen")}>
            ${t("terminals.off_since")} <${When} at=${x.last_seen} />
          </span>`,
    ),
    column("boot_disk", "mono roomy", (x) => html`<span title=${x.boot_disk ?? ""}>${diskLabel(x.boot_disk)}</span>`),
  ];
}

function versionCell({ template: uuid, version, newest }) {
  const template = templateOf(uuid);
  if (!template) return html`<span class="muted">–</span>`;
  const old = version < newest;
  const known = old ? t("version.short_of", { version, newest }) : t("version.short", { version });
  const text = version === 0 ? t("version.unknown") : known;
  return html`<a href=${hashOf(["templates", uuid])}>${template.name}</a> <span class=${old ? "old" : "muted"}>
    ${text}
  </span>`;
}
