"""Partly present pieces: wanted some at a time, each terminal in its own order, and all of them in the end."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.seeding.swarm import HOST, NAME, SwarmCase, content, hash_of
from voi.domain import metainfo
from voi.domain.blocks import BLOCK, BlockTable, Sums
from voi.files.hashing import hash_file
from voi.names import DiskName
from voi.seeding.alerts import Event, Finished, PieceDone
from voi.seeding.file_scan import read
from voi.seeding.interfaces import TorrentStatus
from voi.seeding.pacing import LEAST, SHARE, Window
from voi.seeding.registry import TorrentRegistry, TorrentState
from voi.seeding.torrents import Torrent
from voi.seeding.waiters import AlertWaiters


class WindowTests(SynchronousTestCase):
    """Which pieces are wanted."""

    @given(st.sets(st.integers(0, 5000), max_size=300), st.integers(0, 9))
    def test_every_piece(self, pieces: set[int], seed: int) -> None:
        """Each piece becomes wanted once, the next one as soon as one is there, and then it is done."""
        window = Window(pieces, Random(seed))
        wanted = pieces - window.hidden
        self.assertEqual(len(wanted), min(len(pieces), max(LEAST, len(pieces) // SHARE)))
        while wanted:
            self.assertFalse(window.done)
            following = window.had(wanted.pop())
            if following is not None:
                self.assertNotIn(following, wanted)
                wanted.add(following)
        self.assertTrue(window.done)

    def test_own_order(self) -> None:
        """Two terminals want different pieces first."""
        first, second = (set(range(160)) - Window(range(160), Random(seed)).hidden for seed in (1, 2))
        self.assertLess(len(first & second), LEAST)

    def test_other_pieces(self) -> None:
        """A piece that was not there in part lets no further one in."""
        window = Window(range(100), Random(1))
        self.assertIsNone(window.had(500))
        self.assertFalse(window.done)

    def test_twice(self) -> None:
        """A piece that is reported twice counts once."""
        window = Window(range(100), Random(1))
        piece = min(set(range(100)) - window.hidden)
        self.assertIsNotNone(window.had(piece))
        self.assertIsNone(window.had(piece))

    def test_open_all(self) -> None:
        """Without pacing all that was hidden is wanted, and done is still done."""
        window = Window(range(100), Random(1))
        hidden = window.hidden
        self.assertEqual(set(window.open_all()), hidden)
        self.assertEqual((window.hidden, window.done), (frozenset(), False))


class FakeHandle:
    """Remembers what became wanted."""

    def __init__(self) -> None:
        self.wanted: list[int] = []
        self.announces = 0

    def force_reannounce(self) -> None:
        self.announces += 1

    def prioritize_pieces(self, pieces: list[tuple[int, int]]) -> None:
        self.wanted += [piece for piece, _ in pieces]


class RegistryTests(SynchronousTestCase):
    """What the session makes of libtorrent's alerts for such a torrent."""

    def setUp(self) -> None:
        self.key = bytes(range(20))
        self.state = TorrentState(Torrent(self.key, NAME, 100 * BLOCK, BLOCK, b""), Path(NAME))
        self.handle = FakeHandle()
        self.state.handle = self.handle  # type: ignore[assignment]  # all of a handle that is used
        self.state.window = Window(range(100), Random(1))
        self.hidden = self.state.window.hidden
        self.events: list[Event] = []
        none: Any = None  # neither a thread nor the store is needed
        self.registry = TorrentRegistry(
            {self.key: self.state},
            AlertWaiters(Clock()),
            none,
            none,
            self.events.append,
            lambda *_: None,
        )

    def test_next_piece(self) -> None:
        """A piece that is there makes room for another, and no event is handed on."""
        self.registry.receive(PieceDone(self.key, min(set(range(100)) - self.hidden)))
        self.assertEqual(len(self.handle.wanted), 1)
        self.assertIn(self.handle.wanted[0], self.hidden)
        self.assertEqual(self.events, [])

    def test_finished_too_early(self) -> None:
        """The end of what was wanted is not the end of the torrent: all the rest is wanted then."""
        self.registry.receive(Finished(self.key))
        self.assertEqual((set(self.handle.wanted), self.events, self.state.complete), (self.hidden, [], False))
        self.assertEqual(self.handle.announces, 1, "libtorrent has let go of its seeds")

    def test_finished_too_early_again(self) -> None:
        """However often: libtorrent may say it again before it knows that the rest is wanted."""
        first, *others = sorted(set(range(100)) - self.hidden)
        self.registry.receive(PieceDone(self.key, first))
        for piece in others:
            self.registry.receive(PieceDone(self.key, piece))
        self.registry.receive(Finished(self.key))
        self.registry.receive(PieceDone(self.key, self.handle.wanted[0]))
        self.registry.receive(Finished(self.key))
        self.assertEqual((self.events, self.state.complete), ([], False))
        for piece in range(100):
            self.registry.receive(PieceDone(self.key, piece))
        self.registry.receive(Finished(self.key))
        self.assertEqual((self.events, self.state.complete), ([Finished(self.key)], True))

    def test_pieces_without_an_event(self) -> None:
        """Where alerts were lost, that libtorrent seeds is the end; while it only lacks nothing wanted it is none."""
        self.state.checked = True
        self.registry.receive(Finished(self.key))
        self.registry.receive(status(self.key, "finished"))
        self.assertFalse(self.state.complete)
        for _ in range(2):
            self.registry.receive(status(self.key, "seeding"))
        self.assertEqual([event for event in self.events if isinstance(event, Finished)], [Finished(self.key)])
        self.assertTrue(self.state.complete)

    def test_finished(self) -> None:
        """When every piece was there it is the end."""
        for piece in range(100):
            self.registry.receive(PieceDone(self.key, piece))
        self.registry.receive(Finished(self.key))
        self.assertEqual(self.events, [Finished(self.key)])

    def test_gone(self) -> None:
        """A torrent that libtorrent has dropped a moment ago is no error."""
        self.patch(FakeHandle, "prioritize_pieces", raises)
        self.patch(FakeHandle, "force_reannounce", raises)
        self.registry.receive(Finished(self.key))


