"""Every room of the server, made and joined. Nothing of it has begun to work: that is the service's part."""

from __future__ import annotations

import random
import time
from typing import Any, Final

from twisted.logger import Logger

from voi import __version__
from voi.app.health import checks
from voi.app.lag import LagProbe, lag_view
from voi.app.listeners import Listeners
from voi.app.metering import Meter
from voi.app.threads import Threads
from voi.audit.log import AuditLog
from voi.auth.administration import AccountAdministration
from voi.auth.passwords import ATTEMPTS, PasswordChecker
from voi.auth.sign_in import SignIn
from voi.catalogue.block_tables import BlockTables
from voi.catalogue.catalogue import Catalogue
from voi.config import Config
from voi.domain.rollouts import LinkRates
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import RoomMap
from voi.errors import TorrentRefused
from voi.files.directory import DataDirectory
from voi.files.disk_usage import disk_usage
from voi.publishing.admission import UploadAdmission
from voi.publishing.intake import UploadIntake
from voi.publishing.notifications import UploaderNotifications
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.publishing.space import Space
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.sender import Sender
from voi.rollouts.throughput import ThroughputRecorder
from voi.seeding.alerts import Event, Finished, TorrentFailed
from voi.seeding.link import link_rate
from voi.seeding.own_peer import OwnPeer
from voi.seeding.session import TorrentSession
from voi.seeding.settings import server_settings
from voi.store.database import Store
from voi.store.interfaces.accounts import LONGEST_SECONDS
from voi.store.repositories import sql_repositories
from voi.store.start import Known
from voi.terminals.administration import TerminalAdministration
from voi.terminals.commands import CommandDispatcher
from voi.terminals.factory import TerminalFactory
from voi.terminals.handlers import RequestHandlers
from voi.terminals.registry import ConnectionRegistry
from voi.terminals.rooms import RoomAdministration
from voi.terminals.wake import Waker
from voi.tracker.announce_protocol import AnnounceFactory
from voi.tracker.blocks import BlockTableResource
from voi.tracker.http import tracker_resource
from voi.tracker.keys import TrackerKeys
from voi.tracker.tracker import PeerAnnounced, Tracker
from voi.web.api.schemas.requests import MOST_MACS
from voi.web.api.schemas.server import Addresses, SettingLimits, SettingsView
from voi.web.api.traffic import TrafficMeter
from voi.web.application import Api
from voi.web.console.assets import AssetResource, console_assets
from voi.web.http.routing import BODY_LIMIT
from voi.web.metrics.routes import MetricRoutes
from voi.web.site import site

log = Logger()

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


