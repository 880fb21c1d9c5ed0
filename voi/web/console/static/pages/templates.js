// All templates, and the ways to a new one: files on the server, or disks of a terminal.
import { html, useEffect, useState } from "../lib.js";
import * as actions from "../actions.js";
import { change } from "../api.js";
import { matcher } from "../filters.js";
import { size } from "../format.js";
import { t } from "../i18n.js";
import { notify, reported } from "../notifications.js";
import { Badge, Bar, Card, Choice, Failure, Field, PageHead, PlainTable, When } from "../parts/bits.js";
import { Form, show } from "../parts/dialog.js";
import { FailedUploads } from "../parts/failed-uploads.js";
import { Icon } from "../parts/icons.js";
import { reasonText } from "../reasons.js";
import { go, hashOf } from "../router.js";
import { loadTemplates, loadTerminals, may, nameOf, store, useTopics } from "../store.js";

const SYSTEMS = [0, 1, 2, 3]; // 4 is Windows 10 as well: a template that has it keeps it, and nobody has to choose between the two
const DISK_TYPES = [0, 1, 2];
const OFFERED = 8;

/** All templates. */
export function TemplatesPage() {
  useTopics("templates");
  const [error, setError] = useState(null);
  const load = () => loadTemplates().then(() => setError(null), setError);
  useEffect(() => {
    load();
  }, []);
  const failed = store.templates.flatMap((template) => template.failed ?? []).sort((a, b) => b.id - a.id);
  return html`<div class="page">
    <${PageHead} title=${t("nav.templates")} note=${t("templates.note")}>
      ${
        may("templates") &&
        html`
          <button type="button" onClick=${fromTerminal}>
            <${Icon} name="upload" />
            ${t("templates.from_terminal")}
          </button>
        <button type="button" class="primary" onClick=${fromFiles}>
          <${Icon} name="plus" />
          ${t("templates.import")}
        </button>`
      }
    <//>
    <${Card}>
      ${error && html`<${Failure} error=${error} retry=${load} />`}
      <${PlainTable} label=${t("nav.templates")} columns=${columns()} rows=${store.templates} rowKey=${(x) => x.uuid}
        empty=${store.templatesLoaded ? t("templates.empty") : t("wait.loading")} />
    <//>
    <${FailedUploads} named uploads=${failed} reread=${load} />
  </div>`;
}

/** The whole of a template's files. @param {{disks: {size: number}[]}} template */
export function sizeOf(template) {
  return template.disks.reduce((sum, disk) => sum + disk.size, 0);
}

/** The list of terminals that have this version of a template: a number, "newest", "older", "unknown", "0" for none that is whole. */
export function having(uuid, version) {
  return hashOf(["terminals"], { image: uuid, version });
}

function columns() {
  return [
    {
      key: "name",
      label: t("field.name"),
      render: (x) =>
        html`
          <a class="strong" href=${hashOf(["templates", x.uuid])}>${x.name}</a>
          ${x.desc && html`<span class="sub">${x.desc}</span>`}`,
    },
    {
      key: "state",
      label: t("field.state"),
      render: (x) =>
        x.uploads.length
          ? html`<${Bar} value=${x.progress} state="downloading" label=${t(`state.${x.state}`)} />`
          : html`<${Badge} state=${x.state} title=${reasonText(x.reason, x.why)} />`,
    },
    { key: "version", label: t("field.version"), className: "number", render: (x) => x.version || "–" },
    { key: "disks", label: t("column.levels"), className: "number", render: (x) => x.disks.length || "–" },
    { key: "size", label: t("column.size"), className: "number", render: (x) => size(sizeOf(x) || null) },
    {
      key: "terminals",
      label: t("nav.terminals"),
      className: "nowrap",
      render: (x) =>
        x.version > 0 &&
        html`
          <a href=${having(x.uuid, "newest")}>${t("templates.current", { n: x.terminals_current ?? 0 })}</a>
          ${x.terminals_outdated > 0 && html`<span>, <a class="old" href=${having(x.uuid, "older")}>
              ${t("templates.outdated", { n: x.terminals_outdated })}
            </a></span>`}
          ${x.terminals_incomplete > 0 && html`<span>, <a href=${having(x.uuid, "0")}>
              ${t("templates.incomplete", { n: x.terminals_incomplete })}
            </a></span>`}
          ${x.terminals_unknown > 0 && html`<span>, <a href=${having(x.uuid, "unknown")}>
              ${t("templates.unknown", { n: x.terminals_unknown })}
            </a></span>`}`,
    },
    { key: "auto", label: t("field.auto_update"), render: (x) => (x.auto_update ? t("word.on") : t("word.off")) },
    {
      key: "updated",
      label: t("column.updated"),
      className: "nowrap",
      render: (x) => html`<${When} at=${x.updated} />`,
    },
  ];
}

