"""What terminals were seen to run: a rollout's proof that what it brought is used; for use inside a job."""

from __future__ import annotations

from sqlite_utils import Database

from voi.errors import Malformed
from voi.names import DiskName
from voi.store.templates import levels_of_version, read_template


def note_boot(db: Database, mac: str, boot_disk: str, content: bytes | None, now: float) -> int | None:
    """A terminal started from this: if that is what the newest rollout that it is done with brought, it runs it.

    With the info-hash of what it started from that is sure. Without, the name alone says no content, and the proof is
    that it started from this level in a session that began after the target was done.

    :return: the number of that rollout, None where nothing was proved.
    """
    try:
        name = DiskName.parse(boot_disk)
    except Malformed:
        return None
    row = db.execute(
        "SELECT r.id, r.template_uuid, r.version, m.session > t.done_session FROM rollout_targets t "
        "JOIN rollouts r ON r.id = t.rollout_id JOIN terminals m ON m.mac = t.mac "
        "WHERE t.mac = ? AND t.state = 'done' AND t.booted IS NULL AND r.template_uuid IN "
        "(SELECT template_uuid FROM levels WHERE disk_uuid = ?) ORDER BY r.id DESC LIMIT 1",
        (mac, name.uuid),
    ).fetchone()
    if row is None:
        return None
    number, template_uuid, version, later = row
    template = read_template(db, template_uuid)
    if template is None:
        return None
    levels = [level for level in levels_of_version(db, template, version) if level.name.uuid == name.uuid]
    top = max(levels, key=lambda level: level.name.level, default=None)
    if top is None or top.name != name:
        return None
    if content != top.info_hash and (content is not None or not later):
        return None
    db.execute("UPDATE rollout_targets SET booted = ? WHERE rollout_id = ? AND mac = ?", (now, number, mac))
    return int(number)
