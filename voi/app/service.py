"""The life of a server: open what it needs, begin to work step by step, and end within seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi import __version__
from voi.app.assembly import Assembly, assemble
from voi.app.connections import connect
from voi.app.foundation import lay_foundation
from voi.app.garbage import settle
from voi.app.listeners import Listeners, where
from voi.app.start import Opened, allow_many_files, check_bittorrent_port, ensure_administrator, give_up, open_directory
from voi.app.threads import Threads
from voi.catalogue.contents import LOOK_SECONDS as LOOK_AT_FILES_SECONDS
from voi.clock import WATCH_SECONDS
from voi.config import Config
from voi.domain.actors import SERVER
from voi.errors import StartupError
from voi.files.directory import DataDirectory
from voi.files.permissions import set_umask
from voi.rollouts.stalls import TICK_SECONDS
from voi.rollouts.throughput import LOOK_SECONDS
from voi.tasks import spawn
from voi.web.api.traffic import SAMPLE_SECONDS

log = Logger()

PRUNE_SECONDS: Final = 600.0
"""How often entries of the audit log that are too old are deleted."""

CHECK_SECONDS: Final = 86_400.0
"""How often the whole database is read, so that damage is found before somebody needs what is damaged."""

COPIES_SECONDS: Final = 60.0
"""How often terminals with damaged copies are told to check them, where they were off or did not answer."""

IDLE_SECONDS: Final = 60.0
"""How often uploads are checked for progress; one that makes none gives way."""


class VoiService(MultiService):
    """`twistd voi`.

    Files and ports are opened in `privilegedStartService`, so that what prevents a start ends it
    before anything has begun.
    """

    parts: Assembly

    def __init__(self, config: Config, reactor: Any) -> None:
        super().__init__()
        self.setName("voi")
        self.config = config
        self.listeners = Listeners(reactor, config)
        self._reactor = reactor
        self._opened: Opened | None = None
        self._threads = Threads(reactor)
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
        set_umask()
        check_bittorrent_port(*self.config.bittorrent_address)
        allow_many_files()
        self._opened = open_directory(DataDirectory(self.config.data_path))
        base = lay_foundation(
            config=self.config,
            directory=self._opened.directory,
            threads=self._threads,
            listeners=self.listeners,
            reactor=self._reactor,
        )
        self.parts = assemble(base, self._opened.api_token)
        connect(self.parts)
        # The tables behind the ports are filled first, on the spot: the ports must be open when this returns, so that
        # one that is taken ends the start with status 1, and whoever waits at them is answered as soon as the reactor
        # runs. A port that was bound and listened later would turn those away who come back first.
        self.parts.fill(base.database.known())
        self.listeners.open(self.parts.terminals.factory, self.parts.web.announce_factory, self.parts.swarm.tracker)
        for line in self.listeners.described():
            log.info("{line}", line=line)

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Begin to work; ports are open already."""
        if self._opened is None:
            self.privilegedStartService()
        super().startService()
        self._threads.start()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._start_failed)

    async def _start(self) -> None:
        """Each step in its turn; a stop in between ends it after the step under way."""
        parts = self.parts
        for step in (
            parts.rollouts.coordinator.recover,  # first: terminals come back within a second
            parts.commands.recover,
            self._listen_to_peers,
            self._ensure_administrator,  # when every port is open: the next start would not print it again
            self._seed_all,
            parts.uploads.publisher.recover,
        ):
            await step()
            if self._opened is None:
                return
        settle()
        parts.base.lag.start()
        parts.swarm.tracker.start()
        self._every(TICK_SECONDS, parts.rollouts.coordinator.stall_monitor.tick)
        self._every(LOOK_SECONDS, parts.rollouts.recorder.look)
        self._every(LOOK_AT_FILES_SECONDS, parts.uploads.contents.look)
        self._every(IDLE_SECONDS, lambda: parts.uploads.publisher.give_up_idle(self._reactor.seconds(), time.time()))
        self._every(COPIES_SECONDS, parts.rollouts.bad_copies.tick)
        self._every(CHECK_SECONDS, self._look_for_damage, now=True)
        self._every(PRUNE_SECONDS, parts.base.audit_log.prune)
        self._every(WATCH_SECONDS, parts.base.clock_monitor.look)
        self._every(SAMPLE_SECONDS, parts.web.traffic.sample)
        await parts.base.clock_monitor.begin()
        await parts.base.audit_log.note("server.started", SERVER, version=__version__)
        log.info("voi is up")

    async def _listen_to_peers(self) -> None:
        try:
            port = self.parts.swarm.own_peer.port = await self.parts.swarm.session.start()
        except StartupError as error:
            if self._opened is not None:
                log.critical("{error}", error=error.message)
            raise
        host, _ = self.config.bittorrent_address
        log.info("bittorrent: tcp {where}", where=where(host, port))

    async def _ensure_administrator(self) -> None:
        await ensure_administrator(self.parts.base.repositories.accounts, self._threads.short)

    async def _seed_all(self) -> None:
        contents = self.parts.uploads.contents
        count = await contents.take_up()
        log.info("published levels that are seeded: {n} of {count}", n=contents.offered, count=count)

    def _start_failed(self, failure: Failure) -> None:
        """A server that is half up is of no use: end with status 1, so that a supervisor sees it."""
        log.failure("the start failed", failure)
        if self._opened is not None:
            self._reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
            self._reactor.stop()

    async def _look_for_damage(self) -> None:
        await self._threads.short(self.parts.base.database.look_for_damage)

    def _every(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]], *, now: bool = False) -> None:
        """Do something again and again; a failure is logged and does not end it."""
        call = LoopingCall(lambda: spawn(work(), log, "a periodic task"))
        call.clock = self._reactor
        self._ticks.append(call)
        call.start(seconds, now=now)

    # Stop.

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """Save what BitTorrent needs to go on, and end within seconds."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        parts = self.parts
        await self._starting
        for call in self._ticks:
            if call.running:
                call.stop()
        parts.base.lag.stop()
        parts.swarm.tracker.stop()
        parts.uploads.publisher.stop()
        parts.uploads.contents.stop()
        parts.uploads.block_tables.stop()
        await self.listeners.close()
        parts.web.api.live.close()
        parts.rollouts.coordinator.stop()
        parts.terminals.factory.close_all("the server stops")
        await parts.swarm.session.stop()
        await MultiService.stopService(self)
        self._threads.stop()
        await parts.base.audit_log.note("server.stopped", SERVER)
        parts.base.database.close()
        os.close(opened.lock)
