// Nobody is signed in: name and password.
import { html, useState } from "../lib.js";
import { change } from "../api.js";
import { known, t } from "../i18n.js";
import { Field } from "../parts/bits.js";
import { LanguageChoice } from "../parts/language.js";
import { said } from "../reasons.js";

/** @param {{onSession: (session: object) => void}} props */
export function SignInPage({ onSession }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onSession(await change("POST", "session", { name, password }));
    } catch (problem) {
      setError(problem);
      setPassword("");
      setBusy(false);
    }
  };
  return html`<main class="sign-in">
    <form class="card" onSubmit=${send}>
      <p class="brand big">VOI</p>
      <h1>${t("signin.title")}</h1>
      <${Field} label=${t("signin.name")}>
        <input type="text" name="name" autocomplete="username" autocapitalize="none" spellcheck=${false} required
          autofocus value=${name} onInput=${(event) => setName(event.currentTarget.value)} />
      <//>
      <${Field} label=${t("signin.password")}>
        <input type="password" name="password" autocomplete="current-password" required value=${password}
          onInput=${(event) => setPassword(event.currentTarget.value)} />
      <//>
      ${error && html`
        <p class="field-error" role="alert">
          <strong>
            ${known(`signin.error.${error.code}`) ?? known(`error.${error.code}`) ?? t("error.other")}
          </strong> ${error.code === "unauthorized" ? "" : said(error.message, error.why)}
        </p>`}
      <button type="submit" class="primary big" disabled=${busy}>${t("signin.submit")}</button>
      <p class="muted">${t("signin.hint")}</p>
      <${LanguageChoice} />
    </form>
  </main>`;
}
