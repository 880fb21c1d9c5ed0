// Why something is as it is, in the reader's language: the server sends what its sentence is made of.
import { actor, count, diskLabel, duration, listed, percent, size } from "./format.js";
import { known, t } from "./i18n.js";

/**
 * @typedef {{code: string, data: Record<string, string | number | Why>}} Why
 */

/** Parts of a request that are called otherwise in a form. */
const FIELDS = {
  days: "settings.retention_days",
  mac: "column.mac",
  macs: "nav.terminals",
  new: "field.new_password",
  old: "field.old_password",
  password: "signin.password",
  retention_days: "settings.retention_days",
  type: "column.type",
};

/** What a value means by its name: everything else is shown as it is. */
const VALUES = {
  available: size,
  check: (name) => known(`check.${name}`) ?? name,
  code: String,
  disk: diskLabel,
  expected: (thing) => (typeof thing === "string" ? diskLabel(thing) : thing), // a disk, or a length in bytes
  field,
  floor: size,
  free: size,
  minutes: (minutes) => t("unit.minutes", { m: Math.round(minutes) }),
  needed: size,
  number: String,
  parent: diskLabel,
  parent_size: size,
  part: percent,
  promised: size,
  required: role,
  role,
  seconds: span,
  shown: listed,
  size,
  state: (state) => known(`state.${state}`) ?? state,
  who: actor,
};

/**
 * A sentence of the server in the reader's language, or the server's own where that has no such sentence.
 * @param {string} text the server's, in English
 * @param {Why | null | undefined} why of what it is made; what is older than that has none
 */
export function reasonText(text, why) {
  return (why && sentence(why)) ?? labelled(text, why);
}

/** The server's own sentence, with what it calls a part of a request called as its form calls that. */
function labelled(text, why) {
  const path = why?.data.field;
  return path && text.startsWith(`${path}: `) ? field(path) + text.slice(path.length) : text;
}

/** @param {Why} why */
function sentence({ code, data }) {
  const values = {};
  for (const [name, value] of Object.entries(data)) {
    const shown = typeof value === "object" ? sentence(value) : (VALUES[name]?.(value) ?? value);
    if (shown === null) return null; // a part without a sentence: then none of it, rather than half of it
    values[name] = shown;
  }
  // Two sizes that look the same and are not: to the byte.
  if ("parent_size" in data && values.size === values.parent_size)
    for (const name of ["size", "parent_size"]) values[name] = t("unit.B", { size: count(Number(data[name])) });
  return known(`reason.${code}`, values);
}

/** Seconds; whole minutes without the seconds that are none. @param {number} seconds */
function span(seconds) {
  const whole = Math.round(seconds);
  const even = whole >= 60 && whole < 3600 && whole % 60 === 0;
  return even ? t("unit.minutes", { m: whole / 60 }) : duration(seconds);
}

/** A part of a request as its form calls it: of `disks[0].path` the last. @param {string} path */
function field(path) {
  const name = path.replace(/^.*\./, "").replace(/\[\d+\]$/, "");
  return known(FIELDS[name] ?? `field.${name}`) ?? path;
}

/** @param {string} name */
function role(name) {
  return known(`role.${name}`) ?? name;
}
