// Small things that every page is made of: heads, badges, bars, figures, fields, waiting and failing.
import { html, useEffect, useId, useLayoutEffect, useRef } from "../lib.js";
import { known, t } from "../i18n.js";
import { count, fullMoment, moment, percent } from "../format.js";
import { reasonText } from "../reasons.js";
import { hashOf } from "../router.js";
import { templateOf } from "../store.js";
import { Icon } from "./icons.js";

/** The head of a page: its title, a way back, what can be done here; a `live` note is read out when it changes. */
export function PageHead({ title, back, badge, note, live = false, children }) {
  const head = useRef(null);
  const actions = useRef(null);
  const acting = actions.current?.contains(document.activeElement);
  useEffect(() => {
    document.title = `${title} · VOI`;
  }, [title]);
  useEffect(() => {
    head.current.focus({ preventScroll: true }); // the keyboard and the screen reader begin here on a new page
  }, []);
  useLayoutEffect(() => {
    // What had the focus may be gone, such as the button that cancels what is cancelled now.
    if (acting && document.activeElement === document.body) head.current.focus({ preventScroll: true });
  });
  return html`<header class="page-head">
    <div class="page-title">
      ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.label}</a>`}
      <h1 ref=${head} tabindex="-1">${title}${badge}</h1>
      ${note && html`<p class="muted" aria-live=${live ? "polite" : null}>${note}</p>`}
    </div>
    <div class="page-actions" ref=${actions}>${children}</div>
  </header>`;
}

/** A part of a page with a title of its own. */
export function Card({ title, actions, className = "", children }) {
  const id = useId();
  return html`<section class=${`card ${className}`} aria-labelledby=${title ? id : null}>
    ${title && html`
      <header class="card-head"><h2 id=${id}>${title}</h2><div class="card-actions">${actions}</div></header>`}
    ${children}
  </section>`;
}

/** A state, as a word with a mark: colour is never the only sign. */
export function Badge({ state, title }) {
  return html`<span class=${`badge ${state}`} title=${title}>${known(`state.${state}`) ?? state}</span>`;
}

/** What a terminal has: an image by its name, which may be cut, and its version, which is not. */
export function Image({ terminal: { template: uuid, version, newest }, link = true }) {
  const template = templateOf(uuid);
  if (!template) return html`<span class="muted">–</span>`;
  const { name } = template;
  const old = version !== null && version < newest;
  const text = old ? t("version.short_of", { version, newest }) : t("version.short", { version });
  const missing = version === null ? t("version.unknown") : t("version.none");
  return html`<span class="image">
    ${link ? html`<a href=${hashOf(["templates", uuid])} title=${name}>${name}</a>` : html`<span title=${name}>${name}</span>`}
    ${
      version
        ? html`<span class=${`version ${old ? "old" : ""}`}>${text}</span>`
        : html`
          <span class="version" title=${missing}>
            <span aria-hidden="true">${version === null ? "v?" : "v–"}</span><span class="hidden">${missing}</span>
          </span>`
    }
  </span>`;
}

/** The version that a terminal runs, which may be another than it has, with a mark where it is not the newest. */
export function Running({ terminal: { template, running, newest }, narrow = false }) {
  if (!template) return html`<span class="muted">–</span>`;
  if (running === null && !narrow) return html`<${Unknown} />`;
  if (running === null) {
    const unknown = t("version.unknown");
    return html`<span class="version" title=${unknown}>
      <span aria-hidden="true">v?</span><span class="hidden">${unknown}</span>
    </span>`;
  }
  return html`<span class=${`version ${running < newest ? "old" : ""}`}>${t("version.short", { version: running })}</span>`;
}

/** Something that nobody knows: said, and not shown as a number. */
export function Unknown() {
  return html`<span class="muted">${t("word.unknown")}</span>`;
}

/** Progress from 0 to 1, null where nobody knows it. */
export function Bar({ value, label, state = "", wide = false }) {
  if (value === null || value === undefined) return html`<${Unknown} />`;
  const share = Math.max(0, Math.min(1, value ?? 0));
  return html`<span class=${`bar ${state} ${wide ? "wide" : ""}`}>
    <progress max="1" value=${share} aria-label=${label}></progress>
    <span class="bar-text">${percent(share)}</span>
  </span>`;
}

/** A figure with its name. */
export function Stat({ label, value, note, href }) {
  const figure = html`<span class="stat-value">${typeof value === "number" ? count(value) : value}</span>`;
  return html`<div class="stat">
    <span class="stat-label">${label}</span>
    ${href ? html`<a href=${href}>${figure}</a>` : figure}
    ${note && html`<span class="stat-note">${note}</span>`}
  </div>`;
}

/** A moment, in full where the pointer rests. */
export function When({ at }) {
  return at
    ? html`<time datetime=${at} title=${fullMoment(at)}>${moment(at)}</time>`
    : html`<span class="muted">–</span>`;
}

/** An input with its label, a hint, and what is wrong with it. */
export function Field({ label, hint, error, children }) {
  return html`<label class="field">
    <span class="field-label">${label}</span>
    ${children}
    ${hint && html`<span class="field-hint">${hint}</span>`}
    ${error && html`<span class="field-error" role="alert">${error}</span>`}
  </label>`;
}

/** A choice of one: `options` are [value, text]. */
export function Choice({ value, options, onChange, label, ...rest }) {
  return html`
    <select value=${value} aria-label=${label} onChange=${(event) => onChange(event.currentTarget.value)} ...${rest}>
    ${options.map(([key, text]) => html`
      <option key=${key} value=${key} selected=${String(key) === String(value)}>${text}</option>`)}
  </select>`;
}

/** Something is on its way. */
export function Busy() {
  return html`<p class="busy" role="status">${t("wait.loading")}</p>`;
}

/** Something could not be read. */
export function Failure({ error, retry }) {
  return html`<div class="failure" role="alert">
    <${Icon} name="alert" />
    <div>
      <strong>${known(`error.${error.code}`) ?? t("error.other")}</strong>
      ${error.message && html`<p>${reasonText(error.message, error.why)}</p>`}
      ${retry && html`<button type="button" onClick=${retry}>${t("action.again")}</button>`}
    </div>
  </div>`;
}

/** Nothing is here, and what to do about it. */
export function Empty({ text, children }) {
  return html`<div class="nothing">${text && html`<p>${text}</p>`}${children}</div>`;
}

/** What a page shows instead of something that is not there: a head of its own, so that one knows where one is. */
export function Missing({ title, back, children }) {
  return html`<div class="page">
    <${PageHead} title=${title} back=${back} />
    <${Card}><div class="nothing">${children}</div><//>
  </div>`;
}

/**
 * What a remote answer is shown as: itself, its failure, or a wait. `back` is there where it is a whole page.
 * @param {{remote: import("../remote.js").Remote, back?: {href: string, label: string},
 *   children: (value: any) => any}} props
 */
export function Remote({ remote, back, children }) {
  if (remote.value)
    return html`${remote.error && html`<${Failure} error=${remote.error} retry=${remote.reload} />`}
      ${children(remote.value)}`;
  if (remote.error && back) {
    const { code, message, why } = remote.error;
    return html`
      <${Missing} title=${known(`error.${code}`) ?? t("error.other")} back=${back}>
        ${message && html`<p>${reasonText(message, why)}</p>`}
        <button type="button" onClick=${remote.reload}>${t("action.again")}</button>
      <//>`;
  }
  if (remote.error) return html`<${Failure} error=${remote.error} retry=${remote.reload} />`;
  return html`<${Busy} />`;
}

/** A small table without scrolling tricks; `columns` are {key, label, className?, render}. */
export function PlainTable({ label, columns, rows, rowKey, empty }) {
  if (!rows.length) return html`<${Empty} text=${empty} />`;
  return html`<div class="plain-table">
    <table aria-label=${label}>
      <thead>
        <tr>
          ${columns.map((column) => html`
            <th key=${column.key} scope="col" class=${column.className}>${column.label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${rowKey(row)}>
            ${columns.map((column) => html`<td key=${column.key} class=${column.className}>${column.render(row)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
