"""Routes of uploads: asking a terminal for disks (1020), and how far it is."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Final

from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.domain.terminals import ReportedTemplate
from voi.errors import BadImage, BadMac, Conflict, NoSpace, UnknownTemplate, UnknownTerminal, UnknownUpload
from voi.messages.reason import Reason
from voi.names import canonical_uuid
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.store.interfaces.uploads import Uploads
from voi.web.api.schemas.fields import mac_of
from voi.web.api.schemas.uploads import TemplateToUpload, UploadFilter, UploadList, UploadRequest, UploadView, disk_of
from voi.web.api.views import upload_view
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
        uploads: Uploads,
        upload_requests: UploadRequests,
        publisher: Publisher,
    ) -> None:
        self._uploads = uploads
        self._upload_requests = upload_requests
        self._publisher = publisher

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

    async def ask(self, body: UploadRequest, actor: Actor) -> UploadView:
        """POST uploads."""
        remark = body.remark or (body.template.desc if isinstance(body.template, TemplateToUpload) else "")
        upload = await self._upload_requests.ask(
            actor,
            mac_of(body.mac, "mac"),
            _template(body.template),
            None if body.disks is None else [disk_of(disk, f"disks[{n}]") for n, disk in enumerate(body.disks)],
            remark=remark,
        )
        return upload_view(upload, self._publisher)

    async def one(self, upload_id: int) -> UploadView:
        """GET uploads/{id}."""
        upload = await self._uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        return upload_view(upload, self._publisher)

    async def cancel(self, upload_id: int, actor: Actor) -> UploadView:
        """DELETE uploads/{id}; one that has ended stays as it is."""
        return upload_view(await self._upload_requests.cancel(actor, upload_id), self._publisher)

    async def retry(self, upload_id: int, actor: Actor) -> UploadView:
        """POST uploads/{id}/retry."""
        return upload_view(await self._upload_requests.retry(actor, upload_id), self._publisher)

    async def dismiss(self, upload_id: int, actor: Actor) -> UploadView:
        """POST uploads/{id}/dismiss."""
        return upload_view(await self._upload_requests.dismiss(actor, upload_id), self._publisher)


def _template(asked: str | TemplateToUpload) -> str | ReportedTemplate:
    """The uuid of a known template, or what a new one is to be called, with a uuid of its own if it has none."""
    if not isinstance(asked, TemplateToUpload):
        return canonical_uuid(asked, "template")
    number = canonical_uuid(asked.uuid, "template.uuid") if asked.uuid else str(uuid.uuid4())
    return ReportedTemplate(number, asked.name, asked.sys_type, asked.desc)
