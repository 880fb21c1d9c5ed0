"""The server, put together: the only place that knows every room."""

from __future__ import annotations

import os
import random
import time
from typing import Any, Final

from twisted.application.service import MultiService
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from voi import __version__
from voi.config import Config
from voi.domain.events import SERVER
from voi.domain.templates import PublishedLevel
from voi.errors import StartupError, VoiError
from voi.garbage import settle
from voi.health import checks
from voi.lag import LagProbe
from voi.metering import Meter
from voi.publishing.access import Access
from voi.publishing.chronicle import UploadChronicle
from voi.publishing.desk import UploadDesk
from voi.publishing.notices import Notices
from voi.publishing.publisher import Publisher
from voi.publishing.requests import RequestDesk
from voi.publishing.space import Space
from voi.publishing.tables import BlockTables
from voi.rollouts.board import Board
from voi.rollouts.chronicle import RolloutChronicle
from voi.rollouts.coordinator import TICK_SECONDS, RolloutCoordinator
from voi.rollouts.course import LOOK_SECONDS, Observer
from voi.rollouts.sender import Sender
from voi.seeding.alerts import Event, Finished, TorrentFailed
from voi.seeding.link import link_rate
from voi.seeding.session import Seeding
from voi.seeding.settings import server_settings
from voi.startup import Opened, allow_many_files, check_bittorrent_port, give_up, listen, open_directory
from voi.store.accounts import Accounts
from voi.store.answers import Answers
from voi.store.commands import Commands
from voi.store.courses import Courses
from voi.store.database import Store, disk_usage
from voi.store.directory import DataDirectory
from voi.store.events import Events
from voi.store.journal import Journal
from voi.store.rollouts import Rollouts
from voi.store.rooms import Rooms
from voi.store.roster import Rosters
from voi.store.sessions import LONGEST_SECONDS, Sessions
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.store.tokens import Tokens
from voi.store.uploads import Uploads
from voi.terminals.admin import ATTEMPTS, AdminDesk
from voi.terminals.commands import CommandDesk
from voi.terminals.factory import TerminalFactory
from voi.terminals.fleet import Fleet
from voi.terminals.handlers import Handlers
from voi.terminals.wake import Waker
from voi.tracker.blocks import BlockDesk
from voi.tracker.door import Door
from voi.tracker.http import tracker_resource
from voi.tracker.keyring import KeyRing
from voi.tracker.tracker import Announced, Tracker
from voi.tracker.udp import UdpTracker
from voi.web.api import Api
from voi.web.assets import AssetResource, console_assets
from voi.web.metrics import MetricRoutes
from voi.web.requests import MOST_MACS
from voi.web.resources.server import Addresses, Limits, SettingsView
from voi.web.routing import BODY_LIMIT
from voi.web.site import site
from voi.web.traffic import SAMPLE_SECONDS, TrafficMeter

log = Logger()

DISK_THREADS: Final = 4
"""Threads that read and hash disks: enough for one import beside one check, no more than a hard disk bears."""

PRUNE_SECONDS: Final = 600.0
"""How often entries of the journal that are too old are thrown away."""

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


class OwnPeer:
    """The server's own peer as the tracker sees it."""

    port = 0

    def __init__(self, seeding: Seeding) -> None:
        self._seeding = seeding

    def offered(self, info_hash: bytes) -> bool:
        """Whatever the session holds, an upload under way included: its uploader must find us."""
        return info_hash in self._seeding

    def complete(self, info_hash: bytes) -> bool:
        """Whether the server has all of it."""
        status = self._seeding.status(info_hash)
        return status is not None and status.state in ("seeding", "finished") and status.done == status.wanted


