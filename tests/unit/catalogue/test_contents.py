"""Tests of voi.catalogue.contents, with real sessions of libtorrent on loopback."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from tests.unit.catalogue.contents_case import BASE, CONTENT, PIECE, SIZE, WHOLE, ContentsCase, There, digest
from tests.unit.seeding.swarm import HOST, content
from voi.catalogue.content import NO_GAIN_SECONDS
from voi.catalogue.contents import LONGEST_SUSPECT_SECONDS, SUSPECT_SECONDS
from voi.catalogue.outcomes import RETRY_SECONDS
from voi.domain.contents import ContentState
from voi.seeding.alerts import Checked
from voi.seeding.interfaces import TorrentStatus


class ReadyTests(ContentsCase):
    """A file with which nothing is wrong."""

    async def test_ready(self) -> None:
        """It is offered, nothing is said, and looking at it again reads nothing and changes nothing."""
        self.assertEqual((self.contents.total, self.contents.offered, self.contents.unavailable), (1, 1, 0))
        self.read.clear()
        await self.look()
        await self.look()
        self.assertEqual((self.state(), self.codes(), self.read, await self.kinds()), (ContentState.READY, [], [], []))

    async def test_start_reads_nothing(self) -> None:
        """After a stop as it should be, a file that was verified is offered without being read."""
        self.read.clear()
        await self.restart()
        self.assertEqual((self.state(), self.read, self.contents.offered), (ContentState.READY, [], 1))

    async def test_suspected_and_whole(self) -> None:
        """A suspected file is read once, is offered meanwhile, and is not read again soon, whoever asks."""
        self.read.clear()
        self.contents.suspect(self.key)
        self.contents.suspect(self.key)
        self.assertEqual(self.contents.offered, 1)
        await self.idle()
        self.contents.suspect(self.key)
        await self.idle()
        self.assertEqual((self.read, self.state(), await self.kinds()), ([self.path], ContentState.READY, []))
        self.clock.advance(SUSPECT_SECONDS)
        self.contents.suspect(self.key)
        await self.idle()
        self.assertEqual(self.read, [self.path, self.path])

    async def test_suspected_again_and_again(self) -> None:
        """Who suspects a whole file for ever does not have it read for ever: each reading that finds it whole makes
        the next pause twice as long, up to a bound; after that long without a word it is as at first.
        """
        self.read.clear()
        for _ in range(round(86_400 / SUSPECT_SECONDS)):
            self.contents.suspect(self.key)
            await self.idle()
            self.clock.advance(SUSPECT_SECONDS)
        self.assertLess(len(self.read), 32)
        self.clock.advance(2 * LONGEST_SUSPECT_SECONDS)
        self.read.clear()
        for _ in range(2):
            self.contents.suspect(self.key)
            await self.idle()
            self.clock.advance(SUSPECT_SECONDS)
        self.contents.suspect(self.key)
        await self.idle()
        self.assertEqual(len(self.read), 2)

    async def test_checked_by_an_administrator(self) -> None:
        """Who wants a file to be read need not wait; one that nobody published is passed over."""
        self.read.clear()
        for _ in range(2):
            self.assertEqual(self.contents.check([self.level]), 1)
            self.assertEqual(self.contents.check([self.level]), 0)
            await self.idle()
        self.contents.suspect(b"x" * 20)
        self.assertEqual(self.read, [self.path, self.path])
        self.assertIsNone(self.contents.problem(b"x" * 20))

    async def test_touched(self) -> None:
        """A file whose time of change is another is read, and found whole."""
        self.read.clear()
        os.utime(self.path)
        await self.look()
        await self.idle()
        self.assertEqual((self.read, self.state(), await self.kinds()), ([self.path], ContentState.READY, []))


class DamagedTests(ContentsCase):
    """A file in which bytes are wrong."""

    async def test_found_and_mended(self) -> None:
        """Changed bytes under an unchanged size and time are found when the file is suspected, said, and fetched from
        a terminal; then nothing is said any more.
        """
        self.damage(3)
        await self.look()
        self.assertEqual(self.state(), ContentState.READY)
        self.contents.suspect(self.key)
        await self.idle()
        self.assertEqual((self.contents.offered, self.contents.unavailable), (0, 1))
        self.assertEqual(self.state(), ContentState.DAMAGED)
        self.assertEqual(self.codes(), ["content_problem", "content_wrong", "content_no_holder", "content_damaged"])
        self.assertIn("1 of 16 pieces", str(self.contents.problem(self.key)))
        await self.terminal()
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), self.codes(), digest(self.path)), (ContentState.READY, [], WHOLE))
        self.assertEqual((self.contents.offered, self.contents.unavailable), (1, 0))
        self.assertEqual(await self.kinds(), ["content.damaged", "content.whole"])

    async def test_late_news(self) -> None:
        """What the seed told of a torrent before it was taken out says nothing of the one that mends the file."""
        self.damage(3)
        self.contents.suspect(self.key)
        self.contents.finished(self.key)
        self.contents.transfer_failed(self.key, "a bad disk")
        self.contents.checked(self.key, complete=True)
        await self.idle()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.DAMAGED, 0))
        self.assertIn(self.key, self.contents.wanted)

    async def test_whole_pieces_alone_are_offered(self) -> None:
        """While it is mended, a terminal gets all but the wrong pieces from it, and none of the wrong bytes."""
        self.damage(3, 9)
        self.contents.suspect(self.key)
        await self.idle()
        leech = await self.peer("leech")
        await leech.seeding.download(self.torrent, leech.files)
        self.session.connect(self.key, "127.0.0.1", leech.port)
        got = await leech.events.until(TorrentStatus, lambda status: status.done == SIZE - 2 * PIECE)
        self.assertEqual(got.failed, 0)

    async def test_mended_after_a_restart(self) -> None:
        """A stop while it is being mended: the next start knows that it is not whole, and goes on."""
        self.damage(0, 15)
        self.contents.suspect(self.key)
        await self.idle()
        await self.restart()
        if self.contents.status(self.key).state is ContentState.CHECKING:
            await self.events.until(Checked)
            await self.idle()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.DAMAGED, 0))
        await self.terminal()
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_mended_after_a_crash(self) -> None:
        """A kill while it is being mended: no start takes the file for whole."""
        self.damage(4)
        self.contents.suspect(self.key)
        await self.idle()
        crashed = self.root / "crashed"
        shutil.copytree(self.directory.resume, crashed, ignore=shutil.ignore_patterns(".*.new"))
        self.contents.stop()
        await self.session.stop()
        shutil.rmtree(self.directory.resume)
        crashed.rename(self.directory.resume)
        await self.start()
        await self.idle()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.DAMAGED, 0))
        self.assertIn("1 of 16 pieces", str(self.contents.problem(self.key)))

    async def test_seed_meets_a_wrong_piece(self) -> None:
        """After an unclean stop pieces are hashed as they are sent: the first wrong one withdraws the file, which is
        then mended.
        """
        self.contents.stop()
        await self.session.stop()
        (self.directory.resume / "running").touch()
        self.damage(*range(6))
        await self.start()
        self.assertEqual(self.contents.offered, 1)
        leech = await self.peer("leech")
        await leech.seeding.download(self.torrent, leech.files)
        self.session.connect(self.key, "127.0.0.1", leech.port)
        await self.events.until_any(lambda: not self.contents.offered)
        await self.idle()
        self.assertEqual(self.state(), ContentState.DAMAGED)
        self.assertIn("6 of 16 pieces", str(self.contents.problem(self.key)))

    async def test_cut_off(self) -> None:
        """A file that was cut off is found by its size, and gets its end back."""
        os.truncate(self.path, SIZE // 2)
        await self.look()
        await self.idle()
        self.assertIn("8 of 16 pieces", str(self.contents.problem(self.key)))
        await self.terminal()
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_too_long(self) -> None:
        """Bytes after the end are cut off; nothing has to be fetched for that."""
        with self.path.open("ab") as file:
            file.write(b"more")
        await self.look()
        await self.idle()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_another_file(self) -> None:
        """Another file in its place is never written over: it is kept under another name, and the level fetched."""
        other = content(SIZE, seed=99)
        self.path.write_bytes(other)
        await self.look()
        await self.idle()
        self.assertEqual(self.path.with_name(f"{BASE}.other-1").read_bytes(), other)
        self.assertEqual(await self.kinds(), ["content.moved_aside"])
        await self.terminal()
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))


class MissingTests(ContentsCase):
    """A file that is not there."""

    async def test_removed_and_fetched_back(self) -> None:
        """A file that is removed under the running server is missed at the next look, offered no more, and fetched
        back whole.
        """
        self.path.unlink()
        await self.look()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.MISSING, 0))
        self.assertIn("the file on the server is missing", str(self.contents.problem(self.key)))
        self.assertFalse(self.path.exists())
        await self.terminal()
        await self.look()
        self.assertEqual(self.state(), ContentState.FETCHING)
        self.assertIn("terminals that have all of it: 1", str(self.contents.problem(self.key)))
        await self.healed()
        self.assertEqual((self.state(), self.codes(), digest(self.path)), (ContentState.READY, [], WHOLE))
        self.assertEqual(list(self.directory.fetched.iterdir()), [])
        self.assertEqual(await self.kinds(), ["content.missing", "content.whole"])

    async def test_put_back_while_the_server_is_off(self) -> None:
        """What was fetched of a level is removed when its file is there again at a start, and by nobody fetched."""
        self.path.rename(self.root / "away")
        await self.look()
        self.directory.lost(BASE).write_bytes(CONTENT[: SIZE // 2])
        self.contents.stop()
        await self.session.stop()
        (self.root / "away").rename(self.path)
        await self.start()
        await self.idle()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.READY, 1))
        self.assertFalse(self.directory.lost(BASE).exists())

    async def test_killed_while_it_is_moved_to_its_place(self) -> None:
        """A kill between the two halves of the move leaves both names of one file: the second goes at the start."""
        self.contents.stop()
        await self.session.stop()
        os.link(self.path, self.directory.lost(BASE))
        await self.start()
        await self.idle()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.READY, 1))
        self.assertEqual((self.directory.lost(BASE).exists(), digest(self.path)), (False, WHOLE))

    async def test_terminal_that_comes_later(self) -> None:
        """A terminal that announces itself is connected to."""
        self.path.unlink()
        await self.look()
        terminal = await self.terminal(announced=False)
        self.assertIn(self.key, self.contents.wanted)
        self.contents.announced(self.key, "127.0.0.1", terminal.port)
        await self.healed()
        self.assertEqual((digest(self.path), self.key in self.contents.wanted), (WHOLE, False))

    async def test_put_back(self) -> None:
        """A file that an administrator puts back is read once it is at rest, and offered without a restart."""
        self.path.rename(self.root / "away")
        await self.look()
        self.read.clear()
        (self.root / "away").rename(self.path)
        await self.look()
        self.assertEqual(self.read, [])
        while not self.read:
            await self.look()
        await self.idle()
        self.assertEqual((self.read, self.state()), ([self.path], ContentState.READY))
        self.assertEqual((self.contents.offered, self.key in self.contents.wanted), (1, False))
        self.assertEqual(list(self.directory.fetched.iterdir()), [])

    async def test_nothing_comes(self) -> None:
        """From terminals that say that they have it nothing comes: after two minutes that is what is said, until one is
        there that gives it.
        """
        self.peers.append(There(HOST, 1, 0, "AA:BB:CC:DD:EE:FF"))
        self.path.unlink()
        await self.look()
        self.assertEqual((self.state(), self.codes()[2]), (ContentState.FETCHING, "content_fetched_back"))
        self.clock.advance(NO_GAIN_SECONDS)
        await self.look()
        self.assertEqual((self.state(), self.codes()[2]), (ContentState.MISSING, "content_no_gain"))
        await self.terminal(announced=False)
        self._known()
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_put_back_unreadable(self) -> None:
        """What is put back and cannot be read, such as another user's file, is not said to be missing."""
        self.path.unlink()
        await self.look()
        self.path.mkdir()
        await self.look()
        self.assertEqual(
            (self.state(), await self.kinds()), (ContentState.UNREADABLE, ["content.missing", "content.unreadable"])
        )
        self.path.rmdir()
        self.path.write_bytes(CONTENT)
        await self.look()
        await self.idle()
        self.assertEqual(self.state(), ContentState.READY)

    async def test_put_back_while_the_last_piece_comes(self) -> None:
        """What was fetched never replaces a file that is there again."""
        self.path.unlink()
        await self.look()
        self.path.write_bytes(CONTENT)
        before = self.path.stat().st_ino
        terminal = await self.terminal(announced=False)
        self.contents.announced(self.key, "127.0.0.1", terminal.port)
        await self.healed()
        self.assertEqual((self.state(), self.path.stat().st_ino), (ContentState.READY, before))

    async def test_missing_at_a_start(self) -> None:
        """A start without the file says so, and fetches it back."""
        self.path.unlink()
        await self.terminal()
        self.events.events.clear()
        self.contents.stop()
        await self.session.stop()
        await self.start()
        self.assertEqual((self.contents.offered, self.contents.unavailable), (0, 1))
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_not_mounted(self) -> None:
        """Where the directory of the disks is not this database's, as under a file system that is not mounted, nothing
        is fetched into it, and it is said why; once it is there again, the file is fetched.
        """
        self.directory = replace(self.directory, identity="b8d3bb7c-5b0f-4d6e-8a52-0c1d8c0f6a11")
        await self.restart()
        self.path.unlink()
        await self.look()
        await self.terminal()
        await self.look()
        self.assertEqual(self.state(), ContentState.MISSING)
        self.assertIn("is its file system mounted?", str(self.contents.problem(self.key)))
        self.directory.write_identity()
        self.clock.advance(RETRY_SECONDS)
        await self.look()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))

    async def test_no_room(self) -> None:
        """Without room nothing is fetched, which is said; it is tried again, and goes on once there is room."""
        self.free = SIZE - 1
        self.path.unlink()
        await self.look()
        self.assertEqual(self.state(), ContentState.MISSING)
        self.assertIn("the server needs 1.0 MB", str(self.contents.problem(self.key)))
        self.free = SIZE
        await self.look()
        self.assertEqual(self.state(), ContentState.MISSING)
        self.clock.advance(RETRY_SECONDS)
        await self.look()
        self.assertIn(self.key, self.contents.wanted)

    async def test_unreadable(self) -> None:
        """What cannot be opened is said to be, with the reason; it is offered again when it can be."""
        self.path.rename(self.root / "away")
        self.path.symlink_to(self.root / "away")
        await self.look()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.UNREADABLE, 0))
        self.path.unlink()
        (self.root / "away").rename(self.path)
        await self.look()
        await self.idle()
        self.assertEqual(
            (self.state(), await self.kinds()), (ContentState.READY, ["content.unreadable", "content.whole"])
        )

    async def test_retired(self) -> None:
        """What is published no more is watched no more, and not fetched."""
        self.path.unlink()
        await self.look()
        await self.contents.retire(self.key)
        self.assertEqual((self.contents.total, list(self.contents.wanted), self.key in self.session), (0, [], False))


