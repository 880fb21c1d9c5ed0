// One room as its teacher sees it: a tile for each seat, with state and progress.
import { Component, html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { comparer, STATES } from "../filters.js";
import { language, t } from "../i18n.js";
import { Badge, Bar, Busy, Empty, Image, PageHead } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { useRoving } from "../parts/roving.js";
import { TerminalActions } from "../parts/terminal-actions.js";
import { reasonText } from "../reasons.js";
import { go, hashOf } from "../router.js";
import { loadTerminals, nameOf, roomOf, store, templateOf, useTopics } from "../store.js";
import { deleteRoom, editRoom, NoRoom } from "./rooms.js";

const OCTETS = 8; // the last three of a MAC: the first ones are the maker's, and the same all over a room

/** @param {{id: number}} props */
export function RoomPage({ id }) {
  const names = useTopics("rooms", "templates", "language");
  const revision = useTopics("terminals");
  const [chosen, setChosen] = useState(new Set());
  useEffect(() => {
    if (!store.terminalsLoaded) loadTerminals().catch(() => {});
  }, []);
  const compare = useMemo(
    () => comparer("name", { language: language(), roomName: () => "", imageName: () => "" }),
    [language()],
  );
  const seats = useMemo(
    () => [...store.terminals.values()].filter((terminal) => terminal.room === id).sort(compare),
    [revision, names, id, compare],
  );

  const grid = useRef(null);
  const roving = useRoving(grid, ".seat");
  const room = roomOf(id);
  if (!room) return store.roomsLoaded ? html`<${NoRoom} />` : html`<${Busy} />`;
  const acting = seats.filter((seat) => chosen.has(seat.mac));
  const toggle = (mac) => {
    const next = new Set(chosen);
    next.has(mac) ? next.delete(mac) : next.add(mac);
    setChosen(next);
  };
  const online = seats.filter((seat) => seat.online).length;
  return html`<div class="page">
    <${PageHead} title=${room.name} back=${{ href: hashOf(["rooms"]), label: t("nav.rooms") }}
      note=${`${t("rooms.online", { online, total: seats.length })} · ${room.subnets.join(t("list.comma"))}`}>
      <button type="button"
        onClick=${() => setChosen(acting.length === seats.length ? new Set() : new Set(seats.map((seat) => seat.mac)))}>
        ${acting.length === seats.length && seats.length ? t("chosen.clear") : t("room.choose_all")}
      </button>
      <button type="button" onClick=${() => editRoom(room)}><${Icon} name="edit" />${t("action.edit")}</button>
      <button type="button" class="danger" onClick=${async () => (await deleteRoom(room)) && go(["rooms"])}>
        <${Icon} name="trash" />
        ${t("action.delete")}
      </button>
    <//>
    <${States} seats=${seats} room=${id} />
    <${TerminalActions} terminals=${acting} onClear=${() => setChosen(new Set())} />
    ${seats.length === 0 && html`<${Empty} text=${store.terminalsLoaded ? t("room.empty") : t("wait.loading")} />`}
    <ul class="seats" ref=${grid} ...${roving}>
      ${seats.map((seat) => html`
        <${Seat} key=${seat.mac} seat=${seat} chosen=${chosen.has(seat.mac)} toggle=${toggle} names=${names} />`)}
    </ul>
  </div>`;
}

function States({ seats, room }) {
  const present = STATES.map((state) => [state, seats.filter((seat) => seat.state === state).length]).filter(
    ([, n]) => n,
  );
  return html`<p class="state-counts">
    ${present.map(
      ([state, n]) =>
        html`
          <a key=${state} href=${hashOf(["terminals"], { room, state })}>
            <${Badge} state=${state} /> <strong>${n}</strong>
          </a>`,
    )}
  </p>`;
}

/** A tile renders again only when its terminal or its choice changed. */
class Seat extends Component {
  shouldComponentUpdate(next) {
    return next.seat !== this.props.seat || next.chosen !== this.props.chosen || next.names !== this.props.names;
  }

  render({ seat, chosen }) {
    const moving = seat.state === "downloading" || seat.state === "waiting";
    const reason = reasonText(seat.reason, seat.why);
    // The latest toggle, not that of the last rendering: it knows what is chosen now.
    const toggle = () => this.props.toggle(seat.mac);
    return html`<li class=${`seat ${seat.state} ${chosen ? "chosen" : ""}`}>
      <div class="seat-head">
        <a href=${hashOf(["terminals", seat.mac])} title=${`${nameOf(seat)}\n${seat.mac}\n${seat.ip}`}
          aria-label=${nameOf(seat)}>
          ${seat.name || seat.mac.slice(-OCTETS)}
        </a>
        <input type="checkbox" checked=${chosen} aria-label=${t("table.choose", { name: nameOf(seat) })}
          onChange=${toggle} />
      </div>
      <${Badge} state=${seat.state} title=${reason} />
      ${
        moving
          ? html`<${Bar} value=${seat.progress} state=${seat.state} label=${t("column.progress")} />`
          : html`
            <span class="seat-note" title=${reason}>
              ${seat.state === "failed" ? reason : templateOf(seat.template) ? html`<${Image} terminal=${seat} link=${false} />` : seat.ip}
            </span>`
      }
    </li>`;
  }
}
