// The row of actions for chosen terminals, the same on every page that shows terminals.
import { html } from "../lib.js";
import * as actions from "../actions.js";
import { t } from "../i18n.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";
import { may } from "../store.js";

/**
 * `hidden` is how many of them a filter hides.
 * @param {{terminals: import("../store.js").Terminal[], hidden?: number, onClear?: () => void,
 *   onForgotten?: () => void}} props
 */
export function TerminalActions({ terminals, hidden = 0, onClear, onForgotten = onClear }) {
  const n = terminals.length;
  const one = n === 1 ? terminals[0] : null;
  const button = (icon, label, run) =>
    html`<button type="button" disabled=${!n} onClick=${run}><${Icon} name=${icon} />${label}</button>`;
  const more = [
    ...(may("templates")
      ? [{ icon: "upload", label: t("do.upload"), disabled: !one, run: () => one && actions.askForUpload(one) }]
      : []),
    { icon: "edit", label: t("do.rename"), disabled: !one, run: () => one && actions.rename(one) },
    { icon: "send", label: t("do.send_again"), run: () => actions.sendAgain(terminals) },
    { icon: "check", label: t("do.check_disks"), run: () => actions.checkDisks(terminals) },
    { icon: "stamp", label: t("do.watermark_on"), run: () => actions.watermark(terminals, 1) },
    { icon: "stamp", label: t("do.watermark_off"), run: () => actions.watermark(terminals, 0) },
    {
      icon: "trash",
      label: t("do.forget"),
      danger: true,
      run: async () => (await actions.forget(terminals)) && onForgotten?.(),
    },
  ];
  return html`<div class=${`toolbar ${n ? "" : "idle"}`} role="group" aria-label=${t("do.label")}>
    ${
      onClear &&
      html`<span class="chosen-count" role="status">
      ${n ? t("chosen.n", { n }) : t("chosen.none")}${hidden > 0 && ` ${t("chosen.hidden", { n: hidden })}`}
      ${n > 0 && html`<button type="button" class="link" onClick=${onClear}>${t("chosen.clear")}</button>`}
    </span>`
    }
    <button type="button" class="primary" disabled=${!n} onClick=${() => actions.sendTemplate(terminals)}>
      <${Icon} name="send" />
      ${t("do.send")}
    </button>
    ${button("wake", t("do.wake"), () => actions.wake(terminals))}
    ${button("restart", t("do.restart"), () => actions.restart(terminals))}
    ${button("power", t("do.shutdown"), () => actions.shutDown(terminals))}
    ${button("move", t("do.move"), () => actions.move(terminals))}
    <${Menu} label=${t("do.more")} items=${more} disabled=${!n} />
  </div>`;
}
