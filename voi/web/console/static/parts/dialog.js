// Questions that stop the page: a real <dialog>, one at a time, answered or left with Escape.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { known, t } from "../i18n.js";
import { reasonText } from "../reasons.js";
import { changed, useTopics } from "../store.js";
import { Icon } from "./icons.js";

const FIELDS = "input, select, textarea";

/** @type {{Content: Function, props: object, stays: boolean, resolve: (answer: any) => void} | null} */
let open = null;

/**
 * Show a dialog until it is answered.
 * @param {Function} Content a component; gets `props` and `close(answer)`
 * @param {object} [props]
 * @param {{stays?: boolean}} [how] one that `stays` is not left with Escape: what it shows is not shown again
 * @returns {Promise<any>} the answer, null when it was left
 */
export function show(Content, props = {}, { stays = false } = {}) {
  open?.resolve(null);
  return new Promise((resolve) => {
    open = { Content, props, stays, resolve };
    changed("dialog");
  });
}

/**
 * Ask before something that cannot be taken back.
 * @param {{title: string, text: string, detail?: string, confirm: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function sure(question) {
  return (await show(Question, question)) === true;
}

/** Leave a dialog that is open, such as when the session ends; whether there was one. */
export function leave() {
  const there = open !== null;
  if (there) close(null);
  return there;
}

function close(answer) {
  const left = open;
  open = null;
  changed("dialog");
  left?.resolve(answer);
}

/** Where dialogs appear. */
export function Dialogs() {
  useTopics("dialog");
  return open && html`<${Dialog} key=${open} ...${open} />`;
}

function Dialog({ Content, props, stays }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = box.current;
    dialog.showModal();
    if (!dialog.querySelector("[autofocus]")) dialog.querySelector(`.dialog-body :is(${FIELDS})`)?.focus();
    return () => {
      dialog.close(); // nothing behind it takes the focus as long as it is open
      if (before?.isConnected && before !== document.body) before.focus?.();
      else /** @type {HTMLElement | null} */ (document.querySelector("main h1"))?.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    if (!stays) close(null);
  };
  const hold = (event) => {
    if (stays && event.key === "Escape") event.preventDefault();
  };
  // A browser closes a dialog by itself when Escape comes again and again.
  const closed = () => {
    if (!box.current) return;
    if (stays) box.current.showModal();
    else close(null);
  };
  return html`
    <dialog ref=${box} onCancel=${cancel} onClose=${closed} onKeyDown=${hold} aria-labelledby="dialog-title">
    <${Content} ...${props} close=${close} />
  </dialog>`;
}

/**
 * The frame of a dialog with inputs: sends on Enter, shows what the server said against it, closes on success.
 * `onSubmit` does the work; its answer is the dialog's.
 */
export function Form({ title, submit, danger = false, ready = true, onSubmit, close: leaveWith, children }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const body = useRef(null);
  useEffect(() => {
    // One begins at the first field, which may come only after a while; not if one has gone elsewhere meanwhile.
    const now = document.activeElement;
    if (body.current.contains(now) || now?.closest("footer")) return;
    (body.current.querySelector("[autofocus]") ?? body.current.querySelector(FIELDS))?.focus();
  });
  const send = async (event) => {
    event.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setError(null);
    try {
      leaveWith((await onSubmit()) ?? {});
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`<form class="dialog" onSubmit=${send}>
    <header>
      <h2 id="dialog-title">${title}</h2>
      <button type="button" class="plain" aria-label=${t("action.close")} onClick=${() => leaveWith(null)}>
        <${Icon} name="close" />
      </button>
    </header>
    <div class="dialog-body" ref=${body}>
      ${children}
      ${error && html`
        <p class="field-error" role="alert">
          <strong>${known(`error.${error.code}`) ?? t("error.other")}</strong> ${reasonText(error.message, error.why)}
        </p>`}
    </div>
    <footer>
      <button type="button" onClick=${() => leaveWith(null)}>${t("action.cancel")}</button>
      <button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy || !ready}>${submit}</button>
    </footer>
  </form>`;
}

function Question({ title, text, detail, confirm, danger = true, close: leaveWith }) {
  return html`<div class="dialog">
    <header><h2 id="dialog-title">${title}</h2></header>
    <div class="dialog-body"><p>${text}</p>${detail && html`<p class="muted">${detail}</p>`}</div>
    <footer>
      <button type="button" autofocus onClick=${() => leaveWith(false)}>${t("action.back")}</button>
      <button type="button" class=${danger ? "danger" : "primary"} onClick=${() => leaveWith(true)}>${confirm}</button>
    </footer>
  </div>`;
}
