// One rollout, live: how far it is in all and at each terminal, who sends, what it costs, why something does not go on.
import { html, useEffect, useMemo, useState } from "../lib.js";
import { sendAgain } from "../actions.js";
import { change } from "../api.js";
import { counted, countOf, hasFailed, isOpen, merged, read, TARGET_STATES, urgency } from "../rollout-state.js";
import { duration, factor, percent, rate, size } from "../format.js";
import { ipKey } from "../filters.js";
import { language, t } from "../i18n.js";
import { onRollout } from "../live.js";
import { reported } from "../notifications.js";
import { Badge, Bar, Card, Choice, Empty, PageHead, Remote, Stat, Unknown, When } from "../parts/bits.js";
import { sure } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { RatePlot } from "../parts/plot.js";
import { LongTable } from "../parts/table.js";
import { reasonText } from "../reasons.js";
import { useRemote } from "../remote.js";
import { hashOf } from "../router.js";
import { loadTerminals, nameOf, store, useTopics } from "../store.js";

const FEWEST_POINTS = 2; // one is no line
const STALE_SECONDS = 3;

const seconds = () => performance.now() / 1000;

/** @param {{id: number}} props */
export function RolloutPage({ id }) {
  const remote = useRemote(`rollouts/${id}`, { topics: ["stale"], every: STALE_SECONDS });
  const [live, setLive] = useState(null);

  useEffect(() => {
    if (!store.terminalsLoaded) loadTerminals().catch(() => {});
  }, []);
  useTopics("rollouts");
  const summary = store.rollouts.get(id);
  const state = summary?.state;

  useEffect(() => setLive(remote.value && read(remote.value, seconds())), [remote.value]);
  useEffect(() => {
    // Its end, a retry, a cancel by another administrator: read what became of each terminal.
    if (live && state && state !== live.state) remote.reload();
  }, [state]);
  useEffect(() => {
    if (summary) setLive((old) => old && counted(old, summary));
  }, [summary]);
  useEffect(
    () => onRollout((news) => news.id === id && setLive((old) => old && merged(old, news, seconds()))),
    [id],
  );

  return html`
    <${Remote} remote=${remote} back=${{ href: hashOf(["rollouts"]), label: t("nav.rollouts") }}>${(value) => html`<${Live} rollout=${live ?? value} reload=${remote.reload} />`}<//>`;
}

