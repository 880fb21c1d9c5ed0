"""A disk file that lies there already: compared first, and then only what differs is fetched."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, TASK2, Terminal, key_of, task, torrent_of
from voi.agent.comparison import MOST_DISTRUSTED
from voi.agent.disks import DiskState
from voi.domain import metainfo
from voi.domain.blocks import BLOCK, BlockTable, Sums
from voi.errors import StorageMissing
from voi.seeding.alerts import Finished, PieceFailed
from voi.wire.codes import Code

PIECE = 4 * BLOCK
NEW = random.Random(1).randbytes(5 * PIECE)


def older(*blocks: int) -> bytes:
    """A version in which these blocks are others."""
    data = bytearray(NEW)
    for block in blocks:
        data[block * BLOCK] ^= 1
    return bytes(data)


class CompareTests(SynchronousTestCase):
    """One terminal with a fake BitTorrent session that doubts what lies there, and a fake server."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.torrent = torrent_of(NEW, size=PIECE)
        self.key = key_of(self.torrent)
        self.parsed = metainfo.parse(self.torrent)
        self.begin()
        self.terminal.library.path(BASE).write_bytes(older(1, 9))

    def begin(self) -> None:
        self.terminal = Terminal(self.directory)
        self.terminal.seeder.doubtful = True
        self.terminal.tables.answer = self.table(NEW)
        self.successResultOf(Deferred.fromCoroutine(self.terminal.open()))
        self.addCleanup(self.terminal.stop)

    def table(self, content: bytes) -> BlockTable:
        sums = Sums()
        sums.update(content)
        return BlockTable(self.key, len(NEW), sums.finish())

    def take(self, torrent: bytes | None = None, task_uuid: str = TASK2) -> int:
        body = task(torrent or self.torrent, task_uuid)
        return self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body)))

    def state(self) -> DiskState:
        state = self.terminal.library.get(BASE)
        assert state is not None
        return state

    def partial(self, number: int = -1) -> set[int]:
        """Pieces that were given to libtorrent as partly there."""
        scan = self.terminal.seeder.scans[number]
        assert scan is not None
        return set(scan.found.partial)

    def downloads(self) -> int:
        return [call[0] for call in self.terminal.seeder.calls].count("download")

    def test_older_version(self) -> None:
        """What differs is left to be fetched; the rest goes to libtorrent as it was found."""
        self.assertEqual(self.take(), 0)
        scan = self.terminal.seeder.scans[-1]
        assert scan is not None
        self.assertEqual(scan.found.have, (False, True, False, True, True))
        self.assertEqual(scan.found.partial[0], (True,) * 4 + (False,) * 4 + (True,) * 8)
        self.assertFalse(self.state().complete)

    def test_incomplete_before_it_is_read(self) -> None:
        """While the table is awaited the disk is not offered for boot already, and nothing is fetched yet."""
        waiting: Deferred[BlockTable | None] = Deferred()
        self.terminal.tables.answer = waiting
        self.assertEqual(self.take(), 0)
        self.assertFalse(self.state().complete)
        self.assertEqual(self.downloads(), 0)
        waiting.callback(self.table(NEW))
        self.assertEqual(self.downloads(), 1)

    def test_told_as_checking(self) -> None:
        """Meanwhile the server is told that the disk is being checked."""
        self.terminal.tables.answer = Deferred()
        self.take()
        self.terminal.clock.advance(2.0)
        report = self.terminal.server.bodies(Code.TASK_STATE)[-1]
        self.assertEqual((report["state"], report["progress"]), ("checking", 99.99))

    def test_no_table(self) -> None:
        """A server without tables costs nothing but the pieces that changed."""
        self.terminal.tables.answer = None
        self.take()
        self.assertEqual(self.partial(), set())
        scan = self.terminal.seeder.scans[-1]
        assert scan is not None
        self.assertEqual(scan.found.have.count(False), 2)

    def test_broken_client(self) -> None:
        """Whatever goes wrong with the table, the download goes on; the log has it."""
        self.terminal.tables.answer = ValueError("broken")
        self.take()
        self.assertEqual(self.downloads(), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_small_pieces(self) -> None:
        """A torrent whose pieces are no longer than blocks needs no table."""
        self.take(torrent_of(NEW, size=BLOCK))
        self.assertEqual(self.terminal.tables.asked, [])
        self.assertEqual(self.downloads(), 1)

    def test_nothing_there(self) -> None:
        """Without a file there is nothing to compare, and no table is asked for."""
        self.terminal.library.path(BASE).unlink()
        self.terminal.seeder.doubtful = False
        self.take()
        self.assertEqual((self.terminal.tables.asked, self.terminal.seeder.scans), ([], [None]))

    def test_cut_off(self) -> None:
        """After a kill the comparison is made again with what is there by then."""
        self.take()
        self.terminal.stop()
        self.terminal.library.path(BASE).write_bytes(older(9))
        self.begin()
        self.assertEqual(self.partial(), {2})
        self.assertEqual(self.terminal.tables.asked, [self.key])

    def test_cancelled_meanwhile(self) -> None:
        """A download that was cancelled while it was compared is not begun."""
        waiting: Deferred[BlockTable | None] = Deferred()
        self.terminal.tables.answer = waiting
        self.take()
        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel(None))), [str(BASE)]
        )
        waiting.callback(None)
        self.assertEqual(self.downloads(), 0)

    def test_replaced_meanwhile(self) -> None:
        """A newer version that comes while the file is compared is the one that is fetched."""
        waiting: Deferred[BlockTable | None] = Deferred()
        self.terminal.tables.answer = waiting
        self.take()
        self.terminal.tables.answer = None
        newer = torrent_of(older(3), size=PIECE)
        self.take(newer)
        waiting.callback(None)
        self.assertEqual(
            [call for call in self.terminal.seeder.calls if call[0] == "download"], [("download", key_of(newer))]
        )

    def test_unreadable(self) -> None:
        """A file that cannot be read fails the download, with a result for the server."""

        async def vanish(*_arguments: object) -> None:
            self.terminal.library.path(BASE).unlink()

        self.patch(self.terminal.tables, "fetch", vanish)  # the table is asked for before the file is read
        self.take()
        self.assertEqual(self.downloads(), 0)
        self.assertEqual([body["result"] for body in self.terminal.server.bodies(Code.DOWNLOAD_RESULT)], [2])

    def test_refused(self) -> None:
        """What libtorrent does not take after the comparison fails the download."""
        self.terminal.seeder.refusal = StorageMissing("no such directory")
        self.take()
        self.assertFalse(self.state().wanted)
        self.assertEqual([body["result"] for body in self.terminal.server.bodies(Code.DOWNLOAD_RESULT)], [2])

    def test_wrong_sum(self) -> None:
        """A piece that fails though its sums were right is fetched whole, and no peer is blamed for it."""
        self.take()
        self.terminal.downloads.event(PieceFailed(self.key, 0))
        self.assertEqual([call[0] for call in self.terminal.seeder.calls], ["download", "remove", "download"])
        self.assertEqual(self.partial(), {2})

    def test_bad_table(self) -> None:
        """A table that is wrong again and again is not believed any more."""
        self.terminal.library.path(BASE).write_bytes(older(1, 5, 9, 13, 17))
        self.take()
        self.assertEqual(self.partial(), {0, 1, 2, 3, 4})
        for piece in range(MOST_DISTRUSTED):
            self.terminal.downloads.event(PieceFailed(self.key, piece))
        self.assertEqual(self.partial(), set())
        self.assertEqual(self.downloads(), 1 + MOST_DISTRUSTED)

    def test_bad_peer(self) -> None:
        """A piece that was fetched whole and fails is libtorrent's matter."""
        self.take()
        self.terminal.downloads.event(PieceFailed(self.key, 1))
        self.assertEqual(self.downloads(), 1)

    def test_finished_while_compared_again(self) -> None:
        """The end of what is being taken out is not the end of the download."""
        self.take()
        waiting: Deferred[BlockTable | None] = Deferred()
        self.terminal.tables.answer = waiting
        self.terminal.downloads.event(PieceFailed(self.key, 0))
        self.terminal.downloads.event(Finished(self.key))
        self.assertNotIn(("flush", self.key), self.terminal.seeder.calls)
        self.terminal.library.path(BASE).write_bytes(NEW)
        waiting.callback(self.table(NEW))
        self.terminal.downloads.event(Finished(self.key))
        self.assertTrue(self.state().complete)
        self.assertEqual(
            hashlib.sha1(NEW).digest(), hashlib.sha1(self.terminal.library.path(BASE).read_bytes()).digest()
        )