class Assembly:
    """The parts of a server, each made with what it needs of the others, and what they tell one another.

    `directory` is open and locked, and `token` the API's own, kept there; `listeners` are not open yet.
    """

    def __init__(
        self,
        *,
        config: Config,
        directory: DataDirectory,
        token: str,
        threads: Threads,
        listeners: Listeners,
        reactor: Any,
    ) -> None:
        self._config = config
        self._directory = directory
        self._threads = threads
        self._listeners = listeners
        self._reactor = reactor
        self.store = Store(directory.database, reactor)
        self.room_directory = RoomDirectory()
        self.repositories = repositories = sql_repositories(self.store, self.room_directory, time.time())
        self.terminals, self.templates = repositories.terminals, repositories.templates
        self._uploads, self._rollouts = repositories.uploads, repositories.rollouts
        self._events = repositories.audit_entries
        self.audit_log = AuditLog(self._events)
        self.lag = LagProbe(reactor)
        self.keys = TrackerKeys()
        self.registry = ConnectionRegistry()
        self._link = link_rate(config.link, config.upload_limit)
        self.seeding = self._make_seeding()
        self.own_peer = OwnPeer(self.seeding)
        self.tracker = Tracker(
            keys=self.keys,
            own_peer=self.own_peer,
            clock=reactor,
            random=random.Random(),  # noqa: S311 - whom a peer meets is no secret
            on_announce=self._announced,
            rooms=self.room_directory,
        )
        self.room_directory.changed.connect(self.tracker.rooms_changed)
        self._make_publishing()
        self._make_rollouts()
        self.traffic = TrafficMeter(self.seeding, lambda: self.coordinator.progress_receiver.fetched)
        self.tracker.tell_only_of(self.publisher.receiving, self.coordinator.terminals)
        self._passwords = PasswordChecker(repositories.accounts, reactor, reactor.getThreadPool())
        self._sign_in = SignIn(
            accounts=repositories.accounts,
            sessions=repositories.sessions,
            passwords=self._passwords,
            audit_log=self.audit_log,
        )
        self._make_terminals()
        self._make_web(token)

    def _make_seeding(self) -> TorrentSession:
        host, port = self._config.bittorrent_address
        return TorrentSession(
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
        """What brings disks in, from terminals and from files on the server, and what is published of them."""
        self.catalogue = Catalogue(
            templates=self.templates,
            uploads=self._uploads,
            directory=self._directory,
            seeder=self.seeding,
            tracker=self.tracker,
            in_thread=self._threads.short,
        )
        self.publisher = Publisher(
            uploads=self._uploads,
            templates=self.templates,
            catalogue=self.catalogue,
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
        self._notifications = UploaderNotifications(self._uploads, self.publisher, self.registry)
        self._admission = UploadAdmission(self.publisher, Space(self._directory.root), self.registry.__contains__)
        self._upload_intake = UploadIntake(
            uploads=self._uploads,
            templates=self.templates,
            publisher=self.publisher,
            admission=self._admission,
            directory=self._directory,
            in_thread=self._threads.short,
            told_again=self._notifications.tell_end,
        )
        self._upload_requests = UploadRequests(
            uploads=self._uploads,
            templates=self.templates,
            terminals=self.terminals,
            publisher=self.publisher,
            admission=self._admission,
            tell=self._notifications.request,
            in_thread=self._threads.short,
        )
        self.registry.online.connect(self._admission.terminal_came)
        self.registry.offline.connect(self._left)

    def _make_rollouts(self) -> None:
        """What brings disks out, and commands."""
        reactor = self._reactor
        self.command_dispatcher = CommandDispatcher(self.repositories.commands, self.terminals, self.registry, reactor)
        open_targets = OpenTargets()
        self.recorder = ThroughputRecorder(
            open_targets=open_targets,
            online=self.registry,
            seeding=self.seeding,
            courses=self.repositories.rollout_histories,
            clock=reactor,
        )
        self.coordinator = RolloutCoordinator(
            rollouts=self._rollouts,
            templates=self.templates,
            terminals=self.terminals,
            registry=self.registry,
            sender=Sender(
                registry=self.registry,
                terminals=self.terminals,
                directory=self._directory,
                tracker_url=self._listeners.tracker_url,
                in_thread=self._threads.short,
            ),
            send_command=self.command_dispatcher.send,
            seeder=self.seeding,
            tracker=self.tracker,
            clock=reactor,
            open_targets=open_targets,
            served=self.recorder.served,
        )

    def _make_terminals(self) -> None:
        """What answers terminals."""
        self._handlers = RequestHandlers(
            terminals=self.terminals,
            templates=self.templates,
            sign_in=self._sign_in,
            uploads=self._upload_intake,
            rollouts=self.coordinator.progress_receiver,
            tracker_urls=self._listeners.tracker_urls,
            knows_key=self.keys.learn,
            next_batch=self.registry.next_batch,
        )
        self.factory = TerminalFactory(self.registry, self._handlers, self._reactor)

    def _make_web(self, token: str) -> None:
        """What answers browsers, programs, and peers over HTTP."""
        health = checks(self.store, self._directory, self.own_peer, self.seeding, self.lag, self._reactor)
        metrics = MetricRoutes(
            statistics=self.repositories.statistics,
            registry=self.registry,
            meter=Meter(
                factory=self.factory,
                tracker=self.tracker,
                seeding=self.seeding,
                lag=self.lag,
                store=self.store,
                directory=self._directory,
                http_connections=lambda: self.announce_factory.open,
                started=time.time(),
            ),
            checks=health,
            in_thread=self._threads.short,
            clock=self._reactor,
        )
        rooms, tokens = self.repositories.rooms, self.repositories.tokens
        self.api = Api(
            token=token,
            accounts=self.repositories.accounts,
            sessions=self.repositories.sessions,
            tokens=tokens,
            answers=self.repositories.responses,
            sign_in=self._sign_in,
            account_administration=AccountAdministration(
                accounts=self.repositories.accounts, tokens=tokens, hash_password=self._passwords.hash
            ),
            terminals=self.terminals,
            templates=self.templates,
            uploads=self._uploads,
            rollouts=self._rollouts,
            commands=self.repositories.commands,
            command_dispatcher=self.command_dispatcher,
            registry=self.registry,
            catalogue=self.catalogue,
            upload_requests=self._upload_requests,
            publisher=self.publisher,
            coordinator=self.coordinator,
            recorder=self.recorder,
            links=LinkRates(self._link, self._config.terminal_link or link_rate(self._config.link)),
            tracker=self.tracker,
            seeding=self.seeding,
            lag=lambda: lag_view(self.lag),
            clock=self._reactor,
            snapshots=self.repositories.snapshots,
            rooms=rooms,
            events=self._events,
            audit_log=self.audit_log,
            room_administration=RoomAdministration(rooms),
            terminal_administration=TerminalAdministration(
                terminals=self.terminals,
                rooms=rooms,
                online=self.registry,
                waker=Waker(self._threads.short),
                forget_key=self.keys.forget,
                audit_log=self.audit_log,
            ),
            traffic=self.traffic,
            disk=lambda: self._threads.short(disk_usage, self._directory.root),
            facts=self._facts,
            checks=health,
            further=[metrics],
        )
        self.registry.online.connect(self.api.changed)
        self.registry.offline.connect(self.api.changed)
        self._handlers.reported.connect(self.api.changed)
        self.audit_log.heard.connect(self.api.noted)
        peers = tracker_resource(self.tracker, BlockTableResource(self.keys, self.block_tables))
        pages = site(self.api.resource(), peers, AssetResource(console_assets()))
        self.announce_factory = AnnounceFactory(self.tracker, pages, self._reactor)

    def fill(self, known: Known) -> None:
        """Let the tracker know all that it answers for, before anybody can ask: keys, rooms, torrents."""
        for terminal in known.terminals:
            self.keys.learn(terminal.tracker_key, terminal.mac)
        self.room_directory.fill(RoomMap(known.rooms), known.terminals)
        for info_hash in known.torrents:
            try:
                self.tracker.admit(info_hash)
            except TorrentRefused as error:  # what found no room is said once more when it is to be seeded
                log.error("{hash}: {error}", hash=info_hash.hex(), error=error.message)  # noqa: TRY400 - a line, no trace
                return

    # What the rooms tell one another through here.

    def _announced(self, announced: PeerAnnounced) -> None:
        self.publisher.announced(announced.info_hash, announced.host, announced.port)
        self.coordinator.progress_receiver.announced(announced.terminal, announced.info_hash, announced.left)

    def _event(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.publisher.finished(event.info_hash)
        elif isinstance(event, TorrentFailed):
            log.error("torrent {hash}: {reason}", hash=event.info_hash.hex(), reason=event.reason)
            self.publisher.transfer_failed(event.info_hash, event.reason)

    def _left(self, mac: str) -> None:
        self._admission.terminal_left(mac)
        self.terminals.seen(mac, time.time()).addErrback(
            lambda failure: log.failure("noting that {mac} left", failure, mac=mac)
        )

    def _facts(self, retention_days: int) -> SettingsView:
        """What the server was started with, as it turned out."""
        config, udp = self._config, self._listeners.udp_port
        return SettingsView(
            version=__version__,
            addresses=Addresses(
                terminals=config.terminals,
                http=config.http,
                udp="" if udp is None else f"udp:{udp}",
                bittorrent=config.bittorrent,
                terminals_port=self._listeners.terminals_port,
                http_port=self._listeners.http_port,
            ),
            data=str(config.data_path),
            token_file=str(self._directory.api_token),
            link=config.link,
            terminal_link=config.terminal_link,
            upload_limit=config.upload_limit,
            encryption=config.encryption,
            limits=SettingLimits(
                body_bytes=BODY_LIMIT,
                macs=MOST_MACS,
                session_days=round(LONGEST_SECONDS / 86400),
                sign_in_attempts=ATTEMPTS,
            ),
            retention_days=retention_days,
        )
