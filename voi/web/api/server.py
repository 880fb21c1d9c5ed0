"""Routes of the server itself: swarms, health, and where to read on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from voi import __version__
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.tracker.tracker import Tracker
from voi.web.api.interfaces import DiskUsage
from voi.web.api.schemas.queries import SwarmQuery
from voi.web.api.schemas.server import CheckView, Health, HealthView, LagView, SwarmList, SwarmView, Welcome
from voi.web.api.views import swarm_view
from voi.web.http.checks import HealthCheck, run_checks
from voi.web.http.lists import page
from voi.web.http.reasons import why_of
from voi.web.http.routing import Route, WithStatus

_COLUMNS: Final[Mapping[str, Callable[[SwarmView], Any]]] = {
    "name": lambda view: view.name,
    "size": lambda view: view.size,
    "seeds": lambda view: view.seeds,
    "leeches": lambda view: view.leeches,
    "server_sent": lambda view: view.server_sent,
}


class ServerRoutes:
    """How the server does."""

    def __init__(
        self,
        *,
        templates: Templates,
        uploads: Uploads,
        tracker: Tracker,
        seeding: BitTorrentSession,
        lag: Callable[[], LagView],
        disk: DiskUsage,
        checks: Mapping[str, HealthCheck],
    ) -> None:
        self._templates = templates
        self._uploads = uploads
        self._tracker = tracker
        self._seeding = seeding
        self._lag = lag
        self._disk = disk
        self._checks = checks

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/swarms",
                handler=self.swarms,
                summary="List torrents, all or those that match: who has each, and how much the server sent",
                query=SwarmQuery,
                answer=SwarmList,
            ),
            Route(
                method="GET",
                path="/api/v1/lag",
                handler=self.lag,
                summary="The delays of the server's reactor since its start",
                answer=LagView,
            ),
            Route(
                method="GET",
                path="/api/v1/health",
                handler=self.checked,
                summary="The results of the server's checks, and the space on its disk",
                answer=HealthView,
            ),
            Route(
                method="GET",
                path="/healthz",
                handler=self.health,
                summary="Whether the server works",
                answer=Health,
                also={HTTPStatus.SERVICE_UNAVAILABLE: Health},
                token=False,
            ),
            Route(
                method="GET",
                path="/api/v1",
                handler=self.welcome,
                summary="Name, version, and where the API is described",
                answer=Welcome,
                token=False,
            ),
        )

    async def swarms(self, query: SwarmQuery) -> SwarmList:
        """GET swarms."""
        # Uploads first: one that is published between the two questions is then seen twice, and shown once.
        known = {
            disk.info_hash: (disk.name, disk.template_uuid, disk.size)
            for disk in await self._uploads.open_disks()
            if disk.info_hash is not None
        }
        for template in await self._templates.all():
            for level in template.levels:
                known[level.info_hash] = (level.name, template.uuid, level.file_size)
        statuses = self._seeding.statuses()
        views = [
            swarm_view(name, info_hash, template_uuid, size, self._tracker.counts(info_hash), statuses.get(info_hash))
            for info_hash, (name, template_uuid, size) in known.items()
        ]
        found, total = page(
            views, query, texts=lambda view: (view.name, view.info_hash, view.template), columns=_COLUMNS
        )
        return SwarmList(found, total, query.offset)

    async def lag(self) -> LagView:
        """GET lag."""
        return self._lag()

    async def checked(self) -> HealthView:
        """GET health."""
        results = await run_checks(self._checks)
        free, total = await self._disk()
        return HealthView(
            checks=[CheckView(name, not result, str(result), why_of(result)) for name, result in results.items()],
            disk_free=free,
            disk_total=total,
        )

    async def health(self) -> Health | WithStatus:
        """GET healthz; anybody may ask, so a check says what is wrong and nothing more."""
        results = await run_checks(self._checks)
        said = {name: str(result) or "ok" for name, result in results.items()}
        if any(results.values()):
            return WithStatus(HTTPStatus.SERVICE_UNAVAILABLE, Health("failing", __version__, said))
        return Health("ok", __version__, said)

    async def welcome(self) -> Welcome:
        """GET api/v1."""
        return Welcome("voi", __version__, "/api/v1/openapi.json")
