"""The API, put together from the rooms' routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from klein import Klein
from twisted.web.resource import IResource

from voi.store.accounts import Accounts
from voi.store.answers import Answers
from voi.store.commands import Commands
from voi.store.rollouts import Rollouts
from voi.store.sessions import Sessions
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.store.tokens import Tokens
from voi.store.uploads import Uploads
from voi.web.access import Access
from voi.web.openapi import document
from voi.web.repeats import Repeats
from voi.web.rollouts import RolloutRoutes
from voi.web.routing import Gate, Route, router
from voi.web.seams import (
    CommandDesk,
    Coordinator,
    Fleet,
    HealthCheck,
    Lag,
    Notices,
    Passwords,
    Publisher,
    RouteTable,
    Seeding,
    Tracker,
    UploadDesk,
)
from voi.web.server import ServerRoutes
from voi.web.sessions import AccountRoutes, SessionRoutes
from voi.web.templates import TemplateRoutes
from voi.web.terminals import TerminalRoutes
from voi.web.uploads import UploadRoutes


class Api:
    """Everything under ``/api/v1``, and ``/healthz``.

    `token` is the one of the data directory, which may do everything; `checks` are asked by ``/healthz``, by name;
    `further` tables of routes are served beside its own.

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
        checks: Mapping[str, HealthCheck] | None = None,
        further: Sequence[RouteTable] = (),
    ) -> None:
        rooms = (
            SessionRoutes(accounts=accounts, sessions=sessions, passwords=passwords),
            AccountRoutes(accounts=accounts, tokens=tokens, passwords=passwords),
            TerminalRoutes(
                terminals=terminals,
                templates=templates,
                commands=commands,
                command_desk=command_desk,
                fleet=fleet,
            ),
            TemplateRoutes(templates=templates, uploads=uploads, upload_desk=upload_desk, publisher=publisher),
            UploadRoutes(
                terminals=terminals,
                templates=templates,
                uploads=uploads,
                upload_desk=upload_desk,
                publisher=publisher,
                notices=notices,
            ),
            RolloutRoutes(rollouts=rollouts, coordinator=coordinator),
            ServerRoutes(
                templates=templates,
                uploads=uploads,
                tracker=tracker,
                seeding=seeding,
                lag=lag,
                checks={} if checks is None else checks,
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
        tables: Sequence[RouteTable] = (*rooms, *further)
        self.routes: tuple[Route, ...] = (*(route for table in tables for route in table.routes()), described)
        self.document = document(self.routes)
        self.app: Klein = router(self.routes, Access(token=token, sessions=sessions, tokens=tokens), Repeats(answers))

    async def _describe(self) -> dict[str, Any]:
        return self.document

    def resource(self) -> IResource:
        """The API as a resource; it wants the whole path of a request, as `site` gives it."""
        return Gate(self.app.resource())
