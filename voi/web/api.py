"""The API, put together from the rooms' routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from klein import Klein
from twisted.web.resource import IResource

from voi.store.accounts import Accounts
from voi.store.answers import Answers
from voi.store.commands import Commands
from voi.store.events import Events
from voi.store.journal import Notes
from voi.store.rollouts import Rollouts
from voi.store.rooms import Rooms
from voi.store.roster import Rosters
from voi.store.sessions import Sessions
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.store.tokens import Tokens
from voi.store.uploads import Uploads
from voi.web.access import Access
from voi.web.commands import CommandRoutes
from voi.web.events import EventRoutes
from voi.web.management import ManagementRoutes
from voi.web.openapi import document
from voi.web.overview import OverviewRoutes
from voi.web.repeats import Repeats
from voi.web.rollouts import RolloutRoutes
from voi.web.rooms import RoomRoutes
from voi.web.routing import Gate, Route, router
from voi.web.seams import (
    CommandDesk,
    Coordinator,
    DiskUsage,
    Fleet,
    HealthCheck,
    Lag,
    Notices,
    Passwords,
    Publisher,
    Seeding,
    Tracker,
    Traffic,
    UploadDesk,
    Waker,
)
from voi.web.server import ServerRoutes
from voi.web.sessions import AccountRoutes, SessionRoutes
from voi.web.templates import TemplateRoutes
from voi.web.terminals import TerminalRoutes
from voi.web.uploads import UploadRoutes


class Api:
    """Everything under ``/api/v1``, and ``/healthz``.

    `token` is the one of the data directory, which may do everything; `checks` are asked by ``/healthz``, by name.

    :raises ValueError: the token is empty.
    """

    def __init__(
        self,
        *,
        token: str,
        accounts: Accounts,
        sessions: Sessions,
        tokens: Tokens,
        answers: Answers,
        passwords: Passwords,
        terminals: Terminals,
        templates: Templates,
        uploads: Uploads,
        rollouts: Rollouts,
        commands: Commands,
        command_desk: CommandDesk,
        fleet: Fleet,
        upload_desk: UploadDesk,
        publisher: Publisher,
        notices: Notices,
        coordinator: Coordinator,
        tracker: Tracker,
        seeding: Seeding,
        lag: Lag,
        rosters: Rosters,
        rooms: Rooms,
        events: Events,
        journal: Notes,
        waker: Waker,
        traffic: Traffic,
        disk: DiskUsage,
        forget_key: Callable[[str], None],
        checks: Mapping[str, HealthCheck] | None = None,
    ) -> None:
        checks = {} if checks is None else checks
        tables = (
            SessionRoutes(accounts=accounts, sessions=sessions, passwords=passwords, journal=journal),
            AccountRoutes(accounts=accounts, tokens=tokens, passwords=passwords, journal=journal),
            OverviewRoutes(
                rosters=rosters,
                rollouts=rollouts,
                uploads=uploads,
                fleet=fleet,
                coordinator=coordinator,
                traffic=traffic,
                disk=disk,
                checks=checks,
            ),
            TerminalRoutes(rosters=rosters, coordinator=coordinator, fleet=fleet),
            ManagementRoutes(
                terminals=terminals,
                rooms=rooms,
                fleet=fleet,
                waker=waker,
                forget_key=forget_key,
                journal=journal,
            ),
            CommandRoutes(terminals=terminals, commands=commands, command_desk=command_desk, journal=journal),
            RoomRoutes(rooms=rooms, rosters=rosters, fleet=fleet, journal=journal),
            EventRoutes(events=events, terminals=terminals),
            TemplateRoutes(
                templates=templates,
                uploads=uploads,
                upload_desk=upload_desk,
                publisher=publisher,
                journal=journal,
            ),
            UploadRoutes(
                terminals=terminals,
                templates=templates,
                uploads=uploads,
                upload_desk=upload_desk,
                publisher=publisher,
                notices=notices,
                journal=journal,
            ),
            RolloutRoutes(rollouts=rollouts, templates=templates, coordinator=coordinator, journal=journal),
            ServerRoutes(
                templates=templates,
                uploads=uploads,
                tracker=tracker,
                seeding=seeding,
                lag=lag,
                checks=checks,
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
        self.app: Klein = router(self.routes, Access(token=token, sessions=sessions, tokens=tokens), Repeats(answers))

    async def _describe(self) -> dict[str, Any]:
        return self.document

    def resource(self) -> IResource:
        """The API as a resource; it wants the whole path of a request, as `site` gives it."""
        return Gate(self.app.resource())
