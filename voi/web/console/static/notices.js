// Short messages at the edge of the page: what was done, what failed and why.
import { html } from "./lib.js";
import { known, t } from "./i18n.js";
import { said } from "./reasons.js";
import { changed, listen, store, useTopics } from "./store.js";
import { Icon } from "./parts/icons.js";

/** @typedef {import("./reasons.js").Why} Why */

const MOST = 4;
const SECONDS = 7;

let notices = [];
let next = 1;

/** @param {"good" | "bad"} kind @param {string} title @param {{text?: string, why?: Why | null, code?: string}} more */
function add(kind, title, { text = "", why, code = "" }) {
  const id = next++;
  notices = [...notices, { id, kind, title, text, why, code }].slice(-MOST);
  changed("notices");
  if (kind === "good") setTimeout(() => drop(id), SECONDS * 1000);
}

function drop(id) {
  notices = notices.filter((notice) => notice.id !== id);
  changed("notices");
}

// That the server does not answer is true no longer once it does.
listen(["connection"], () => {
  if (store.connection !== "live") return;
  notices = notices.filter((notice) => notice.code !== "unreachable");
  changed("notices");
});

/** Say that something was done. @param {string} title @param {string} [text] */
export function say(title, text) {
  add("good", title, { text });
}

/** Say that something failed; stays until it is closed. @param {Partial<import("./api.js").ApiError>} error */
export function complain(error) {
  const { message: text, why, code } = error;
  add("bad", known(`error.${code}`) ?? t("error.other"), { text, why, code });
}

/**
 * Do something that can fail, and say how it went; the answer, or null.
 * @param {Promise<any>} work
 * @param {string} [done]
 */
export async function reported(work, done) {
  try {
    const answer = await work;
    if (done) say(done);
    return answer ?? {};
  } catch (error) {
    complain(error);
    return null;
  }
}

/** The messages of now. */
export function Notices() {
  useTopics("notices");
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.map(
      (notice) => html`<div key=${notice.id} class=${`notice ${notice.kind}`}>
        <${Icon} name=${notice.kind === "good" ? "check" : "alert"} />
        <div><strong>${notice.title}</strong>${notice.text && html`<p>${said(notice.text, notice.why)}</p>`}</div>
        <button type="button" class="plain" aria-label=${t("action.close")} onClick=${() => drop(notice.id)}>
          <${Icon} name="close" />
        </button>
      </div>`,
    )}
  </div>`;
}
