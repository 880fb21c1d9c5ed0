"""One terminal with a fake BitTorrent session and a fake server, on a real directory."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import Terminal, key_of, torrent_of
from voi.wire.torrent_body import TorrentBody


class TerminalCase(SynchronousTestCase):
    """`self.torrent` is of the base; nothing of it is here yet."""

    def setUp(self) -> None:
        """Make the terminal, and start it."""
        self.directory = Path(self.mktemp())
        self.torrent = torrent_of()
        self.key = key_of(self.torrent)
        self.terminal = Terminal(self.directory)
        self.open()

    def open(self) -> None:
        """Start it."""
        self.successResultOf(Deferred.fromCoroutine(self.terminal.open()))
        self.addCleanup(self.terminal.stop)

    def restart(self, *, online: bool = True) -> None:
        """Stop it, and start another one on the same directory."""
        self.terminal.stop()
        self.terminal = Terminal(self.directory)
        self.terminal.server.online = online
        self.open()

    def take(self, body: TorrentBody) -> int:
        """A 1015; the code of the answer."""
        return self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body)))
