// The switch of languages.
import { html } from "../lib.js";
import { language, LANGUAGES, setLanguage, t } from "../i18n.js";
import { notifyError } from "../notifications.js";
import { changed } from "../store.js";
import { Choice } from "./bits.js";

/** A choice that stays on this browser. */
export function LanguageChoice() {
  const use = (code) => setLanguage(code, true).then(() => changed("language"), notifyError);
  return html`
    <${Choice} class="language" label=${t("shell.language")} value=${language()} options=${Object.entries(LANGUAGES)}
      onChange=${use} />`;
}
