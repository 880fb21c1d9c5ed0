"""Partly present pieces: wanted some at a time, each terminal in its own order, and all of them in the end."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.seeding.swarm import HOST, NAME, SwarmCase, content, hash_of
from voi.domain import metainfo
from voi.domain.blocks import BLOCK, BlockTable, Sums
from voi.names import DiskName
from voi.seeding.alerts import Finished
from voi.seeding.hashing import hash_file
from voi.seeding.pacing import LEAST, SHARE, Window
from voi.seeding.survey import read


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
        """A piece that is told twice counts once."""
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


class PacedTests(SwarmCase):
    """A real download of more partial pieces than are wanted at a time."""

    PIECE = 2 * BLOCK
    COUNT = 10 * LEAST

    async def test_all_of_it(self) -> None:
        """All pieces come, what is told as finished is whole, and only what was missing was sent."""
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
        survey = read(leech.files / NAME, parsed).against(parsed, table)
        await leech.seeding.download(torrent, leech.files, survey=survey)
        leech.seeding.connect(hash_of(torrent), HOST, seed.port)
        await leech.events.until(Finished)
        await leech.seeding.flush(hash_of(torrent))
        self.assertEqual((leech.files / NAME).read_bytes(), new)
        self.assertEqual(len(leech.events.of(Finished)), 1)
