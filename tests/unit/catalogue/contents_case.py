"""A server's copies of two levels in a real session of libtorrent, with a real database, and terminals beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from tests.unit.publishing.case import FakeTracker
from tests.unit.seeding.swarm import HOST, Events, Peer, SwarmCase, content
from tests.unit.store.values import DISK, TEMPLATE, upload
from voi.app.connections import tell_contents
from voi.catalogue.contents import SUSPECT_SECONDS, ContentMonitor
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain import metainfo
from voi.domain.contents import ContentState
from voi.domain.room_directory import RoomDirectory
from voi.domain.templates import PublishedLevel
from voi.errors import NoSpace
from voi.files.directory import DataDirectory
from voi.files.hashing import hash_file
from voi.messages.reason import Reason, plain
from voi.names import DiskName
from voi.seeding.alerts import Event
from voi.seeding.session import TorrentSession
from voi.seeding.settings import server_settings
from voi.store.audit import SqlAuditEntries
from voi.store.database import Store
from voi.store.interfaces.audit import AuditFilter
from voi.store.preparation import prepare
from voi.store.repositories import sql_repositories

BASE = DiskName(DISK, 0)
PIECE = 64 << 10
SIZE = 16 * PIECE
CONTENT = content(SIZE)


@dataclass
class There:
    """A peer as the tracker knows it."""

    host: str
    port: int
    left: int
    terminal: str


class ContentsCase(SwarmCase):
    """A data directory with one published level; `self.contents` watches it."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        super().setUp()
        self.directory = DataDirectory(self.root / "data")
        self.directory.create()
        prepare(self.directory.database)
        self.store = Store(self.directory.database, reactor)  # type: ignore[arg-type]  # the module is the reactor
        self.addCleanup(self.store.close)
        self.repositories = sql_repositories(self.store, RoomDirectory())
        self.path = self.directory.disk(BASE)
        self.path.write_bytes(CONTENT)
        self.torrent = metainfo.build(BASE, SIZE, PIECE, hash_file(self.path, PIECE))
        self.key = metainfo.parse(self.torrent).info_hash
        self.directory.torrent(self.key).write_bytes(self.torrent)
        self.level = PublishedLevel(TEMPLATE, BASE, 0, 0, self.key, SIZE, SIZE, SIZE // 512, 1.0, None)
        written = await self.repositories.uploads.begin(upload(BASE, mac=None))
        await self.repositories.templates.publish(self.level, written.disks[0], written, torrent=self.torrent)
        self.free = 1 << 40
        self.read: list[Path] = []
        self.peers: list[There] = []
        await self.start()

    async def start(self) -> None:
        """The server starts, again or for the first time, and has offered what it can."""
        self.clock, self.swarm, self.events = Clock(), FakeTracker(), Events()
        self.session = TorrentSession(
            reactor=reactor,
            settings=server_settings((HOST, 0), link_rate=1 << 30),
            state_directory=self.directory.resume,
            on_event=self._told,
            status_interval=0.1,
        )
        self.addCleanup(self.session.stop)
        await self.session.start()
        self.contents = ContentMonitor(
            templates=self.repositories.templates,
            torrents=TorrentFiles(
                directory=self.directory,
                kept=self.repositories.torrents,
                in_thread=deferToThread,
                in_disk_thread=deferToThread,
            ),
            entries=self.repositories.audit_entries,
            directory=self.directory,
            seeder=self.session,
            tracker=self.swarm,
            in_thread=deferToThread,
            in_disk_thread=self._in_disk_thread,
            clock=self.clock,
            check_room=self._check_room,
        )
        self._known()
        await self.contents.take_up()
        await self.idle()
        self.clock.advance(SUSPECT_SECONDS)

    async def restart(self) -> None:
        """The server stops as it should, and starts."""
        self.contents.stop()
        await self.session.stop()
        await self.start()

    def _told(self, event: Event) -> None:
        tell_contents(self.contents, event)
        self.events(event)

    def _in_disk_thread(self, function: Any, path: Path, *args: Any) -> Any:
        self.read.append(path)
        return deferToThread(function, path, *args)

    async def _check_room(self, needed: int) -> None:
        if needed > self.free:
            raise NoSpace(Reason("no_space", needed=needed, available=self.free))

    async def idle(self) -> None:
        """Wait until nobody works at the level."""
        content = self.contents._contents[self.key]
        await content.lock.acquire()
        content.lock.release()
        await self.store.write(lambda _db: None)

    async def look(self) -> None:
        """The server looks at its files, and what follows at once has ended."""
        await self.contents.look()
        await self.idle()

    async def terminal(self, name: str = "terminal", data: bytes = CONTENT, *, announced: bool = True) -> Peer:
        """A terminal that seeds the level, whatever its file has."""
        peer = await self.peer(name)
        path = peer.files / str(BASE)
        path.write_bytes(data)
        await peer.seeding.mark_verified(self.key, path)
        await peer.seeding.seed(self.torrent, peer.files)
        self.peers.append(There(HOST, peer.port, 0, f"AA:BB:CC:DD:EE:{len(self.peers):02}"))
        if announced:
            self._known()
        return peer

    def _known(self) -> None:
        self.swarm.announced = cast("Any", self.peers)

    async def healed(self) -> None:
        """Wait until the last piece has come, and what follows has ended: the session tells something all the time."""
        while self.state() is not ContentState.READY:
            await self.events.until_any(lambda: True)
            await self.idle()

    def state(self) -> ContentState:
        """What is said of the level."""
        return self.contents.status(self.key).state

    def codes(self) -> list[str]:
        """The codes of what is said to be wrong with it, from the outermost sentence to the innermost."""
        found: list[str] = []
        told: Any = plain(self.contents.problem(self.key) or "")
        while told:
            found.append(told["code"])
            inner = [value for value in told["data"].values() if isinstance(value, dict)]
            found += [value["code"] for value in inner[1:]]
            told = inner[0] if inner else None
        return found

    async def kinds(self) -> list[str]:
        """What the audit log has of contents, oldest first."""
        found = await SqlAuditEntries(self.store).find(AuditFilter(kind="content"), 99)
        return [entry.kind for entry in found][::-1]

    def damage(self, *pieces: int) -> None:
        """Change a byte in each of these pieces; size and time of change stay as they were."""
        before = self.path.stat()
        with self.path.open("r+b") as file:
            for piece in pieces:
                file.seek(piece * PIECE + 100)
                byte = file.read(1)
                file.seek(piece * PIECE + 100)
                file.write(bytes([byte[0] ^ 1]))
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))


def digest(path: Path) -> bytes:
    """A file's content, short."""
    return sha1(path.read_bytes(), usedforsecurity=False).digest()


WHOLE = sha1(CONTENT, usedforsecurity=False).digest()
