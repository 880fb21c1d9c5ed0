// Line icons, 20 by 20, drawn in the colour of the text beside them.
import { html } from "../lib.js";

const PATHS = {
  overview: "M3 11a7 7 0 0 1 14 0M10 11l3-4M4 15h12",
  terminals: "M3 4h14v9H3zM7 17h6M10 13v4",
  rooms: "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
  templates: "M10 2.5l7 3.5-7 3.5L3 6zM3 10l7 3.5L17 10M3 14l7 3.5 7-3.5",
  rollouts: "M10 13V3M6.5 6.5L10 3l3.5 3.5M4 11v5h12v-5",
  events: "M4 5h12M4 10h12M4 15h8",
  settings: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
  check: "M4 10.5l4 4 8-9",
  alert: "M10 3l8 14H2zM10 8v4M10 14.5v.3",
  close: "M5 5l10 10M15 5L5 15",
  more: "M5 10h.1M10 10h.1M15 10h.1",
  send: "M3 10l14-6-5 13-3-5zM9 12l8-8",
  restart: "M15.5 6.5A7 7 0 1 0 17 10M16 3v4h-4",
  power: "M10 3v7M6 5.5a6.5 6.5 0 1 0 8 0",
  wake: "M11 2L5 11h4l-1 7 6-9h-4z",
  move: "M3 10h12M11 6l4 4-4 4M17 4v12",
  edit: "M4 16l1-4 8-8 3 3-8 8zM11.5 5.5l3 3",
  trash: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  upload: "M10 14V4M6 8l4-4 4 4M4 16h12",
  stamp: "M4 16h12M6 13h8l-1-3h-2l1-5H8l1 5H7z",
  plus: "M10 4v12M4 10h12",
  search: "M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zM13.5 13.5L17 17",
  download: "M10 3v10M6 9l4 4 4-4M4 17h12",
  out: "M8 4H4v12h4M8 10h9M13 6l4 4-4 4",
  key: "M7 10a3.5 3.5 0 1 0 0 .1zM10.500 10H17v3M14 10v2",
  person: "M10 10a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3.500 17c.5-4 3-5 6.500-5s6 1 6.500 5",
  back: "M12 4l-6 6 6 6",
  up: "M5 12l5-5 5 5",
  down: "M5 8l5 5 5-5",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
