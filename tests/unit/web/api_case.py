"""An API on a real site and a real database, with fakes for what speaks to terminals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from twisted.web.resource import Resource
from zope.interface import implementer

from tests.unit.fakes import FakeConnections, FakeSession
from tests.unit.web.fakes import (
    MAC,
    NOW,
    TEMPLATE,
    FakeBadCopies,
    FakeContents,
    FakeCoordinator,
    FakeDispatcher,
    FakePasswords,
    FakePublisher,
    FakeRecorder,
    FakeTracker,
    FakeTraffic,
    FakeUploadRequests,
    FakeWaker,
)
from voi import __version__
from voi.app.lag import LagProbe, lag_view
from voi.audit.log import AuditLog
from voi.auth.administration import AccountAdministration
from voi.auth.passwords import PasswordChecker
from voi.auth.sign_in import Authenticator
from voi.catalogue.catalogue import Catalogue
from voi.catalogue.sweep import Sweeper
from voi.domain.commands import COMMANDS
from voi.domain.rollout_demand import LinkRates
from voi.domain.room_directory import RoomDirectory
from voi.domain.templates import PublishedLevel, Template
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.files.directory import DataDirectory
from voi.store.database import Store
from voi.store.preparation import prepare
from voi.store.repositories import sql_repositories
from voi.store.templates import publish_level
from voi.terminals.administration import TerminalAdministration
from voi.terminals.commands import CommandDispatcher
from voi.terminals.rooms import RoomAdministration
from voi.terminals.wake import Waker
from voi.web.api.schemas.server import Addresses, SettingLimits, SettingsView
from voi.web.application import Api, LiveState, Server, UseCases
from voi.web.console.assets import Asset, AssetResource, asset
from voi.web.http.checks import HealthCheck
from voi.web.site import site

TOKEN = "a-token-of-the-tests"
ASSETS: dict[str, Asset] = {
    name: made
    for name, content in {"index.html": b"<!doctype html>", "parts/main.js": b"export {}", "LICENCE": b"MIT"}.items()
    if (made := asset(name, content)) is not None
}


@dataclass
class Answer:
    """An HTTP response, read."""

    status: int
    headers: dict[str, str]
    text: str
    json: Any

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])

    @property
    def error_field(self) -> str | None:
        """The error's field."""
        found: str | None = self.json["error"]["field"]
        return found


