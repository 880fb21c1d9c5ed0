// All rooms: how many are there, rooms proposed from addresses seen, making and changing one.
import { html, useEffect, useState } from "../lib.js";
import { change } from "../api.js";
import { t } from "../i18n.js";
import { notify, reported } from "../notifications.js";
import { Card, Field, Missing, PageHead, PlainTable } from "../parts/bits.js";
import { Form, show, sure } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { hashOf } from "../router.js";
import { loadRooms, loadTerminals, store, useTopics } from "../store.js";

/**
 * Ask for a room's name and subnets; `room` without an id is a new one.
 * @param {{id?: number, name: string, subnets: string[]}} room
 */
export async function editRoom(room) {
  if (await show(RoomForm, { room })) notify(t("done.room"));
}

/** Delete a room, if the person is sure. @param {{id: number, name: string, total: number}} room */
export async function deleteRoom(room) {
  const question = {
    title: t("ask.room_delete.title", { name: room.name }),
    text: t("ask.room_delete.text", { n: room.total }),
    confirm: t("ask.room_delete.yes"),
  };
  if (!(await sure(question))) return false;
  const answer = await reported(change("DELETE", `rooms/${room.id}`), t("done.room_delete"));
  reread();
  return answer !== null;
}

function reread() {
  loadRooms().catch(() => {});
  if (store.terminalsLoaded) loadTerminals().catch(() => {});
}

/** All rooms. */
export function RoomsPage() {
  useTopics("rooms");
  useEffect(() => {
    loadRooms().catch(() => {});
    const timer = setInterval(() => document.hidden || loadRooms().catch(() => {}), 10_000);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="page">
    <${PageHead} title=${t("nav.rooms")} note=${t("rooms.note")}>
      <button type="button" class="primary" onClick=${() => editRoom({ name: "", subnets: [] })}>
        <${Icon} name="plus" />
        ${t("rooms.new")}
      </button>
    <//>
    ${store.proposals.length > 0 && html`<${Proposals} />`}
    <${Card}>
      <${PlainTable} label=${t("nav.rooms")} columns=${columns()} rows=${store.rooms} rowKey=${(room) => room.id}
        empty=${store.roomsLoaded ? t("rooms.empty") : t("wait.loading")} />
      ${
        store.unassigned > 0 &&
        html`
          <p class="foot-note">
            <a href=${hashOf(["terminals"], { room: "0" })}>${t("rooms.unassigned", { n: store.unassigned })}</a>
          </p>`
      }
    <//>
  </div>`;
}

function columns() {
  return [
    {
      key: "name",
      label: t("field.name"),
      render: (room) => html`<a class="strong" href=${hashOf(["rooms", String(room.id)])}>${room.name}</a>`,
    },
    {
      key: "subnets",
      label: t("field.subnets"),
      className: "mono",
      render: (room) => room.subnets.join(t("list.comma")) || "–",
    },
    {
      key: "online",
      label: t("state.online"),
      render: (room) =>
        html`
          <span class="meter">
            <meter max=${room.total || 1} value=${room.online} aria-label=${t("state.online")}>
            </meter> <span class="of">${t("rooms.online", { online: room.online, total: room.total })}</span>
          </span>`,
    },
    {
      key: "actions",
      label: html`<span class="hidden">${t("column.actions")}</span>`,
      className: "actions",
      render: (
        room,
      ) => html`
        <button type="button" class="plain" aria-label=${t("rooms.edit", { name: room.name })} title=${t("action.edit")}
          onClick=${() => editRoom(room)}>
          <${Icon} name="edit" />
        </button>
        <button type="button" class="plain danger" aria-label=${t("rooms.delete", { name: room.name })}
          title=${t("action.delete")} onClick=${() => deleteRoom(room)}>
          <${Icon} name="trash" />
        </button>`,
    },
  ];
}

function Proposals() {
  return html`<${Card} title=${t("rooms.proposals")} className="proposals">
    <p class="muted">${t("rooms.proposals_note")}</p>
    <ul class="lines">
      ${store.proposals.map(
        (proposal) => html`<li key=${proposal.subnet}>
          <span>
            <strong class="mono">
              ${proposal.subnet}
            </strong> <span class="muted">
              ${t("terminals.n", { n: proposal.count })}
            </span>
          </span>
          <button type="button" onClick=${() => editRoom({ name: proposal.name, subnets: [proposal.subnet] })}>
            ${t("rooms.take")}
          </button>
        </li>`,
      )}
    </ul>
  <//>`;
}

function RoomForm({ room, close }) {
  const [name, setName] = useState(room.name);
  const [subnets, setSubnets] = useState(room.subnets.join("\n"));
  const save = async () => {
    const body = { name: name.trim(), subnets: subnets.split(/[\s,;]+/).filter(Boolean) };
    await (room.id ? change("PATCH", `rooms/${room.id}`, body) : change("POST", "rooms", body));
    reread();
  };
  return html`
    <${Form} title=${room.id ? t("rooms.edit", { name: room.name }) : t("rooms.new")} submit=${t("action.save")}
      ready=${name.trim() !== ""} onSubmit=${save} close=${close}>
    <${Field} label=${t("field.name")}>
      <input type="text" required maxlength="64" autofocus value=${name}
        onInput=${(event) => setName(event.currentTarget.value)} />
    <//>
    <${Field} label=${t("field.subnets")} hint=${t("rooms.subnets_hint")}>
      <textarea rows="3" class="mono" value=${subnets} placeholder="10.1.2.0/24"
        onInput=${(event) => setSubnets(event.currentTarget.value)}>
      </textarea>
    <//>
  <//>`;
}

/** No room has this id. */
export function NoRoom() {
  const back = { href: hashOf(["rooms"]), label: t("nav.rooms") };
  return html`<${Missing} title=${t("rooms.gone")} back=${back}><p>${t("rooms.gone_note")}</p><//>`;
}
