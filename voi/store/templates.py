"""The catalogue: templates, their published levels and versions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.actors import actor_of
from voi.domain.audit import Audit
from voi.domain.templates import PublishedLevel, Template, Version
from voi.domain.terminals import ReportedLevel
from voi.domain.uploads import Upload, UploadDisk
from voi.errors import Conflict, NotFound
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.store.database import Store, where_found
from voi.store.interfaces.templates import ChangedTemplate, Templates
from voi.store.reported_levels import put_level
from voi.store.torrents import put_torrent
from voi.store.uploads import end_published

_TEMPLATE = "uuid, name, sys_type, desc, group_uuid, group_name, auto_update, version, created, updated"
_LEVEL = (
    "template_uuid, disk_uuid, level, type, operate_id, info_hash, file_size, virtual_size, reserve_size, "
    "published, uploader"
)


def _level(row: Sequence[Any]) -> PublishedLevel:
    template_uuid, disk_uuid, level, *rest = row
    return PublishedLevel(template_uuid, DiskName(disk_uuid, level), *rest)


def _template(row: Sequence[Any], levels: Sequence[PublishedLevel]) -> Template:
    uuid_, name, sys_type, desc, group_uuid, group_name, auto_update, version, created, updated = row
    return Template(
        uuid_,
        name,
        sys_type,
        desc,
        group_uuid,
        group_name,
        bool(auto_update),
        version,
        created,
        updated,
        tuple(levels),
    )


def read_levels(db: Database, template_uuid: str) -> list[PublishedLevel]:
    """The published levels of a template, parents first; for use inside a job."""
    query = f"SELECT {_LEVEL} FROM levels WHERE template_uuid = ? ORDER BY disk_uuid, level"
    return [_level(row) for row in db.execute(query, (template_uuid,))]


def read_template(db: Database, template_uuid: str) -> Template | None:
    """One template with its levels; for use inside a job."""
    row = db.execute(f"SELECT {_TEMPLATE} FROM templates WHERE uuid = ?", (template_uuid,)).fetchone()
    return _template(row, read_levels(db, template_uuid)) if row else None


def read_templates(db: Database) -> list[Template]:
    """All templates by name, with their levels; for use inside a job."""
    levels: dict[str, list[PublishedLevel]] = {}
    for row in db.execute(f"SELECT {_LEVEL} FROM levels ORDER BY disk_uuid, level"):
        level = _level(row)
        levels.setdefault(level.template_uuid, []).append(level)
    rows = db.execute(f"SELECT {_TEMPLATE} FROM templates ORDER BY name, uuid")
    return [_template(row, levels.get(row[0], [])) for row in rows]


def refuse_published(db: Database, name: DiskName) -> None:
    """Refuse a level that is published already; for use inside a job.

    :raises Conflict: it is; says which level would be the next.
    """
    levels = [row[0] for row in db.execute("SELECT level FROM levels WHERE disk_uuid = ?", (name.uuid,))]
    if name.level in levels:
        raise Conflict(Reason("level_published", disk=str(name), level=max(levels) + 1))


def publish_level(
    db: Database, level: PublishedLevel, *, name: str, sys_type: int, desc: str, upload_id: int | None = None
) -> Template:
    """Make a level part of its template, which comes into being with its first one; raises the version.

    `upload_id` is the upload that brought it. For use inside a job, so that it shares the transaction with what it
    ends.
    """
    now = level.published
    db.execute(
        "INSERT INTO templates (uuid, name, sys_type, desc, group_uuid, group_name, created, updated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uuid) DO UPDATE SET updated = excluded.updated",
        (level.template_uuid, name, sys_type, desc, str(uuid.uuid4()), name, now, now),
    )
    db.execute(
        f"INSERT INTO levels ({_LEVEL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            level.template_uuid,
            level.name.uuid,
            level.name.level,
            level.type,
            level.operate_id,
            level.info_hash,
            level.file_size,
            level.virtual_size,
            level.reserve_size,
            level.published,
            level.uploader,
        ),
    )
    db.execute("UPDATE templates SET version = version + 1 WHERE uuid = ?", (level.template_uuid,))
    template = read_template(db, level.template_uuid)
    assert template is not None
    contents = [[x.name.uuid, x.name.level, x.operate_id] for x in template.levels]
    db.execute(
        "INSERT INTO versions (template_uuid, number, created, uploader, levels, upload_id) VALUES (?, ?, ?, ?, ?, ?)",
        (template.uuid, template.version, now, level.uploader, json.dumps(contents), upload_id),
    )
    return template


class SqlTemplates(Templates):
    """`Templates` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def versions(self, template_uuid: str) -> Deferred[list[Version]]:
        def job(db: Database) -> list[Version]:
            rows = db.execute(
                "SELECT v.number, v.created, v.uploader, v.levels, coalesce(u.asked_by, ''), "
                "coalesce(u.asked_from, ''), coalesce(u.remark, '') "
                "FROM versions v LEFT JOIN uploads u ON u.id = v.upload_id WHERE v.template_uuid = ? "
                "ORDER BY v.number DESC",
                (template_uuid,),
            )
            return [
                Version(
                    number,
                    at,
                    by,
                    tuple((DiskName(disk, level), count) for disk, level, count in json.loads(text)),
                    actor_of(wished_by, address) if wished_by else None,
                    remark,
                )
                for number, at, by, text, wished_by, address, remark in rows.fetchall()
            ]

        return self._store.read(job)

    def get(self, template_uuid: str) -> Deferred[Template | None]:
        return self._store.read(lambda db: read_template(db, template_uuid))

    def levels_of(self, template: Template, version: int) -> Deferred[list[PublishedLevel]]:
        return self._store.read(lambda db: levels_of_version(db, template, version))

    def by_group(self, group_uuid: str) -> Deferred[Template | None]:
        def job(db: Database) -> Template | None:
            row = db.execute("SELECT uuid FROM templates WHERE group_uuid = ?", (group_uuid,)).fetchone()
            return read_template(db, row[0]) if row else None

        return self._store.read(job)

    def by_disk(self, disk_uuid: str) -> Deferred[Template | None]:
        def job(db: Database) -> Template | None:
            row = db.execute("SELECT template_uuid FROM levels WHERE disk_uuid = ?", (disk_uuid,)).fetchone()
            return read_template(db, row[0]) if row else None

        return self._store.read(job)

    def all(self) -> Deferred[list[Template]]:
        return self._store.read(read_templates)

    def publish(
        self,
        level: PublishedLevel,
        disk: UploadDisk,
        upload: Upload,
        *,
        torrent: bytes = b"",
        audit: Audit[Template] | None = None,
    ) -> Deferred[Template]:
        def job(db: Database) -> Template:
            refuse_published(db, level.name)
            template = publish_level(
                db, level, name=upload.name, sys_type=upload.sys_type, desc=upload.desc, upload_id=upload.id
            )
            end_published(db, disk.id, level.published)
            if torrent:
                put_torrent(db, level.info_hash, torrent)
            if disk.mac is not None:
                held = ReportedLevel(template.uuid, level.name, level.type, level.virtual_size // 512, level.operate_id)
                put_level(db, disk.mac, held)
            return template

        return self._store.write(job, audit)

    def change(
        self,
        template_uuid: str,
        *,
        name: str | None = None,
        desc: str | None = None,
        auto_update: bool | None = None,
        audit: Audit[ChangedTemplate] | None = None,
    ) -> Deferred[Template | None]:
        def job(db: Database) -> ChangedTemplate | None:
            before = read_template(db, template_uuid)
            if before is None:
                return None
            after = replace(
                before,
                name=before.name if name is None else name,
                group_name=before.name if name is None else name,
                desc=before.desc if desc is None else desc,
                auto_update=before.auto_update if auto_update is None else auto_update,
            )
            db.execute(
                "UPDATE templates SET name = ?, group_name = ?, desc = ?, auto_update = ? WHERE uuid = ?",
                (after.name, after.group_name, after.desc, int(after.auto_update), template_uuid),
            )
            return ChangedTemplate(before, after)

        done = self._store.write(job, where_found(audit))
        return done.addCallback(lambda changed: None if changed is None else changed.after)


def levels_of_version(db: Database, template: Template, version: int) -> list[PublishedLevel]:
    """The levels of a version, to be sent; for use inside a job. A published level is never replaced.

    :raises NotFound: there is no such version.
    """
    query = "SELECT levels FROM versions WHERE template_uuid = ? AND number = ?"
    row = db.execute(query, (template.uuid, version)).fetchone()
    if row is None:
        raise NotFound(Reason("no_version", name=template.name, number=version), field="version")
    names = {DiskName(disk, level) for disk, level, _ in json.loads(row[0])}
    return [level for level in template.levels if level.name in names]
