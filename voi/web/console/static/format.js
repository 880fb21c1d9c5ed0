// Values as people read them: sizes, rates, shares, durations, moments, names of disks and of those who did something.
import { known, language, t } from "./i18n.js";

const SIZES = ["unit.B", "unit.kB", "unit.MB", "unit.GB", "unit.TB"];
const formats = new Map();

/** @param {string} kind @param {any} [options] */
function format(kind, options) {
  const key = `${language()} ${kind}`;
  if (!formats.has(key)) {
    const tag = language();
    const isTime = kind.startsWith("time");
    formats.set(key, isTime ? new Intl.DateTimeFormat(tag, options) : new Intl.NumberFormat(tag, options));
  }
  return formats.get(key);
}

/** A count. @param {number} value */
export function count(value) {
  return format("number").format(value);
}

/** Bytes with three digits that count. @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const number = format(`number ${digits}`, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return t(SIZES[unit], { size: number.format(value) });
}

/** Bytes a second. @param {number | null | undefined} bytes */
export function rate(bytes) {
  return bytes ? t("unit.rate", { size: size(bytes) }) : "–";
}

/** 0 to 1 as per cent; 100 % only when it is all. @param {number | null | undefined} share */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const whole = share >= 1 ? 100 : Math.min(99, Math.floor(share * 100 + 1e-9));
  return format("percent", { style: "percent" }).format(whole / 100);
}

/** A factor such as 1.07. @param {number | null | undefined} value */
export function factor(value) {
  if (value === null || value === undefined) return "–";
  const number = format("number 2", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return t("unit.times", { n: number.format(value) });
}

/** Seconds in the two units that count. @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 1) return t("unit.seconds", { s: Math.max(0.01, Math.round(seconds * 100) / 100) });
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("unit.seconds", { s: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 10) return t("unit.minutes_seconds", { m: minutes, s: whole % 60 });
  if (minutes < 60) return t("unit.minutes", { m: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return t("unit.hours_minutes", { h: hours, m: minutes % 60 });
  return t("unit.days_hours", { d: Math.floor(hours / 24), h: hours % 24 });
}

/** The time of day. @param {number} seconds since the epoch */
export function clock(seconds) {
  return timeOfDay().format(new Date(seconds * 1000));
}

function timeOfDay() {
  return format("time of day", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** A moment, in the reader's time zone. @param {string | null | undefined} iso */
export function moment(iso) {
  if (!iso) return "–";
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  if (today) return timeOfDay().format(date);
  if (date.getFullYear() === new Date().getFullYear()) return dayAndTime().format(date);
  return format("time", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(date);
}

function dayAndTime() {
  const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return format("time and day", parts);
}

/** A moment in full. @param {string | null | undefined} iso */
export function fullMoment(iso) {
  return iso
    ? format("time full", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(new Date(iso))
    : "";
}

/** `voi_1_6f1a8c52-…` as level and the beginning of its uuid. @param {string | null} name */
export function diskLabel(name) {
  const found = /^voi_(\d)_([0-9a-f]{8})/.exec(name ?? "");
  return found ? t("disk.short", { level: found[1], uuid: found[2] }) : (name ?? "–");
}

/** Who did it; "server", "token NAME" and "terminal MAC" in the reader's language. @param {string} who */
export function actor(who) {
  const [kind, ...rest] = who.split(" ");
  return known(`who.${kind}`, { name: rest.join(" ") })?.trim() ?? who;
}

/** What the server lists with commas, with those of the reader's language. @param {string} text */
export function listed(text) {
  return text.replaceAll(", ", t("list.comma"));
}
