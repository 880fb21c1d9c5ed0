// Texts in the reader's language: which one, how it is loaded, how values get into a text.

/** Codes with their own names. A further language is a line here and its two files in `languages/`, with every text. */
export const LANGUAGES = {
  en: "English",
  "zh-CN": "简体中文",
};

/** @typedef {Record<string, string | Record<string, string>>} Texts by key; with forms by `Intl.PluralRules` */

const KEPT = "voi.language";

/** @type {Texts} */
let texts = {};
let code = "en";
let wanted = "en";
let plurals = new Intl.PluralRules("en");
/** Whether the reasons are needed too. A third of the console's weight, and no page needs one to be shown. */
let withReasons = false;

/** The language in use. */
export function language() {
  return code;
}

/** What was chosen here before, else what the browser prefers, else English. */
export function preferred() {
  const kept = stored();
  if (Object.hasOwn(LANGUAGES, kept)) return kept;
  const ours = Object.keys(LANGUAGES);
  for (const tag of navigator.languages ?? []) {
    const found = ours.find((own) => own === tag) ?? ours.find((own) => family(own) === family(tag));
    if (found) return found;
  }
  return "en";
}

/**
 * Use a language from now on.
 * @param {string} chosen one of LANGUAGES
 * @param {boolean} keep also on later visits
 */
export async function setLanguage(chosen, keep = false) {
  wanted = chosen;
  const [read, reasons] = await Promise.all([file(chosen), withReasons ? file(`${chosen}.reasons`) : {}]);
  if (wanted !== chosen) return; // another was chosen meanwhile
  speak(chosen, { ...read, ...reasons });
  if (keep) store(chosen);
}

/**
 * Load the reasons of the language in use, and from now on those of each that is chosen. Until they are there the
 * server's own sentences stand, in English.
 */
export async function loadReasons() {
  withReasons = true;
  const chosen = code;
  const reasons = await file(`${chosen}.reasons`);
  if (code === chosen) texts = { ...texts, ...reasons };
}

/** @param {string} name @returns {Promise<Texts>} */
async function file(name) {
  return (await import(`./languages/${name}.js`)).default;
}

/** Use these texts. @param {string} chosen a language's tag @param {Texts} read */
export function speak(chosen, read) {
  texts = read;
  code = chosen;
  plurals = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen;
}

/**
 * The text of a key. `{name}` takes a value; of a text with forms (zero, one, two, few, many, other) the language's
 * rule picks one for the value `n`, or `count`.
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
  const found = texts[key];
  if (found === undefined) return null;
  const text = typeof found === "string" ? found : (found[formOf(values)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

/** @param {Record<string, unknown>} values */
function formOf({ n, count }) {
  return plurals.select(Number(n ?? count));
}

function shown(value) {
  return typeof value === "number" ? new Intl.NumberFormat(code).format(value) : String(value);
}

/** A tag without its script and region. @param {string} tag */
function family(tag) {
  return tag.toLowerCase().split("-")[0];
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
