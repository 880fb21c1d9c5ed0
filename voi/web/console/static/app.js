// The console's beginning: language, session, the frame around every page, which page that is.
import { html, render, useEffect, useState } from "./lib.js";
import { changeOnce, get, onSignedOut, setCsrf } from "./api.js";
import { language, loadReasons, preferred, setLanguage, t } from "./i18n.js";
import { connect, disconnect } from "./live.js";
import { Notifications, notifyError } from "./notifications.js";
import { EventsPage } from "./pages/events.js";
import { NewRolloutPage } from "./pages/rollout-new.js";
import { OverviewPage } from "./pages/overview.js";
import { RolloutPage } from "./pages/rollout.js";
import { RolloutsPage } from "./pages/rollouts.js";
import { RoomPage } from "./pages/room.js";
import { RoomsPage } from "./pages/rooms.js";
import { SettingsPage } from "./pages/settings.js";
import { SignInPage } from "./pages/signin.js";
import { TemplatePage } from "./pages/template.js";
import { TemplatesPage } from "./pages/templates.js";
import { TerminalPage } from "./pages/terminal.js";
import { TerminalsPage } from "./pages/terminals.js";
import { Busy, Failure, Missing } from "./parts/bits.js";
import { Dialogs, leave } from "./parts/dialog.js";
import { Icon } from "./parts/icons.js";
import { LanguageChoice } from "./parts/language.js";
import { forgetPlaces, hashOf, placeOf, visited } from "./router.js";
import { changed, clear, loadRooms, loadTemplates, store, useTopics } from "./store.js";

const PAGES = ["overview", "terminals", "rooms", "templates", "rollouts", "events", "settings"];

/** Which page a place shows. @param {import("./router.js").Place} place */
function pageOf({ path, query }) {
  const [name = "overview", key] = path;
  const number = Number(key);
  if (name === "overview") return html`<${OverviewPage} />`;
  if (name === "terminals")
    return key ? html`<${TerminalPage} key=${key} mac=${key} />` : html`<${TerminalsPage} query=${query} />`;
  if (name === "rooms") return key ? html`<${RoomPage} key=${key} id=${number} />` : html`<${RoomsPage} />`;
  if (name === "templates") return key ? html`<${TemplatePage} key=${key} uuid=${key} />` : html`<${TemplatesPage} />`;
  if (name === "rollouts" && key === "new") return html`<${NewRolloutPage} query=${query} />`;
  if (name === "rollouts") return key ? html`<${RolloutPage} key=${key} id=${number} />` : html`<${RolloutsPage} />`;
  if (name === "events") return html`<${EventsPage} query=${query} />`;
  if (name === "settings") return html`<${SettingsPage} />`;
  return html`<${Missing} title=${t("shell.no_page")}><a href=${hashOf([])}>${t("nav.overview")}</a><//>`;
}

/** The rollout whose news a place wants from the stream. @param {import("./router.js").Place} place */
function rolloutOf({ path }) {
  return path[0] === "rollouts" && Number(path[1]) ? Number(path[1]) : null;
}

function App() {
  const [asked, setAsked] = useState(false);
  const [error, setError] = useState(null);
  const [place, setPlace] = useState(placeOf(location.hash));
  useTopics("session", "language");

  const begin = (session) => {
    store.session = session;
    store.ended = null;
    setCsrf(session.csrf ?? "");
    connect(rolloutOf(placeOf(location.hash)));
    loadRooms().catch(notifyError);
    loadTemplates().catch(notifyError);
    changed("session");
  };
  const ask = () => {
    setError(null);
    get("session")
      .then(begin, (problem) => problem.status === 401 || setError(problem))
      .finally(() => setAsked(true));
  };

  useEffect(() => {
    onSignedOut(() => store.session && end(true));
    visited(place);
    addEventListener("hashchange", () => {
      const next = placeOf(location.hash);
      visited(next);
      setPlace(next);
    });
    ask();
  }, []);
  useEffect(() => {
    if (store.session) connect(rolloutOf(place));
  }, [place]);

  if (error) return html`<${Failure} error=${error} retry=${ask} />`;
  if (!asked) return html`<${Busy} />`;
  if (!store.session) return html`<${SignInPage} key=${language()} onSession=${begin} />`;
  return html`<${Shell} key=${language()} place=${place} />`;
}

/** The session has ended. @param {boolean} byItself without a sign-out, so that it must be shown */
function end(byItself) {
  disconnect();
  clear();
  forgetPlaces();
  const busy = leave();
  store.ended = byItself ? (busy ? "busy" : "idle") : null;
  changed("session");
}

async function signOut() {
  try {
    await changeOnce("DELETE", "session");
  } catch (error) {
    if (error.status !== 401) return notifyError(error);
  }
  return end(false);
}

function Shell({ place }) {
  const { name: account, role } = /** @type {import("./store.js").Session} */ (store.session);
  const here = place.path[0] ?? "overview";
  const page = place.path.join("/");
  useEffect(() => document.getElementById("main")?.scrollTo(0, 0), [page]);
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skip}>${t("shell.skip")}</a>
    <header class="side">
      <a class="brand" href=${hashOf([])}>VOI</a>
      <nav aria-label=${t("shell.pages")}>
        ${PAGES.map(
          (
            name,
          ) => html`
            <a key=${name} href=${hashOf(name === "overview" ? [] : [name])}
              aria-current=${here === name ? "page" : null} title=${t(`nav.${name}`)}>
            <${Icon} name=${name} /><span>${t(`nav.${name}`)}</span>
          </a>`,
        )}
      </nav>
      <div class="side-foot">
        <${Connection} />
        <p class="who" title=${t(`role.${role}`)}>
          <${Icon} name="person" />
          <span>${account}<span class="sub">${t(`role.${role}`)}</span></span>
        </p>
        <${LanguageChoice} />
        <button type="button" class="plain" onClick=${signOut} title=${t("shell.sign_out")}>
          <${Icon} name="out" />
          <span>${t("shell.sign_out")}</span>
        </button>
      </div>
    </header>
    <main id="main" tabindex="-1">
      <${Banner} />
      <div key=${page}>${pageOf(place)}</div>
    </main>
    <${Dialogs} />
    <${Notifications} />
  </div>`;
}

/** Whether what is shown is live. */
function Connection() {
  useTopics("connection");
  return html`
    <p class=${`connection ${store.connection}`} title=${t(`connection.${store.connection}`)}>
      <span class="dot"></span>
      <span>${t(`connection.${store.connection}`)}</span>
    </p>`;
}

/** Shows what makes the page old: no connection, or a newer server. */
function Banner() {
  useTopics("connection");
  return html`<div role="status" aria-live="polite">
    ${store.connection === "lost" && html`
      <p class="banner warn"><${Icon} name="alert" />${t("connection.lost_text")}</p>`}
    ${
      store.outdated &&
      html`
        <p class="banner">
          <${Icon} name="restart" />
          ${t("connection.outdated")} <button type="button" onClick=${() => location.reload()}>
            ${t("connection.reload")}
          </button>
        </p>`
    }
  </div>`;
}

await setLanguage(preferred()).catch(() => setLanguage("en"));
render(html`<${App} />`, document.getElementById("app"));
loadReasons().then(() => changed("language"), notifyError);
