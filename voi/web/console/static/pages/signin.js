// Signing in: name and password.
import { html, useEffect, useRef, useState } from "../lib.js";
import { changeOnce } from "../api.js";
import { known, t } from "../i18n.js";
import { Field } from "../parts/bits.js";
import { LanguageChoice } from "../parts/language.js";
import { reasonText } from "../reasons.js";
import { store } from "../store.js";

/** @param {{onSession: (session: object) => void}} props */
export function SignInPage({ onSession }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const first = useRef(null);
  const second = useRef(null);
  useEffect(() => {
    document.title = `${t("signin.title")} · VOI`;
    first.current.focus(); // "autofocus" works only once in the life of a page
  }, []);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onSession(await changeOnce("POST", "session", { name, password }));
    } catch (problem) {
      setError(problem);
      setPassword("");
      setBusy(false);
      second.current.focus();
    }
  };
  return html`<main class="sign-in">
    <form class="card" onSubmit=${send}>
      <p class="brand big">VOI</p>
      <h1>${t("signin.title")}</h1>
      ${store.ended && html`
        <p class="banner warn" role="status">${t("signin.ended")} ${store.ended === "busy" && t("signin.ended_busy")}</p>`}
      <${Field} label=${t("signin.name")}>
        <input type="text" name="name" autocomplete="username" autocapitalize="none" spellcheck=${false} required
          ref=${first} value=${name} onInput=${(event) => setName(event.currentTarget.value)} />
      <//>
      <${Field} label=${t("signin.password")}>
        <input type="password" name="password" autocomplete="current-password" required value=${password} ref=${second}
          onInput=${(event) => setPassword(event.currentTarget.value)} />
      <//>
      ${error && html`
        <p class="field-error" role="alert">
          <strong>
            ${known(`signin.error.${error.code}`) ?? known(`error.${error.code}`) ?? t("error.other")}
          </strong> ${error.code === "unauthorized" ? "" : reasonText(error.message, error.why)}
        </p>`}
      <button type="submit" class="primary big" disabled=${busy}>${t("signin.submit")}</button>
      <p class="muted">${t("signin.hint")}</p>
      <${LanguageChoice} />
    </form>
  </main>`;
}
