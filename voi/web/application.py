"""The API, put together from the tables of routes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import IResource

from voi import __version__
from voi.audit.log import AuditLog
from voi.auth.administration import AccountAdministration
from voi.auth.sign_in import Authenticator
from voi.catalogue.catalogue import Catalogue
from voi.catalogue.interfaces import ContentStates
from voi.catalogue.sweep import Sweeper
from voi.domain.audit import AuditEntry
from voi.domain.commands import COMMANDS, CommandTable
from voi.domain.rollout_demand import LinkRates
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.rollouts.bad_copies import BadCopies
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.throughput import ThroughputRecorder
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.repositories import Repositories
from voi.terminals.administration import TerminalAdministration
from voi.terminals.commands import CommandDispatcher
from voi.terminals.interfaces import Connections
from voi.terminals.rooms import RoomAdministration
from voi.tracker.tracker import Tracker
from voi.web.api.commands import CommandRoutes
from voi.web.api.events import EventRoutes
from voi.web.api.interfaces import DiskUsage, RouteTable
from voi.web.api.orphans import OrphanRoutes
from voi.web.api.overview import OverviewRoutes
from voi.web.api.recent import RecentRows
from voi.web.api.rollouts import RolloutRoutes
from voi.web.api.rooms import RoomRoutes
from voi.web.api.schemas.server import LagView
from voi.web.api.server import ServerRoutes
from voi.web.api.sessions import AccountRoutes, SessionRoutes
from voi.web.api.settings import Facts, SettingsRoutes
from voi.web.api.templates import TemplateRoutes
from voi.web.api.terminal_changes import ManagementRoutes
from voi.web.api.terminal_history import HistoryRoutes
from voi.web.api.terminals import TerminalRoutes
from voi.web.api.traffic import TrafficMeter
from voi.web.api.uploads import UploadRoutes
from voi.web.api.views import event_view
from voi.web.http.access import Authentication
from voi.web.http.checks import HealthCheck
from voi.web.http.idempotency import IdempotentChanges
from voi.web.http.openapi import document
from voi.web.http.routing import Gate, Route, router
from voi.web.live.routes import StreamRoutes
from voi.web.live.sources import ProgressNews, RolloutNews, TerminalRowNews, TrafficNews, UploadNews
from voi.web.live.streams import LiveStreams

log = Logger()

_OF_ALL: Final = ("room.", "upload.published")
"""Entries of the audit log after which any terminal may stand in another room, or be outdated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server itself, as the API tells of it.

    `token` is the one of the data directory, which may do everything; `lag` is of the reactor, `links` are those of
    server and terminals; `checks` are asked by ``/healthz``, by name. `steady` is the time of day by which what is
    stored runs out, and which nobody sets; `clock_problem` says what was wrong with the one that people read.
    """

    token: str
    clock: IReactorTime
    lag: Callable[[], LagView]
    disk: DiskUsage
    facts: Facts
    links: LinkRates
    checks: Mapping[str, HealthCheck]
    steady: Callable[[], float] = time.time
    clock_problem: Callable[[], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What can be done: each checks, writes with its entry in the audit log, and tells who is concerned."""

    sign_in: Authenticator
    accounts: AccountAdministration
    terminals: TerminalAdministration
    rooms: RoomAdministration
    catalogue: Catalogue
    uploads: UploadRequests
    sweeper: Sweeper
    rollouts: RolloutCoordinator
    commands: CommandDispatcher
    audit_log: AuditLog


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What goes on now, as pages show it."""

    registry: Connections
    publisher: Publisher
    recorder: ThroughputRecorder
    bad_copies: BadCopies
    tracker: Tracker
    session: BitTorrentSession
    traffic: TrafficMeter
    contents: ContentStates


class Api:
    """Everything under ``/api/v1``, and ``/healthz``; `further` tables of routes are served beside its own.

    :raises ValueError: the server's token is empty.
    """

    def __init__(
        self,
        *,
        server: Server,
        repositories: Repositories,
        use_cases: UseCases,
        live_state: LiveState,
        command_table: CommandTable = COMMANDS,
        further: Sequence[RouteTable] = (),
    ) -> None:
        terminals, templates = repositories.terminals, repositories.templates
        uploads, rollouts = repositories.uploads, repositories.rollouts
        snapshots, events = repositories.snapshots, repositories.audit_entries
        registry, publisher, coordinator = live_state.registry, live_state.publisher, use_cases.rollouts
        access = Authentication(
            token=server.token, sessions=repositories.sessions, tokens=repositories.tokens, steady=server.steady
        )
        self.live = LiveStreams(
            clock=server.clock, access=access, hello={"version": __version__, "boot": secrets.token_hex(8)}
        )
        rollout_routes = RolloutRoutes(
            rollouts=rollouts,
            templates=templates,
            terminals=terminals,
            snapshots=snapshots,
            registry=registry,
            coordinator=coordinator,
            recorder=live_state.recorder,
            links=server.links,
        )
        recent = RecentRows(snapshots, registry)
        self._overview = OverviewRoutes(
            recent=recent,
            rollouts=rollouts,
            shown=rollout_routes.named,
            uploads=uploads,
            coordinator=coordinator,
            bad_copies=live_state.bad_copies,
            traffic=live_state.traffic,
            disk=server.disk,
            checks=server.checks,
            clock_problem=server.clock_problem,
            contents=live_state.contents,
        )
        terminal_routes = TerminalRoutes(
            terminals=terminals, snapshots=snapshots, coordinator=coordinator, registry=registry
        )
        tables: Sequence[RouteTable] = (
            *further,
            StreamRoutes(self.live),
            SessionRoutes(use_cases.sign_in),
            AccountRoutes(
                accounts=repositories.accounts, tokens=repositories.tokens, administration=use_cases.accounts
            ),
            self._overview,
            terminal_routes,
            HistoryRoutes(terminals=terminals, rollouts=rollouts, templates=templates, coordinator=coordinator),
            ManagementRoutes(use_cases.terminals),
            CommandRoutes(
                terminals=terminals,
                commands=repositories.commands,
                command_dispatcher=use_cases.commands,
                table=command_table,
            ),
            RoomRoutes(
                rooms=repositories.rooms, administration=use_cases.rooms, snapshots=snapshots, registry=registry
            ),
            EventRoutes(events=events, terminals=terminals),
            TemplateRoutes(
                templates=templates,
                uploads=uploads,
                catalogue=use_cases.catalogue,
                upload_requests=use_cases.uploads,
                publisher=publisher,
                recent=recent,
                contents=live_state.contents,
            ),
            SettingsRoutes(facts=server.facts, events=events, audit_log=use_cases.audit_log),
            UploadRoutes(uploads=uploads, upload_requests=use_cases.uploads, publisher=publisher),
            OrphanRoutes(use_cases.sweeper),
            rollout_routes,
            ServerRoutes(
                templates=templates,
                uploads=uploads,
                tracker=live_state.tracker,
                seeding=live_state.session,
                lag=server.lag,
                disk=server.disk,
                checks=server.checks,
            ),
        )
        described = Route(
            method="GET",
            path="/api/v1/openapi.json",
            handler=self._describe,
            summary="This document",
            answer=dict,
            token=False,
        )
        self.routes: tuple[Route, ...] = (*(route for table in tables for route in table.routes()), described)
        self.document = document(self.routes)
        self.app: Klein = router(self.routes, access, IdempotentChanges(repositories.responses, server.steady))

        self._row_news = TerminalRowNews(terminal_routes.some)
        self._rollout_news = RolloutNews(rollouts, rollout_routes.named)
        self._terminals = terminals

        async def uploading() -> dict[str, tuple[float, str, str]]:
            return {disk.id: (publisher.progress(disk), disk.state, disk.reason) for disk in await uploads.open_disks()}

        for source in (
            ProgressNews(coordinator.open_targets, live_state.recorder, self._row_news.changed, self.live.wanted),
            self._row_news,
            self._rollout_news,
            TrafficNews(live_state.traffic),
            UploadNews(uploading),
        ):
            self.live.add(source)

    def changed(self, mac: str) -> None:
        """A terminal came, went, or said what it has; a page that is opened later reads that for itself."""
        if len(self.live):
            self._row_news.changed([mac])

    def noted(self, event: AuditEntry) -> None:
        """Something was written down: it is news itself, and of the terminals and templates that it is about."""
        self._overview.changed()
        if not len(self.live):
            return
        self.live.tell("event", event_view(event))
        self._row_news.changed(event.macs or ([event.mac] if event.mac else []))
        if event.rollout is not None:
            self._rollout_news.changed(event.rollout)
        if event.template is not None:
            self.live.tell("templates", [])
        if event.kind.startswith(_OF_ALL):
            known = self._terminals.all().addCallback(lambda found: self._row_news.changed(x.mac for x in found))
            known.addErrback(lambda failure: log.failure("terminals could not be listed", failure))

    async def _describe(self) -> dict[str, Any]:
        return self.document

    def resource(self) -> IResource:
        """The API as a resource; it wants the whole path of a request, as `site` gives it."""
        return Gate(self.app.resource())
