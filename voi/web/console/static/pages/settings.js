// Settings: what the server was started with, what can be changed here, tokens, accounts, one's own password.
import { html, useRef, useState } from "../lib.js";
import { change, changeOnce, setCsrf } from "../api.js";
import { rate, size } from "../format.js";
import { known, t } from "../i18n.js";
import { notify, reported } from "../notifications.js";
import { addressOf } from "../parts/address.js";
import { Badge, Card, Choice, Field, PageHead, PlainTable, Remote, When } from "../parts/bits.js";
import { Form, show, sure } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { LanguageChoice } from "../parts/language.js";
import { reasonText } from "../reasons.js";
import { usePolling, useRemote } from "../remote.js";
import { may, store } from "../store.js";

const ROLES = ["administrator", "operator"];
const SHORTEST = 8;
const LONGEST = 256; // characters of a password
const LONGEST_DAYS = 3650;
const HEALTH_SECONDS = 15;
const LOW_DISK = 0.1;

/** Settings. */
export function SettingsPage() {
  const settings = useRemote("settings");
  return html`<div class="page">
    <${PageHead} title=${t("nav.settings")} />
    <${Health} data=${settings.value?.data} />
    <${Remote} remote=${settings}>${(answer) => html`<${Server} settings=${answer} reload=${settings.reload} />`}<//>
    ${may("accounts") ? html`<${Tokens} /><${Accounts} />` : html`<p class="muted">${t("settings.not_yours")}</p>`}
    <${Card} title=${t("shell.language")}><${LanguageChoice} /><//>
    ${store.session?.kind === "account" && html`<${OwnPassword} session=${store.session} />`}
  </div>`;
}

/** What the server checks of itself, and the room on its disk: what the overview complains of is explained here. */
function Health({ data }) {
  const remote = useRemote("health", { topics: ["events"], every: HEALTH_SECONDS });
  usePolling(remote.reload, HEALTH_SECONDS, true);
  return html`<${Card} title=${t("settings.health")}>
    <${Remote} remote=${remote}>
      ${({ checks, disk_free: free, disk_total: total }) => html`
        <dl class="facts health">
          ${checks.map(
            (check) => html`
              <dt key=${check.name}>${known(`check.${check.name}`) ?? check.name}</dt>
              <dd>
                <${Badge} state=${check.ok ? "healthy" : "unhealthy"} />
                ${!check.ok && html` <span>${reasonText(check.text, check.why)}</span>`}
              </dd>`,
          )}
          <dt>${t("overview.disk")}</dt>
          <dd>
            <span class="meter">
              <meter min="0" max=${total || 1} low=${total * LOW_DISK} optimum=${total} value=${free}
                aria-label=${t("overview.disk")}>
              </meter> ${size(free)} ${t("overview.disk_of", { total: size(total) })}
            </span>
            ${free < total * LOW_DISK && html`<p>${t("settings.disk_low", { data: data ?? "" })}</p>`}
          </dd>
        </dl>`}
    <//>
  <//>`;
}

function Server({ settings, reload }) {
  const { addresses, limits } = settings;
  const fact = (label, value, className = "") => html`<dt>${label}</dt><dd class=${className}>${value}</dd>`;
  return html`
    <${Card} title=${t("settings.server")}>
      <dl class="facts">
        ${fact(t("settings.version"), settings.version)}
        ${fact(t("settings.data"), settings.data, "mono")}
        ${fact(t("settings.token_file"), settings.token_file, "mono")}
        ${["terminals", "http", "udp", "bittorrent"].map((name) =>
          fact(t(`settings.address.${name}`), html`<${Address} addresses=${addresses} name=${name} />`, "mono"),
        )}
        ${fact(t("settings.link"), settings.link ? rate(settings.link) : t("settings.link_card"))}
        ${fact(t("settings.terminal_link"), settings.terminal_link ? rate(settings.terminal_link) : t("settings.link_same"))}
        ${fact(t("settings.upload_limit"), settings.upload_limit ? rate(settings.upload_limit) : t("word.none"))}
        ${fact(t("settings.encryption"), settings.encryption ? t("word.on") : t("word.off"))}
      </dl>
      <p class="muted">${t("settings.fixed")}</p>
    <//>
    <${Retention} days=${settings.retention_days} reload=${reload} />
    <${Card} title=${t("settings.limits")}>
      <dl class="facts">
        ${Object.entries(limits ?? {}).map(([name, value]) =>
          fact(known(`settings.limit.${name}`) ?? name.replaceAll("_", " "), String(value), "mono"),
        )}
      </dl>
    <//>
  `;
}

/** An address to go to where there is one, and the endpoint that is configured. */
function Address({ addresses, name }) {
  const port = addresses[`${name}_port`];
  const configured = addresses[name] || t("word.none");
  return port ? html`${addressOf(port)}<span class="sub">${configured}</span>` : configured;
}

