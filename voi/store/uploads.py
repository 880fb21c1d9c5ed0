"""Uploads: written down before a byte is fetched, and ended in the transaction that publishes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
from voi.store.interfaces.uploads import MOST_FAILED, Dismissed, Uploads

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


class SqlUploads(Uploads):
    """`Uploads` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, upload: Upload, *, instead_of: int | None = None, audit: Audit[Upload] | None = None
    ) -> Deferred[Upload]:
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
        def job(db: Database) -> None:
            db.execute(
                "UPDATE upload_disks AS d SET state = ?, reason = ?, why = ?, info_hash = coalesce(?, info_hash), "
                f"updated = ? WHERE id = ? AND {_OPEN}",
                (state, reason, kept(reason), info_hash, now, disk_id),
            )

        return self._store.write(job)

    def explain(self, disk_ids: Sequence[str], reason: str) -> Deferred[None]:
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
        def job(db: Database) -> list[str]:
            rows = db.execute(
                "UPDATE upload_disks AS d SET state = ?, reason = ?, why = ?, updated = ?, ending = ? "
                f"WHERE id IN (SELECT value FROM json_each(?)) AND {_OPEN} RETURNING id",
                (UploadState.FAILED, reason, kept(reason), now, ending, json.dumps(list(disk_ids))),
            )
            return [row[0] for row in rows.fetchall()]

        return self._store.write(job, audit)

    def told(self, disk_id: str) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("UPDATE upload_disks SET told = 1 WHERE id = ?", (disk_id,))

        return self._store.write(job)

    def open_disks(self) -> Deferred[list[UploadDisk]]:
        return self._store.read(lambda db: _select(db, _OPEN))

    def untold(self, mac: str) -> Deferred[list[UploadDisk]]:
        return self._store.read(
            lambda db: _select(db, "u.mac = ? AND d.told = 0 AND d.state IN ('published', 'failed')", mac)
        )

    def failed(self, template_uuid: str | None = None) -> Deferred[list[Upload]]:
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
        return self._store.read(lambda db: next(iter(_select(db, "d.id = ?", disk_id)), None))

    def last_of(self, name: DiskName) -> Deferred[UploadDisk | None]:
        def job(db: Database) -> UploadDisk | None:
            found = _select(db, "d.disk_uuid = ? AND d.level = ?", name.uuid, name.level)
            return found[-1] if found else None

        return self._store.read(job)

    def get(self, upload_id: int) -> Deferred[Upload | None]:
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