class VoiService(MultiService):
    """`twistd voi`.

    Files and ports are opened in `privilegedStartService`, so that what stands in the way ends the start
    before anything has begun.
    """

    def __init__(self, config: Config, reactor: Any) -> None:
        super().__init__()
        self.setName("voi")
        self.config = config
        self.directory = DataDirectory(config.data_path)
        self.fleet = Fleet()
        self._reactor = reactor
        self._opened: Opened | None = None
        self._ports: list[IListeningPort] = []
        self._udp: UdpTracker | None = None
        self._pool = ThreadPool(0, DISK_THREADS, "voi-disk")
        self._ticks: list[LoopingCall] = []
        self._starting: Deferred[None] = succeed(None)

    # Start.

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's name
        """Open files and ports; ends the process with one line and status 1 where it cannot."""
        try:
            self._open()
        except StartupError as error:
            raise give_up(error) from None
        except Exception as error:  # whatever it is, the administrator gets one line, and the log the trace
            log.failure("the start failed")
            raise give_up(StartupError(f"{type(error).__name__}: {error}")) from None
        super().privilegedStartService()

    def _open(self) -> None:
        check_bittorrent_port(*self.config.bittorrent_address)
        allow_many_files()
        self._opened = open_directory(self.directory)
        self._build(self._opened)
        reactor, config = self._reactor, self.config
        self._ports.append(listen(reactor, "terminals", config.terminals, self._factory))
        self._http_port = listen(reactor, "http", config.http, self._door)
        self._ports.append(self._http_port)
        self._door.stand_at(self._http_port)
        self._scheme = "https" if config.http.startswith("ssl:") else "http"
        self._open_udp()

    def _open_udp(self) -> None:
        """The UDP tracker on the same address and port; a server without it works, over HTTP alone."""
        address = self._http_port.getHost()
        if not isinstance(address, IPv4Address | IPv6Address):
            return
        try:
            self._udp = UdpTracker(self.tracker, self._reactor, address.host, address.port)
        except OSError as error:
            log.error(  # noqa: TRY400 - a line, no trace
                "no UDP tracker, terminals get the HTTP address alone: UDP port {port}: {error}",
                port=address.port,
                error=error.strerror,
            )

    def _build(self, opened: Opened) -> None:
        reactor = self._reactor
        self.store = Store(self.directory.database, reactor)
        self.terminals, self.templates = Terminals(self.store), Templates(self.store)
        self.uploads, self.rollouts = Uploads(self.store), Rollouts(self.store)
        commands, rooms, rosters = Commands(self.store), Rooms(self.store), Rosters(self.store)
        events = Events(self.store)
        self.journal = Journal(events)
        self.keys = KeyRing()
        self.lag = LagProbe(reactor)
        self.seeding = self._make_seeding()
        self.own_peer = OwnPeer(self.seeding)
        self.tracker = Tracker(
            keys=self.keys,
            own_peer=self.own_peer,
            clock=reactor,
            random=random.Random(),  # noqa: S311 - whom a peer meets is no secret
            on_announce=self._announced,
        )
        self.publisher = Publisher(
            uploads=self.uploads,
            templates=self.templates,
            directory=self.directory,
            seeder=self.seeding,
            tracker=self.tracker,
            in_thread=self._in_thread,
            in_disk_thread=self._in_disk_thread,
        )
        self.block_tables = BlockTables(
            templates=self.templates,
            directory=self.directory,
            in_thread=self._in_thread,
            in_disk_thread=self._in_disk_thread,
        )
        self.notices = Notices(self.uploads, self.publisher, self.fleet)
        self.access = Access(self.publisher, Space(self.directory.root), self.fleet.__contains__)
        upload_desk = UploadDesk(
            uploads=self.uploads,
            templates=self.templates,
            publisher=self.publisher,
            access=self.access,
            directory=self.directory,
            in_thread=self._in_thread,
            told_again=self.notices.tell_end,
        )
        request_desk = RequestDesk(
            uploads=self.uploads,
            templates=self.templates,
            terminals=self.terminals,
            publisher=self.publisher,
            access=self.access,
            in_thread=self._in_thread,
        )
        self.fleet.online.append(self.access.terminal_came)
        self.fleet.offline.append(self._left)
        self.command_desk = CommandDesk(commands, self.fleet, reactor)
        board = Board()
        self.observer = Observer(board=board, seeding=self.seeding, courses=Courses(self.store), clock=reactor)
        self.coordinator = RolloutCoordinator(
            rollouts=self.rollouts,
            templates=self.templates,
            terminals=self.terminals,
            fleet=self.fleet,
            sender=Sender(
                fleet=self.fleet,
                terminals=self.terminals,
                directory=self.directory,
                tracker_url=self.tracker_url,
                in_thread=self._in_thread,
            ),
            commands=self.command_desk,
            seeder=self.seeding,
            tracker=self.tracker,
            clock=reactor,
            board=board,
            served=self.observer.served,
        )
        UploadChronicle(self.publisher, self.uploads, self.templates, self.journal)
        self.chronicle = RolloutChronicle(self.coordinator, self.rollouts, self.templates, self.journal, reactor)
        self.traffic = TrafficMeter(self.seeding, lambda: self.coordinator.fetched)
        self.tracker.tell_only_of(self.publisher.receiving, self.coordinator.terminals)
        accounts = Accounts(self.store)
        admin = AdminDesk(accounts, reactor, reactor.getThreadPool())
        handlers = Handlers(
            terminals=self.terminals,
            templates=self.templates,
            admin=admin,
            uploads=upload_desk,
            rollouts=self.coordinator,
            tracker_urls=self.tracker_urls,
            knows_key=self.keys.learn,
            next_batch=self.fleet.next_batch,
            journal=self.journal,
        )
        self._factory = TerminalFactory(self.fleet, handlers, reactor)
        health = checks(self.store, self.directory, self.own_peer, self.seeding, self.lag, reactor)
        metrics = MetricRoutes(
            store=self.store,
            fleet=self.fleet,
            meter=Meter(
                factory=self._factory,
                tracker=self.tracker,
                seeding=self.seeding,
                lag=self.lag,
                store=self.store,
                directory=self.directory,
                http_connections=lambda: self._door.open,
                started=time.time(),
            ),
            checks=health,
            in_thread=self._in_thread,
            clock=reactor,
        )
        self._api = api = Api(
            token=opened.api_token,
            accounts=accounts,
            sessions=Sessions(self.store),
            tokens=Tokens(self.store),
            answers=Answers(self.store),
            passwords=admin,
            terminals=self.terminals,
            templates=self.templates,
            uploads=self.uploads,
            rollouts=self.rollouts,
            commands=commands,
            command_desk=self.command_desk,
            fleet=self.fleet,
            upload_desk=request_desk,
            publisher=self.publisher,
            notices=self.notices,
            coordinator=self.coordinator,
            observer=self.observer,
            link=link_rate(self.config.link, self.config.upload_limit),
            tracker=self.tracker,
            seeding=self.seeding,
            lag=self.lag,
            clock=reactor,
            rosters=rosters,
            rooms=rooms,
            events=events,
            journal=self.journal,
            waker=Waker(self._in_thread),
            traffic=self.traffic,
            disk=lambda: self._in_thread(disk_usage, self.directory.root),
            facts=self._facts,
            forget_key=self.keys.forget,
            checks=health,
            further=[metrics],
        )
        self.fleet.online.append(api.changed)
        self.fleet.offline.append(api.changed)
        handlers.reported.append(api.changed)
        self.journal.heard.append(api.noted)
        blocks = BlockDesk(self.keys, self.block_tables)
        self._door = Door(
            self.tracker,
            site(api.resource(), tracker_resource(self.tracker, blocks), AssetResource(console_assets())),
            reactor,
        )

    def _make_seeding(self) -> Seeding:
        host, port = self.config.bittorrent_address
        return Seeding(
            reactor=self._reactor,
            settings=server_settings(
                (host, port),
                link_rate=link_rate(self.config.link, self.config.upload_limit),
                encryption=self.config.encryption,
                upload_limit=self.config.upload_limit,
                watch_interfaces=host in WILDCARDS,
            ),
            state_directory=self.directory.resume,
            on_event=self._event,
        )

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Begin to work; ports are open already."""
        if self._opened is None:
            self.privilegedStartService()
        super().startService()
        self._pool.start()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._start_failed)

    async def _start(self) -> None:
        """Each step in its turn; a stop in between ends it after the step under way."""
        for step in (
            self.coordinator.recover,  # first: terminals come back within a second
            self._learn_keys,
            self.command_desk.recover,
            self._listen_to_peers,
            self._seed_all,
            self.publisher.recover,
        ):
            await step()
            if self._opened is None:
                return
        settle()
        self.lag.start()
        self.tracker.start()
        self._every(TICK_SECONDS, self.coordinator.tick)
        self._every(LOOK_SECONDS, lambda: self.observer.look(time.time()))
        self._every(60.0, lambda: self.publisher.give_up_idle(time.time()))
        self._every(PRUNE_SECONDS, self.journal.prune)
        self._every(SAMPLE_SECONDS, self.traffic.sample)
        await self.journal.note("server.started", SERVER, version=__version__)
        log.info("voi is up")

    async def _listen_to_peers(self) -> None:
        try:
            self.own_peer.port = await self.seeding.start()
        except StartupError as error:
            if self._opened is not None:
                log.critical("{error}", error=error.message)
            raise

    def _start_failed(self, failure: Failure) -> None:
        """A server that is half up helps nobody: end with status 1, so that a supervisor sees it."""
        log.failure("the start failed", failure)
        if self._opened is not None:
            self._reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
            self._reactor.stop()

    async def _learn_keys(self) -> None:
        for terminal in await self.terminals.all():
            self.keys.learn(terminal.tracker_key, terminal.mac)

    async def _seed_all(self) -> None:
        levels = [level for template in await self.templates.all() for level in template.levels]
        await gatherResults([Deferred.fromCoroutine(self._seed(level)) for level in levels])
        log.info("{count} published levels are seeded", count=len(levels))

    async def _seed(self, level: PublishedLevel) -> None:
        """Offer a published level; one whose files are gone is reported, and does not hold the others up."""
        self.tracker.admit(level.info_hash)
        try:
            torrent = await self._in_thread(self.directory.torrent(level.info_hash).read_bytes)
            await self.seeding.seed(torrent, self.directory.disks)
        except (VoiError, OSError) as error:  # whatever is wrong with one file, the others are seeded
            log.error("{name} cannot be seeded: {error}", name=str(level.name), error=str(error))  # noqa: TRY400 - a line, no trace

    # What the rooms tell one another through here.

    def _facts(self, retention_days: int) -> SettingsView:
        """What the server was started with, as it turned out."""
        config, udp = self.config, self._udp
        return SettingsView(
            version=__version__,
            addresses=Addresses(
                terminals=config.terminals,
                http=config.http,
                udp="" if udp is None else f"udp:{udp.port}",
                bittorrent=config.bittorrent,
            ),
            data=str(config.data_path),
            token_file=str(self.directory.api_token),
            link=config.link,
            upload_limit=config.upload_limit,
            encryption=config.encryption,
            limits=Limits(
                body_bytes=BODY_LIMIT,
                macs=MOST_MACS,
                session_days=round(LONGEST_SECONDS / 86400),
                sign_in_attempts=ATTEMPTS,
            ),
            retention_days=retention_days,
        )

    def tracker_url(self, host: str, key: str) -> str:
        """The announce URL for a terminal that reaches us at `host`."""
        return f"{self._scheme}://{_in_url(host)}:{port_of(self._http_port)}/{key}/announce"

    def tracker_urls(self, host: str, key: str) -> list[str]:
        """All of a terminal's announce URLs: HTTP first, then UDP if that is there."""
        urls = [self.tracker_url(host, key)]
        if self._udp is not None:
            urls.append(f"udp://{_in_url(host)}:{self._udp.port}/{key}/announce")
        return urls

    def _announced(self, announced: Announced) -> None:
        self.publisher.announced(announced.info_hash, announced.host, announced.port)
        self.coordinator.announced(announced.terminal, announced.info_hash, announced.left)

    def _event(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.publisher.finished(event.info_hash)
        elif isinstance(event, TorrentFailed):
            log.error("torrent {hash}: {reason}", hash=event.info_hash.hex(), reason=event.reason)
            self.publisher.transfer_failed(event.info_hash, event.reason)

    def _left(self, mac: str) -> None:
        self.access.terminal_left(mac)
        self.terminals.seen(mac, time.time()).addErrback(
            lambda failure: log.failure("noting that {mac} left", failure, mac=mac)
        )

    def _in_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *args)

    def _in_disk_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._pool, function, *args)

    def _every(self, seconds: float, work: Any) -> None:
        """Do something again and again; a failure is logged and does not end it."""

        def once() -> Deferred[None]:
            done: Deferred[None] = Deferred.fromCoroutine(work())
            return done.addErrback(lambda failure: log.failure("a periodic task failed", failure))

        call = LoopingCall(once)
        call.clock = self._reactor
        self._ticks.append(call)
        call.start(seconds, now=False)

    # Stop.

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """Save what BitTorrent needs to go on, and end within seconds."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        await self._starting
        for call in self._ticks:
            if call.running:
                call.stop()
        self.lag.stop()
        self.tracker.stop()
        self.publisher.stop()
        self.block_tables.stop()
        if self._udp is not None:
            self._udp.stop()
        for port in self._ports:
            await _maybe(port.stopListening())
        self._api.live.close()
        self._factory.close_all("the server stops")
        await self.seeding.stop()
        await _maybe(MultiService.stopService(self))
        self._pool.stop()
        await self.chronicle.stop()
        await self.journal.note("server.stopped", SERVER)
        self.store.close()
        os.close(opened.lock)


def _in_url(host: str) -> str:
    """An address as it stands in a URL: IPv4 bare, IPv6 in brackets and without scope."""
    plain = host.removeprefix("::ffff:").partition("%")[0]
    return f"[{plain}]" if ":" in plain else plain


def port_of(listening: IListeningPort) -> int:
    """The TCP port of an open port: only then is it known for an endpoint that asked for any."""
    address = listening.getHost()
    assert isinstance(address, IPv4Address | IPv6Address)
    return address.port


async def _maybe(result: Any) -> None:
    if isinstance(result, Deferred):
        await result
