// Start a rollout: which template, to whom, and what that will move, before it moves.
import { html, useEffect, useMemo, useState } from "../lib.js";
import { plan } from "../actions.js";
import { change, changeOnce, get } from "../api.js";
import { moment, size } from "../format.js";
import { language, t } from "../i18n.js";
import { notifyError } from "../notifications.js";
import { Badge, Busy, Card, Choice, Failure, Field, Missing, PageHead, Stat, Unknown } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { LongTable } from "../parts/table.js";
import { go, hashOf } from "../router.js";
import { loadTerminals, may, nameOf, roomOf, store, useTopics } from "../store.js";

/** @param {{query: {template?: string, to?: string, room?: string}}} props */
export function NewRolloutPage({ query }) {
  useTopics("templates", "rooms", "terminals");
  const [template, setTemplate] = useState(query.template ?? "");
  const [to, setTo] = useState(query.to === "chosen" && plan.macs.length ? "chosen" : query.room ? "room" : "all");
  const [room, setRoom] = useState(query.room ?? "");
  const [versions, setVersions] = useState([]);
  const [version, setVersion] = useState("");
  const [preview, setPreview] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    if (!store.terminalsLoaded) loadTerminals().catch(notifyError);
  }, []);

  const target =
    to === "chosen" ? { macs: plan.macs } : to === "all" ? { macs: "all" } : room ? { room: Number(room) } : null;
  const asked = template && target ? { template, ...target, ...(version && { version: Number(version) }) } : null;

  useEffect(() => {
    setVersions([]);
    setVersion("");
    if (!template) return undefined;
    let gone = false;
    get(`templates/${template}/versions`).then((answer) => gone || setVersions(answer.versions), notifyError);
    return () => {
      gone = true;
    };
  }, [template]);

  useEffect(() => {
    setPreview(null);
    setError(null);
    if (!asked) return undefined;
    let gone = false;
    changeOnce("POST", "rollouts/preview", asked).then(
      (answer) => gone || setPreview(answer),
      (problem) => gone || setError(problem),
    );
    return () => {
      gone = true;
    };
  }, [template, version, to, room]);

  const start = async () => {
    setBusy(true);
    try {
      const { id } = await change("POST", "rollouts", asked);
      go(["rollouts", String(id)]);
    } catch (problem) {
      notifyError(problem);
      setBusy(false);
    }
  };

  const ready = store.templates
    .filter((x) => x.version > 0)
    .map((x) => [x.uuid, `${x.name} · ${t("version.n", { version: x.version })}`]);
  const rooms = store.rooms.map((x) => [x.id, t("new.room_of", { name: x.name, n: x.total })]);
  const kinds = [
    ["all", t("new.all")],
    ["room", t("new.room")],
    ...(plan.macs.length ? [["chosen", t("new.chosen", { n: plan.macs.length })]] : []),
  ];
  if (store.templatesLoaded && !ready.length) return html`<${NoTemplate} />`;
  return html`<div class="page">
    <${PageHead} title=${t("rollouts.new")} back=${{ href: hashOf(["rollouts"]), label: t("nav.rollouts") }}
      note=${t("new.note")} />
    <${Card}>
      <div class="form-row">
        <${Field} label=${t("field.template")}>
          <${Choice} name="template" value=${template} onChange=${setTemplate}
            options=${[["", t("choose.template")], ...ready]} />
        <//>
        ${versions.length > 1 && html`
          <${Field} label=${t("field.version")} hint=${version && t("new.older_hint")}>
            <${Choice} name="version" value=${version} onChange=${setVersion} options=${older(versions)} />
          <//>`}
        <fieldset class="radios">
          <legend>${t("new.to")}</legend>
          ${kinds.map(([kind, text]) => html`
            <label key=${kind} class="check">
              <input type="radio" name="to" value=${kind} checked=${to === kind} onChange=${() => setTo(kind)} />
              ${text}
            </label>`)}
          ${to === "room" && html`
            <${Choice} name="room" label=${t("field.room")} value=${room} onChange=${setRoom}
              options=${[["", t("choose.room")], ...rooms]} />`}
          <p class="field-hint">${t("new.choose_hint")} <a href=${hashOf(["terminals"])}>${t("nav.terminals")}</a></p>
        </fieldset>
      </div>
    <//>
    ${asked && !preview && !error && html`<${Busy} />`}
    ${error && html`<${Failure} error=${error} />`}
    ${preview && html`<${Preview} preview=${preview} />`}
    <div class="page-foot">
      <button type="button" class="primary big" disabled=${!preview || busy || preview.terminals.length === 0}
        onClick=${start}>
        <${Icon} name="send" />${preview ? t("new.start", { n: preview.terminals.length }) : t("new.start_plain")}
      </button>
    </div>
  </div>`;
}

/** Nothing can be sent yet: what to do about it. */
function NoTemplate() {
  const back = { href: hashOf(["rollouts"]), label: t("nav.rollouts") };
  return html`<${Missing} title=${t("rollouts.new")} back=${back}>
    <p>${t("new.no_template")}</p>
    <p>${may("templates") ? t("new.no_template_do") : t("new.no_template_ask")}</p>
    <a class="button primary" href=${hashOf(["templates"])}><${Icon} name="templates" />${t("nav.templates")}</a>
  <//>`;
}

