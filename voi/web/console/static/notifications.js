// Short messages at the edge of the page: what was done, what failed and why.
import { html } from "./lib.js";
import { known, t } from "./i18n.js";
import { reasonText } from "./reasons.js";
import { changed, listen, store, useTopics } from "./store.js";
import { Icon } from "./parts/icons.js";

/** @typedef {import("./reasons.js").Why} Why */

const MOST = 4;
const SECONDS = 7;

let notifications = [];
let next = 1;

/** @param {"good" | "bad"} kind @param {string} title @param {{text?: string, why?: Why | null, code?: string}} more */
function add(kind, title, { text = "", why, code = "" }) {
  const id = next++;
  notifications = [...notifications, { id, kind, title, text, why, code }].slice(-MOST);
  changed("notifications");
  if (kind === "good") setTimeout(() => drop(id), SECONDS * 1000);
}

function drop(id) {
  notifications = notifications.filter((notification) => notification.id !== id);
  changed("notifications");
}

// A message that the server does not answer goes once it does.
listen(["connection"], () => {
  if (store.connection !== "live") return;
  notifications = notifications.filter((notification) => notification.code !== "unreachable");
  changed("notifications");
});

/** Show that something was done. @param {string} title @param {string} [text] */
export function notify(title, text) {
  add("good", title, { text });
}

/** Show that something failed; stays until it is closed. @param {Partial<import("./api.js").ApiError>} error */
export function notifyError(error) {
  const { message: text, why, code } = error;
  add("bad", known(`error.${code}`) ?? t("error.other"), { text, why, code });
}

/**
 * Do something that can fail, and show how it went; the answer, or null.
 * @param {Promise<any>} work
 * @param {string} [done]
 */
export async function reported(work, done) {
  try {
    const answer = await work;
    if (done) notify(done);
    return answer ?? {};
  } catch (error) {
    notifyError(error);
    return null;
  }
}

/** The messages of now. */
export function Notifications() {
  useTopics("notifications");
  return html`<div class="notifications" role="status" aria-live="polite">
    ${notifications.map(
      (notification) => html`<div key=${notification.id} class=${`notification ${notification.kind}`}>
        <${Icon} name=${notification.kind === "good" ? "check" : "alert"} />
        <div>
          <strong>${notification.title}</strong>
          ${notification.text && html`<p>${reasonText(notification.text, notification.why)}</p>`}
        </div>
        <button type="button" class="plain" aria-label=${t("action.close")} onClick=${() => drop(notification.id)}>
          <${Icon} name="close" />
        </button>
      </div>`,
    )}
  </div>`;
}
