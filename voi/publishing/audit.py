"""What the audit log tells of uploads: made inside the transaction that changes them."""

from __future__ import annotations

from typing import Any

from voi.domain.actors import SERVER, Actor
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.uploads import Upload, UploadDisk
from voi.names import DiskName
from voi.store.interfaces.uploads import Dismissed


def requested(actor: Actor, now: float) -> Audit[Upload]:
    """Somebody asked a terminal for disks."""
    return lambda upload: _entry("upload.requested", actor, now, upload, disks=len(upload.disks))


def imported(actor: Actor, now: float) -> Audit[Upload]:
    """Somebody began an import."""
    return lambda upload: _entry("template.imported", actor, now, upload, count=len(upload.disks))


def retried(actor: Actor, now: float) -> Audit[Upload]:
    """Somebody began what failed again."""
    return lambda upload: _entry("upload.retried", actor, now, upload, disks=len(upload.disks))


def cancelled(actor: Actor, now: float, upload: Upload) -> Audit[list[str]]:
    """Somebody called an upload off, of which something was under way."""
    return lambda ended: _entry("upload.cancelled", actor, now, upload) if ended else None


def dismissed(actor: Actor, now: float) -> Audit[Dismissed]:
    """Somebody has seen that an upload failed."""
    return lambda one: _entry("upload.dismissed", actor, now, one.upload) if one.was_wanted else None


def begun(terminal: Actor, now: float, upload: Upload, name: DiskName) -> Audit[Any]:
    """A disk comes in from a terminal: the doing of who logged in there, else its own."""
    by = upload.actor
    actor = by if by is not None and by.address == terminal.address else terminal
    said = {"disk": str(name), "by": "" if by is None else by.text}
    return lambda _: _entry("upload.begun", actor, now, upload, **said)


def failed(now: float, upload: Upload, disk: UploadDisk, reason: str) -> AuditEntry:
    """A disk could not be published."""
    by = "" if upload.actor is None else upload.actor.text
    return _entry("upload.failed", SERVER, now, upload, disk=str(disk.name), by=by, reason=reason)


def _entry(kind: str, actor: Actor, now: float, upload: Upload, **data: Any) -> AuditEntry:
    return make_entry(
        kind, actor, now, mac=upload.mac, template=upload.template_uuid, data={"name": upload.name, **data}
    )