function Live({ rollout, reload }) {
  const { counts } = rollout;
  const running = rollout.state === "running";
  const act = async (work, done) => {
    await reported(work, done);
    reload();
  };
  const failed = rollout.targets.filter(hasFailed).length;
  const retry = () => act(change("POST", `rollouts/${rollout.id}/retry`), t("done.retry", { n: failed }));
  const takeOut = async (macs) => {
    const question = {
      title: t("ask.take_out.title", { n: macs.length }),
      text: t("ask.take_out.text", { n: macs.length }),
      confirm: t("ask.take_out.yes", { n: macs.length }),
    };
    if (!(await sure(question))) return;
    await act(change("POST", `rollouts/${rollout.id}/cancel`, { macs }), t("done.take_out", { n: macs.length }));
  };
  const cancel = async () => {
    const n = counts.waiting + counts.downloading;
    const question = {
      title: t("ask.rollout_cancel.title"),
      text: t("ask.rollout_cancel.text", { n }),
      confirm: t("ask.rollout_cancel.yes", { n }),
    };
    if (await sure(question)) await act(change("DELETE", `rollouts/${rollout.id}`), t("done.rollout_cancel"));
  };
  // Against the whole time, as far as it is known: half a rollout in half the time would look better than it is.
  const whole = running ? (rollout.eta === null ? null : rollout.elapsed + rollout.eta) : rollout.elapsed;
  // What was called off took the time until then, which says nothing of how fast it would have been.
  const finished = rollout.state !== "cancelled" && rollout.state !== "superseded";
  const against = finished && rollout.best && whole !== null ? factor(whole / rollout.best) : "–";
  return html`<div class="page">
    <${PageHead} title=${`${rollout.template_name} ${t("version.n", { version: rollout.version })}`}
      back=${{ href: hashOf(["rollouts"]), label: t("nav.rollouts") }}
      badge=${html`<${Badge} state=${rollout.state} />`}
      note=${html`${t("rollout.n", { id: String(rollout.id) })} · ${t("rollout.begun")} <${When}
          at=${rollout.created} />
        ${rollout.finished && html` · ${t("rollout.ended")} <${When} at=${rollout.finished} />`}`}>
      <a class="button" href=${hashOf(["templates", rollout.template])}>
        <${Icon} name="templates" />
        ${t("field.template")}
      </a>
      ${failed > 0 && rollout.state !== "cancelled" && html`
        <button type="button" onClick=${retry}>
          <${Icon} name="restart" />
          ${t("rollout.retry", { n: failed })}
        </button>`}
      ${running && html`
        <button type="button" class="danger" onClick=${cancel}><${Icon} name="close" />${t("rollout.cancel")}</button>`}
    <//>
    <${Card}>
      <p class="total"><${Bar} wide value=${rollout.progress} state=${rollout.state} label=${t("rollout.total")} /></p>
      <div class="stats">
        <${Stat} label=${t("rollout.terminals")}
          value=${t("rollouts.done_of", { done: counts.done, all: rollout.targets.length })}
          note=${stateLine(counts)} />
        <${Stat} label=${t("rollout.ran")} value=${t("rollouts.done_of", { done: rollout.ran, all: counts.done })}
          note=${t("rollout.ran_note")} />
        <${Stat} label=${running ? t("column.eta") : t("rollout.took")}
          value=${running ? duration(rollout.eta) : duration(rollout.elapsed)}
          note=${running ? t("rollout.elapsed", { time: duration(rollout.elapsed) }) : ""} />
        <${Stat} label=${t("rollout.rate")} value=${running ? rate(rollout.rate) : "–"}
          note=${running ? t("rollout.rate_note") : ""} />
        <${Stat} label=${t("rollout.copies")} value=${rollout.copies === null ? t("word.unknown") : factor(rollout.copies)}
          note=${copiesNote(rollout)} />
        <${Stat} label=${t("rollout.against_best")} value=${against}
          note=${rollout.best ? t("rollout.best", { time: duration(rollout.best) }) : t("rollout.best_unknown")} />
      </div>
    <//>
    <${Card} title=${t("rollout.rates")}>
      ${rollout.rates.length < FEWEST_POINTS ? html`
        <${Empty} text=${t("plot.none")} />` : html`
        <${RatePlot} points=${rollout.rates} />`}
    <//>
    <${Targets} targets=${rollout.targets} takeOut=${running ? takeOut : null}
      again=${(targets) => sendAgain(targets, rollout.template, rollout.version)} />
  </div>`;
}

function Targets({ targets, takeOut, again }) {
  const counts = useMemo(() => countOf(targets), [targets]);
  const [chosen, setChosen] = useState(new Set());
  const [state, setState] = useState("");
  const [q, setQ] = useState("");
  const [sort, setSort] = useState("state");
  useTopics("terminals");
  const edition = useTopics("language"); // reasons may come after the page
  const named = store.terminalsLoaded;
  const columns = useMemo(() => makeColumns(), [edition, named]);
  const rows = useMemo(() => {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (x) =>
      (state === "" || x.state === state) &&
      words.every((word) => `${called(x)} ${x.mac} ${x.ip}`.toLowerCase().includes(word));
    return targets.filter(fits).sort(order(sort));
  }, [targets, state, q, sort, named]);
  const leaving = targets.filter((target) => chosen.has(target.mac) && isOpen(target)).map((target) => target.mac);
  const picked = targets.filter((target) => chosen.has(target.mac) && !isOpen(target));
  const states = TARGET_STATES.filter((x) => counts[x]).map((x) => [x, `${t(`state.${x}`)} (${counts[x]})`]);
  return html`<${Card} title=${t("nav.terminals")} className="tall">
    <div class="filters">
      <label class="search">
        <${Icon} name="search" />
        <input type="search" placeholder=${t("filter.text")} aria-label=${t("filter.text")} value=${q}
          onInput=${(event) => setQ(event.currentTarget.value)} />
      </label>
      <${Choice} label=${t("field.state")} value=${state} onChange=${setState}
        options=${[["", t("filter.any_state")], ...states]} />
      ${takeOut && leaving.length > 0 && html`
        <button type="button" class="danger" onClick=${() => takeOut(leaving)}>
          <${Icon} name="close" />
          ${t("rollout.take_out", { n: leaving.length })}
        </button>`}
      ${picked.length > 0 && html`
        <button type="button" onClick=${() => again(picked)}>
          <${Icon} name="send" />
          ${t("rollout.again", { n: picked.length })}
        </button>`}
    </div>
    <${LongTable} label=${t("nav.terminals")} columns=${columns} rows=${rows} rowKey=${(x) => x.mac} sort=${sort}
      onSort=${setSort} chosen=${chosen} onChoose=${setChosen} rowLabel=${choosing}
      empty=${t("terminals.no_match")} />
  <//>`;
}

