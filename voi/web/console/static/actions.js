// What can be done with terminals: each asks what it must know, does it, and shows how it went.
import { html, useEffect, useState } from "./lib.js";
import { change, get } from "./api.js";
import { diskLabel } from "./format.js";
import { t } from "./i18n.js";
import { notify, notifyError, reported } from "./notifications.js";
import { Form, show, sure } from "./parts/dialog.js";
import { Busy, Choice, Field } from "./parts/bits.js";
import { reasonText } from "./reasons.js";
import { go } from "./router.js";
import { dropTerminals, loadRooms, loadTerminals, mergeTerminals, nameOf, store, templateOf } from "./store.js";

/** @typedef {import("./store.js").Terminal} Terminal */

/** Terminals that a rollout is being planned for; too many for an address. */
export const plan = { macs: [] };

const FEW = 5;

/** The names of a few, the number of the others. @param {Terminal[]} terminals */
function named(terminals) {
  const names = terminals.slice(0, FEW).map(nameOf).join(t("list.comma"));
  return terminals.length > FEW ? t("list.and_more", { names, n: terminals.length - FEW }) : names;
}

const macsOf = (terminals) => terminals.map((terminal) => terminal.mac);

/** Plan a rollout to them. @param {Terminal[]} terminals */
export function sendTemplate(terminals) {
  plan.macs = macsOf(terminals);
  go(["rollouts", "new"], { to: "chosen" });
}

/**
 * Send a version again, whatever the terminals say that they have: the one that is given, or one that is asked for.
 * @param {{mac: string, template?: string | null}[]} terminals
 * @param {string} [template] its uuid @param {number} [version] its number, the newest where none is given
 */
export async function sendAgain(terminals, template, version) {
  const begun = await show(AgainForm, { terminals, template, version });
  if (begun) go(["rollouts", String(begun.id)]);
}

/** Switch the watermark. @param {Terminal[]} terminals @param {0 | 1} on */
export function watermark(terminals, on) {
  return command(terminals, { command: "watermark", switch: on });
}

/** Restart those that are online, if the person is sure. @param {Terminal[]} terminals */
export function restart(terminals) {
  return stop(terminals, "restart");
}

/** Shut down those that are online, if the person is sure. @param {Terminal[]} terminals */
export function shutDown(terminals) {
  return stop(terminals, "shutdown");
}

/** @param {Terminal[]} terminals @param {"restart" | "shutdown"} name */
async function stop(terminals, name) {
  const online = terminals.filter((terminal) => terminal.online);
  const n = online.length;
  const off = terminals.length - n;
  if (!n) return refuse(t("ask.all_off"));
  const question = {
    title: t(`ask.${name}.title`, { n }),
    text: t(`ask.${name}.text`, { n }) + (off ? ` ${t("ask.off", { n: off })}` : ""),
    detail: named(online),
    confirm: t(`ask.${name}.yes`, { n }),
  };
  if (await sure(question)) await command(online, { command: name });
}

/** Have those that are online read their disks, and mend what is damaged. @param {Terminal[]} terminals */
export async function checkDisks(terminals) {
  const online = terminals.filter((terminal) => terminal.online);
  const n = online.length;
  if (!n) return refuse(t("ask.all_off"));
  await reported(
    change("POST", "commands", { command: "check_disks", macs: macsOf(online) }),
    t("done.check_disks", { n }),
  );
}

function refuse(reason) {
  notifyError(Object.assign(new Error(reason), { code: "conflict" }));
  return false;
}

async function command(terminals, body) {
  const n = terminals.length;
  const waiting = terminals.filter((terminal) => !terminal.online).length;
  if (!(await reported(change("POST", "commands", { ...body, macs: macsOf(terminals) })))) return;
  const later = waiting ? t("done.command_waits", { n: waiting }) : "";
  if (waiting === n) notify(later);
  else notify(t("done.command", { n: n - waiting }), later);
}

/** Send magic packets. @param {Terminal[]} terminals */
export async function wake(terminals) {
  const answer = await reported(change("POST", "terminals/wake", { macs: macsOf(terminals) }));
  if (answer) notify(t("done.wake", { n: answer.sent ?? terminals.length }));
}