class ApiCase(TestCase):
    """Each test has an API of its own on a port of its own."""

    timeout = 20
    command_table = COMMANDS

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        path = Path(self.mktemp())
        prepare(path)
        self.store = Store(path, reactor)  # type: ignore[arg-type]  # the module has no type
        self.addCleanup(self.store.close)
        self.room_directory = RoomDirectory()
        self.repositories = repositories = sql_repositories(self.store, self.room_directory)
        self.terminals, self.templates = repositories.terminals, repositories.templates
        self.uploads, self.rollouts = repositories.uploads, repositories.rollouts
        self.commands = repositories.commands
        self.registry, self.publisher = FakeConnections(), FakePublisher(self.uploads)
        self.upload_requests = FakeUploadRequests(self.uploads, self.templates, self.terminals, self.publisher)
        self.command_dispatcher = self.make_dispatcher()
        self.coordinator = FakeCoordinator(self.rollouts)
        self.bad_copies = FakeBadCopies()
        self.recorder = FakeRecorder(repositories.rollout_histories)
        self.tracker, self.seeding = FakeTracker(), FakeSession()
        self.lag, self.clock = LagProbe(Clock()), Clock()
        now, nobody = (lambda: NOW), cast("Any", None)
        self.rooms, self.events = repositories.rooms, repositories.audit_entries
        self.audit_log = AuditLog(self.events, now)
        self.contents = FakeContents()
        self.waker, self.traffic = FakeWaker(), FakeTraffic()
        self.disk = (500 << 30, 1000 << 30)
        self.forgotten_keys: list[str] = []
        self.checks: dict[str, HealthCheck] = {}
        self.accounts, self.passwords = repositories.accounts, FakePasswords()
        self.sessions, self.tokens = repositories.sessions, repositories.tokens
        self.clock_problem = ""
        self.directory = DataDirectory(Path(self.mktemp()).absolute())
        self.directory.create()
        self.sweeper = Sweeper(
            templates=self.templates,
            uploads=self.uploads,
            audit_entries=self.events,
            directory=self.directory,
            alone=lambda work: work,
            in_disk_thread=deferToThread,
        )
        # Of the classes that they play these have only what the API asks of them.
        played_use_cases: dict[str, Any] = {"rollouts": self.coordinator}
        played_work: dict[str, Any] = {
            "publisher": self.publisher,
            "recorder": self.recorder,
            "bad_copies": self.bad_copies,
            "tracker": self.tracker,
            "traffic": self.traffic,
            "contents": self.contents,
        }
        self.api = Api(
            server=Server(
                clock_problem=lambda: self.clock_problem,
                token=TOKEN,
                clock=self.clock,
                lag=lambda: lag_view(self.lag),
                disk=lambda: succeed(self.disk),
                facts=lambda days: SettingsView(
                    __version__,
                    Addresses("", "", "", "", 50007, 50021),
                    "",
                    "",
                    0,
                    0,
                    0,
                    False,
                    SettingLimits(1, 2, 3, 4),
                    days,
                ),
                links=LinkRates(1000, 500),
                checks=self.checks,
            ),
            repositories=repositories,
            use_cases=UseCases(
                sign_in=Authenticator(
                    accounts=self.accounts,
                    sessions=self.sessions,
                    passwords=cast("PasswordChecker", self.passwords),
                    audit_log=self.audit_log,
                ),
                accounts=AccountAdministration(
                    accounts=self.accounts, tokens=self.tokens, hash_password=self.passwords.hash, now=now
                ),
                terminals=TerminalAdministration(
                    terminals=self.terminals,
                    rooms=self.rooms,
                    online=self.registry,
                    waker=cast("Waker", self.waker),
                    forget_key=self.forgotten_keys.append,
                    audit_log=self.audit_log,
                    now=now,
                ),
                rooms=RoomAdministration(self.rooms, now),
                catalogue=Catalogue(
                    templates=self.templates,
                    uploads=self.uploads,
                    entries=self.events,
                    contents=cast("Any", self.contents),
                    torrents=nobody,
                    now=now,
                ),
                uploads=self.upload_requests,
                sweeper=self.sweeper,
                commands=self.command_dispatcher,
                audit_log=self.audit_log,
                **played_use_cases,
            ),
            live_state=LiveState(registry=self.registry, session=self.seeding, **played_work),
            command_table=self.command_table,
        )
        self.audit_log.added.connect(self.api.noted)
        self.site = site(self.api.resource(), tracker_stub(), AssetResource(ASSETS))
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        listening = await endpoint.listen(self.site)
        self.addCleanup(listening.stopListening)
        self.port: int = listening.getHost().port
        self.url = f"http://127.0.0.1:{self.port}"
        self.agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))

    def make_dispatcher(self) -> CommandDispatcher:
        """What gives commands: it sends nothing, and `given` has what it would have sent."""
        self.given: list[tuple[int, dict[str, Any], list[str]]] = []
        return FakeDispatcher(self.commands, self.terminals, self.registry, self.given)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; `body` goes as JSON, `data` as it is; an empty token is none."""
        sent = Headers({name: [value] for name, value in (headers or {}).items()})
        if token:
            sent.setRawHeaders("Authorization", [f"Bearer {token}"])
        client = treq.client.HTTPClient(self.agent)
        if data is None and body is not None:
            data = json.dumps(body).encode()
        response = await client.request(
            method,
            self.url + path,
            headers=sent,
            allow_redirects=False,
            data=None if data is None else WholeBody(data),
        )
        text = await response.text("utf-8")
        kind = response.headers.getRawHeaders("content-type", [""])[0]
        parsed = json.loads(text) if text and kind == "application/json" else None
        found = {k.decode().lower(): v[0].decode() for k, v in response.headers.getAllRawHeaders()}
        return Answer(response.code, found, text, parsed)

    async def terminal(self, mac: str = MAC, *, disks: Sequence[ReportedLevel] = (), name: str = "Classroom") -> None:
        """A terminal that logged in, and reported disks of the template."""
        await self.terminals.touch(mac, "192.0.2.7", 2, 1_700_000_000.0)
        if disks:
            await self.terminals.report(mac, ReportedTemplate(TEMPLATE, name, 3, "from a terminal"), disks)

    async def publish(self, *levels: PublishedLevel, name: str = "Classroom") -> Template:
        """A template with these levels."""

        def job(db: Any) -> Template:
            found = [publish_level(db, one, name=name, sys_type=3, desc="") for one in levels]
            return found[-1]

        return await self.store.write(job)


@implementer(IBodyProducer)
class WholeBody:
    """A request body that is written at once: treq's own leaves its cooperator behind when a server hangs up."""

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self._data = data

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is all written."""

    def resumeProducing(self) -> None:
        """It is all written."""

    def stopProducing(self) -> None:
        """It is all written."""


def tracker_stub() -> Resource:
    """Stands where the tracker would."""

    class Stub(Resource):
        isLeaf = True  # noqa: N815 - the name that Twisted asks for

        def render_GET(self, request: Any) -> bytes:
            path: bytes = request.path
            return b"tracker at " + path

    return Stub()
