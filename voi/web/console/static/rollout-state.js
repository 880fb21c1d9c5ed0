// A rollout as its page shows it: what the stream brings laid over what was read. Pure; times are passed in.

const MOST_POINTS = 600;

/** States of a terminal in a rollout, those that need a person first. */
export const TARGET_STATES = ["failed", "downloading", "waiting", "done", "cancelled", "superseded"];

/**
 * What was read, with the moment it began by this page's clock: the server's may be another.
 * @param {any} rollout as GET answers it
 * @param {number} now seconds
 */
export function read(rollout, now) {
  return { ...rollout, begun: now - rollout.elapsed };
}

/**
 * @param {any} rollout as `read` gives it
 * @param {{targets?: any[], point?: [number, number, number] | null, server_sent?: number}} news what changed
 * @param {number} now seconds
 */
export function merged(rollout, news, now) {
  const { targets = [], point, ...fields } = news;
  const next = { ...rollout, ...fields };
  if (targets.length) {
    const byMac = new Map(targets.map((target) => [target.mac, target]));
    next.targets = rollout.targets.map((old) => (byMac.has(old.mac) ? { ...old, ...byMac.get(old.mac) } : old));
  }
  if (point && point[0] > (rollout.rates.at(-1)?.[0] ?? 0)) next.rates = thinned([...rollout.rates, point]);
  // Null where it was not measured, and when its last target has just ended.
  next.server_sent = larger(rollout.server_sent, news.server_sent ?? null);
  next.copies = next.size && next.server_sent !== null ? next.server_sent / next.size : null;
  if (next.state === "running") next.elapsed = now - next.begun;
  return next;
}

/**
 * What the server counts of a rollout in short, laid over what was read of all of it: the list of rollouts has the same.
 * @param {any} rollout @param {{progress: number, counts: Record<string, number>, ran: number}} summary
 */
export function counted(rollout, { progress, counts, ran }) {
  return { ...rollout, progress, counts, ran };
}

/** Whether its last try failed, with or without another to come. @param {{state: string, attempts: number}} target */
export function hasFailed({ state, attempts }) {
  return state === "failed" || (state === "waiting" && attempts > 0);
}

/** Whether a rollout is still open for it. @param {{state: string}} target */
export function isOpen({ state }) {
  return state === "waiting" || state === "downloading";
}

/** What needs a person first comes first. @param {{state: string, attempts: number}} target */
export function urgency(target) {
  return hasFailed(target) && target.state !== "failed" ? 0.5 : TARGET_STATES.indexOf(target.state);
}

/** How many targets are in each state. @param {{state: string}[]} targets */
export function countOf(targets) {
  const counts = Object.fromEntries(TARGET_STATES.map((state) => [state, 0]));
  for (const target of targets) counts[target.state] += 1;
  return counts;
}

/** Of too many points two become one, as the server does it: a plot of a whole night still begins in the evening. */
function thinned(rates) {
  if (rates.length <= MOST_POINTS) return rates;
  const whole = rates.length - (rates.length % 2);
  const pairs = Array.from({ length: whole / 2 }, (_, index) => [rates[2 * index], rates[2 * index + 1]]);
  /** @param {number[][]} pair */
  const between = ([[, ...a], [time, ...b]]) => [time, ...a.map((value, index) => (value + b[index]) / 2)];
  return [...pairs.map(between), ...rates.slice(whole)];
}

/** @param {number | null} a @param {number | null} b */
function larger(a, b) {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
