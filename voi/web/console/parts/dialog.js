// Questions that stop the page: a real <dialog>, one at a time, answered or left with Escape.
import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { known, t } from "../i18n.js";
import { said } from "../reasons.js";
import { changed, useTopics } from "../store.js";
import { Icon } from "./icons.js";

let open = null;

/**
 * Show a dialog until it is answered.
 * @param {Function} Content a component; gets `props` and `close(answer)`
 * @param {object} [props]
 * @returns {Promise<any>} the answer, null when it was left
 */
export function show(Content, props = {}) {
  open?.resolve(null);
  return new Promise((resolve) => {
    open = { Content, props, resolve };
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

/** Leave a dialog that is open, such as when the session ends. */
export function leave() {
  if (open) close(null);
}

function close(answer) {
  const { resolve } = open;
  open = null;
  changed("dialog");
  resolve(answer);
}

/** Where dialogs appear. */
export function Dialogs() {
  useTopics("dialog");
  return open && html`<${Dialog} key=${open} ...${open} />`;
}

function Dialog({ Content, props }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    dialog.showModal();
    return () => {
      dialog.close(); // nothing behind it takes the focus as long as it is open
      if (before?.isConnected) before.focus?.();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close(null);
  };
  return html`<dialog ref=${box} onCancel=${cancel} aria-labelledby="dialog-title">
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
    <div class="dialog-body">
      ${children}
      ${error && html`
        <p class="field-error" role="alert">
          <strong>${known(`error.${error.code}`) ?? t("error.other")}</strong> ${said(error.message, error.why)}
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
      <button type="button" autofocus onClick=${() => leaveWith(false)}>${t("action.cancel")}</button>
      <button type="button" class=${danger ? "danger" : "primary"} onClick=${() => leaveWith(true)}>${confirm}</button>
    </footer>
  </div>`;
}
