"""A terminal put together: its start and stop, its connection, and what it reports after each login."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.application.internet import ClientService
from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent

from voi.agent.block_tables import CONNECT_SECONDS, BlockTableClient
from voi.agent.client import Client, ServerRefused
from voi.agent.commands import CommandHandlers
from voi.agent.disk_checks import DiskChecks
from voi.agent.disk_reports import DiskReports, free_room
from voi.agent.disks import boot_disk
from voi.agent.downloads import Downloads
from voi.agent.idle_thread import IdleThread
from voi.agent.interfaces import BlockTableFetcher
from voi.agent.leftovers import remove_leftovers
from voi.agent.library import Library
from voi.agent.options import TerminalConfig, TerminalOptions
from voi.agent.own_work import OwnWork
from voi.agent.programs import Programs
from voi.agent.uploads import UploadQueue
from voi.clock import use_monotonic_time
from voi.errors import ConnectionEnded, NoAnswer, VoiError
from voi.files.permissions import set_umask
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.seeding.alerts import Event
from voi.seeding.link import link_rate
from voi.seeding.session import TorrentSession
from voi.seeding.settings import terminal_settings
from voi.tasks import InThread, spawn
from voi.wire.codes import ABILITIES, Code

log = Logger()

LONGEST_PAUSE: Final = 30.0
"""Seconds between tries to connect, at most: a server that comes back is to be full again within a minute."""

_FIRST_PAUSE = 2.0
_GROWTH = 1.6
_MOST_GROWN = 10  # exponents beyond it change nothing


def pause_before(attempt: int, random_part: Callable[[], float] = random.random) -> float:
    """Seconds before the next try to connect: 0.5 to 2 after the first failure, growing to `LONGEST_PAUSE`.

    Spread out, so that a room full of terminals does not come back in one instant.
    """
    longest = min(LONGEST_PAUSE, _FIRST_PAUSE * math.pow(_GROWTH, min(max(attempt, 0), _MOST_GROWN)))
    return longest * (0.25 + 0.75 * random_part())


class TerminalService(Service):
    """One terminal.

    `reactor` gives everything Twisted's does; `endpoint` is where the server is, if not that of the configuration.
    `failed` is called when the terminal cannot start. `ready` fires when it has started, connected or not.
    """

    def __init__(
        self,
        config: TerminalConfig,
        *,
        reactor: Any,
        endpoint: IStreamClientEndpoint | None = None,
        failed: Callable[[Failure], object] | None = None,
        make_seeding: Callable[..., Any] = TorrentSession,
        in_thread: InThread | None = None,
        tables: BlockTableFetcher | None = None,
        random_part: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        self.mac = config.mac
        self.address = config.address or ""
        self.trackers: Sequence[str] = ()
        self.client: Client | None = None
        self.bittorrent_port = 0
        self.ready: Deferred[None] = Deferred()
        self._reactor = reactor
        self._failed = failed
        self._random_part = random_part
        self._server_host = ""
        self._logged_in = False
        self._refused_logins = 0
        self._running = False
        self._lifecycle = DeferredLock()
        self._idle_thread = IdleThread(reactor)
        idle = in_thread or self._idle_thread
        in_thread = self._in_thread = in_thread or partial(deferToThreadPool, reactor, reactor.getThreadPool())
        self.library = Library(config.disks, in_thread)
        self._state_directory = self.library.hidden / "seeding"
        self.seeding = make_seeding(
            reactor=reactor,
            settings=_settings(config),
            state_directory=self._state_directory,
            on_event=self._event,
        )
        self.booted: DiskName | None = None
        self._booted_hash: str | None = None
        self.own_work = OwnWork(self.library, self.seeding, self, in_thread)
        self.uploads = UploadQueue(
            library=self.library,
            seeder=self.seeding,
            server=self,
            in_thread=in_thread,
            clock=reactor,
            piece_length=config.piece_length,
        )
        self.downloads = Downloads(
            library=self.library,
            seeder=self.seeding,
            server=self,
            in_thread=in_thread,
            clock=reactor,
            busy_with=self.uploads.busy_with,
            tables=tables or BlockTableClient(reactor, Agent(reactor, connectTimeout=CONNECT_SECONDS)),
            own_work=self.own_work,
            own_changed=self.uploads.changed,
        )
        self.disk_reports = DiskReports(
            library=self.library, server=self, in_thread=in_thread, clock=reactor, look=self.downloads.look
        )
        self.downloads.told = self.disk_reports.told
        self.disk_checks = DiskChecks(
            library=self.library, server=self, idle=idle, look=self.downloads.look, mend=self.downloads.mend
        )
        self._commands = CommandHandlers(
            self.mac, self.downloads, self.uploads, self.disk_checks, Programs(reactor, config.commands)
        )
        self._connector = ClientService(
            endpoint or _endpoint(reactor, config),
            _factory(self._protocol),
            # The service counts the end of a connection as the first failure.
            retryPolicy=lambda failures: pause_before(failures - 1 + self._refused_logins, self._random_part),
            clock=reactor,
        )

    # Start and stop.

    def startService(self) -> None:  # noqa: N802 - Twisted's
        """Start; what fails goes to `failed` and `ready`."""
        super().startService()
        set_umask()
        started = self._lifecycle.run(lambda: Deferred.fromCoroutine(self._start()))
        started.addCallbacks(lambda _: self.ready.callback(None), self._start_failed)

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's
        """Stop; fires when everything is written down and every port is closed."""
        super().stopService()
        return self._lifecycle.run(lambda: Deferred.fromCoroutine(self._stop()))

    async def _start(self) -> None:
        await self.library.open()
        try:
            self._note_what_runs()
            await self.own_work.open()
            await self.uploads.open()
            await self._clear_up()
            self.bittorrent_port = await self.seeding.start()
            await self.disk_reports.open()
        except Exception:
            self.library.close()
            raise
        self._running = True
        log.info("terminal {mac}: {directory}", mac=self.mac, directory=self.config.disks)
        self._connector.startService()
        # Meanwhile it logs in: adding many disks takes a while.
        spawn(self.downloads.resume(), log, "resuming what was under way")

    async def _clear_up(self) -> None:
        """Remove what a crash left of disks that are not here any more."""
        states = list(self.library)
        hashes = {state.key for state in states if state.key is not None}
        names = {state.disk for state in states}
        await self._in_thread(remove_leftovers, self.library.hidden, self._state_directory, names, hashes)

    async def _stop(self) -> None:
        if not self._running:
            return
        self._running = False
        self.downloads.stop()
        self.uploads.stop()
        self.disk_reports.stop()
        read = self.disk_checks.stop()
        await self._connector.stopService()
        await read  # it may have waited for an answer of the server
        self._idle_thread.stop()
        await self.seeding.stop()
        self.library.close()

    def _start_failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, VoiError):
            log.critical("terminal {mac} cannot start: {error}", mac=self.mac, error=error.message)
        else:
            log.failure("terminal {mac} cannot start", failure, mac=self.mac)
        if self._failed is not None:
            self._failed(failure)
        self.ready.addErrback(lambda _: None)  # it is logged; who waits has added callbacks before this one
        self.ready.errback(failure)

    def _event(self, event: Event) -> None:
        self.downloads.event(event)

    # The connection.

    @property
    def hosts(self) -> Collection[str]:
        """The IP addresses at which the server is known: of this connection, or the last, and of its trackers."""
        return {self._server_host, *(urlsplit(url).hostname or "" for url in self.trackers)} - {""}

    @property
    def online(self) -> bool:
        """Whether this terminal is logged in."""
        return self._logged_in and self.client is not None and self.client.connected_now

    async def ask(self, code: int, body: Mapping[str, Any] | bytes) -> dict[str, Any]:
        """Ask the server; the data of its answer.

        :raises ServerRefused: the answer is an error.
        :raises NoAnswer: there is none, or no connection.
        """
        if self.client is None:
            raise ConnectionEnded(Reason("server_not_connected"))
        return await self.client.ask(code, body)

    def _protocol(self) -> Client:
        return Client(self._reactor, self._commands.handle, self._connected, self._lost)

    def _connected(self, client: Client) -> None:
        self.client = client
        self._server_host = client.server_host or self._server_host
        if self.config.address is None:
            self.address = client.host
        Deferred.fromCoroutine(self._log_in(client)).addErrback(self._login_failed, client)

    def _lost(self, client: Client) -> None:
        if self.client is client:
            if self._logged_in:
                log.info("terminal {mac}: the connection to the server ended", mac=self.mac)
            self.client = None
            self._logged_in = False
            self.downloads.lost()
            self.uploads.lost()
            self.disk_reports.lost()

    def _login_failed(self, failure: Failure, client: Client) -> None:
        if not failure.check(VoiError):
            log.failure("terminal {mac}: login failed", failure, mac=self.mac)
        if not self._logged_in:
            self._refused_logins += 1
        client.lose(failure.getErrorMessage())

    async def _log_in(self, client: Client) -> None:
        """Log in, and report everything, in the order of the protocol."""
        room = await free_room(self._in_thread, self.library.directory)
        login = {"mac": self.mac, "ip": self.address, **room, "abilities": sorted(ABILITIES)}
        granted = await client.ask(Code.LOGIN, login)
        client.session.token = str(granted.get("token", "")).encode()
        client.start_heartbeat({"mac": self.mac})
        self._logged_in = True
        self._refused_logins = 0
        log.info("terminal {mac} is logged in", mac=self.mac)
        await self.library.find_new()
        await self._report_what_runs(client)
        await self._learn_tracker(client)
        # Progress first: the server waits for it before it sends again what is under way already.
        self.downloads.online()
        await self.disk_reports.online()
        self.uploads.online()
        self.disk_checks.online()
        await self.own_work.tell()

    def _note_what_runs(self) -> None:
        """What this terminal started from: the configuration says so, else what is whole and first in order now.

        It runs that until it starts again, whatever comes meanwhile.
        """
        option = self.config.boot_disk
        self.booted = DiskName.parse(option) if option else boot_disk(self.library)
        state = self.library.get(self.booted) if self.booted is not None else None
        self._booted_hash = state.info_hash if state is not None and state.complete else None

    async def _report_what_runs(self, client: Client) -> None:
        """9012, with the hash of the content where that is known: the proof that a version runs."""
        if self.booted is None:
            return
        body = {"mac": self.mac, "boot_disk": str(self.booted)}
        if self._booted_hash is not None:
            body["info_hash"] = self._booted_hash
        found = await self._report(client, Code.REPORT_BOOT_DISK, body)
        if found.get("uuid"):
            await self.library.learn_template(self.booted.uuid, str(found["uuid"]), str(found.get("name", "")))

    async def _learn_tracker(self, client: Client) -> None:
        found = await self._report(client, Code.TRACKER_ADDRESS, {"mac": self.mac})
        urls = found.get("tracker")
        if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls) or not urls:
            return
        self.trackers = urls[:8]  # one is usual; each is announced to
        for state in self.library:
            if state.key is not None:
                self.seeding.set_trackers(state.key, self.trackers)

    async def _report(self, client: Client, code: Code, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one report; if the server refuses it, the others are sent all the same."""
        try:
            return await client.ask(code, body)
        except ServerRefused as error:
            log.info("{code}: {error}", code=code.name, error=error.message)
            return {}
        except NoAnswer as error:
            if not client.connected_now:
                raise
            log.warn("{code}: {error}", code=code.name, error=error.message)
            return {}


