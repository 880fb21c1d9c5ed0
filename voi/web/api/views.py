"""From domain values to the structs of the API; pure functions, what is fleeting is passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from voi.catalogue.interfaces import ContentStates
from voi.domain.audit import AuditEntry
from voi.domain.contents import ContentStatus
from voi.domain.rollouts import Target
from voi.domain.rooms import Room
from voi.domain.templates import PublishedLevel, Template, Version
from voi.domain.terminals import ReportedLevel
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.names import DiskName
from voi.publishing.publisher import Publisher
from voi.seeding.interfaces import TorrentStatus
from voi.tracker.announce import Counts
from voi.web.api.schemas.events import EventView
from voi.web.api.schemas.rooms import RoomView
from voi.web.api.schemas.server import SwarmView
from voi.web.api.schemas.templates import ContentView, GroupView, TemplateDisk, TemplateView, VersionDisk, VersionView
from voi.web.api.schemas.terminals import TerminalDisk, TerminalView
from voi.web.api.schemas.uploads import UploadDiskView, UploadView
from voi.web.api.terminal_rows import Row
from voi.web.http.reasons import why_of


def moment(seconds: float) -> datetime:
    """A time since the epoch, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def terminal_view(
    row: Row,
    *,
    published: Collection[DiskName],
    progress: Callable[[Target], float | None],
    disks: bool = True,
    names: Mapping[tuple[str, str], str] | None = None,
) -> TerminalView:
    """A terminal, with its disks or without; `names` has what it calls its templates, by MAC and uuid."""
    terminal, status = row.terminal, row.status
    target = status.target
    if target is not None:
        fraction = progress(target)
    else:
        fraction = None if status.version is None else float(status.version == status.newest > 0)
    return TerminalView(
        mac=terminal.mac,
        name=terminal.name,
        ip=terminal.ip,
        room=row.room,
        online=row.online,
        online_since=None if row.since is None else moment(row.since),
        client_type=terminal.client_type,
        boot_disk=terminal.boot_disk,
        template=status.template,
        version=status.version,
        running=status.running,
        newest=status.newest,
        state=status.state.value,
        progress=None if fraction is None else min(max(fraction, 0.0), 1.0),
        rollout=None if target is None else target.rollout_id,
        reason="" if target is None else str(target.reason),
        why=None if target is None else why_of(target.reason),
        first_seen=moment(terminal.first_seen),
        last_seen=moment(terminal.last_seen),
        disks=[
            _terminal_disk(level, published, (names or {}).get((terminal.mac, level.template_uuid), ""))
            for level in (row.held if disks else ())
        ],
    )


def _terminal_disk(level: ReportedLevel, published: Collection[DiskName], template_name: str) -> TerminalDisk:
    return TerminalDisk(
        uuid=level.name.uuid,
        level=level.name.level,
        name=str(level.name),
        type=level.type,
        template=level.template_uuid,
        template_name=template_name,
        operate_id=level.operate_id,
        published=level.name in published,
        confirmed=level.confirmed,
    )


def room_view(room: Room, *, online: int, total: int) -> RoomView:
    """A room, and how many terminals stand in it."""
    return RoomView(room.id, room.name, [str(subnet) for subnet in room.subnets], online, total)


def event_view(event: AuditEntry) -> EventView:
    """An entry of the audit log."""
    return EventView(
        id=event.id,
        time=moment(event.time),
        kind=event.kind,
        who=event.actor.text,
        origin=event.actor.address,
        text=event.text,
        mac=event.mac,
        rollout=event.rollout,
        template=event.template,
        data=dict(event.data),
    )


def upload_view(upload: Upload, publisher: Publisher) -> UploadView:
    """An upload with its disks, as far as they are now."""
    return UploadView(
        id=upload.id,
        state=upload.state,
        template=upload.template_uuid,
        name=upload.name,
        mac=upload.mac,
        progress=_progress(upload.disks, publisher),
        created=moment(upload.created),
        disks=[_upload_disk(disk, publisher) for disk in upload.disks],
        who="" if upload.actor is None else upload.actor.text,
        origin="" if upload.actor is None else upload.actor.address,
        remark=upload.remark,
        dismissed=upload.dismissed,
    )


def _upload_disk(disk: UploadDisk, publisher: Publisher) -> UploadDiskView:
    return UploadDiskView(
        torrent_id=disk.id,
        name=str(disk.name),
        type=disk.type,
        state=str(disk.state),
        progress=publisher.progress(disk),
        rate=publisher.rate(disk),
        size=disk.size,
        reason=str(disk.reason),
        why=why_of(disk.reason),
        source=disk.source,
    )