def status(info_hash: bytes, state: str) -> TorrentStatus:
    """Where a torrent stands, as far as it matters here."""
    return TorrentStatus(info_hash, state, 1.0, *(0 for _ in range(10)))


def raises(*_arguments: object) -> None:
    """As libtorrent does for a torrent that is gone."""
    raise RuntimeError("invalid torrent handle used")


class PacedTests(SwarmCase):
    """A real download of more partial pieces than are wanted at a time."""

    PIECE = 2 * BLOCK
    COUNT = 10 * LEAST

    async def test_all_of_it(self) -> None:
        """All pieces come, what is events as finished is whole, and only what was missing was sent."""
        new = content(self.COUNT * self.PIECE)
        old = bytearray(new)
        for piece in range(self.COUNT):
            old[piece * self.PIECE] ^= 1
        seed, leech = await self.peer("seed"), await self.peer("leech")
        (seed.files / NAME).write_bytes(new)
        (leech.files / NAME).write_bytes(old)
        hashes, sums = hash_file(seed.files / NAME, self.PIECE), Sums()
        sums.update(new)
        torrent = metainfo.build(DiskName.parse(NAME), len(new), self.PIECE, hashes)
        parsed = metainfo.parse(torrent)
        table = BlockTable(parsed.info_hash, parsed.length, sums.finish())
        await seed.seeding.seed(torrent, seed.files)
        scan = read(leech.files / NAME, parsed).against(parsed, table)
        await leech.seeding.download(torrent, leech.files, scan=scan)
        leech.seeding.connect(hash_of(torrent), HOST, seed.port)
        await leech.events.until(Finished)
        await leech.seeding.flush(hash_of(torrent))
        self.assertEqual((leech.files / NAME).read_bytes(), new)
        self.assertEqual(len(leech.events.of(Finished)), 1)
