// Uploads and imports that failed: of what, why, and the two things that one can do about each.
import { html } from "../lib.js";
import { change } from "../api.js";
import { actor, diskLabel } from "../format.js";
import { t } from "../i18n.js";
import { reported } from "../notifications.js";
import { Card, PlainTable, When } from "./bits.js";
import { reasonText } from "../reasons.js";
import { hashOf } from "../router.js";
import { may, nameOf, store } from "../store.js";

/**
 * `named`: with the template that each is of, where they are not all of one; `reread` reads again what is shown.
 * @param {{uploads: {id: number, template: string, name: string, mac: string | null, created: string, who: string,
 *   disks: {name: string, state: string, reason: string, why: import("../reasons.js").Why | null,
 *   source: string | null}[]}[], named?: boolean, reread: () => void}} props
 */
export function FailedUploads({ uploads, named = false, reread }) {
  if (!uploads.length) return null;
  const act = async (upload, action, done) => {
    await reported(change("POST", `uploads/${upload.id}/${action}`), done);
    reread();
  };
  const columns = [
    ...(named
      ? [
          {
            key: "template",
            label: t("field.template"),
            render: (x) => html`<a class="strong" href=${hashOf(["templates", x.template])}>${x.name}</a>`,
          },
        ]
      : []),
    { key: "created", label: t("column.started"), className: "nowrap", render: (x) => html`<${When} at=${x.created} />` },
    { key: "from", label: t("column.uploader"), render: origin },
    { key: "who", label: t("column.who"), className: "nowrap", render: (x) => (x.who ? actor(x.who) : "–") },
    { key: "reason", label: t("column.reason"), render: reasons },
    ...(may("templates")
      ? [
          {
            key: "actions",
            label: html`<span class="hidden">${t("column.actions")}</span>`,
            className: "actions",
            render: (x) => html`
              <button type="button" onClick=${() => act(x, "retry", t("done.upload_retry"))}>
                ${t("action.again")}
              </button> <button type="button" onClick=${() => act(x, "dismiss", t("done.upload_dismiss"))}>
                ${t("action.dismiss")}
              </button>`,
          },
        ]
      : []),
  ];
  return html`<${Card} title=${t("uploads.failed")} className="failed-uploads">
    <${PlainTable} label=${t("uploads.failed")} columns=${columns} rows=${uploads} rowKey=${(x) => x.id} empty="" />
  <//>`;
}

/** Where disks come from: a terminal, or files on the server. */
export function origin({ mac, disks }) {
  if (mac) return html`<a href=${hashOf(["terminals", mac])}>${nameOf(store.terminals.get(mac) ?? { mac })}</a>`;
  const files = disks.map((disk) => disk.source).filter(Boolean);
  return html`${t("template.imported")}${files.map((file) => html` <span class="sub mono">${file}</span>`)}`;
}

function reasons({ disks }) {
  return disks
    .filter((disk) => disk.state === "failed")
    .map((disk) => html`<div key=${disk.name}>
      <span class="muted mono" title=${disk.name}>${diskLabel(disk.name)}</span> ${reasonText(disk.reason, disk.why)}
    </div>`);
}