class TorrentTests(ContentsCase):
    """The torrent of a level."""

    def flip(self, at: int) -> None:
        """Change a byte of the torrent file."""
        path = self.directory.torrent(self.key)
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    async def test_flipped(self) -> None:
        """A torrent file of which a byte changed is never seeded; the database's copy takes its place."""
        for at in (40, -30):
            self.flip(at)
            await self.restart()
            self.assertEqual(self.directory.torrent(self.key).read_bytes(), self.torrent)
            self.assertEqual((list(self.session._torrents), self.contents.offered), ([self.key], 1))

    async def test_lost_at_runtime(self) -> None:
        """A torrent file that vanishes is written again at one of the next looks."""
        self.directory.torrent(self.key).unlink()
        await self.look()
        self.assertEqual(self.directory.torrent(self.key).read_bytes(), self.torrent)
        self.assertEqual((self.state(), self.read), (ContentState.READY, [self.path]))

    async def _forget(self) -> None:
        """As a database of a version before, that has no torrents."""
        await self.store.write(lambda db: db.execute("DELETE FROM level_torrents"))

    async def test_kept_at_the_first_start(self) -> None:
        """A database of a version before gets the torrents from their files."""
        await self._forget()
        await self.restart()
        self.assertEqual(await self.repositories.torrents.get(self.key), self.torrent)

    async def test_made_again(self) -> None:
        """One that neither place has is made again from the file, whether it is lost, damaged in its hashes, or in the
        rest: the info-hash says that it is the same.
        """
        for change in (self.directory.torrent(self.key).unlink, lambda: self.flip(-30), lambda: self.flip(2)):
            await self._forget()
            change()
            await self.restart()
            self.assertEqual((self.state(), self.contents.offered), (ContentState.READY, 1))
            made = self.directory.torrent(self.key).read_bytes()
            self.assertEqual(await self.repositories.torrents.get(self.key), made)
        self.assertEqual(await self.kinds(), ["content.torrent_made"] * 3)

    async def test_lost_with_a_damaged_file(self) -> None:
        """A file that does not give the same torrent again is not offered, and what can be done is said; a torrent
        that is put back is taken up.
        """
        await self._forget()
        self.directory.torrent(self.key).unlink()
        self.damage(1)
        await self.restart()
        self.assertEqual((self.state(), self.contents.offered), (ContentState.MISSING, 0))
        self.assertEqual(self.codes(), ["content_problem", "content_torrent_lost"])
        self.directory.torrent(self.key).write_bytes(self.torrent)
        self.clock.advance(RETRY_SECONDS)
        await self.look()
        await self.idle()
        self.assertIn("1 of 16 pieces", str(self.contents.problem(self.key)))

    async def test_database_alone(self) -> None:
        """Of everything but the database nothing is left: the level comes back from a terminal."""
        self.contents.stop()
        await self.session.stop()
        for directory in (self.directory.disks, self.directory.torrents, self.directory.resume):
            shutil.rmtree(directory)
        self.directory.create()
        await self.terminal()
        await self.start()
        await self.healed()
        self.assertEqual((self.state(), digest(self.path)), (ContentState.READY, WHOLE))
        self.assertEqual(self.directory.torrent(self.key).read_bytes(), self.torrent)
