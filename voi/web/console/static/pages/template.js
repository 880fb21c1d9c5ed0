// One template: what is under way, its disks and levels, its versions, who has which.
import { html, useState } from "../lib.js";
import { change } from "../api.js";
import { actor, count, diskLabel, rate, size } from "../format.js";
import { known, t } from "../i18n.js";
import { notify, reported } from "../notifications.js";
import { Badge, Bar, Card, Field, PageHead, PlainTable, Remote, Stat, When } from "../parts/bits.js";
import { Form, show, sure } from "../parts/dialog.js";
import { FailedUploads } from "../parts/failed-uploads.js";
import { Icon } from "../parts/icons.js";
import { reasonText } from "../reasons.js";
import { usePolling, useRemote } from "../remote.js";
import { hashOf } from "../router.js";
import { loadTemplates, may, nameOf, store, useTopics } from "../store.js";
import { having, sizeOf } from "./templates.js";

const MOVING_SECONDS = 2;

/** @param {{uuid: string}} props */
export function TemplatePage({ uuid }) {
  useTopics("templates");
  const remote = useRemote(`templates/${uuid}`, { topics: ["templates"] });
  const moving = Boolean(
    remote.value?.uploads.length || remote.value?.disks.some((disk) => disk.content.state !== "ready"),
  );
  const versions = useRemote(remote.value?.version ? `templates/${uuid}/versions` : null, {
    topics: ["templates"],
    every: 10,
  });
  usePolling(remote.reload, MOVING_SECONDS, moving);

  const reread = () => {
    remote.reload();
    versions.reload();
    loadTemplates().catch(() => {});
  };
  return html`<${Remote} remote=${remote} back=${{ href: hashOf(["templates"]), label: t("nav.templates") }}>
    ${(template) => html`<div class="page">
      <${PageHead} title=${template.name} back=${{ href: hashOf(["templates"]), label: t("nav.templates") }}
        badge=${html`
        <${Badge} state=${template.state} />`} note=${template.desc}>
        ${may("templates") && template.version > 0 && html`
          <button type="button" onClick=${() => check(template, reread)}>
            <${Icon} name="check" />
            ${t("action.check")}
          </button>
          <button type="button" onClick=${() => edit(template, reread)}>
            <${Icon} name="edit" />
            ${t("action.edit")}
          </button>`}
        ${template.version > 0 && html`
          <a class="button primary" href=${hashOf(["rollouts", "new"], { template: uuid })}>
            <${Icon} name="send" />
            ${t("template.send")}
          </a>`}
      <//>
      ${template.state === "failed" && template.failed.length === 0 && html`
        <div class="failure" role="alert">
          <${Icon} name="alert" />
          <div><strong>${t("template.failed")}</strong><p>${reasonText(template.reason, template.why)}</p></div>
        </div>`}
      ${template.version > 0 && template.reason && template.state !== "checking" && html`
        <div class="failure" role="alert">
          <${Icon} name="alert" />
          <div><strong>${t("template.incomplete")}</strong><p>${reasonText(template.reason, template.why)}</p></div>
        </div>`}
      <${FailedUploads} uploads=${template.failed} reread=${reread} />
      ${template.uploads.map((upload) => html`<${UnderWay} key=${upload.id} upload=${upload} reread=${reread} />`)}
      ${
        template.version > 0 &&
        html`<${Facts} template=${template} reread=${reread} />
        <${Card} title=${t("template.disks")}><${Disks} disks=${template.disks} /><//>
        <${Card} title=${t("template.versions")}>
          <${Remote} remote=${versions}>
            ${(answer) => html`<${Versions} versions=${answer.versions} template=${template} />`}
          <//>
        <//>`
      }
    </div>`}
  <//>`;
}

