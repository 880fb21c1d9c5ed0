"""The API, put together from the rooms' routes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from voi import __version__
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
from voi.web.live import Live
from voi.web.news import ProgressNews, RolloutNews, TrafficNews, UploadNews, traffic
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
    Observer,
    Passwords,
    Publisher,
    Seeding,
    Tracker,
    UploadDesk,
)
from voi.web.server import ServerRoutes
from voi.web.sessions import AccountRoutes, SessionRoutes
from voi.web.stream import StreamRoutes
from voi.web.templates import TemplateRoutes
from voi.web.terminals import TerminalRoutes
from voi.web.uploads import UploadRoutes


class Api:
    """Everything under ``/api/v1``, and ``/healthz``.

    `token` is the one of the data directory, which may do everything; `checks` are asked by ``/healthz``, by name;
    `link` is the bytes a second of the server's link.

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
        observer: Observer,
        link: int,
        tracker: Tracker,
        seeding: Seeding,
        lag: Lag,
        clock: IReactorTime,
        checks: Mapping[str, HealthCheck] | None = None,
    ) -> None:
        access = Access(token=token, sessions=sessions, tokens=tokens)
        self.live = Live(clock=clock, access=access, hello={"version": __version__, "boot": secrets.token_hex(8)})
        rollout_routes = RolloutRoutes(
            rollouts=rollouts,
            templates=templates,
            terminals=terminals,
            fleet=fleet,
            coordinator=coordinator,
            observer=observer,
            link=link,
        )
        rooms = (
            StreamRoutes(self.live),
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
            rollout_routes,
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
        self.routes: tuple[Route, ...] = (*(route for room in rooms for route in room.routes()), described)
        self.document = document(self.routes)
        self.app: Klein = router(self.routes, access, Repeats(answers))

        async def uploading() -> dict[str, float]:
            return {disk.id: publisher.progress(disk) for disk in await uploads.open_disks()}

        for source in (
            ProgressNews(coordinator.open_targets, observer, lambda _macs: None),
            RolloutNews(rollouts, rollout_routes.named),
            TrafficNews(lambda: traffic(seeding.statuses(), observer.rate)),
            UploadNews(uploading),
        ):
            self.live.add(source)

    async def _describe(self) -> dict[str, Any]:
        return self.document

    def resource(self) -> IResource:
        """The API as a resource; it wants the whole path of a request, as `site` gives it."""
        return Gate(self.app.resource())