function Retention({ days, reload }) {
  const [value, setValue] = useState(String(days));
  const here = may("accounts");
  const save = async (event) => {
    event.preventDefault();
    await reported(change("PATCH", "settings", { retention_days: Number(value) }), t("done.saved"));
    reload();
  };
  return html`<${Card} title=${t("settings.retention")}>
    <form class="inline-form" onSubmit=${save}>
      <${Field} label=${t("settings.retention_days")} hint=${t("settings.retention_hint")}>
        <input type="number" min="1" max=${LONGEST_DAYS} required value=${value} disabled=${!here}
          onInput=${(event) => setValue(event.currentTarget.value)} />
      <//>
      ${here && html`<button type="submit" disabled=${value === String(days)}>${t("action.save")}</button>`}
    </form>
  <//>`;
}

function Tokens() {
  const remote = useRemote("tokens", { topics: ["events"], every: 5 });
  const make = async () => {
    const made = await show(TokenForm);
    remote.reload();
    if (made) await show(NewToken, { made }, { stays: true });
  };
  const revoke = async (token) => {
    const question = {
      title: t("ask.token.title", { name: token.name }),
      text: t("ask.token.text"),
      confirm: t("ask.token.yes"),
    };
    if (!(await sure(question))) return;
    await reported(change("DELETE", `tokens/${token.id}`), t("done.token"));
    remote.reload();
  };
  const columns = [
    { key: "name", label: t("field.name"), render: (x) => html`<strong>${x.name}</strong>` },
    { key: "role", label: t("field.role"), render: (x) => t(`role.${x.role}`) },
    { key: "created", label: t("column.created"), render: (x) => html`<${When} at=${x.created} />` },
    {
      key: "used",
      label: t("column.last_used"),
      render: (x) => (x.last_used ? html`<${When} at=${x.last_used} />` : t("word.never")),
    },
    {
      key: "actions",
      label: html`<span class="hidden">${t("column.actions")}</span>`,
      className: "actions",
      render: (x) =>
        html`<button type="button" class="danger" onClick=${() => revoke(x)}>${t("settings.revoke")}</button>`,
    },
  ];
  return html`
    <${Card} title=${t("settings.tokens")} actions=${html`
      <button type="button" onClick=${make}><${Icon} name="key" />${t("settings.new_token")}</button>`}>
    <p class="muted">${t("settings.tokens_note")}</p>
    <${Remote} remote=${remote}>
      ${(answer) => html`
        <${PlainTable} label=${t("settings.tokens")} columns=${columns} rows=${answer.tokens} rowKey=${(x) => x.id}
          empty=${t("settings.no_tokens")} />`}
    <//>
  <//>`;
}

function RoleField({ value, onChange }) {
  return html`
    <${Field} label=${t("field.role")} hint=${t(`role.${value}.note`)}>
      <${Choice} value=${value} options=${ROLES.map((role) => [role, t(`role.${role}`)])} onChange=${onChange} />
    <//>`;
}

function TokenForm({ close }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("operator");
  const make = () => changeOnce("POST", "tokens", { name: name.trim(), role });
  return html`
    <${Form} title=${t("settings.new_token")} submit=${t("ask.token_new.yes")} ready=${name.trim() !== ""}
      onSubmit=${make} close=${close}>
    <${Field} label=${t("field.name")} hint=${t("ask.token_new.hint")}>
      <input type="text" required maxlength="64" autofocus value=${name}
        onInput=${(event) => setName(event.currentTarget.value)} />
    <//>
    <${RoleField} value=${role} onChange=${setRole} />
  <//>`;
}

function NewToken({ made, close }) {
  const field = useRef(null);
  const copy = () => reported(copied(field.current), t("done.copied"));
  return html`<div class="dialog">
    <header><h2 id="dialog-title">${t("token.title", { name: made.name })}</h2></header>
    <div class="dialog-body">
      <p>${t("token.once")}</p>
      <input type="text" class="mono" readonly autofocus ref=${field} aria-label=${t("token.label")} value=${made.token}
        onFocus=${(event) => event.currentTarget.select()} />
    </div>
    <footer>
      <button type="button" onClick=${copy}>${t("action.copy")}</button>
      <button type="button" class="primary" onClick=${() => close(null)}>${t("token.kept")}</button>
    </footer>
  </div>`;
}

/** Browsers have a clipboard for pages that came over TLS, and an older way for all. @param {HTMLInputElement} field */
async function copied(field) {
  if (navigator.clipboard) return navigator.clipboard.writeText(field.value);
  field.select();
  if (!document.execCommand("copy")) throw new Error();
  return undefined;
}