function Facts({ template, reread }) {
  const here = may("templates");
  const setAuto = async (event) => {
    const auto_update = event.currentTarget.checked;
    await reported(
      change("PATCH", `templates/${template.uuid}`, { auto_update }),
      auto_update ? t("done.auto_on") : t("done.auto_off"),
    );
    reread();
  };
  return html`<${Card}>
    <div class="stats">
      <${Stat} label=${t("field.version")} value=${template.version} note=${html`<${When} at=${template.updated} />`} />
      <${Stat} label=${t("column.size")} value=${size(sizeOf(template))}
        note=${t("template.levels", { n: template.disks.length })} />
      <${Stat} label=${t("template.have_newest")} value=${template.terminals_current ?? 0}
        href=${having(template.uuid, "newest")} />
      <${Stat} label=${t("template.have_older")} value=${template.terminals_outdated ?? 0}
        href=${having(template.uuid, "older")} />
      ${template.terminals_incomplete > 0 && html`
        <${Stat} label=${t("template.have_none")} value=${template.terminals_incomplete}
          href=${having(template.uuid, "0")} />`}
      ${template.terminals_unknown > 0 && html`
        <${Stat} label=${t("template.have_unknown")} value=${template.terminals_unknown}
          href=${having(template.uuid, "unknown")} />`}
      <${Stat} label=${t("template.run_newest")} value=${template.terminals_running ?? 0} />
    </div>
    <label class="check switch">
      <input type="checkbox" role="switch" checked=${template.auto_update} disabled=${!here} onChange=${setAuto} />
      <span>${t("field.auto_update")} <span class="muted">${t("template.auto_note")}</span></span>
    </label>
    <dl class="facts">
      <dt>${t("field.sys_type")}</dt><dd>${known(`system.${template.sys_type}`) ?? t("system.0")}</dd>
      <dt>${t("column.created")}</dt><dd><${When} at=${template.created} /></dd>
      <dt>UUID</dt><dd class="mono">${template.uuid}</dd>
    </dl>
  <//>`;
}

function UnderWay({ upload, reread }) {
  const from = upload.mac
    ? t("template.upload_from", { name: nameOf(store.terminals.get(upload.mac) ?? { mac: upload.mac }) })
    : t("template.importing");
  const cancel = async () => {
    if (
      !(await sure({
        title: t("ask.upload_cancel.title"),
        text: t("ask.upload_cancel.text"),
        confirm: t("ask.upload_cancel.yes"),
      }))
    )
      return;
    await reported(change("DELETE", `uploads/${upload.id}`), t("done.upload_cancel"));
    reread();
  };
  const columns = [
    { key: "name", label: t("column.disk"), className: "mono", render: (disk) => diskLabel(disk.name) },
    {
      key: "state",
      label: t("field.state"),
      render: (disk) => html`<${Badge} state=${disk.state} title=${reasonText(disk.reason, disk.why)} />`,
    },
    {
      key: "progress",
      label: t("column.progress"),
      render: (disk) => html`<${Bar} value=${disk.progress} state="downloading" label=${t("column.progress")} />`,
    },
    { key: "rate", label: t("column.rate"), className: "number", render: (disk) => rate(disk.rate) },
    { key: "size", label: t("column.size"), className: "number", render: (disk) => size(disk.size || null) },
    { key: "reason", label: t("column.reason"), render: (disk) => reasonText(disk.reason, disk.why) || "–" },
  ];
  return html`
    <${Card} title=${from} actions=${may("templates") && html`
      <button type="button" class="danger" onClick=${cancel}>${t("action.stop")}</button>`}>
    <p><${Bar} wide value=${upload.progress} state="downloading" label=${from} /></p>
    ${(upload.who || upload.remark) && html`
      <p class="muted">
        ${upload.who && t("template.asked_by", { who: actor(upload.who) })}
        ${upload.remark && html` <q>${upload.remark}</q>`}
      </p>`}
    <${PlainTable} label=${from} columns=${columns} rows=${upload.disks} rowKey=${(disk) => disk.torrent_id}
      empty=${t("template.no_disks")} />
  <//>`;
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
    {
      key: "level",
      label: t("column.level"),
      render: (disk) =>
        t("template.level", { level: disk.level, kind: disk.level ? t("template.difference") : t("template.base") }),
    },
    { key: "size", label: t("column.size"), className: "number", render: (disk) => size(disk.size) },
    { key: "virtual", label: t("column.virtual_size"), className: "number", render: (disk) => size(disk.virtual_size) },
    { key: "operate_id", label: t("column.operate_id"), className: "number", render: (disk) => disk.operate_id },
    {
      key: "published",
      label: t("column.published_at"),
      className: "nowrap",
      render: (disk) => html`<${When} at=${disk.published} />`,
    },
    { key: "uploader", label: t("column.uploader"), render: (disk) => uploader(disk.uploader) },
    { key: "content", label: t("template.content"), render: (disk) => content(disk.content) },
  ];
  return html`
    <${PlainTable} label=${t("template.disks")} columns=${columns} rows=${disks} rowKey=${(disk) => disk.name}
      empty=${t("template.no_disks")} />`;
}

