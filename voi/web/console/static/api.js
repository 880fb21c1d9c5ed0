// Every request to the server: session proof, idempotency keys, one kind of error.

const BASE = "api/v1/";
const READ_SECONDS = 30;
const CHANGE_SECONDS = 60;
const TRIES = 3;

let csrf = "";
let signedOut = () => {};

/** An answer that is no success, or none at all (`code` "unreachable"). `message` is the server's sentence. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 without an answer
   * @param {string} code a word for programs
   * @param {string} message a sentence for people
   * @param {string | null} field the input at fault
   * @param {import("./reasons.js").Why | null} why of what the sentence is made
   */
  constructor(status, code, message, field = null, why = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
    this.why = why;
  }
}

/** Keep the proof that changes must carry. @param {string} token */
export function setCsrf(token) {
  csrf = token;
}

/** Call `handler` when the server answers that the session has ended. @param {() => void} handler */
export function onSignedOut(handler) {
  signedOut = handler;
}

/** The query part of a path; empty values are left out. @param {Record<string, unknown>} values */
export function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return pairs.length ? `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}` : "";
}

/** The address of something under the API, for links and streams. @param {string} path */
export function address(path) {
  return BASE + path;
}

/** 128 random bits. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Read.
 * @param {string} path below /api/v1/
 * @param {AbortSignal} [signal]
 */
export function get(path, signal) {
  const limit = AbortSignal.timeout(READ_SECONDS * 1000);
  return answer(path, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
}

/**
 * Change something. When the connection breaks before the answer, the same request with the same key is sent again:
 * the server does it once. Where it keeps no answer to know a request again by, see `changeOnce`.
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path below /api/v1/
 * @param {unknown} [body]
 */
export async function change(method, path, body) {
  const key = newKey();
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(method, path, body, { "Idempotency-Key": key });
    } catch (error) {
      if (error.code !== "unreachable" || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * 1000));
    }
  }
}

/**
 * Ask for something that has a password or a token in it, or changes nothing: of that the server keeps no answer, so
 * it is sent once and without a key, and whoever gets no answer looks whether it was done.
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path below /api/v1/
 * @param {unknown} [body]
 */
export function changeOnce(method, path, body) {
  return ask(method, path, body, {});
}

function ask(method, path, body, further) {
  const headers = { "X-CSRF-Token": csrf, ...further };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const text = body === undefined ? undefined : JSON.stringify(body);
  return answer(path, { method, headers, body: text, signal: AbortSignal.timeout(CHANGE_SECONDS * 1000) });
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(BASE + path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "");
  }
  const text = await response.text().catch(() => "");
  const body = parsed(text);
  if (response.ok) return body;
  const refusal = body?.error ?? {};
  const proving = path.startsWith("session") && options.method; // a wrong password is no ended session
  if (response.status === 401 && !proving) signedOut();
  const code = refusal.code ?? `http_${response.status}`;
  throw new ApiError(response.status, code, refusal.message ?? "", refusal.field ?? null, refusal.why ?? null);
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}
