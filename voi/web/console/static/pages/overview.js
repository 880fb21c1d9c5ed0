// The first page: who is there, what runs, what moves, what wants a person.
import { html } from "../lib.js";
import { rate, size } from "../format.js";
import { known, t } from "../i18n.js";
import { Card, Empty, PageHead, Remote, Stat } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { reasonText } from "../reasons.js";
import { usePolling, useRemote } from "../remote.js";
import { hashOf } from "../router.js";
import { store, useTopics } from "../store.js";
import { FirstSteps, useFirstSteps } from "./first-steps.js";
import { RolloutTable } from "./rollouts.js";

const SECONDS = 10;
const IDLE_SECONDS = 20; // no event reports disk and health
const LOW_DISK = 0.1;

/** Kinds whose sentence from the server has more than their number. */
const DETAILED = new Set(["clock", "content", "damaged", "held", "stuck", "disk", "health"]);

/** The overview. */
export function OverviewPage() {
  const remote = useRemote("overview", { topics: ["terminals", "rollouts", "templates", "events"], every: SECONDS });
  usePolling(remote.reload, IDLE_SECONDS, true);
  useTopics("rollouts");
  const steps = useFirstSteps(remote.value);
  return html`<div class="page">
    <${PageHead} title=${t("nav.overview")}>
      <a class="button primary" href=${hashOf(["rollouts", "new"])}><${Icon} name="send" />${t("rollouts.new")}</a>
    <//>
    <${Remote} remote=${remote}>${(overview) => html`<${Overview} overview=${overview} steps=${steps} />`}<//>
  </div>`;
}

function Overview({ overview, steps }) {
  const { terminals, rooms, disk, attention } = overview;
  const running = overview.rollouts.map((x) => store.rollouts.get(x.id) ?? x).filter((x) => x.state === "running");
  const share = disk.total ? disk.free / disk.total : 1;
  return html`
    <div class="tiles">
      <${Card} className="tile">
        <${Stat} label=${t("overview.online")}
          value=${t("rooms.online", { online: terminals.online, total: terminals.total })}
          href=${hashOf(["terminals"], { state: "online" })} note=${t("overview.online_note")} />
      <//>
      <${Card} className="tile">
        <${Stat} label=${t("state.outdated")} value=${terminals.outdated}
          href=${hashOf(["terminals"], { state: "outdated" })} note=${t("overview.outdated_note")} />
      <//>
      <${Card} className="tile">
        <${Stat} label=${t("state.unknown")} value=${terminals.unknown}
          href=${hashOf(["terminals"], { state: "unknown" })} note=${t("overview.unknown_note")} />
      <//>
      <${Card} className="tile">
        <${Stat} label=${t("state.failed")} value=${terminals.failed} href=${hashOf(["terminals"], { state: "failed" })}
          note=${t("overview.failed_note")} />
      <//>
      <${Traffic} first=${overview.traffic} />
      <${Card} className=${`tile ${share < LOW_DISK ? "low" : ""}`}>
        <${Stat} label=${t("overview.disk")} value=${size(disk.free)}
          note=${t("overview.disk_of", { total: size(disk.total) })} />
      <//>
    </div>
    ${steps && html`<${FirstSteps} done=${steps} />`}
    ${(running.length > 0 || !steps) && html`
    <${Card} title=${t("overview.running")} actions=${html`<a href=${hashOf(["rollouts"])}>${t("action.all")}</a>`}>
      ${running.length === 0 ? html`
        <${Empty} text=${t("overview.none_running")} />` : html`
        <${RolloutTable} rollouts=${running} />`}
    <//>`}
    <div class="columns">
      ${(attention.length > 0 || terminals.total > 0) && html`
      <${Card} title=${t("overview.attention")} className="attention">
        ${attention.length === 0 ? html`
          <p class="calm"><${Icon} name="check" />${t("overview.calm")}</p>` : html`
          <ul class="lines">
            ${attention.map((item) => html`<${Attention} key=${item.kind + item.link + item.text} item=${item} />`)}
          </ul>`}
      <//>`}
      ${(rooms.length > 0 || terminals.total > 0) && html`
      <${Card} title=${t("nav.rooms")} actions=${html`<a href=${hashOf(["rooms"])}>${t("action.all")}</a>`}>
        ${rooms.length === 0 ? html`
          <${Empty} text=${t("rooms.empty")} />` : html`
          <ul class="lines">${rooms.map((room) => html`<${Room} key=${room.id ?? 0} room=${room} />`)}</ul>`}
      <//>`}
    </div>
  `;
}

function Traffic({ first }) {
  useTopics("traffic");
  const { server_out, server_in, swarm } = store.traffic ?? first;
  return html`<${Card} className="tile">
    <${Stat} label=${t("overview.swarm")} value=${rate(swarm)}
      note=${t("overview.server_traffic", { out: rate(server_out), in: rate(server_in) })} />
  <//>`;
}

function Attention({ item }) {
  const detail = reasonText(item.text, item.why);
  const text = known(`attention.${item.kind}`, { n: item.count }) ?? detail;
  return html`<li class=${`attention-${item.kind}`}>
    <${Icon} name="alert" />
    <a href=${item.link.startsWith("#/") ? item.link : hashOf([])}>
      <strong>${text}</strong>
      ${DETAILED.has(item.kind) && detail !== text && html`<span class="sub">${detail}</span>`}
    </a>
  </li>`;
}

function Room({ room }) {
  const href = room.id ? hashOf(["rooms", String(room.id)]) : hashOf(["terminals"], { room: "0" });
  return html`<li>
    <a href=${href}>${room.id ? room.name : t("rooms.none")}</a>
    <span class="meter">
      <meter max=${room.total || 1} value=${room.online} aria-label=${t("state.online")}>
      </meter> <span class="of">${t("rooms.online", { online: room.online, total: room.total })}</span>
    </span>
  </li>`;
}
