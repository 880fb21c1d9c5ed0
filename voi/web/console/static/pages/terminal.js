// One terminal: what it is, its disks, its commands, what happened to it.
import { html, useEffect, useState } from "../lib.js";
import { diskCalled } from "../disks.js";
import { diskLabel, duration } from "../format.js";
import { known, t } from "../i18n.js";
import { Badge, Bar, Card, PageHead, PlainTable, Remote, Running, Stat, When } from "../parts/bits.js";
import { Entries } from "../parts/entries.js";
import { TerminalActions } from "../parts/terminal-actions.js";
import { reasonText } from "../reasons.js";
import { usePolling, useRemote } from "../remote.js";
import { cameFrom, go, hashOf, listOf } from "../router.js";
import { loadTerminals, nameOf, roomOf, store, templateOf, useTopics } from "../store.js";

const COMMAND_SECONDS = 3;

/** @param {{mac: string}} props */
export function TerminalPage({ mac }) {
  useTopics("terminals", "rooms", "templates");
  const detail = useRemote(`terminals/${mac}`);
  const commands = useRemote(`terminals/${mac}/commands`, { topics: ["events"], every: 5 });
  const history = useRemote(`terminals/${mac}/history`, { topics: ["events"], every: 5 });
  const events = useRemote(`terminals/${mac}/events`, { topics: ["events"], every: 5 });
  useEffect(() => {
    if (!store.terminalsLoaded) loadTerminals().catch(() => {});
  }, []);

  const now = store.terminals.get(mac);
  useEffect(() => {
    // Its disks and the outcomes of its commands change when one of these does.
    if (detail.value) detail.reload();
    if (commands.value) commands.reload();
    if (history.value) history.reload();
  }, [now?.state, now?.online, now?.version, now?.running]);
  usePolling(commands.reload, COMMAND_SECONDS, Boolean(commands.value?.commands.some((x) => x.state === "waiting")));

  const [from] = useState(cameFrom);
  const back = wayBack(from);
  return html`<${Remote} remote=${detail} back=${back}>
    ${(read) => {
      const terminal = { ...read, ...now };
      return html`<div class="page">
        <${PageHead} title=${nameOf(terminal)} back=${back} badge=${html`
          <${Badge} state=${terminal.state} />`} note=${reasonText(terminal.reason, terminal.why)} />
        <${TerminalActions} terminals=${[terminal]} onForgotten=${() => go(["terminals"])} />
        <${Facts} terminal=${terminal} />
        <${Card} title=${t("terminal.disks")}><${Disks} disks=${read.disks} /><//>
        <${Card} title=${t("terminal.commands")}>
          <${Remote} remote=${commands}>${(answer) => html`<${Commands} commands=${answer.commands} />`}<//>
        <//>
        <${Card} title=${t("terminal.rollouts")}>
          <${Remote} remote=${history}>${(answer) => html`<${Parts} parts=${answer.rollouts} />`}<//>
        <//>
        <${Card} title=${t("terminal.online")}>
          <${Remote} remote=${history}>
            ${(answer) => html`<${Visits} visits=${answer.online} online=${terminal.online} />`}
          <//>
        <//>
        <${Card} title=${t("terminal.history")}>
          <${Remote} remote=${events}>
            ${(answer) => html`<${Entries} entries=${answer.events} empty=${t("events.none")} />`}
          <//>
        <//>
      </div>`;
    }}
  <//>`;
}

/** To where one came from, with its filter. @param {string[]} path */
function wayBack([page, key]) {
  const room = page === "rooms" && roomOf(Number(key));
  if (room) return { href: hashOf(["rooms", key]), label: room.name };
  if (page === "rollouts" && Number(key)) return { href: hashOf(["rollouts", key]), label: t("rollout.n", { id: key }) };
  return { href: listOf("terminals"), label: t("nav.terminals") };
}

function Facts({ terminal }) {
  const room = roomOf(terminal.room);
  const template = templateOf(terminal.template);
  const moving = terminal.state === "downloading" || terminal.state === "waiting";
  const since =
    terminal.online && terminal.online_since ? (Date.now() - Date.parse(terminal.online_since)) / 1000 : null;
  return html`<${Card}>
    <div class="stats">
      <${Stat} label=${t("column.room")} value=${room ? room.name : "–"}
        href=${room ? hashOf(["rooms", String(room.id)]) : null} />
      <${Stat} label=${t("column.version")} value=${template ? template.name : "–"}
        href=${template ? hashOf(["templates", template.uuid]) : null}
        note=${template ? versionOf(terminal) : ""} />
      <${Stat} label=${t(since === null ? "column.state" : "column.online_since")}
        value=${since === null ? t("state.offline") : duration(since)}
        note=${since === null ? html`${t("column.last_seen")} <${When} at=${terminal.last_seen} />` : html`
          <${When} at=${terminal.online_since} />`} />
      <${Stat} label=${t("column.client_type")} value=${t(`client.${terminal.client_type}`)} />
    </div>
    ${
      moving &&
      html`<p><${Bar} wide value=${terminal.progress} state=${terminal.state} label=${t("column.progress")} />
      ${terminal.rollout && html` <a href=${hashOf(["rollouts", String(terminal.rollout)])}>
          ${t("rollout.n", { id: String(terminal.rollout) })}
        </a>`}
      </p>`
    }
    <dl class="facts">
      <dt>${t("column.ip")}</dt><dd class="mono">${terminal.ip}</dd>
      <dt>${t("column.mac")}</dt><dd class="mono">${terminal.mac}</dd>
      <dt>${t("column.running")}</dt><dd><${Running} terminal=${terminal} /></dd>
      <dt>${t("column.boot_disk")}</dt><dd title=${terminal.boot_disk ?? ""}>${diskCalled(terminal.boot_disk)}</dd>
      <dt>${t("column.first_seen")}</dt><dd><${When} at=${terminal.first_seen} /></dd>
    </dl>
  <//>`;
}

