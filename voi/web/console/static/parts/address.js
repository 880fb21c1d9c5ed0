// Where terminals find the server: the name by which the reader reached it, and the port it listens at.
import { html } from "../lib.js";
import { t } from "../i18n.js";
import { useRemote } from "../remote.js";

/** @param {number} port */
export function addressOf(port) {
  return `${location.hostname}:${port}`;
}

/** Whether the reader came by an address that only this machine has. */
export function isLoopback() {
  return /^(localhost|127\.|\[::1\])/.test(location.hostname);
}

/** The address to give to terminals, and what to think of with it. */
export function TerminalsAddress() {
  const settings = useRemote("settings");
  const port = settings.value?.addresses.terminals_port;
  return html`
    ${port && html`<code class="address mono">${addressOf(port)}</code>`}
    ${isLoopback() && html`<span class="sub">${t("first.loopback")}</span>`}`;
}
