"""Routes of uploads: asking a terminal for disks (1020), and how far it is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NoReturn

from voi.audit.log import AuditWriter
from voi.domain.accounts import Role
from voi.domain.templates import Template, check_room_for_diff
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.errors import BadImage, BadMac, Conflict, NoSpace, UnknownTemplate, UnknownTerminal, UnknownUpload
from voi.messages.reason import Reason
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName, canonical_uuid
from voi.publishing.notifications import UploaderNotifications
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.store.interfaces.uploads import Uploads
from voi.web.api.schemas.queries import UploadFilter
from voi.web.api.schemas.requests import TemplateToUpload, UploadRequest, disk_of, mac_of
from voi.web.api.schemas.templates import UploadList, UploadView
from voi.web.api.views import upload_view
from voi.web.http.caller import Caller
from voi.web.http.routing import Route

_EXAMPLE: Final = {
    "mac": "02:00:00:00:00:01",
    "template": {"name": "Classroom", "sys_type": 3},
    "disks": ["voi_0_6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"],
}


class UploadRoutes:
    """Disks on their way to the server."""

    def __init__(
        self,
        *,
        terminals: Terminals,
        templates: Templates,
        uploads: Uploads,
        upload_requests: UploadRequests,
        publisher: Publisher,
        notifications: UploaderNotifications,
        audit_log: AuditWriter,
    ) -> None:
        self._terminals = terminals
        self._templates = templates
        self._uploads = uploads
        self._desk = upload_requests
        self._publisher = publisher
        self._notifications = notifications
        self._audit_log = audit_log

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="POST",
                path="/api/v1/uploads",
                handler=self.ask,
                role=Role.ADMINISTRATOR,
                summary="Request disks from a terminal, now or at its next login",
                body=UploadRequest,
                example=_EXAMPLE,
                answer=UploadView,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/uploads/{id}",
                errors=(BadMac, UnknownTerminal, UnknownTemplate, Conflict),
            ),
            Route(
                method="GET",
                path="/api/v1/uploads",
                handler=self.all,
                summary="List uploads and imports, open and ended, by default newest first",
                query=UploadFilter,
                answer=UploadList,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/uploads/<number:upload_id>",
                handler=self.one,
                summary="One upload and its progress",
                answer=UploadView,
                errors=(UnknownUpload,),
            ),
            Route(
                method="DELETE",
                path="/api/v1/uploads/<number:upload_id>",
                handler=self.cancel,
                role=Role.ADMINISTRATOR,
                summary="Cancel an upload",
                answer=UploadView,
                errors=(UnknownUpload,),
            ),
            Route(
                method="POST",
                path="/api/v1/uploads/<number:upload_id>/retry",
                handler=self.retry,
                role=Role.ADMINISTRATOR,
                summary="Retry the failed disks of an upload or import, as a new upload",
                answer=UploadView,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/uploads/{id}",
                errors=(UnknownUpload, UnknownTerminal, Conflict, BadImage, NoSpace),
            ),
            Route(
                method="POST",
                path="/api/v1/uploads/<number:upload_id>/dismiss",
                handler=self.dismiss,
                role=Role.ADMINISTRATOR,
                summary="Dismiss a failed upload or import: it no longer needs attention",
                answer=UploadView,
                errors=(UnknownUpload, Conflict),
            ),
        )

    async def all(self, query: UploadFilter) -> UploadList:
        """GET uploads."""
        found, total = await self._uploads.find(
            q=query.q.strip(),
            state=query.state,
            template_uuid=None if query.template is None else canonical_uuid(query.template, "template"),
            mac=None if query.mac is None else mac_of(query.mac, "mac"),
            sort=query.sort,
            limit=query.limit,
            offset=query.offset,
        )
        return UploadList([upload_view(upload, self._publisher) for upload in found], total, query.offset)

    async def ask(self, body: UploadRequest, actor: Caller) -> UploadView:
        """POST uploads."""
        mac = mac_of(body.mac, "mac")
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="mac")
        template, known = await self._template(mac, body.template)
        reported = {level.name: level for level in await self._terminals.disks(mac)}
        if body.disks is None:
            names = _unpublished(template.uuid, reported, known)
            if not names:
                _refuse_nothing(mac, template, reported, known)
        else:
            types = {level.name.uuid: level.type for level in known.levels} if known else {}
            named = (disk_of(disk, f"disks[{index}]") for index, disk in enumerate(body.disks))
            names = {name: _type(name, kind, reported, types) for name, kind in named}
        remark = body.remark or (body.template.desc if isinstance(body.template, TemplateToUpload) else "")
        upload = await self._desk.request(mac, template, list(names.items()), actor=actor, remark=remark)
        self._notifications.request(upload.id, mac)
        await self._audit_log.note(
            "upload.requested", actor, mac=mac, template=template.uuid, name=template.name, disks=len(upload.disks)
        )
        return upload_view(upload, self._publisher)

    async def _template(self, mac: str, asked: str | TemplateToUpload) -> tuple[ReportedTemplate, Template | None]:
        """The template as it is to be called, and what of it the server has."""
        if isinstance(asked, TemplateToUpload):
            number = canonical_uuid(asked.uuid, "template.uuid") if asked.uuid else str(uuid.uuid4())
            return ReportedTemplate(number, asked.name, asked.sys_type, asked.desc), await self._templates.get(number)
        number = canonical_uuid(asked, "template")
        known = await self._templates.get(number)
        if known is not None:
            return ReportedTemplate(number, known.name, known.sys_type, known.desc), known
        told = await self._terminals.reported_template(mac, number)
        if told is None:
            raise UnknownTemplate(Reason("strange_template", mac=mac, uuid=number), field="template")
        return told, None

    async def one(self, upload_id: int) -> UploadView:
        """GET uploads/{id}."""
        upload = await self._uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        return upload_view(upload, self._publisher)

    async def cancel(self, upload_id: int, actor: Caller) -> UploadView:
        """DELETE uploads/{id}; one that has ended stays as it is."""
        before = await self._uploads.get(upload_id)
        upload = await self._desk.cancel(upload_id)
        if before is not None and before.state == "open":
            await self._audit_log.note(
                "upload.cancelled", actor, mac=upload.mac, template=upload.template_uuid, name=upload.name
            )
        return upload_view(upload, self._publisher)

    async def retry(self, upload_id: int, actor: Caller) -> UploadView:
        """POST uploads/{id}/retry."""
        upload = await self._desk.retry(upload_id, actor=actor)
        if upload.mac is not None:
            self._notifications.request(upload.id, upload.mac)
        await self._audit_log.note(
            "upload.retried",
            actor,
            mac=upload.mac,
            template=upload.template_uuid,
            name=upload.name,
            disks=len(upload.disks),
        )
        return upload_view(upload, self._publisher)

    async def dismiss(self, upload_id: int, actor: Caller) -> UploadView:
        """POST uploads/{id}/dismiss."""
        before = await self._uploads.get(upload_id)
        if before is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        if before.state != "failed":
            raise Conflict(Reason("upload_not_failed", number=upload_id))
        if before.dismissed:
            return upload_view(before, self._publisher)
        upload = await self._uploads.dismiss(upload_id)
        await self._audit_log.note(
            "upload.dismissed", actor, mac=before.mac, template=before.template_uuid, name=before.name
        )
        return upload_view(upload or before, self._publisher)


def _unpublished(
    template_uuid: str, reported: Mapping[DiskName, ReportedLevel], known: Template | None
) -> dict[DiskName, int]:
    """What a terminal has of a template and the server has not; its own write layers are its own."""
    published = {level.name for level in known.levels} if known else set()
    return {
        name: level.type
        for name, level in reported.items()
        if level.template_uuid == template_uuid and name not in published and name.level <= HIGHEST_PUBLISHED_LEVEL
    }


def _refuse_nothing(
    mac: str, template: ReportedTemplate, reported: Mapping[DiskName, ReportedLevel], known: Template | None
) -> NoReturn:
    """Say why there is nothing to ask a terminal for.

    :raises Conflict: always.
    """
    disks = sorted({name.uuid for name, level in reported.items() if level.template_uuid == template.uuid})
    if not disks:
        raise Conflict(Reason("nothing_reported", mac=mac, name=template.name), field="template")
    for disk_uuid in disks:  # as the terminal itself would be answered
        levels = known.levels_of(disk_uuid) if known else []
        check_room_for_diff((level.name.level for level in levels), disk_uuid)
    raise Conflict(Reason("nothing_to_upload", mac=mac), field="disks")


def _type(
    name: DiskName, told: int | None, reported: Mapping[DiskName, ReportedLevel], published: Mapping[str, int]
) -> int:
    """A disk's type: as the request says, else as the terminal says, else that of its published levels."""
    if told is not None:
        return told
    level = reported.get(name)
    return level.type if level is not None else published.get(name.uuid, 0)
