"""Uploads: written down before a byte is fetched, and ended in the transaction that publishes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.actors import actor_of
from voi.domain.audit import Audit
from voi.domain.uploads import OPEN_STATES, Ending, Upload, UploadDisk, UploadState
from voi.errors import Conflict, UnknownUpload
from voi.messages.reason import Reason, kept, recall
from voi.names import DiskName
from voi.store.conditions import Conditions
from voi.store.database import Store

_DISK = (
    "d.id, d.upload_id, u.template_uuid, u.mac, d.source, d.disk_uuid, d.level, d.type, d.real_size, "
    "d.reserve_size, d.state, d.reason, d.info_hash, d.size, d.told, d.created, d.updated, d.why, d.ending"
)
_FROM = "FROM upload_disks d JOIN uploads u ON u.id = d.upload_id"
_OPEN = "d.state IN (" + ", ".join(f"'{state}'" for state in OPEN_STATES) + ")"
_UPLOAD = "id, template_uuid, name, sys_type, desc, mac, created, remark, asked_by, asked_from, dismissed"
_ORDERS = {"created": "u.id", "name": "u.name COLLATE NOCASE"}
_ANY = "EXISTS (SELECT 1 FROM upload_disks d WHERE d.upload_id = u.id AND {})"
_ANY_OPEN, _ANY_FAILED = _ANY.format(_OPEN), _ANY.format("d.state = 'failed'")
_IN_STATE = {
    "open": _ANY_OPEN,
    "failed": f"NOT {_ANY_OPEN} AND {_ANY_FAILED}",
    "published": f"NOT {_ANY_OPEN} AND NOT {_ANY_FAILED}",
}
"""What must hold of an upload, as `Upload.state` says it of one that was read."""

MOST_FAILED: Final = 100
"""Uploads that failed and need attention, newest first: who has more of them looks at the first ones first."""


def _disk(row: Sequence[Any]) -> UploadDisk:
    (disk_id, upload_id, template_uuid, mac, source, disk_uuid, level, kind, real, reserve) = row[:10]
    (state, reason, info_hash, size, told, created, updated, why, ending) = row[10:]
    return UploadDisk(
        id=disk_id,
        upload_id=upload_id,
        template_uuid=template_uuid,
        mac=mac,
        source=source,
        name=DiskName(disk_uuid, level),
        type=kind,
        real_size=real,
        reserve_size=reserve,
        state=UploadState(state),
        reason=recall(reason, why),
        info_hash=info_hash,
        size=size,
        told=bool(told),
        created=created,
        updated=updated,
        ending=Ending(ending) if ending else None,
    )


def _select(db: Database, where: str, *values: Any) -> list[UploadDisk]:
    return [_disk(row) for row in db.execute(f"SELECT {_DISK} {_FROM} WHERE {where} ORDER BY d.created", values)]


def _upload(db: Database, row: Sequence[Any]) -> Upload:
    number, template_uuid, name, sys_type, desc, mac, created, remark, by, address, dismissed = row
    disks = tuple(_select(db, "d.upload_id = ?", number))
    return Upload(
        number,
        template_uuid,
        name,
        sys_type,
        desc,
        mac,
        created,
        disks,
        remark,
        actor_of(by, address) if by else None,
        bool(dismissed),
    )


def _insert_disk(db: Database, disk: UploadDisk) -> None:
    try:
        db.execute(
            "INSERT INTO upload_disks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                disk.id,
                disk.upload_id,
                disk.name.uuid,
                disk.name.level,
                disk.type,
                disk.real_size,
                disk.reserve_size,
                disk.source,
                disk.state,
                disk.reason,
                disk.info_hash,
                disk.size,
                int(disk.told),
                disk.created,
                disk.updated,
                kept(disk.reason),
                disk.ending or "",
            ),
        )
    except sqlite3.IntegrityError as error:
        raise Conflict(Reason("disk_uploaded_already", disk=str(disk.name))) from error


class Dismissed(NamedTuple):
    """An upload that nobody is wanted for; `was_wanted`: somebody was before."""

    upload: Upload
    was_wanted: bool


class Uploads:
    """All uploads, open and ended."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, upload: Upload, *, instead_of: int | None = None, audit: Audit[Upload] | None = None
    ) -> Deferred[Upload]:
        """Write down a new upload with its disks; the numbers in it are given here.

        :param instead_of: one that failed and is tried again with this, so that it is dismissed.
        :raises Conflict: one of its disks is being uploaded already.
        """

        def job(db: Database) -> Upload:
            cursor = db.execute(
                "INSERT INTO uploads (template_uuid, name, sys_type, desc, mac, created, remark, asked_by, asked_from) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.template_uuid,
                    upload.name,
                    upload.sys_type,
                    upload.desc,
                    upload.mac,
                    upload.created,
                    upload.remark,
                    upload.actor.text if upload.actor else "",
                    upload.actor.address if upload.actor else "",
                ),
            )
            number = cursor.lastrowid
            assert number is not None
            for disk in upload.disks:
                _insert_disk(db, replace(disk, upload_id=number))
            if instead_of is not None:
                _dismiss(db, instead_of)
            found = _get(db, number)
            assert found is not None
            return found

        return self._store.write(job, audit)

    def receive(
        self,
        disk_id: str,
        info_hash: bytes,
        size: int,
        real_size: int,
        reserve_size: int,
        now: float,
        *,
        audit: Audit[None] | None = None,
    ) -> Deferred[None]:
        """A requested disk's torrent arrived: it is being received, whatever kept it until now."""

        def job(db: Database) -> None:
            try:
                db.execute(
                    "UPDATE upload_disks SET state = ?, reason = '', why = '', info_hash = ?, size = ?, "
                    "real_size = ?, reserve_size = ?, updated = ? WHERE id = ?",
                    (UploadState.RECEIVING, info_hash, size, real_size, reserve_size, now, disk_id),
                )
            except sqlite3.IntegrityError as error:
                raise Conflict(Reason("uploaded_already")) from error

        return self._store.write(job, audit)

    def set_state(
        self,
        disk_id: str,
        state: UploadState,
        now: float,
        *,
        reason: str = "",
        info_hash: bytes | None = None,
    ) -> Deferred[None]:
        """Note a stage; `info_hash` replaces the one known, where the torrent was made anew.

        An upload that has ended stays ended; `fail` is what ends it.
        """

        def job(db: Database) -> None:
            db.execute(
                "UPDATE upload_disks AS d SET state = ?, reason = ?, why = ?, info_hash = coalesce(?, info_hash), "
                f"updated = ? WHERE id = ? AND {_OPEN}",
                (state, reason, kept(reason), info_hash, now, disk_id),
            )

        return self._store.write(job)

    def explain(self, disk_ids: Sequence[str], reason: str) -> Deferred[None]:
        """Say why disks that were asked for are not received yet; an empty reason takes that back."""

        def job(db: Database) -> None:
            for disk_id in disk_ids:
                db.execute(
                    "UPDATE upload_disks SET reason = ?, why = ? WHERE id = ? AND state = ?",
                    (reason, kept(reason), disk_id, UploadState.REQUESTED),
                )

        return self._store.write(job)

    def fail(
        self,
        disk_ids: Sequence[str],
        reason: str,
        now: float,
        *,
        ending: Ending = Ending.FAILED,
        audit: Audit[list[str]] | None = None,
    ) -> Deferred[list[str]]:
        """End disks that are under way, all of them in one transaction; the ids of those that were."""

        def job(db: Database) -> list[str]:
            rows = db.execute(
                "UPDATE upload_disks AS d SET state = ?, reason = ?, why = ?, updated = ?, ending = ? "
                f"WHERE id IN (SELECT value FROM json_each(?)) AND {_OPEN} RETURNING id",
                (UploadState.FAILED, reason, kept(reason), now, ending, json.dumps(list(disk_ids))),
            )
            return [row[0] for row in rows.fetchall()]

        return self._store.write(job, audit)

    def told(self, disk_id: str) -> Deferred[None]:
        """The uploader knows how it ended."""

        def job(db: Database) -> None:
            db.execute("UPDATE upload_disks SET told = 1 WHERE id = ?", (disk_id,))

        return self._store.write(job)

    def open_disks(self) -> Deferred[list[UploadDisk]]:
        """Everything that is under way."""
        return self._store.read(lambda db: _select(db, _OPEN))

    def untold(self, mac: str) -> Deferred[list[UploadDisk]]:
        """Ended uploads of a terminal that it has not heard about."""
        return self._store.read(
            lambda db: _select(db, "u.mac = ? AND d.told = 0 AND d.state IN ('published', 'failed')", mac)
        )

    def failed(self, template_uuid: str | None = None) -> Deferred[list[Upload]]:
        """Uploads and imports that failed and need attention, newest first: all, or those of a template.

        Not one that is still under way, was cancelled or dismissed, or whose disks were retried after that.
        """

        def job(db: Database) -> list[Upload]:
            rows = db.execute(
                f"SELECT {_UPLOAD} FROM uploads u WHERE dismissed = 0 AND (?1 IS NULL OR template_uuid = ?1) "
                f"AND NOT EXISTS (SELECT 1 FROM upload_disks d WHERE d.upload_id = u.id AND {_OPEN}) "
                "AND EXISTS (SELECT 1 FROM upload_disks d WHERE d.upload_id = u.id AND d.ending = ?2 "
                "AND NOT EXISTS (SELECT 1 FROM upload_disks later "
                "WHERE later.disk_uuid = d.disk_uuid AND later.level = d.level AND later.created > d.created)) "
                "ORDER BY id DESC LIMIT ?3",
                (template_uuid, Ending.FAILED, MOST_FAILED),
            ).fetchall()
            return [_upload(db, row) for row in rows]

        return self._store.read(job)

    def dismiss(self, upload_id: int, *, audit: Audit[Dismissed] | None = None) -> Deferred[Dismissed]:
        """Dismiss a failed upload, so that it needs no attention any more.

        :raises UnknownUpload: there is none of this number.
        :raises Conflict: it has not failed.
        """

        def job(db: Database) -> Dismissed:
            before = _get(db, upload_id)
            if before is None:
                raise UnknownUpload(Reason("no_upload", number=upload_id))
            if before.state != "failed":
                raise Conflict(Reason("upload_not_failed", number=upload_id))
            _dismiss(db, upload_id)
            return Dismissed(replace(before, dismissed=True), was_wanted=not before.dismissed)

        return self._store.write(job, audit)

    def disk(self, disk_id: str) -> Deferred[UploadDisk | None]:
        """One disk of an upload by its torrent id."""
        return self._store.read(lambda db: next(iter(_select(db, "d.id = ?", disk_id)), None))

    def last_of(self, name: DiskName) -> Deferred[UploadDisk | None]:
        """The newest upload of a level, ended or not."""

        def job(db: Database) -> UploadDisk | None:
            found = _select(db, "d.disk_uuid = ? AND d.level = ?", name.uuid, name.level)
            return found[-1] if found else None

        return self._store.read(job)

    def get(self, upload_id: int) -> Deferred[Upload | None]:
        """One upload with its disks."""
        return self._store.read(lambda db: _get(db, upload_id))

    def find(
        self,
        *,
        q: str = "",
        state: str | None = None,
        template_uuid: str | None = None,
        mac: str | None = None,
        sort: str = "-created",
        limit: int = -1,
        offset: int = 0,
    ) -> Deferred[tuple[list[Upload], int]]:
        """Some uploads with their disks, and how many are meant in all.

        :param q: a part of the template's name or of the terminal's MAC.
        :param sort: ``created`` or ``name``, with a ``-`` before it the other way round.
        """
        where = Conditions()
        where.contains(q, "u.name", "u.mac")
        where.equal("u.template_uuid", template_uuid)
        where.equal("u.mac", mac)
        if state is not None:
            where.add(_IN_STATE[state])
        order = f"{_ORDERS[sort.removeprefix('-')]} {'DESC' if sort.startswith('-') else 'ASC'}, u.id DESC"

        def job(db: Database) -> tuple[list[Upload], int]:
            total = db.execute(f"SELECT count(*) FROM uploads u WHERE {where}", where.values).fetchone()[0]
            query = f"SELECT {_UPLOAD} FROM uploads u WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
            rows = db.execute(query, [*where.values, limit, offset]).fetchall()
            return [_upload(db, row) for row in rows], total

        return self._store.read(job)

    def of_template(self, template_uuid: str) -> Deferred[list[Upload]]:
        """A template's uploads, oldest first."""

        def job(db: Database) -> list[Upload]:
            query = f"SELECT {_UPLOAD} FROM uploads WHERE template_uuid = ? ORDER BY id"
            return [_upload(db, row) for row in db.execute(query, (template_uuid,)).fetchall()]

        return self._store.read(job)


def end_published(db: Database, disk_id: str, now: float) -> None:
    """Note that a disk is a published level now; for use inside the job that makes it one."""
    db.execute(
        "UPDATE upload_disks SET state = ?, reason = '', why = '', updated = ? WHERE id = ?",
        (UploadState.PUBLISHED, now, disk_id),
    )


def _dismiss(db: Database, upload_id: int) -> None:
    db.execute("UPDATE uploads SET dismissed = 1 WHERE id = ?", (upload_id,))


def _get(db: Database, upload_id: int) -> Upload | None:
    row = db.execute(f"SELECT {_UPLOAD} FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    return _upload(db, row) if row else None