/** Forget those that are off, if the person is sure. @param {Terminal[]} terminals */
export async function forget(terminals) {
  const gone = terminals.filter((terminal) => !terminal.online);
  const n = gone.length;
  if (!n) return refuse(t("ask.forget.none"));
  const kept = terminals.length - n;
  const text = t("ask.forget.text", { n }) + (kept ? ` ${t("ask.forget.kept", { n: kept })}` : "");
  if (
    !(await sure({
      title: t("ask.forget.title", { n }),
      text,
      detail: named(gone),
      confirm: t("ask.forget.yes", { n }),
    }))
  )
    return false;
  const answer = await reported(change("POST", "terminals/forget", { macs: macsOf(gone) }), t("done.forget", { n }));
  if (answer) dropTerminals(macsOf(gone));
  return answer !== null;
}

/** Give one a name. @param {Terminal} terminal */
export async function rename(terminal) {
  if (await show(RenameForm, { terminal })) notify(t("done.rename"));
}

/** Put them in a room by hand. @param {Terminal[]} terminals */
export async function move(terminals) {
  if (await show(MoveForm, { terminals })) notify(t("done.move", { n: terminals.length }));
}

/** Ask one for disks that the server lacks. @param {Terminal} terminal */
export async function askForUpload(terminal) {
  const upload = await show(UploadForm, { terminal });
  if (!upload) return;
  notify(t("done.upload", { name: nameOf(terminal) }));
  go(["templates", upload.template]);
}

function RenameForm({ terminal, close }) {
  const [name, setName] = useState(terminal.name);
  const save = async () => {
    await change("PATCH", "terminals", { macs: [terminal.mac], name });
    mergeTerminals([{ mac: terminal.mac, name }]);
  };
  return html`
    <${Form} title=${t("ask.rename.title", { name: nameOf(terminal) })} submit=${t("action.save")} onSubmit=${save}
      close=${close}>
    <${Field} label=${t("field.name")} hint=${t("ask.rename.hint")}>
      <input type="text" value=${name} maxlength="64" autofocus
        onInput=${(event) => setName(event.currentTarget.value)} />
    <//>
  <//>`;
}

function AgainForm({ terminals, template: given, version, close }) {
  const ready = store.templates.filter((x) => x.version > 0);
  const own = [...new Set(terminals.map((terminal) => terminal.template).filter(Boolean))];
  const [template, setTemplate] = useState(given ?? (own.length === 1 ? own[0] : ""));
  const n = terminals.length;
  const send = () =>
    change("POST", "rollouts", { template, macs: macsOf(terminals), again: true, ...(version && { version }) });
  const called = (x) => `${x.name} · ${t("version.n", { version: (x.uuid === given && version) || x.version })}`;
  const offered = given ? ready.filter((x) => x.uuid === given) : ready;
  const options = [["", t("choose.template")], ...offered.map((x) => [x.uuid, called(x)])];
  return html`
    <${Form} title=${t("ask.again.title", { n })} submit=${t("ask.again.yes", { n })} ready=${template !== ""}
      onSubmit=${send} close=${close}>
    <p>${t("ask.again.text")}</p>
    <p class="muted">${named(terminals.map((x) => store.terminals.get(x.mac) ?? x))}</p>
    <${Field} label=${t("field.template")}>
      <${Choice} name="template" value=${template} options=${options} onChange=${setTemplate} autofocus />
    <//>
  <//>`;
}

function MoveForm({ terminals, close }) {
  const [room, setRoom] = useState("");
  const n = terminals.length;
  const save = async () => {
    await change("PATCH", "terminals", { macs: macsOf(terminals), room: Number(room) });
    loadTerminals().catch(notifyError);
    loadRooms().catch(notifyError);
  };
  const options = [["", t("choose.room")], ["0", t("ask.move.by_address")], ...store.rooms.map((x) => [x.id, x.name])];
  return html`
    <${Form} title=${t("ask.move.title", { n })} submit=${t("ask.move.yes", { n })} ready=${room !== ""}
      onSubmit=${save} close=${close}>
    <p class="muted">${named(terminals)}</p>
    <${Field} label=${t("field.room")}><${Choice} value=${room} options=${options} onChange=${setRoom} autofocus /><//>
  <//>`;
}