async function fromFiles() {
  const made = await show(ImportForm);
  if (!made) return;
  notify(t("done.import"));
  go(["templates", made.uuid]);
}

async function fromTerminal() {
  if (!store.terminalsLoaded) await reported(loadTerminals());
  const terminal = await show(TerminalPicker);
  if (terminal) await actions.askForUpload(terminal);
}

/** Choose the system that an image holds. */
export function SystemField({ value, onChange }) {
  return html`<${Field} label=${t("field.sys_type")}>
    <${Choice} value=${value} options=${SYSTEMS.map((kind) => [kind, t(`system.${kind}`)])}
      onChange=${(kind) => onChange(Number(kind))} />
  <//>`;
}

function ImportForm({ close }) {
  const [template, setTemplate] = useState({ name: "", desc: "", sys_type: 3 });
  const [disks, setDisks] = useState([{ type: 0, path: "" }]);
  const set = (part) => setTemplate({ ...template, ...part });
  const setDisk = (index, part) => setDisks(disks.map((disk, at) => (at === index ? { ...disk, ...part } : disk)));
  const ready = template.name.trim() !== "" && disks.every((disk) => disk.path.trim() !== "");
  const send = () =>
    change("POST", "templates", { ...template, disks: disks.map(({ type, path }) => ({ type, path: path.trim() })) });
  return html`
    <${Form} title=${t("ask.import.title")} submit=${t("ask.import.yes")} ready=${ready} onSubmit=${send}
      close=${close}>
    <p class="muted">${t("ask.import.text")}</p>
    <${Field} label=${t("field.name")}>
      <input type="text" name="name" required maxlength="256" autofocus value=${template.name}
        onInput=${(event) => set({ name: event.currentTarget.value })} />
    <//>
    <${SystemField} value=${template.sys_type} onChange=${(kind) => set({ sys_type: kind })} />
    <${Field} label=${t("field.desc")}>
      <input type="text" name="desc" maxlength="1024" value=${template.desc}
        onInput=${(event) => set({ desc: event.currentTarget.value })} />
    <//>
    <fieldset>
      <legend>${t("field.disks")}</legend>
      ${disks.map(
        (disk, index) => html`<div class="disk-row" key=${index}>
          <${Choice} label=${t("column.type")} value=${disk.type}
            options=${DISK_TYPES.map((type) => [type, t(`disk.type.${type}`)])}
            onChange=${(type) => setDisk(index, { type: Number(type) })} />
          <input type="text" name="path" class="mono" required maxlength="4096" aria-label=${t("field.path")}
            placeholder="/srv/images/windows.qcow2" value=${disk.path}
            onInput=${(event) => setDisk(index, { path: event.currentTarget.value })} />
          ${disks.length > 1 && html`
            <button type="button" class="plain" aria-label=${t("action.remove")}
              onClick=${() => setDisks(disks.filter((_, at) => at !== index))}>
              <${Icon} name="close" />
            </button>`}
        </div>`,
      )}
      <button type="button" class="link" onClick=${() => setDisks([...disks, { type: 1, path: "" }])}>
        ${t("ask.import.more")}
      </button>
    </fieldset>
  <//>`;
}

function TerminalPicker({ close }) {
  const [q, setQ] = useState("");
  const [mac, setMac] = useState("");
  const match = matcher({ q, room: "", state: "", image: "" });
  const found = [...store.terminals.values()].filter(match).slice(0, OFFERED);
  return html`
    <${Form} title=${t("templates.from_terminal")} submit=${t("action.next")} ready=${store.terminals.has(mac)}
      onSubmit=${() => store.terminals.get(mac)} close=${close}>
    <${Field} label=${t("filter.text")}>
      <input type="search" autofocus value=${q} onInput=${(event) => setQ(event.currentTarget.value)} />
    <//>
    <fieldset class="pick">
      <legend>${t("nav.terminals")}</legend>
      ${found.map(
        (terminal) => html`<label key=${terminal.mac} class="check">
          <input type="radio" name="terminal" checked=${mac === terminal.mac} onChange=${() => setMac(terminal.mac)} />
          ${nameOf(terminal)} <span class="muted mono">${terminal.ip}</span> <${Badge} state=${terminal.state} />
        </label>`,
      )}
      ${found.length === 0 && html`<p class="muted">${t("terminals.no_match")}</p>`}
    </fieldset>
  <//>`;
}
