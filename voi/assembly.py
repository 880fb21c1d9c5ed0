"""Every room of the server, made and joined. Nothing of it has begun to work: that is the service's part."""

from __future__ import annotations

import random
import time
from typing import Any, Final

from twisted.logger import Logger

from voi import __version__
from voi.config import Config
from voi.domain.rollouts import Links
from voi.domain.templates import PublishedLevel
from voi.doors import Doors
from voi.errors import VoiError
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
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.course import Observer
from voi.rollouts.sender import Sender
from voi.seeding.alerts import Event, Finished, TorrentFailed
from voi.seeding.link import link_rate
from voi.seeding.own_peer import OwnPeer
from voi.seeding.session import Seeding
from voi.seeding.settings import server_settings
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
from voi.threads import Threads
from voi.tracker.blocks import BlockDesk
from voi.tracker.door import Door
from voi.tracker.http import tracker_resource
from voi.tracker.keyring import KeyRing
from voi.tracker.tracker import Announced, Tracker
from voi.web.api import Api
from voi.web.assets import AssetResource, console_assets
from voi.web.metrics import MetricRoutes
from voi.web.requests import MOST_MACS
from voi.web.resources.server import Addresses, Limits, SettingsView
from voi.web.routing import BODY_LIMIT
from voi.web.site import site
from voi.web.traffic import TrafficMeter

log = Logger()

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