function Accounts() {
  const remote = useRemote("accounts", { topics: ["events"], every: 5 });
  const edit = async (account) => {
    if (await show(AccountForm, { account })) notify(t("done.saved"));
    remote.reload();
  };
  const remove = async (account) => {
    const question = {
      title: t("ask.account.title", { name: account.name }),
      text: t("ask.account.text"),
      confirm: t("ask.account.yes"),
    };
    if (!(await sure(question))) return;
    await reported(change("DELETE", `accounts/${encodeURIComponent(account.name)}`), t("done.account"));
    remote.reload();
  };
  const columns = [
    { key: "name", label: t("field.name"), render: (x) => html`<strong>${x.name}</strong>` },
    { key: "role", label: t("field.role"), render: (x) => t(`role.${x.role}`) },
    { key: "created", label: t("column.created"), render: (x) => html`<${When} at=${x.created} />` },
    {
      key: "login",
      label: t("column.last_login"),
      render: (x) => (x.last_login ? html`<${When} at=${x.last_login} />` : t("word.never")),
    },
    {
      key: "actions",
      label: html`<span class="hidden">${t("column.actions")}</span>`,
      className: "actions",
      render: (x) => html`<button type="button" onClick=${() => edit(x)}>${t("action.edit")}</button>
        ${x.name !== store.session?.name && html` <button type="button" class="danger" onClick=${() => remove(x)}>
            ${t("action.delete")}
          </button>`}`,
    },
  ];
  return html`
    <${Card} title=${t("settings.accounts")} actions=${html`
      <button type="button" onClick=${() => edit(null)}><${Icon} name="plus" />${t("settings.new_account")}</button>`}>
    <${Remote} remote=${remote}>
      ${(answer) => html`
        <${PlainTable} label=${t("settings.accounts")} columns=${columns} rows=${answer.accounts}
          rowKey=${(x) => x.name} empty=${t("settings.no_accounts")} />`}
    <//>
  <//>`;
}

function AccountForm({ account, close }) {
  const [name, setName] = useState(account?.name ?? "");
  const [role, setRole] = useState(account?.role ?? "operator");
  const [password, setPassword] = useState("");
  const ready = name.trim() !== "" && (password === "" ? account !== null : password.length >= SHORTEST);
  const save = () => {
    if (!account) return changeOnce("POST", "accounts", { name: name.trim(), role, password });
    const body = { ...(role !== account.role && { role }), ...(password && { password }) };
    return Object.keys(body).length
      ? changeOnce("PATCH", `accounts/${encodeURIComponent(account.name)}`, body)
      : Promise.resolve();
  };
  return html`
    <${Form} title=${account ? t("ask.account_edit.title", { name: account.name }) : t("settings.new_account")}
      submit=${t("action.save")} ready=${ready} onSubmit=${save} close=${close}>
    ${!account && html`
      <${Field} label=${t("field.name")}>
        <input type="text" required maxlength="64" autocomplete="off" autofocus value=${name}
          onInput=${(event) => setName(event.currentTarget.value)} />
      <//>`}
    <${RoleField} value=${role} onChange=${setRole} />
    <${Field} label=${account ? t("field.new_password") : t("signin.password")}
      hint=${account ? t("ask.account_edit.keep") : t("password.shortest", { n: SHORTEST })}>
      <input type="password" minlength=${SHORTEST} maxlength=${LONGEST} autocomplete="new-password" value=${password}
        onInput=${(event) => setPassword(event.currentTarget.value)} />
    <//>
  <//>`;
}

/** @param {{session: import("../store.js").Session}} props */
function OwnPassword({ session }) {
  const open = () => show(PasswordForm).then((done) => done && notify(t("done.password")));
  return html`
    <${Card} title=${t("settings.own")} actions=${html`
      <button type="button" onClick=${open}>${t("settings.change_password")}</button>`}>
    <p class="muted">${t("settings.own_note", { name: session.name, role: t(`role.${session.role}`) })}</p>
  <//>`;
}

function PasswordForm({ close }) {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const differs = again !== "" && again !== fresh;
  const input = (value, set, autocomplete) =>
    html`
      <input type="password" required maxlength=${LONGEST} autocomplete=${autocomplete} value=${value}
        onInput=${(event) => set(event.currentTarget.value)} />`;
  const save = async () => {
    const { csrf } = await changeOnce("PUT", "session/password", { old, new: fresh });
    if (csrf) setCsrf(csrf); // the session was begun anew
  };
  return html`
    <${Form} title=${t("settings.change_password")} submit=${t("action.save")}
      ready=${old !== "" && fresh.length >= SHORTEST && fresh === again}
    onSubmit=${save} close=${close}>
    <${Field} label=${t("field.old_password")}>${input(old, setOld, "current-password")}<//>
    <${Field} label=${t("field.new_password")} hint=${t("password.shortest", { n: SHORTEST })}>
      ${input(fresh, setFresh, "new-password")}
    <//>
    <${Field} label=${t("field.again")} error=${differs ? t("password.differs") : ""}>
      ${input(again, setAgain, "new-password")}
    <//>
    <p class="muted">${t("password.others_end")}</p>
  <//>`;
}
