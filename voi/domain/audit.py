"""What happened: one entry of the audit log, who did it, and every kind of entry there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from voi.domain.actors import Actor
from voi.domain.commands import COMMANDS
from voi.messages.reason import Reason, plain

LONGEST_TEXT: Final = 500
"""Characters of one value in an entry: names and reasons come from terminals, and the audit log is no store for
them."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry; `time` is seconds since the epoch.

    `text` is English and made of `data` by the kind's sentence. `mac`, `rollout` and `template` name what it is
    about, where that is one thing; `macs` are all terminals that it is about. `id` is 0 until it is written down.
    """

    id: int
    time: float
    kind: str
    actor: Actor
    text: str
    mac: str | None = None
    rollout: int | None = None
    template: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    macs: tuple[str, ...] = ()


T = TypeVar("T")
Audit = Callable[[T], AuditEntry | Iterable[AuditEntry] | None]
"""What a change is to be written down as: from its result to entries, none where nothing happened.

It is called inside the transaction that makes the change, in the database's thread, so it computes and does nothing
else; what it gives is written in the same transaction, which fails with it.
"""

KINDS: Final[dict[str, str]] = {
    "server.started": "The server started, version {version}",
    "server.stopped": "The server stopped",
    "server.swept": "Files to which nothing refers are deleted: {files}, with {bytes} bytes",
    "server.clock": "The time of day changed: {reason}",
    "account.signed_in": "{name} signed in",
    "account.refused": "Sign-in as {name} was refused: {reason}",
    "account.signed_out": "{name} signed out",
    "account.password": "The password of {name} was changed",
    "account.made": "The account {name} was created, role {role}",
    "account.changed": "The account {name} was changed, role {role}",
    "account.removed": "The account {name} was deleted",
    "token.made": "The token {name} was created, role {role}",
    "token.revoked": "The token {name} was revoked",
    "admin.signed_in": "{name} signed in at terminal {terminal}",
    "admin.refused": "Sign-in as {name} at terminal {terminal} was refused: {reason}",
    "terminal.first": "Terminal {terminal} logged in for the first time, from {ip}",
    "terminal.renamed": "Terminal {terminal} was renamed to {name}",
    "terminal.unnamed": "The name of terminal {terminal} was removed",
    "terminal.moved": "Moved to {room}: {whom}",
    "terminal.released": "Back in the room that matches the address: {whom}",
    "terminal.forgotten": "Forgotten: {whom}",
    "terminal.damaged_copy": "The copy of {disk} at terminal {terminal} is damaged: {pieces} pieces of it did not "
    "match at terminal {at}",
    "terminal.disk_right": "Terminal {terminal} read {disk} from end to end: all of it is right",
    "terminal.disk_damaged": "Terminal {terminal} read {disk} from end to end: {pieces} pieces of it are damaged, and "
    "are fetched again",
    "terminal.disk_unreadable": "Terminal {terminal} could not check {disk}: {reason}",
    "terminal.woken": "Woken: {whom}",
    "terminal.set_aside": (
        "Terminal {terminal} had unpublished work in {disk}: it is kept there as {kept_as}, and no longer in use"
    ),
    **{kind: sentence for command in COMMANDS for kind, sentence in command.entries().items()},
    "room.made": "Room created: {name}; subnets: {subnets}",
    "room.changed": "Room changed: {name}; subnets: {subnets}",
    "room.removed": "Room deleted: {name}",
    "template.imported": "Template {name} is being imported; image files: {count}",
    "template.renamed": "Template {old} was renamed to {name}",
    "template.remark": "The remark of template {name} was changed to: {desc}",
    "template.auto_update_on": "Automatic updates of template {name} were switched on",
    "template.auto_update_off": "Automatic updates of template {name} were switched off",
    "upload.requested": "Terminal {terminal} was asked to upload template {name}; disks: {disks}",
    "upload.cancelled": "The upload of template {name} was cancelled",
    "upload.retried": "The failed upload of template {name} was requested again; disks: {disks}",
    "upload.dismissed": "The failed upload of template {name} was dismissed",
    "upload.begun": "Receiving {disk} of template {name} from terminal {terminal}",
    "upload.published": "{disk} was published: template {name} now has version {version}",
    "upload.failed": "{disk} of template {name} could not be published: {reason}",
    "content.damaged": "{disk} of template {name}: {reason}",
    "content.missing": "{disk} of template {name}: {reason}",
    "content.unreadable": "{disk} of template {name}: {reason}",
    "content.moved_aside": (
        "{disk} of template {name}: another file was in its place on the server and is now called {file}"
    ),
    "content.torrent_made": "{disk} of template {name}: its torrent was lost and was made again from its file",
    "content.whole": "{disk} of template {name}: the file on the server is whole again",
    "template.checked": "The files of template {name} are being checked; files: {count}",
    "settings.retention": "Events are now kept for {days} days",
    "rollout.begun": "Rollout {number} started: template {name}, version {version}, to {whom}",
    "rollout.begun_again": "Rollout {number} started: template {name}, version {version}, is sent again to {whom}",
    "rollout.cancelled": "Rollout {number} was cancelled",
    "rollout.taken_out": "Rollout {number}: taken out: {whom}",
    "rollout.retried": "Rollout {number}: retried: {whom}",
    "rollout.target_failed": "Rollout {number}: terminal {terminal} failed: {reason}",
    "rollout.finished": "Rollout {number} has ended; done: {done}, failed: {failed}",
}
"""Every kind of entry with its sentence; a console says ``event.<kind>`` in its own language from the same data."""

BY_STRANGERS: Final = (
    "account.refused",
    "admin.refused",
    "terminal.first",
    "terminal.set_aside",
    "terminal.damaged_copy",
    "terminal.disk_right",
    "terminal.disk_damaged",
    "terminal.disk_unreadable",
)
"""Kinds that anybody who reaches the server can bring about, as often as they like."""


def make_entry(
    kind: str,
    actor: Actor,
    now: float,
    *,
    mac: str | None = None,
    macs: tuple[str, ...] = (),
    rollout: int | None = None,
    template: str | None = None,
    data: Mapping[str, Any] | None = None,
    sentence: str = "",
) -> AuditEntry:
    """An entry that is not written down yet.

    A `mac` is among its `macs`. The data gets `terminal`, `count` and `number` (of the rollout) by itself, and, beside
    a `reason` from the catalogue, its code and data as `why`. `sentence` is the kind's, where it is not one of KINDS.

    :raises KeyError: there is no sentence for the kind, or it needs a value that is not there.
    """
    values = {name: _bounded(value) for name, value in (data or {}).items()}
    if isinstance(values.get("reason"), Reason):
        values["why"] = plain(values["reason"])
        values["reason"] = str(values["reason"])
    if mac is not None:
        macs = (mac, *(other for other in macs if other != mac))
    if len(macs) == 1:
        mac = macs[0]
    if macs:
        values.setdefault("count", len(macs))
    if mac is not None:
        values.setdefault("terminal", mac)
    if rollout is not None:
        values.setdefault("number", rollout)
    whom = f"terminal {mac}" if len(macs) == 1 else f"{len(macs)} terminals"
    text = (sentence or KINDS[kind]).format_map({**values, "whom": whom})
    return AuditEntry(0, now, kind, actor, text, mac, rollout, template, values, macs)


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[: LONGEST_TEXT - 1] + "…"
    return value
