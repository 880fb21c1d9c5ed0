// One entry of the audit log in the reader's language.
import { known, t } from "./i18n.js";
import { diskLabel, listed, size } from "./format.js";
import { reasonText } from "./reasons.js";

/**
 * @typedef {{id: number, time: string, kind: string, who: string, from: string, text: string, mac: string | null,
 *   rollout: number | null, template: string | null, data?: Record<string, unknown>}} Entry
 */

/** The first words of kinds, by which the audit log is filtered. */
export const GROUPS = [
  "account",
  "admin",
  "terminal",
  "command",
  "room",
  "template",
  "upload",
  "rollout",
  "token",
  "content",
  "settings",
  "server",
];

/**
 * What happened: from the language file where it knows the kind and has all values, else the server's English.
 * @param {Entry} entry
 */
export function sentenceOf(entry) {
  const text = known(`event.${entry.kind}`, values(entry.data ?? {}));
  return text === null || /\{\w+\}/.test(text) ? entry.text : text;
}

/** The group of a kind by its name. @param {string} kind */
export function groupName(kind) {
  return known(`kind.${kind.split(".")[0]}`) ?? kind;
}

function values(data) {
  const found = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, String(value)]));
  if ("reason" in found) found.reason = reasonText(found.reason, data.why);
  if ("disk" in found) found.disk = diskLabel(found.disk); // its template is named beside it
  if ("bytes" in found) found.bytes = size(Number(found.bytes));
  if ("subnets" in found) found.subnets = listed(found.subnets);
  if ("role" in found) found.role = known(`role.${found.role}`) ?? found.role;
  if ("count" in found)
    found.whom =
      found.count === "1" && found.terminal ? t("whom.one", found) : t("terminals.n", { n: Number(found.count) });
  return found;
}