function versionOf({ version, newest }) {
  if (version === null) return t("version.unknown");
  return version ? t("version.of", { version, newest }) : t("version.none");
}

function Disks({ disks }) {
  const columns = [
    {
      key: "name",
      label: t("column.disk"),
      className: "mono",
      render: (disk) => html`<span title=${disk.name}>${diskLabel(disk.name)}</span>`,
    },
    { key: "type", label: t("column.type"), render: (disk) => t(`disk.type.${disk.type}`) },
    { key: "level", label: t("column.level"), className: "number", render: (disk) => disk.level },
    {
      key: "template",
      label: t("field.template"),
      render: (disk) => {
        const template = templateOf(disk.template);
        return template
          ? html`<a href=${hashOf(["templates", template.uuid])}>${template.name}</a>`
          : disk.template || "–";
      },
    },
    { key: "version", label: t("column.operate_id"), className: "number", render: (disk) => disk.operate_id ?? "–" },
    {
      key: "published",
      label: t("column.published"),
      render: (disk) => (disk.published ? t("word.yes") : t("terminal.only_here")),
    },
    {
      key: "confirmed",
      label: t("column.confirmed"),
      render: (disk) => (disk.confirmed ? t("word.yes") : t("terminal.said_before")),
    },
  ];
  return html`
    <${PlainTable} label=${t("terminal.disks")} columns=${columns} rows=${disks} rowKey=${(disk) => disk.name}
      empty=${t("terminal.no_disks")} />`;
}

function Commands({ commands }) {
  const columns = [
    { key: "created", label: t("column.time"), className: "nowrap", render: (x) => html`<${When} at=${x.created} />` },
    { key: "command", label: t("column.command"), render: commandName },
    { key: "state", label: t("field.state"), render: (x) => html`<${Badge} state=${x.state} />` },
    { key: "reason", label: t("column.reason"), render: (x) => reasonText(x.reason, x.why) || "–" },
    {
      key: "updated",
      label: t("column.updated"),
      className: "nowrap",
      render: (x) => html`<${When} at=${x.updated} />`,
    },
  ];
  return html`
    <${PlainTable} label=${t("terminal.commands")} columns=${columns} rows=${commands} rowKey=${(x) => x.batch_no}
      empty=${t("terminal.no_commands")} />`;
}

/** What became of each rollout here. */
function Parts({ parts }) {
  const columns = [
    { key: "begun", label: t("column.started"), className: "nowrap", render: (x) => html`<${When} at=${x.begun} />` },
    {
      key: "version",
      label: t("column.version"),
      render: (x) => html`
        <a href=${hashOf(["templates", x.template])}>${x.name || x.template}</a>
        <span class="muted"> ${t("version.short", { version: x.version })}</span>`,
    },
    {
      key: "rollout",
      label: t("column.rollout"),
      className: "number",
      render: (x) => html`<a href=${hashOf(["rollouts", String(x.rollout)])}>${x.rollout}</a>`,
    },
    { key: "state", label: t("field.state"), render: (x) => html`<${Badge} state=${x.state} />` },
    {
      key: "progress",
      label: t("column.progress"),
      render: (x) => html`<${Bar} value=${x.progress} state=${x.state} label=${t("column.progress")} />`,
    },
    { key: "reason", label: t("column.reason"), render: (x) => reasonText(x.reason, x.why) || "–" },
    { key: "updated", label: t("column.updated"), className: "nowrap", render: (x) => html`<${When} at=${x.updated} />` },
  ];
  return html`
    <${PlainTable} label=${t("terminal.rollouts")} columns=${columns} rows=${parts} rowKey=${(x) => x.rollout}
      empty=${t("terminal.no_rollouts")} />`;
}

/** The last times that it was online; the newest may not be over. */
function Visits({ visits, online }) {
  const now = (visit) => online && visit === visits[0] && !visit.until;
  const lasted = (visit) => (Date.parse(visit.until) - Date.parse(visit.since)) / 1000;
  const columns = [
    { key: "since", label: t("column.online_since"), className: "nowrap", render: (x) => html`<${When} at=${x.since} />` },
    {
      key: "until",
      label: t("column.online_until"),
      className: "nowrap",
      render: (x) => (now(x) ? html`<${Badge} state="online" />` : html`<${When} at=${x.until} />`),
    },
    { key: "lasted", label: t("column.lasted"), render: (x) => (x.until ? duration(lasted(x)) : "–") },
  ];
  return html`
    <${PlainTable} label=${t("terminal.online")} columns=${columns} rows=${visits} rowKey=${(x) => x.since}
      empty=${t("terminal.no_visits")} />`;
}

function commandName({ command, switch: on }) {
  const name = command === "watermark" ? (on ? "watermark_on" : "watermark_off") : command;
  return known(`do.${name}`) ?? command;
}