/** The newest, which is the default, and those before it with their dates. */
function older([newest, ...others]) {
  const at = (x) => `${t("version.n", { version: x.number })} · ${moment(x.created)}`;
  return [["", t("new.newest", { version: at(newest) })], ...others.map((x) => [String(x.number), at(x)])];
}

function Preview({ preview }) {
  const { terminals } = preview;
  // Rows render again only with other columns: names and rooms may come after the preview.
  const names = useTopics("rooms");
  const columns = useMemo(() => makeColumns(), [language(), names, store.terminalsLoaded]);
  const off = terminals.filter((x) => !x.online).length;
  return html`<${Card} title=${t("new.preview")} className="tall">
    <div class="stats">
      <${Stat} label=${t("nav.terminals")} value=${terminals.length}
        note=${off ? t("new.off", { n: off }) : t("new.all_online")} />
      <${Stat} label=${t("new.total")} value=${size(preview.total_bytes)} note=${t("new.total_note")} />
      <${Stat} label=${t("new.most")} value=${size(preview.most_bytes)} />
      <${Stat} label=${t("new.nothing")} value=${preview.nothing} />
    </div>
    ${preview.too_small > 0 && html`
      <p class="warning" role="alert"><${Icon} name="alert" />${t("new.too_small", { n: preview.too_small })}</p>`}
    <${LongTable} label=${t("new.preview")} columns=${columns} rows=${terminals} rowKey=${(x) => x.mac}
      empty=${t("terminals.none")} />
  <//>`;
}

/** Whether the version fits onto a terminal's disk; nothing where it did not say how much is free. */
function diskRoom({ short }) {
  if (short === null) return html`<${Unknown} />`;
  return short ? html`<span class="bad">${t("new.short", { size: size(short) })}</span>` : t("new.fits");
}

function makeColumns() {
  const known = (row) => store.terminals.get(row.mac) ?? row;
  return [
    {
      key: "name",
      label: t("column.name"),
      render: (x) => html`<a class="strong" href=${hashOf(["terminals", x.mac])}>${nameOf(known(x))}</a>`,
    },
    { key: "room", label: t("column.room"), render: (x) => roomOf(known(x).room)?.name ?? "–" },
    {
      key: "online",
      label: t("field.state"),
      render: (x) => html`<${Badge} state=${x.online ? "online" : "offline"} />`,
    },
    {
      key: "bytes",
      label: t("new.bytes"),
      className: "number",
      render: (x) => (x.bytes ? size(x.bytes) : t("new.has_all")),
    },
    { key: "short", label: t("new.disk"), render: diskRoom },
  ];
}