class Assembly:
    """The parts of a server, each made with what it needs of the others, and what they tell one another.

    `directory` is open and locked, and `token` the API's own, kept there; `doors` are not open yet.
    """

    def __init__(
        self, *, config: Config, directory: DataDirectory, token: str, threads: Threads, doors: Doors, reactor: Any
    ) -> None:
        self._config = config
        self._directory = directory
        self._threads = threads
        self._doors = doors
        self._reactor = reactor
        self.store = Store(directory.database, reactor)
        self.terminals, self.templates = Terminals(self.store, time.time()), Templates(self.store)
        self._uploads, self._rollouts = Uploads(self.store), Rollouts(self.store)
        self._commands, self._events, accounts = Commands(self.store), Events(self.store), Accounts(self.store)
        self.journal = Journal(self._events)
        self.lag = LagProbe(reactor)
        self.keys = KeyRing()
        self.fleet = Fleet()
        self._link = link_rate(config.link, config.upload_limit)
        self.seeding = self._make_seeding()
        self.own_peer = OwnPeer(self.seeding)
        self.tracker = Tracker(
            keys=self.keys,
            own_peer=self.own_peer,
            clock=reactor,
            random=random.Random(),  # noqa: S311 - whom a peer meets is no secret
            on_announce=self._announced,
        )
        self._make_publishing()
        self._make_rollouts()
        self.traffic = TrafficMeter(self.seeding, lambda: self.coordinator.hearing.fetched)
        self.tracker.tell_only_of(self.publisher.receiving, self.coordinator.terminals)
        admin = AdminDesk(accounts, reactor, reactor.getThreadPool())
        self._make_terminals(admin)
        self._make_web(token, accounts, admin)

    def _make_seeding(self) -> Seeding:
        host, port = self._config.bittorrent_address
        return Seeding(
            reactor=self._reactor,
            settings=server_settings(
                (host, port),
                link_rate=self._link,
                encryption=self._config.encryption,
                upload_limit=self._config.upload_limit,
                watch_interfaces=host in WILDCARDS,
            ),
            state_directory=self._directory.resume,
            on_event=self._event,
        )

    def _make_publishing(self) -> None:
        """What brings disks in: from terminals, and from files on the server."""
        self.publisher = Publisher(
            uploads=self._uploads,
            templates=self.templates,
            directory=self._directory,
            seeder=self.seeding,
            tracker=self.tracker,
            in_thread=self._threads.short,
            in_disk_thread=self._threads.disk,
        )
        self.block_tables = BlockTables(
            templates=self.templates,
            directory=self._directory,
            in_thread=self._threads.short,
            in_disk_thread=self._threads.disk,
        )
        self._notices = Notices(self._uploads, self.publisher, self.fleet)
        self._access = Access(self.publisher, Space(self._directory.root), self.fleet.__contains__)
        self._upload_desk = UploadDesk(
            uploads=self._uploads,
            templates=self.templates,
            publisher=self.publisher,
            access=self._access,
            directory=self._directory,
            in_thread=self._threads.short,
            told_again=self._notices.tell_end,
        )
        self._request_desk = RequestDesk(
            uploads=self._uploads,
            templates=self.templates,
            terminals=self.terminals,
            publisher=self.publisher,
            access=self._access,
            in_thread=self._threads.short,
        )
        self.fleet.online.append(self._access.terminal_came)
        self.fleet.offline.append(self._left)
        UploadChronicle(self.publisher, self._uploads, self.templates, self.journal, self.fleet.address)

    def _make_rollouts(self) -> None:
        """What brings disks out, and commands."""
        reactor = self._reactor
        self.command_desk = CommandDesk(self._commands, self.fleet, reactor)
        board = Board()
        self.observer = Observer(
            board=board, online=self.fleet, seeding=self.seeding, courses=Courses(self.store), clock=reactor
        )
        self.coordinator = RolloutCoordinator(
            rollouts=self._rollouts,
            templates=self.templates,
            terminals=self.terminals,
            fleet=self.fleet,
            sender=Sender(
                fleet=self.fleet,
                terminals=self.terminals,
                directory=self._directory,
                tracker_url=self._doors.tracker_url,
                in_thread=self._threads.short,
            ),
            commands=self.command_desk,
            seeder=self.seeding,
            tracker=self.tracker,
            clock=reactor,
            board=board,
            served=self.observer.served,
        )
        self.chronicle = RolloutChronicle(
            self.coordinator, self._rollouts, self.templates, self.journal, self._events, reactor
        )

    def _make_terminals(self, admin: AdminDesk) -> None:
        """What answers terminals."""
        self._handlers = Handlers(
            terminals=self.terminals,
            templates=self.templates,
            admin=admin,
            uploads=self._upload_desk,
            rollouts=self.coordinator.hearing,
            tracker_urls=self._doors.tracker_urls,
            knows_key=self.keys.learn,
            next_batch=self.fleet.next_batch,
            journal=self.journal,
        )
        self.factory = TerminalFactory(self.fleet, self._handlers, self._reactor)

    def _make_web(self, token: str, accounts: Accounts, admin: AdminDesk) -> None:
        """What answers browsers, programs, and peers over HTTP."""
        health = checks(self.store, self._directory, self.own_peer, self.seeding, self.lag, self._reactor)
        metrics = MetricRoutes(
            store=self.store,
            fleet=self.fleet,
            meter=Meter(
                factory=self.factory,
                tracker=self.tracker,
                seeding=self.seeding,
                lag=self.lag,
                store=self.store,
                directory=self._directory,
                http_connections=lambda: self.door.open,
                started=time.time(),
            ),
            checks=health,
            in_thread=self._threads.short,
            clock=self._reactor,
        )
        self.api = Api(
            token=token,
            accounts=accounts,
            sessions=Sessions(self.store),
            tokens=Tokens(self.store),
            answers=Answers(self.store),
            passwords=admin,
            terminals=self.terminals,
            templates=self.templates,
            uploads=self._uploads,
            rollouts=self._rollouts,
            commands=self._commands,
            command_desk=self.command_desk,
            fleet=self.fleet,
            upload_desk=self._request_desk,
            publisher=self.publisher,
            notices=self._notices,
            coordinator=self.coordinator,
            observer=self.observer,
            links=Links(self._link, self._config.terminal_link or link_rate(self._config.link)),
            tracker=self.tracker,
            seeding=self.seeding,
            lag=self.lag,
            clock=self._reactor,
            rosters=Rosters(self.store),
            rooms=Rooms(self.store),
            events=self._events,
            journal=self.journal,
            waker=Waker(self._threads.short),
            traffic=self.traffic,
            disk=lambda: self._threads.short(disk_usage, self._directory.root),
            facts=self._facts,
            forget_key=self.keys.forget,
            checks=health,
            further=[metrics],
        )
        self.fleet.online.append(self.api.changed)
        self.fleet.offline.append(self.api.changed)
        self._handlers.reported.append(self.api.changed)
        self.journal.heard.append(self.api.noted)
        peers = tracker_resource(self.tracker, BlockDesk(self.keys, self.block_tables))
        pages = site(self.api.resource(), peers, AssetResource(console_assets()))
        self.door = Door(self.tracker, pages, self._reactor)

    async def seed(self, level: PublishedLevel) -> None:
        """Offer a published level; one whose files are gone is reported, and does not hold the others up."""
        self.tracker.admit(level.info_hash)
        try:
            torrent = await self._threads.short(self._directory.torrent(level.info_hash).read_bytes)
            await self.seeding.seed(torrent, self._directory.disks)
        except (VoiError, OSError) as error:  # whatever is wrong with one file, the others are seeded
            log.error("{name} cannot be seeded: {error}", name=str(level.name), error=str(error))  # noqa: TRY400 - a line, no trace

    # What the rooms tell one another through here.

    def _announced(self, announced: Announced) -> None:
        self.publisher.announced(announced.info_hash, announced.host, announced.port)
        self.coordinator.hearing.announced(announced.terminal, announced.info_hash, announced.left)

    def _event(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.publisher.finished(event.info_hash)
        elif isinstance(event, TorrentFailed):
            log.error("torrent {hash}: {reason}", hash=event.info_hash.hex(), reason=event.reason)
            self.publisher.transfer_failed(event.info_hash, event.reason)

    def _left(self, mac: str) -> None:
        self._access.terminal_left(mac)
        self.terminals.seen(mac, time.time()).addErrback(
            lambda failure: log.failure("noting that {mac} left", failure, mac=mac)
        )

    def _facts(self, retention_days: int) -> SettingsView:
        """What the server was started with, as it turned out."""
        config, udp = self._config, self._doors.udp_port
        return SettingsView(
            version=__version__,
            addresses=Addresses(
                terminals=config.terminals,
                http=config.http,
                udp="" if udp is None else f"udp:{udp}",
                bittorrent=config.bittorrent,
                terminals_port=self._doors.terminals_port,
                http_port=self._doors.http_port,
            ),
            data=str(config.data_path),
            token_file=str(self._directory.api_token),
            link=config.link,
            terminal_link=config.terminal_link,
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