def _progress(disks: Sequence[UploadDisk], publisher: Publisher) -> float:
    """By bytes; by disks while a size is not known yet."""
    by_size = bool(disks) and all(disk.size for disk in disks)
    parts = [(disk.size if by_size else 1, publisher.progress(disk)) for disk in disks]
    total = sum(weight for weight, _ in parts)
    return sum(weight * part for weight, part in parts) / total if total else 0.0


def template_view(
    template: Template,
    uploads: Sequence[Upload],
    failed: Sequence[Upload],
    publisher: Publisher,
    contents: ContentStates,
) -> TemplateView:
    """A template that has something published, with its open uploads, and with those that failed and need attention."""
    under_way = [upload_view(upload, publisher) for upload in uploads if upload.state == "open"]
    copies = [contents.status(level.info_hash) for level in template.levels]
    reason = next(filter(None, (contents.problem(level.info_hash) for level in template.levels)), "")
    return TemplateView(
        uuid=template.uuid,
        name=template.name,
        sys_type=template.sys_type,
        desc=template.desc,
        state=_activity(under_way[-1]) if under_way else _wholeness(copies),
        progress=under_way[-1].progress if under_way else 1.0,
        reason=str(reason),
        why=why_of(reason),
        version=template.version,
        auto_update=template.auto_update,
        group=GroupView(template.group_uuid, template.group_name),
        created=moment(template.created),
        updated=moment(template.updated),
        disks=[_template_disk(level, copy) for level, copy in zip(template.levels, copies, strict=True)],
        uploads=under_way,
        failed=[upload_view(upload, publisher) for upload in failed],
    )


def unpublished_view(uploads: Sequence[Upload], failed: Sequence[Upload], publisher: Publisher) -> TemplateView:
    """A template of which nothing is published yet: all there is of it are uploads, at least one."""
    last = uploads[-1]
    under_way = [upload_view(upload, publisher) for upload in uploads if upload.state == "open"]
    reason = next((disk.reason for disk in last.disks if disk.state is UploadState.FAILED), "")
    return TemplateView(
        uuid=last.template_uuid,
        name=last.name,
        sys_type=last.sys_type,
        desc=last.desc,
        state=_activity(under_way[-1]) if under_way else "failed",
        progress=under_way[-1].progress if under_way else 0.0,
        reason="" if under_way else str(reason),
        why=None if under_way else why_of(reason),
        version=0,
        auto_update=False,
        group=None,
        created=moment(uploads[0].created),
        updated=moment(max((disk.updated for upload in uploads for disk in upload.disks), default=last.created)),
        disks=[],
        uploads=under_way,
        failed=[upload_view(upload, publisher) for upload in failed],
    )


def _activity(upload: UploadView) -> Literal["importing", "uploading"]:
    return "uploading" if upload.mac else "importing"


def _wholeness(copies: Sequence[ContentStatus]) -> Literal["ready", "incomplete", "checking"]:
    """What is known of the server's copies of a template."""
    if any(copy.fault for copy in copies):
        return "incomplete"
    return "ready" if all(copy.offered for copy in copies) else "checking"


def _template_disk(level: PublishedLevel, content: ContentStatus) -> TemplateDisk:
    return TemplateDisk(
        uuid=level.name.uuid,
        level=level.name.level,
        name=str(level.name),
        type=level.type,
        operate_id=level.operate_id,
        info_hash=level.info_hash.hex(),
        size=level.file_size,
        virtual_size=level.virtual_size,
        published=moment(level.published),
        uploader=level.uploader,
        content=_content_view(content),
    )


def _content_view(content: ContentStatus) -> ContentView:
    reason = content.reason or ""
    return ContentView(content.state.value, content.offered, content.progress, str(reason), why_of(reason))


def version_view(version: Version, template: Template, terminals: int) -> VersionView:
    """One version of a template, and how many terminals have it."""
    sizes = {level.name: level.file_size for level in template.levels}
    return VersionView(
        number=version.number,
        created=moment(version.created),
        uploader=version.uploader,
        who="" if version.actor is None else version.actor.text,
        remark=version.remark,
        size=sum(sizes.get(name, 0) for name, _ in version.levels),
        disks=[VersionDisk(str(name), count) for name, count in version.levels],
        terminals=terminals,
    )


def swarm_view(
    name: DiskName, info_hash: bytes, template: str, size: int, counts: Counts, status: TorrentStatus | None
) -> SwarmView:
    """A torrent as tracker and seed see it."""
    sent = status.uploaded if status else 0
    return SwarmView(
        name=str(name),
        info_hash=info_hash.hex(),
        template=template,
        size=size,
        seeds=counts.seeds,
        leeches=counts.leeches,
        state=status.state if status else "absent",
        server_sent=sent,
        server_received=status.downloaded if status else 0,
        copies=sent / size if size else 0.0,
        upload_rate=status.upload_rate if status else 0,
        download_rate=status.download_rate if status else 0,
    )