/** What a terminal has of which template, and what of that is not published. */
function UploadForm({ terminal, close }) {
  const [detail, setDetail] = useState(null);
  const [failure, setFailure] = useState("");
  const [template, setTemplate] = useState("");
  const [fresh, setFresh] = useState({ name: "", desc: "" });
  const [disks, setDisks] = useState(new Set());

  useEffect(() => {
    get(`terminals/${terminal.mac}`).then(setDetail, (error) => setFailure(reasonText(error.message, error.why) || t("error.unreachable")));
  }, [terminal.mac]);

  const lacking = (detail?.disks ?? []).filter((disk) => !disk.published && disk.level <= 2);
  const groups = [...new Set(lacking.map((disk) => disk.template))];
  const isNew = template === "new";
  const offered = isNew ? lacking : lacking.filter((disk) => disk.template === template);
  const pick = (value) => {
    setTemplate(value);
    setDisks(new Set(lacking.filter((disk) => value === "new" || disk.template === value).map((disk) => disk.name)));
  };
  const toggle = (name) => {
    const next = new Set(disks);
    next.has(name) ? next.delete(name) : next.add(name);
    setDisks(next);
  };
  const send = () =>
    change("POST", "uploads", {
      mac: terminal.mac,
      template: isNew ? { name: fresh.name, desc: fresh.desc } : template,
      disks: [...disks],
      ...(!isNew && { remark: fresh.desc }),
    });
  /** As the server calls a template, else as the terminal does, for that is all that tells them apart. */
  const calledHere = (uuid) => {
    const known = templateOf(uuid)?.name;
    if (known) return known;
    const own = lacking.find((disk) => disk.template === uuid)?.template_name;
    return own ? t("ask.upload.own_name", { name: own, uuid: uuid.slice(0, 8) }) : uuid;
  };
  const ready = template !== "" && disks.size > 0 && (!isNew || fresh.name.trim() !== "");
  return html`
    <${Form} title=${t("ask.upload.title", { name: nameOf(terminal) })} submit=${t("ask.upload.yes")} ready=${ready}
      onSubmit=${send} close=${close}>
    ${!detail && !failure && html`<${Busy} />`}
    ${failure && html`<p class="field-error" role="alert">${failure}</p>`}
    ${detail && !lacking.length && html`<p>${t("ask.upload.nothing")}</p>`}
    ${
      detail &&
      lacking.length > 0 &&
      html`
      <p class="muted">${t("ask.upload.text")}</p>
      <${Field} label=${t("field.template")}>
        <${Choice} value=${template} onChange=${pick} options=${[
          ["", t("choose.template")],
          ...groups.filter(Boolean).map((uuid) => [uuid, calledHere(uuid)]),
          ["new", t("ask.upload.new")],
        ]} />
      <//>
      ${
        isNew &&
        html`
          <${Field} label=${t("field.name")}>
            <input type="text" maxlength="256" required value=${fresh.name}
              onInput=${(event) => setFresh({ ...fresh, name: event.currentTarget.value })} />
          <//>`
      }
      ${
        template !== "" &&
        html`
        <${Field} label=${t("field.desc")} hint=${isNew ? "" : t("ask.upload.remark_hint")}>
          <input type="text" name="remark" maxlength="1024" value=${fresh.desc}
            onInput=${(event) => setFresh({ ...fresh, desc: event.currentTarget.value })} />
        <//>
        <fieldset>
        <legend>${t("field.disks")}</legend>
        ${offered.map(
          (disk) => html`<label key=${disk.name} class="check" title=${disk.name}>
            <input type="checkbox" checked=${disks.has(disk.name)} onChange=${() => toggle(disk.name)} />
            ${t("disk.of_type", { type: t(`disk.type.${disk.type}`), disk: diskLabel(disk.name) })}
          </label>`,
        )}
      </fieldset>`
      }
    `
    }
  <//>`;
}
