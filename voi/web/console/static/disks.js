// Disks as people call them: the template they belong to and their level, where the server knows them.
import { diskLabel } from "./format.js";
import { t } from "./i18n.js";
import { store, templateOf } from "./store.js";

/**
 * `voi_1_6f1a8c52-…` as template and level; its level and the beginning of its uuid where no template has it.
 * @param {string | null} name
 */
export function diskCalled(name) {
  const owner = store.templates.find((template) => (template.disks ?? []).some((disk) => disk.name === name));
  const level = /^voi_(\d)_/.exec(name ?? "")?.[1];
  return owner && level ? t("disk.named", { template: owner.name, level }) : diskLabel(name);
}

/**
 * What a terminal started from, beside its image: the level alone where it is of that.
 * @param {import("./store.js").Terminal} terminal
 */
export function bootDisk({ boot_disk: name, template: uuid }) {
  const found = /^voi_(\d)_([0-9a-f-]{36})$/.exec(name ?? "");
  const own = found && (templateOf(uuid)?.disks ?? []).some((disk) => disk.uuid === found[2]);
  return own ? t("disk.level", { level: found[1] }) : diskCalled(name);
}