/** The server's own copy of a disk: its state, and how far it is where something is done about it. */
function content({ state, progress, reason, why }) {
  const label = t(`state.${state}`);
  return html`<${Badge} state=${state} title=${reasonText(reason, why)} />
    ${progress !== null && html` <${Bar} value=${progress} state="downloading" label=${label} />`}`;
}

function Versions({ versions, template }) {
  const columns = [
    {
      key: "number",
      label: t("field.version"),
      render: (x) =>
        html`<strong>${x.number}</strong>${x.number === template.version && html` <${Badge} state="newest" />`}`,
    },
    {
      key: "created",
      label: t("column.created"),
      className: "nowrap",
      render: (x) => html`<${When} at=${x.created} />`,
    },
    { key: "uploader", label: t("column.uploader"), render: (x) => uploader(x.uploader) },
    { key: "who", label: t("column.who"), className: "nowrap", render: (x) => (x.who ? actor(x.who) : "–") },
    { key: "remark", label: t("field.desc"), render: (x) => x.remark || "–" },
    { key: "size", label: t("column.size"), className: "number", render: (x) => size(x.size) },
    {
      key: "disks",
      label: t("field.disks"),
      render: (x) =>
        html`
          <span title=${x.disks.map((disk) => disk.name).join("\n")}>
            ${t("template.levels", { n: x.disks.length })}
          </span>`,
    },
    {
      key: "terminals",
      label: t("nav.terminals"),
      className: "number",
      render: (x) => html`<a href=${having(template.uuid, x.number)}>${count(x.terminals)}</a>`,
    },
  ];
  return html`
    <${PlainTable} label=${t("template.versions")} columns=${columns} rows=${versions} rowKey=${(x) => x.number}
      empty=${t("template.no_versions")} />`;
}

function uploader(mac) {
  if (!mac) return t("template.imported");
  return html`<a href=${hashOf(["terminals", mac])}>${nameOf(store.terminals.get(mac) ?? { mac })}</a>`;
}

async function check(template, reread) {
  const title = t("ask.check.title", { name: template.name });
  if (!(await sure({ title, text: t("ask.check.text"), confirm: t("ask.check.yes"), danger: false }))) return;
  await reported(change("POST", `templates/${template.uuid}/check`), t("done.check"));
  reread();
}

async function edit(template, reread) {
  if (!(await show(EditForm, { template }))) return;
  notify(t("done.saved"));
  reread();
}

function EditForm({ template, close }) {
  const [name, setName] = useState(template.name);
  const [desc, setDesc] = useState(template.desc);
  const save = () => change("PATCH", `templates/${template.uuid}`, { name: name.trim(), desc: desc.trim() });
  return html`
    <${Form} title=${t("ask.template_edit.title", { name: template.name })} submit=${t("action.save")}
      ready=${name.trim() !== ""} onSubmit=${save} close=${close}>
    <${Field} label=${t("field.name")}>
      <input type="text" name="name" required maxlength="256" autofocus value=${name}
        onInput=${(event) => setName(event.currentTarget.value)} />
    <//>
    <${Field} label=${t("field.desc")}>
      <input type="text" name="desc" maxlength="1024" value=${desc}
        onInput=${(event) => setDesc(event.currentTarget.value)} />
    <//>
  <//>`;
}
