// What to do on a server that is new: each step says how, leads there, and is ticked off once it is done.
import { html } from "../lib.js";
import { t } from "../i18n.js";
import { TerminalsAddress } from "../parts/address.js";
import { Card } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { useRemote } from "../remote.js";
import { hashOf } from "../router.js";
import { may, store, useTopics } from "../store.js";

const SECONDS = 5;

// What was begun once stays so, for all who look at this server.
let begun = false;

/**
 * How far a new server is, null once all was done, or as long as that is not known.
 * @param {{terminals: {total: number}, rollouts: object[]} | null} overview
 */
export function useFirstSteps(overview) {
  useTopics("templates");
  const any = useRemote(begun ? null : "rollouts?limit=1", { topics: ["events", "rollouts"], every: SECONDS });
  begun ||= any.value?.total > 0;
  if (!overview || !store.templatesLoaded || (!begun && !any.value)) return null;
  const done = {
    terminals: overview.terminals.total > 0,
    template: store.templates.some((template) => template.version > 0),
    rollout: begun,
  };
  return Object.values(done).every(Boolean) ? null : done;
}

/** @param {{done: {terminals: boolean, template: boolean, rollout: boolean}}} props */
export function FirstSteps({ done }) {
  const next = Object.keys(done).find((name) => !done[name]);
  const moving = store.templates.find((template) => template.uploads?.length);
  const body = {
    terminals: html`<p>${t("first.terminals_how")} <${TerminalsAddress} /></p>
      <p class="muted">${t("first.terminals_note")}</p>`,
    template: moving
      ? html`<p><a href=${hashOf(["templates", moving.uuid])}>${t("first.template_moving", { name: moving.name })}</a></p>`
      : html`<p>${may("templates") ? t("first.template_how") : t("new.no_template_ask")}</p>
        <a class=${`button ${next === "template" ? "primary" : ""}`} href=${hashOf(["templates"])}>
          <${Icon} name="templates" />${t("nav.templates")}
        </a>`,
    rollout: html`<p>${t("first.rollout_how")}</p>
      ${done.template && html`
        <a class=${`button ${next === "rollout" ? "primary" : ""}`} href=${hashOf(["rollouts", "new"])}>
          <${Icon} name="send" />${t("rollouts.new")}
        </a>`}`,
  };
  return html`
    <${Card} title=${t("first.title")} className="first-steps">
      <ol>
        ${Object.entries(done).map(
          ([name, ticked], index) => html`
            <li key=${name} class=${ticked ? "done" : name === next ? "next" : ""}>
              <span class="step" aria-hidden="true">${ticked ? html`<${Icon} name="check" />` : index + 1}</span>
              <div>
                <h3>${t(`first.${name}`)} ${ticked && html`<span class="hidden">${t("state.done")}</span>`}</h3>
                ${!ticked && body[name]}
              </div>
            </li>`,
        )}
      </ol>
    <//>`;
}