def _settings(config: TerminalConfig) -> Any:
    return terminal_settings(
        listen=(config.address or "0.0.0.0", config.bittorrent_port),  # noqa: S104 - a terminal serves other terminals
        upload_limit=config.upload_limit,
        download_limit=config.download_limit,
        link_rate=link_rate(config.link, config.upload_limit, config.download_limit),
        encryption=config.encryption,
        watch_interfaces=config.address is None,
    )


def _endpoint(reactor: Any, config: TerminalConfig) -> IStreamClientEndpoint:
    bind = (config.address, 0) if config.address else None
    return HostnameEndpoint(reactor, config.server_host, config.server_port, bindAddress=bind)


def _factory(protocol: Callable[[], Client]) -> Factory[Client]:
    factory = Factory.forProtocol(protocol)
    factory.noisy = False
    return factory


def make_service(options: TerminalOptions) -> IService:
    """The terminals that a command line asks for."""
    from twisted.internet import reactor  # only the composition root may choose a reactor

    use_monotonic_time(reactor)

    def give_up(_failure: Failure) -> None:
        # Status 1, so that a supervisor sees it; the reactor itself would end with 0.
        reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        reactor.callLater(0, reactor.stop)

    parent = MultiService()
    for config in options.config.each():
        TerminalService(config, reactor=reactor, failed=give_up).setServiceParent(parent)
    return parent