/** A target as people call it: its own name is with the terminal. */
function called(target) {
  return nameOf(store.terminals.get(target.mac) ?? target);
}

function choosing(target) {
  return t("table.choose", { name: called(target) });
}

function makeColumns() {
  const column = (key, className, render, label = t(`column.${key}`)) => ({
    key,
    label,
    className,
    sortable: key !== "reason",
    render,
  });
  return [
    column(
      "name",
      "",
      (x) => html`<a class="strong" href=${hashOf(["terminals", x.mac])} title=${`${x.mac} ${x.ip}`}>${called(x)}</a>`,
    ),
    column(
      "state",
      "",
      (x) =>
        html`
          <${Badge} state=${x.state} />
          ${!x.online && x.state !== "done" && html` <span class="muted">${t("state.offline")}</span>`}`,
    ),
    column("booted", "", (x) => (x.state === "done" ? (x.booted ? html`<${When} at=${x.booted} />` : t("rollout.not_run")) : "–")),
    column("progress", "", (x) => html`<${Bar} value=${x.progress} state=${x.state} label=${t("column.progress")} />`),
    column("rate", "number", (x) => (x.state === "downloading" ? rate(x.rate) : "–")),
    column("from_server", "", source),
    column("eta", "number", (x) => (x.state === "downloading" ? duration(x.eta) : "–")),
    column(
      "reason",
      "",
      (x) =>
        html`
          <span title=${reasonText(x.reason, x.why)}>${reasonText(x.reason, x.why)}</span>
          ${x.next_try && html` <span class="muted">${t("rollout.next_try")} <${When} at=${x.next_try} /></span>`}`,
    ),
  ];
}

function source(target) {
  if (target.from_server === null || target.from_server === undefined) return html`<${Unknown} />`;
  return html`
    <span class="source">
      <meter max="1" value=${target.from_server} aria-label=${t("column.from_server")}>
      </meter> ${percent(target.from_server)}
    </span>`;
}

function copiesNote({ size: image, copies, server_sent: sent }) {
  if (copies !== null) return t("rollout.copies_note", { sent: size(sent), image: size(image) });
  return image ? t("rollout.copies_unknown") : t("rollout.best_unknown");
}

function order(sort) {
  const { compare } = new Intl.Collator(language(), { numeric: true, sensitivity: "base" });
  const columns = {
    name: (a, b) => compare(called(a), called(b)),
    state: (a, b) => urgency(a) - urgency(b),
    eta: (a, b) => (a.eta ?? Infinity) - (b.eta ?? Infinity) || 0,
  };
  const key = sort.replace(/^-/, "");
  const by = columns[key] ?? ((a, b) => (a[key] ?? -1) - (b[key] ?? -1));
  const sign = sort.startsWith("-") ? -1 : 1;
  return (a, b) => sign * by(a, b) || columns.name(a, b) || ipKey(a.ip) - ipKey(b.ip);
}

function stateLine(counts) {
  return TARGET_STATES.filter((state) => state !== "done" && counts[state])
    .map((state) => `${t(`state.${state}`)} ${counts[state]}`)
    .join(" · ");
}
