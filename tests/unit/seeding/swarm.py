"""Real sessions on loopback for the tests: files, torrents, and waiting for events."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import libtorrent as lt
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from voi.seeding.alerts import Event
from voi.seeding.session import TorrentSession
from voi.seeding.settings import terminal_settings

E = TypeVar("E")
HOST = "127.0.0.1"
NAME = "voi_0_6b1f3f0e-6f5c-4d6a-9d6c-0c1b2a3d4e5f"
PIECE = 64 * 1024


def content(size: int = 1 << 20, seed: int = 7) -> bytes:
    """The same bytes each time, and no two pieces alike."""
    return random.Random(seed).randbytes(size)


def torrent_of(path: Path, trackers: tuple[str, ...] = (), web_seed: str | None = None) -> bytes:
    """The .torrent of a file."""
    made = lt.create_torrent(lt.list_files(str(path)), PIECE, lt.create_torrent.v1_only)
    made.set_priv(True)
    for tracker in trackers:
        made.add_tracker(tracker)
    if web_seed is not None:
        made.add_url_seed(web_seed)
    lt.set_piece_hashes(made, str(path.parent))
    return lt.bencode(made.generate())


def copy_of_running(source: Path, target: Path) -> None:
    """The directories of a session that runs, as a crash at this moment would leave them.

    A note is written under a draft's name and then renamed, in a thread: a draft that was listed may be gone when it
    is to be copied, and no start reads one.
    """
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*.new"))


def hash_of(torrent: bytes) -> bytes:
    """The info-hash of a v1 torrent."""
    return lt.load_torrent_buffer(torrent).info_hashes.v1.to_bytes()


class Events:
    """The events of a session, and who waits for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._waiters: list[tuple[Callable[[Event], bool], Deferred[Event]]] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        for entry in list(self._waiters):
            wanted, waiter = entry
            if wanted(event):
                self._waiters.remove(entry)
                waiter.callback(event)

    def of(self, kind: type[E]) -> list[E]:
        """All events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def until_any(self, wanted: Callable[[], bool]) -> Deferred[Event]:
        """Fires with the next event, whatever it is, after which something is so."""
        waiter: Deferred[Event] = Deferred()
        self._waiters.append((lambda _event: wanted(), waiter))
        return waiter

    def until(self, kind: type[E], wanted: Callable[[E], bool] = lambda _: True) -> Deferred[E]:
        """Fires with the first such event, of the past or to come."""
        for event in self.of(kind):
            if wanted(event):
                done: Deferred[E] = Deferred()
                done.callback(event)
                return done
        waiter: Deferred[Event] = Deferred()
        self._waiters.append((lambda event: isinstance(event, kind) and wanted(event), waiter))
        return cast("Deferred[E]", waiter)


@dataclass
class Peer:
    """A running session, its port, its events, and its directories."""

    seeding: TorrentSession
    events: Events
    port: int
    files: Path
    state: Path


class SwarmCase(TestCase):
    """Starts sessions and stops those that a test leaves running."""

    timeout = 60  # seconds; a test that hangs says so

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir(parents=True)
        self.root = self.root.resolve()

    async def peer(
        self,
        name: str,
        *,
        port: int = 0,
        upload_limit: int = 0,
        download_limit: int = 0,
        status_interval: float = 0.1,
        settings: lt.settings_pack | None = None,
    ) -> Peer:
        """A session with the directories `name`/files and `name`/state, new or as an earlier one left them.

        It runs with a terminal's settings, or with these.
        """
        from twisted.internet import reactor

        files = self.root / name / "files"
        state = self.root / name / "state"
        files.mkdir(parents=True, exist_ok=True)
        events = Events()
        seeding = TorrentSession(
            reactor=reactor,
            settings=settings
            or terminal_settings((HOST, port), upload_limit=upload_limit, download_limit=download_limit),
            state_directory=state,
            on_event=events,
            status_interval=status_interval,
        )
        self.addCleanup(seeding.stop)
        return Peer(seeding, events, await seeding.start(), files, state)

    async def tracker(self) -> tuple[str, list[bytes], Deferred[None]]:
        """A tracker that names no peers: its URL without a path, the requests it had, and when it has had the first."""
        from twisted.internet import reactor

        requests: list[bytes] = []
        first: Deferred[None] = Deferred()

        class Tracker(Protocol):
            def dataReceived(self, data: bytes) -> None:
                requests.append(data)
                assert self.transport is not None
                self.transport.write(b"HTTP/1.0 200 OK\r\n\r\nd8:intervali60e5:peers0:e")
                self.transport.loseConnection()
                if not first.called:
                    first.callback(None)

        listening: Any = await TCP4ServerEndpoint(reactor, 0, interface=HOST).listen(Factory.forProtocol(Tracker))
        self.addCleanup(listening.stopListening)
        return f"http://{HOST}:{listening.getHost().port}", requests, first

    async def seeder(
        self, size: int = 1 << 20, upload_limit: int = 0, settings: lt.settings_pack | None = None
    ) -> tuple[Peer, bytes]:
        """A session that seeds a file of `size` bytes of `content`, and the torrent of it."""
        seeder = await self.peer("seeder", upload_limit=upload_limit, settings=settings)
        path = seeder.files / NAME
        path.write_bytes(content(size))
        torrent = torrent_of(path)
        await seeder.seeding.seed(torrent, seeder.files)
        return seeder, torrent
