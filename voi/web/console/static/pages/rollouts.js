// All rollouts, newest first: what runs, what became of the others.
import { html, useState } from "../lib.js";
import { query } from "../api.js";
import { duration, rate } from "../format.js";
import { t } from "../i18n.js";
import { Badge, Bar, Card, Choice, PageHead, PlainTable, Remote, When } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { useRemote } from "../remote.js";
import { hashOf } from "../router.js";
import { store, useTopics } from "../store.js";

const PAGE = 50;
const STATES = ["running", "done", "failed", "cancelled", "superseded"];

/** All rollouts. */
export function RolloutsPage() {
  const [state, setState] = useState("");
  const [template, setTemplate] = useState("");
  const [offset, setOffset] = useState(0);
  useTopics("templates", "rollouts");
  const remote = useRemote(`rollouts${query({ state, template, limit: PAGE, offset })}`, { topics: ["events"] });
  const filter = (set) => (value) => {
    set(value);
    setOffset(0);
  };
  return html`<div class="page">
    <${PageHead} title=${t("nav.rollouts")} note=${t("rollouts.note")}>
      <a class="button primary" href=${hashOf(["rollouts", "new"])}><${Icon} name="plus" />${t("rollouts.new")}</a>
    <//>
    <div class="filters">
      <${Choice} label=${t("field.state")} value=${state}
        options=${[["", t("filter.any_state")], ...STATES.map((x) => [x, t(`state.${x}`)])]}
        onChange=${filter(setState)} />
      <${Choice} label=${t("field.template")} value=${template}
        options=${[["", t("filter.any_image")], ...store.templates.map((x) => [x.uuid, x.name])]}
        onChange=${filter(setTemplate)} />
    </div>
    <${Card}>
      <${Remote} remote=${remote}>
        ${(answer) => html`
          <${RolloutTable} rollouts=${answer.rollouts.map((x) => store.rollouts.get(x.id) ?? x)} />
          <${Pages} offset=${offset} total=${answer.total} go=${setOffset} />
        `}
      <//>
    <//>
  </div>`;
}

function Pages({ offset, total, go }) {
  if (total <= PAGE) return null;
  return html`<nav class="pages" aria-label=${t("pages.label")}>
    <button type="button" disabled=${offset === 0} onClick=${() => go(Math.max(0, offset - PAGE))}>
      ${t("pages.newer")}
    </button>
    <span class="muted">${t("pages.range", { first: offset + 1, last: Math.min(total, offset + PAGE), total })}</span>
    <button type="button" disabled=${offset + PAGE >= total} onClick=${() => go(offset + PAGE)}>
      ${t("pages.older")}
    </button>
  </nav>`;
}

/** Rollouts in short. @param {{rollouts: object[]}} props */
export function RolloutTable({ rollouts }) {
  const columns = [
    {
      key: "id",
      label: t("column.rollout"),
      render: (x) =>
        html`
          <a class="strong" href=${hashOf(["rollouts", String(x.id)])}>
            ${x.template_name} ${t("version.n", { version: x.version })}
          </a> <span class="muted">#${x.id}
          </span>`,
    },
    { key: "state", label: t("field.state"), render: (x) => html`<${Badge} state=${x.state} />` },
    {
      key: "progress",
      label: t("column.progress"),
      render: (x) => html`<${Bar} value=${x.progress} state=${x.state} label=${t("column.progress")} />`,
    },
    {
      key: "counts",
      label: t("nav.terminals"),
      className: "nowrap",
      render: (x) => html`<${Counts} counts=${x.counts} ran=${x.ran} />`,
    },
    {
      key: "rate",
      label: t("column.rate"),
      className: "number",
      render: (x) => (x.state === "running" ? rate(x.rate) : "–"),
    },
    {
      key: "eta",
      label: t("column.eta"),
      className: "number",
      render: (x) => (x.state === "running" ? duration(x.eta) : "–"),
    },
    {
      key: "created",
      label: t("column.started"),
      className: "nowrap",
      render: (x) => html`<${When} at=${x.created} />`,
    },
  ];
  return html`
    <${PlainTable} label=${t("nav.rollouts")} columns=${columns} rows=${rollouts} rowKey=${(x) => x.id}
      empty=${t("rollouts.empty")} />`;
}

/** Done of all, how many run it, and how many failed. */
export function Counts({ counts, ran }) {
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return html`${t("rollouts.done_of", { done: counts.done ?? 0, all })}
    ${counts.done > 0 && html`, ${t("rollouts.ran_n", { n: ran })}`}
    ${counts.failed > 0 && html`, <span class="bad">${t("rollouts.failed_n", { n: counts.failed })}</span>`}`;
}
