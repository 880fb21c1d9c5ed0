"""Routes of templates: the catalogue, imports, and what may be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from voi.catalogue.catalogue import Catalogue
from voi.catalogue.interfaces import ContentStates
from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.domain.terminal_status import TerminalStatus
from voi.domain.uploads import ImportDisk, Upload
from voi.errors import BadImage, Conflict, Malformed, NoSpace, UnknownTemplate
from voi.messages.reason import Reason
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.web.api.recent import RecentRows
from voi.web.api.schemas.fields import disk_type_of
from voi.web.api.schemas.templates import (
    TemplateChange,
    TemplateList,
    TemplateQuery,
    TemplateRequest,
    TemplateView,
    VersionList,
    VersionQuery,
    VersionView,
)
from voi.web.api.terminal_rows import is_newest, is_older
from voi.web.api.views import template_view, unpublished_view, version_view
from voi.web.http.lists import natural, page
from voi.web.http.routing import Route

_EXAMPLE: Final = {"name": "Classroom", "sys_type": 3, "disks": [{"type": 0, "path": "/srv/images/windows.qcow2"}]}

_COLUMNS: Final[Mapping[str, Callable[[TemplateView], Any]]] = {
    "name": lambda view: natural(view.name),
    "state": lambda view: view.state,
    "version": lambda view: view.version,
    "created": lambda view: view.created,
    "updated": lambda view: view.updated,
}
_VERSION_COLUMNS: Final[Mapping[str, Callable[[VersionView], Any]]] = {
    "number": lambda view: view.number,
    "size": lambda view: view.size,
    "terminals": lambda view: view.terminals,
}


class TemplateRoutes:
    """What can be sent to terminals."""

    def __init__(
        self,
        *,
        templates: Templates,
        uploads: Uploads,
        catalogue: Catalogue,
        upload_requests: UploadRequests,
        publisher: Publisher,
        recent: RecentRows,
        contents: ContentStates,
    ) -> None:
        self._templates = templates
        self._uploads = uploads
        self._catalogue = catalogue
        self._upload_requests = upload_requests
        self._publisher = publisher
        self._recent = recent
        self._contents = contents

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/templates",
                handler=self.all,
                summary="List templates, all or those that match",
                query=TemplateQuery,
                answer=TemplateList,
            ),
            Route(
                method="GET",
                path="/api/v1/templates/<uuid:uuid>",
                handler=self.one,
                summary="One template with its published levels, or the progress of its import",
                answer=TemplateView,
                errors=(UnknownTemplate,),
            ),
            Route(
                method="POST",
                path="/api/v1/templates",
                handler=self.make,
                role=Role.ADMINISTRATOR,
                summary="Create a template from image files on the server; copying goes on after the answer",
                body=TemplateRequest,
                example=_EXAMPLE,
                answer=TemplateView,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/templates/{uuid}",
                errors=(BadImage, NoSpace),
            ),
            Route(
                method="GET",
                path="/api/v1/templates/<uuid:uuid>/versions",
                handler=self.versions,
                summary="The versions of a template, by default newest first, and how many terminals have each",
                query=VersionQuery,
                answer=VersionList,
                errors=(UnknownTemplate,),
            ),
            Route(
                method="PATCH",
                path="/api/v1/templates/<uuid:uuid>",
                handler=self.change,
                role=Role.ADMINISTRATOR,
                summary="Rename a template, change its remark, or switch automatic updates",
                body=TemplateChange,
                example={"auto_update": True},
                answer=TemplateView,
                errors=(UnknownTemplate, Conflict),
            ),
            Route(
                method="POST",
                path="/api/v1/templates/<uuid:uuid>/check",
                handler=self.check,
                role=Role.ADMINISTRATOR,
                summary="Read the server's files of a template from end to end; it goes on after the answer",
                answer=TemplateView,
                status=HTTPStatus.ACCEPTED,
                errors=(UnknownTemplate,),
            ),
        )

    async def all(self, query: TemplateQuery) -> TemplateList:
        """GET templates: the published, and those on their way to being so."""
        under_way = await self._under_way()
        failed = by_template((await self._uploads.failed())[::-1])
        views = [
            template_view(x, under_way.pop(x.uuid, []), failed.pop(x.uuid, []), self._publisher, self._contents)
            for x in await self._templates.all()
        ]
        for uuid in under_way.keys() | failed.keys():
            ended = failed.get(uuid, [])
            uploads = sorted([*under_way.get(uuid, []), *ended], key=lambda upload: upload.id)
            views.append(unpublished_view(uploads, ended, self._publisher))
        statuses = await self._statuses()
        views = sorted((_counted(view, statuses) for view in views), key=lambda view: view.uuid)
        wanted = [view for view in views if query.state in (None, view.state)]
        found, total = page(wanted, query, texts=_texts, columns=_COLUMNS)
        return TemplateList(found, total, query.offset)

    async def one(self, uuid: str) -> TemplateView:
        """GET templates/{uuid}."""
        # Uploads first: one that is published between the two questions is then seen both ways, not neither.
        uploads = await self._uploads.of_template(uuid)
        template = await self._templates.get(uuid)
        failed = (await self._uploads.failed(uuid))[::-1]
        if template is not None:
            view = template_view(template, uploads, failed, self._publisher, self._contents)
            return _counted(view, await self._statuses())
        if not uploads:
            raise UnknownTemplate(Reason("no_template", uuid=uuid))
        return unpublished_view(uploads, failed, self._publisher)

    async def versions(self, uuid: str, query: VersionQuery) -> VersionList:
        """GET templates/{uuid}/versions."""
        template = await self._templates.get(uuid)
        if template is None:
            raise UnknownTemplate(Reason("no_published_template", uuid=uuid))
        held = Counter(status.version for status in (await self._statuses()).get(uuid, ()))
        found = await self._templates.versions(uuid)
        views = [version_view(version, template, held[version.number]) for version in found]
        wanted, total = page(views, query, texts=_version_texts, columns=_VERSION_COLUMNS)
        return VersionList(wanted, total, query.offset)

    async def _statuses(self) -> dict[str, list[TerminalStatus]]:
        """The terminals of each template, as they stand to it."""
        _, rows = await self._recent.get()
        found: dict[str, list[TerminalStatus]] = {}
        for row in rows:
            if row.status.template is not None:
                found.setdefault(row.status.template, []).append(row.status)
        return found

    async def make(self, body: TemplateRequest, actor: Actor) -> TemplateView:
        """POST templates."""
        disks = [ImportDisk(disk_type_of(disk.type), disk.path) for disk in body.disks]
        upload = await self._upload_requests.import_files(actor, body.name, body.sys_type, body.desc, disks)
        return unpublished_view([upload], [], self._publisher)

    async def change(self, uuid: str, body: TemplateChange, actor: Actor) -> TemplateView:
        """PATCH templates/{uuid}."""
        if body.name is None and body.desc is None and body.auto_update is None:
            raise Malformed(Reason("name_or_auto_update"))
        await self._catalogue.change(actor, uuid, name=body.name, desc=body.desc, auto_update=body.auto_update)
        return await self.one(uuid)

    async def check(self, uuid: str, actor: Actor) -> TemplateView:
        """POST templates/{uuid}/check."""
        await self._catalogue.check(actor, uuid)
        return await self.one(uuid)

    async def _under_way(self) -> dict[str, list[Upload]]:
        """Open uploads by template."""
        numbers: Iterable[int] = sorted({disk.upload_id for disk in await self._uploads.open_disks()})
        found = [await self._uploads.get(number) for number in numbers]
        return by_template(upload for upload in found if upload is not None and upload.state == "open")


def by_template(uploads: Iterable[Upload]) -> dict[str, list[Upload]]:
    """Uploads by their template, in the order that they have."""
    result: dict[str, list[Upload]] = {}
    for upload in uploads:
        result.setdefault(upload.template_uuid, []).append(upload)
    return result


def _texts(view: TemplateView) -> tuple[str, ...]:
    """What of a template is searched."""
    return view.name, view.desc


def _version_texts(view: VersionView) -> tuple[str | None, ...]:
    """What of a version is searched."""
    return view.uploader, *(disk.name for disk in view.disks)


def _counted(view: TemplateView, statuses: Mapping[str, Sequence[TerminalStatus]]) -> TemplateView:
    """With how many terminals have its newest version, an older one, none that is whole, and one that is not known."""
    its = statuses.get(view.uuid, ())
    return msgspec.structs.replace(
        view,
        terminals_current=sum(map(is_newest, its)),
        terminals_outdated=sum(map(is_older, its)),
        terminals_incomplete=sum(status.version == 0 for status in its),
        terminals_unknown=sum(status.version is None for status in its),
        terminals_running=sum(status.running == status.newest > 0 for status in its),
    )
