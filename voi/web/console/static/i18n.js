// Texts in the reader's language: which one, how it is loaded, how values get into a text.

/** Codes with their own names. */
export const LANGUAGES = { en: "English", "zh-CN": "简体中文" };

const KEPT = "voi.language";

let texts = {};
let code = "en";
let wanted = "en";
let plurals = new Intl.PluralRules("en");

/** The language in use. */
export function language() {
  return code;
}

/** What was chosen here before, else what the browser prefers, else English. */
export function preferred() {
  const kept = stored();
  if (Object.hasOwn(LANGUAGES, kept)) return kept;
  const first = (navigator.languages ?? []).find((tag) => /^(en|zh)\b/i.test(tag));
  return first && /^zh/i.test(first) ? "zh-CN" : "en";
}

/**
 * Use a language from now on.
 * @param {string} chosen one of LANGUAGES
 * @param {boolean} keep also on later visits
 */
export async function setLanguage(chosen, keep = false) {
  wanted = chosen;
  const read = (await import(`./languages/${chosen}.js`)).default;
  if (wanted !== chosen) return; // another was chosen meanwhile
  texts = read;
  code = chosen;
  plurals = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen;
  if (keep) store(chosen);
}

/**
 * The text of a key. `{name}` takes a value; a text of two parts, `one|other`, is chosen by the value `n`.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  return known(key, values) ?? key;
}

/**
 * The text of a key, or null for one that no language has.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function known(key, values = {}) {
  const text = texts[key];
  if (text === undefined) return null;
  const parts = text.split("|");
  const part = parts.length > 1 && plurals.select(Number(values.n)) !== "one" ? parts[1] : parts[0];
  return part.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

function shown(value) {
  return typeof value === "number" ? new Intl.NumberFormat(code).format(value) : String(value);
}

function stored() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function store(chosen) {
  try {
    localStorage.setItem(KEPT, chosen);
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
}
