// A table of audit entries: when, what, who, from where.
import { html } from "../lib.js";
import { actor } from "../format.js";
import { groupName, sentenceOf } from "../audit-entries.js";
import { t } from "../i18n.js";
import { hashOf } from "../router.js";
import { PlainTable, When } from "./bits.js";

/** @param {{entries: import("../audit-entries.js").Entry[], empty: string}} props */
export function Entries({ entries, empty }) {
  const columns = [
    {
      key: "time",
      label: t("column.time"),
      className: "nowrap",
      render: (entry) => html`<${When} at=${entry.time} />`,
    },
    { key: "kind", label: t("column.kind"), className: "nowrap roomy", render: (entry) => groupName(entry.kind) },
    { key: "text", label: t("column.text"), render: text },
    { key: "who", label: t("column.who"), className: "nowrap", render: (entry) => actor(entry.who) },
    { key: "from", label: t("column.from"), className: "mono nowrap roomy", render: (entry) => entry.from || "–" },
  ];
  return html`
    <${PlainTable} label=${t("nav.events")} columns=${columns} rows=${entries} rowKey=${(entry) => entry.id}
      empty=${empty} />`;
}

function text(entry) {
  const place =
    (entry.rollout && ["rollouts", entry.rollout]) ||
    (entry.mac && ["terminals", entry.mac]) ||
    (entry.template && ["templates", entry.template]);
  return html`${sentenceOf(entry)} ${place && html`<a class="go" href=${hashOf(place.map(String))}>${t("action.show")}</a>`}`;
}
