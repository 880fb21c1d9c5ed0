"""Stand-ins for what lies at the process's edge: terminals' connections, and the BitTorrent session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from voi.errors import TerminalOffline
from voi.seeding.interfaces import BitTorrentSession, ConnectedPeer, FileScan, TorrentStatus, Trust
from voi.signals import Signal
from voi.terminals.interfaces import ANSWER_SECONDS, Connections
from voi.wire import torrent_body
from voi.wire.messages import Reply, success
from voi.wire.torrent_body import TorrentBody

SINCE = 1_700_000_100.0
"""When everybody logged in who is online."""


class FakeConnections(Connections):
    """Terminals that are online as a test says, and answer as it tells them to."""

    def __init__(self, there: Iterable[str] = ()) -> None:
        self.online: Signal[[str]] = Signal("online")
        self.offline: Signal[[str]] = Signal("offline")
        self.there = set(there)
        self.free: dict[str, int] = {}
        self.asking: set[str] = set()
        self.able: dict[str, set[str]] = {}
        self.sessions: dict[str, int] = {}
        self.requests: list[tuple[int, Mapping[str, Any]]] = []
        self.sent: list[tuple[str, TorrentBody]] = []
        self.answer: Callable[[], Deferred[Reply]] = lambda: succeed(success())

    def __contains__(self, mac: object) -> bool:
        return mac in self.there

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.there))

    def since(self, mac: str) -> float | None:
        return SINCE if mac in self.there else None

    def session(self, mac: str) -> int | None:
        return self.sessions.get(mac, 0) if mac in self.there else None

    def asks(self, mac: str) -> bool:
        return mac in self.asking

    def can(self, mac: str, ability: str) -> bool:
        return mac in self.there and ability in self.able.get(mac, ())

    def disk_free(self, mac: str) -> int | None:
        return self.free.get(mac)

    def address(self, mac: str) -> str:
        return "10.0.0.1" if mac in self.there else ""

    def server_address(self, mac: str) -> str:
        return "10.0.0.254" if mac in self.there else ""

    def request(
        self,
        mac: str,
        code: int,
        fields: Mapping[str, Any],
        *,
        batch_no: int | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Deferred[Reply]:
        """Note a command and answer it."""
        if mac not in self.there:
            return fail(TerminalOffline(f"terminal {mac} is offline"))
        self.requests.append((code, fields))
        return self.answer()

    def send_torrent(
        self, mac: str, code: int, body: bytes, task_uuid: str, *, timeout: float = ANSWER_SECONDS
    ) -> Deferred[Reply]:
        """Note a 1015 and answer it."""
        if mac not in self.there:
            return fail(TerminalOffline(f"terminal {mac} is offline"))
        self.sent.append((mac, torrent_body.parse(body)))
        return self.answer()

    def come(self, mac: str) -> None:
        """A terminal logs in."""
        self.there.add(mac)
        self.sessions[mac] = self.sessions.get(mac, 0) + 1
        self.online(mac)

    def names(self, mac: str) -> list[str]:
        """The disks that a terminal was sent."""
        return [f"voi_{body.level}_{body.disk_uuid}" for who, body in self.sent if who == mac]

    def go(self, mac: str) -> None:
        """A terminal goes away."""
        self.there.discard(mac)
        self.offline(mac)


class FakeSession(BitTorrentSession):
    """A BitTorrent session that moves no bytes; `states` has what a test says of torrents."""

    failing = 0
    failed_pieces = 0
    sent = 0
    received = 0

    def __init__(self) -> None:
        self.states: dict[bytes, TorrentStatus] = {}
        self.connected: list[tuple[bytes, str, int]] = []
        self.blocked: frozenset[str] = frozenset()
        self.forgiven: list[tuple[bytes, str, int]] = []

    def start(self) -> Deferred[int]:
        return succeed(6881)

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        return succeed(Trust.WHOLE)

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        return succeed(None)

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        return succeed(False)

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        return succeed(None)

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        return succeed(None)

    def flush(self, info_hash: bytes) -> Deferred[None]:
        return succeed(None)

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[ConnectedPeer, ...]]:
        return succeed(())

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Note it."""
        self.connected.append((info_hash, host, port))

    def block(self, hosts: Collection[str]) -> None:
        """Note them."""
        self.blocked = frozenset(hosts)

    def forgive(self, info_hash: bytes, host: str, port: int) -> None:
        """Note it."""
        self.forgiven.append((info_hash, host, port))

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        """Of no matter here."""

    def status(self, info_hash: bytes) -> TorrentStatus | None:
        return self.states.get(info_hash)

    def statuses(self) -> Mapping[bytes, TorrentStatus]:
        return dict(self.states)

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self.states


def torrent_status(
    state: str = "seeding",
    *,
    progress: float = 0.0,
    uploaded: int = 0,
    downloaded: int = 0,
    upload_rate: int = 0,
    download_rate: int = 0,
) -> TorrentStatus:
    """Where a torrent stands; what is not said is nothing."""
    return TorrentStatus(b"", state, progress, 0, 0, upload_rate, download_rate, uploaded, downloaded, 0, 0, 0, 0)
