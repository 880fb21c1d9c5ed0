// Every terminal in one table: found, sorted, chosen, acted upon.
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { comparer, matcher, Ordered, STATES } from "../filters.js";
import { bootDisk } from "../disks.js";
import { percent } from "../format.js";
import { language, t } from "../i18n.js";
import { TerminalsAddress } from "../parts/address.js";
import { Badge, Card, Choice, Failure, Image, PageHead, Running, When } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { LongTable } from "../parts/table.js";
import { TerminalActions } from "../parts/terminal-actions.js";
import { reasonText } from "../reasons.js";
import { hashOf, keepQuery } from "../router.js";
import { loadTerminals, nameOf, roomOf, store, templateOf, useTopics } from "../store.js";

const ALL = { q: "", room: "", state: "", image: "", version: "", sort: "name" };
const MOST_VERSIONS = 20;
const MOVING = new Set(["waiting", "downloading", "failed"]);

/** @param {{query: Record<string, string>}} props filter and sort, as the address has them */
export function TerminalsPage({ query }) {
  const [view, setView] = useState({ ...ALL, ...query });
  const [chosen, setChosen] = useState(store.chosen);
  const [error, setError] = useState(null);
  const ordered = useRef(new Ordered());
  const revision = useTopics("terminals");
  const names = useTopics("rooms", "templates", "language");

  const load = () => {
    setError(null);
    loadTerminals().catch(setError);
  };
  useEffect(() => {
    if (!store.terminalsLoaded) load();
  }, []);

  useEffect(() => setView({ ...ALL, ...query }), [query]);

  const choose = (next) => {
    store.chosen = next;
    setChosen(next);
  };
  const set = (part) => {
    const next = { ...view, ...part };
    setView(next);
    keepQuery(["terminals"], { ...next, sort: next.sort === "name" ? "" : next.sort });
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

  if (store.terminalsLoaded && !store.terminals.size) return html`<${NoTerminals} />`;
  return html`<div class="page full">
    <${PageHead} live title=${t("nav.terminals")}
      note=${store.terminalsLoaded ? t("terminals.shown", { n: rows.length, total: store.terminals.size }) : ""} />
    ${error && html`<${Failure} error=${error} retry=${load} />`}
    <${Filters} view=${view} set=${set} />
    <${TerminalActions} terminals=${there.map((mac) => store.terminals.get(mac))} hidden=${hidden}
      onClear=${() => choose(new Set())} />
    <${LongTable} label=${t("nav.terminals")} columns=${columns} rows=${rows} rowKey=${macOf} rowLabel=${choiceLabel}
      sort=${view.sort} onSort=${(sort) => set({ sort })} chosen=${chosen} onChoose=${choose}
      empty=${nothing()} />
    <p class="keys muted">${t("terminals.keys")}</p>
  </div>`;
}

/** There is nothing to find or to choose: how to get some. */
function NoTerminals() {
  return html`<div class="page">
    <${PageHead} title=${t("nav.terminals")} />
    <${Card}>
      <div class="nothing">
        <p>${t("terminals.none")}</p>
        <p>${t("first.terminals_how")} <${TerminalsAddress} /></p>
      </div>
    <//>
  </div>`;
}

/** Why the table is empty. */
function nothing() {
  if (!store.terminalsLoaded) return t("wait.loading");
  return t("terminals.no_match");
}

/** Columns that are called otherwise than what they are sorted by. */
const LABELS = { online_since: () => t("column.since"), version: () => t("column.has") };

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
    ["unknown", t("filter.unknown_version")],
    ...numbers.map((number) => [number, t("version.n", { version: number })]),
  ];
}

function makeColumns() {
  const column = (key, className, render) => ({ key, label: LABELS[key]?.() ?? t(`column.${key}`), className, sortable: true, render });
  return [
    column("name", "", (x) => html`
      <a class=${x.name ? "strong" : "mono"} href=${hashOf(["terminals", x.mac])} title=${nameOf(x)}>${nameOf(x)}</a>`),
    column("state", "", stateCell),
    column("version", "", (x) => html`<${Image} terminal=${x} />`),
    column("running", "number", (x) => html`<${Running} terminal=${x} narrow=${true} />`),
    column("room", "roomy", (x) => {
      const room = roomOf(x.room);
      return room
        ? html`<a href=${hashOf(["rooms", room.id])} title=${room.name}>${room.name}</a>`
        : html`<span class="muted">–</span>`;
    }),
    column("ip", "mono roomy", (x) => x.ip),
    column("mac", "mono roomy", (x) => x.mac),
    column("client_type", "roomy least", (x) => {
      const text = t(`client.${x.client_type}`);
      return html`<span title=${text}>${text}</span>`;
    }),
    column("online_since", "roomy", (x) =>
      x.online
        ? html`<${When} at=${x.online_since} />`
        : html`<span class="muted"><span class="hidden">${t("column.last_seen")}</span> <${When} at=${x.last_seen} /></span>`,
    ),
    column("boot_disk", "roomy least", (x) => html`<span title=${x.boot_disk ?? ""}>${bootDisk(x)}</span>`),
  ];
}

/** The state; of what is under way also how far it is. */
function stateCell(x) {
  const badge = html`<${Badge} state=${x.state} title=${reasonText(x.reason, x.why)} />`;
  if (!MOVING.has(x.state)) return badge;
  const share = percent(x.progress);
  return html`<span class=${`moving ${x.state}`}>
    ${badge} <span class="share">${share}</span>
    <progress max="1" value=${x.progress} aria-label=${t("column.progress")}></progress>
  </span>`;
}
