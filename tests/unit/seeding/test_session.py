"""Real sessions on loopback: downloads, stops of both kinds, damage, and what must not break them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.seeding.swarm import (
    HOST,
    NAME,
    PIECE,
    Events,
    Peer,
    SwarmCase,
    content,
    copy_of_running,
    hash_of,
    torrent_of,
)
from voi.errors import BadTorrent, Conflict, NotFound, StartupError, StorageMissing, TorrentRefused
from voi.seeding import alerts
from voi.seeding.interfaces import TorrentStatus, Trust
from voi.seeding.session import TorrentSession
from voi.seeding.settings import terminal_settings

SLOW = 2_000_000  # bytes a second: of 8 MiB there is always something missing when a test looks
LONG = 8 << 20


def no_disk(_info_hash: bytes) -> None:
    """As a disk that has failed."""
    raise OSError(5, "Input/output error", "state")


async def fetched(leech: Peer, torrent: bytes, seeder: Peer) -> None:
    """Download from the seeder to the end."""
    await leech.seeding.download(torrent, leech.files)
    leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
    await leech.events.until(alerts.Finished)


class DownloadTests(SwarmCase):
    """From one session to another."""

    async def test_download(self) -> None:
        """A file goes from seed to leech, byte for byte."""
        seeder, torrent = await self.seeder()
        leech = await self.peer("leech")
        await fetched(leech, torrent, seeder)
        await leech.seeding.flush(hash_of(torrent))
        self.assertEqual((leech.files / NAME).read_bytes(), content())

    async def test_connect_at_once(self) -> None:
        """A peer named before libtorrent has the torrent is connected to all the same."""
        seeder, torrent = await self.seeder()
        leech = await self.peer("leech")
        added = leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await added
        await leech.events.until(alerts.Finished)

    async def test_status(self) -> None:
        """The last status is kept, in bytes and in the protocol's words."""
        seeder, torrent = await self.seeder()
        leech = await self.peer("leech")
        await fetched(leech, torrent, seeder)
        await leech.events.until(TorrentStatus, lambda status: status.state == "seeding")
        status = leech.seeding.status(hash_of(torrent))
        assert status is not None
        self.assertEqual((status.done, status.wanted, status.downloaded), (1 << 20, 1 << 20, 1 << 20))
        self.assertEqual(dict(leech.seeding.statuses()), {hash_of(torrent): status})

    async def test_new_state_is_told_at_once(self) -> None:
        """That a file is all there is known before the interval comes round: the tracker tells others so."""
        peer = await self.peer("patient", status_interval=3600.0)
        (peer.files / NAME).write_bytes(content())
        torrent = torrent_of(peer.files / NAME)
        await peer.seeding.mark_verified(hash_of(torrent), peer.files / NAME)
        await peer.seeding.seed(torrent, peer.files)
        await peer.events.until(TorrentStatus, lambda status: status.state == "seeding")

    async def test_peers(self) -> None:
        """The peers of a torrent are told with what they have; two who ask share one answer."""
        seeder, torrent = await self.seeder(LONG, upload_limit=SLOW)
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(TorrentStatus, lambda status: status.peers > 0 and status.done > 0)
        first, second = leech.seeding.ask_peers(hash_of(torrent)), leech.seeding.ask_peers(hash_of(torrent))
        peers = await first
        self.assertEqual(await second, peers)
        self.assertEqual([(peer.host, peer.port, peer.seed) for peer in peers], [(HOST, seeder.port, True)])

    async def test_trackers_are_ours(self) -> None:
        """A torrent's own trackers and web seeds are dropped; those that we name are asked."""
        url, requests, first = await self.tracker()
        path = self.root / NAME
        path.write_bytes(content())
        torrent = torrent_of(path, trackers=(f"{url}/foreign",), web_seed=f"{url}/web/")
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files)
        self.assertEqual(leech.events.of(alerts.AnnounceFailed), [])
        leech.seeding.set_trackers(hash_of(torrent), [f"{url}/key/announce"])
        await first
        await leech.seeding.stop()
        self.assertEqual({request.partition(b"?")[0] for request in requests}, {b"GET /key/announce"})

    async def test_dead_tracker(self) -> None:
        """An announce that fails is told with its reason."""
        path = self.root / NAME
        path.write_bytes(content())
        leech = await self.peer("leech")
        await leech.seeding.download(torrent_of(path), leech.files, [f"http://{HOST}:1/announce"])
        failed = await leech.events.until(alerts.AnnounceFailed)
        self.assertEqual(failed.url, f"http://{HOST}:1/announce")
        self.assertIn("refused", failed.reason)


class StopTests(SwarmCase):
    """Stops of both kinds, and what the next start makes of them."""

    async def partly(self) -> tuple[Peer, Peer, bytes, int]:
        """A seeder, a leech with a part of the file, the torrent, and how many bytes the part has."""
        seeder, torrent = await self.seeder(LONG, upload_limit=SLOW)
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        status = await leech.events.until(TorrentStatus, lambda status: status.done >= 4 * PIECE)
        self.assertLess(status.done, LONG)
        return seeder, leech, torrent, status.done

    async def finish(self, again: Peer, seeder: Peer, torrent: bytes) -> int:
        """Fetch the rest, without the limit; the bytes that it took, each counted once.

        On a busy machine libtorrent asks again for what is late, and then gets some blocks twice.
        """
        fast = await self.peer("fast")
        await fast.seeding.seed(torrent, seeder.files)
        await fetched(again, torrent, fast)
        await again.events.until(TorrentStatus, lambda status: status.state == "seeding")
        status = again.seeding.status(hash_of(torrent))
        assert status is not None
        await again.seeding.flush(hash_of(torrent))
        self.assertEqual((again.files / NAME).read_bytes(), content(LONG))
        return status.downloaded - status.redundant

    async def test_clean_stop(self) -> None:
        """After a clean stop a download goes on where it was, without a check."""
        seeder, leech, torrent, done = await self.partly()
        await leech.seeding.stop()
        again = await self.peer("leech")
        downloaded = await self.finish(again, seeder, torrent)
        self.assertLessEqual(downloaded, LONG - done)
        states = [event.state for event in again.events.of(alerts.StateChanged)]
        self.assertNotIn("checking", states)

    async def test_unclean_stop(self) -> None:
        """After a crash what was written is found by its hashes, and only the rest is fetched."""
        seeder, leech, torrent, done = await self.partly()
        await leech.seeding.flush(hash_of(torrent))
        copy_of_running(self.root / "leech", self.root / "crashed")
        again = await self.peer("crashed")
        downloaded = await self.finish(again, seeder, torrent)
        self.assertLess(downloaded, LONG - done + 4 * PIECE)
        self.assertIn("checking", [event.state for event in again.events.of(alerts.StateChanged)])

    async def test_changed_after_a_clean_stop(self) -> None:
        """A partial file that was touched is checked in spite of its resume data."""
        seeder, leech, torrent, _ = await self.partly()
        await leech.seeding.stop()
        with (leech.files / NAME).open("r+b") as file:
            file.write(bytes(PIECE))
        again = await self.peer("leech")
        await self.finish(again, seeder, torrent)

    async def test_resume_data_of_another(self) -> None:
        """Resume data that cannot be read cost a check, no more."""
        seeder, leech, torrent, _ = await self.partly()
        await leech.seeding.stop()
        (leech.state / f"{hash_of(torrent).hex()}.resume").write_bytes(b"broken")
        again = await self.peer("leech")
        await self.finish(again, seeder, torrent)

    async def test_verified_is_not_hashed(self) -> None:
        """A verified file is offered at the next start without being read, and is really offered."""
        seeder, torrent = await self.seeder()
        await seeder.seeding.mark_verified(hash_of(torrent), seeder.files / NAME)
        await seeder.seeding.stop()
        again = await self.peer("seeder")
        self.assertIs(await again.seeding.seed(torrent, again.files), Trust.WHOLE)
        self.assertTrue((await again.events.until(alerts.Checked)).complete)
        await fetched(await self.peer("leech"), torrent, again)
        self.assertEqual([event.state for event in again.events.of(alerts.StateChanged)][:1], ["finished"])

    async def test_verified_while_it_is_checked(self) -> None:
        """Who has read a file is believed, though libtorrent's own check of it is told of later."""
        seeder, torrent = await self.seeder()
        seeder.seeding._on_event(alerts.StateChanged(hash_of(torrent), "checking"))
        await seeder.seeding.mark_verified(hash_of(torrent), seeder.files / NAME)
        state = seeder.seeding._torrents[hash_of(torrent)]
        state.checked = False
        seeder.seeding._on_event(alerts.StateChanged(hash_of(torrent), "checking"))
        self.assertTrue(state.verified)
        seeder.seeding._on_event(alerts.Checked(hash_of(torrent), complete=False))
        self.assertFalse(state.verified, "it was checked, and something is missing")

    async def test_check_is_remembered(self) -> None:
        """What libtorrent itself has read and found right counts as verified."""
        seeder, torrent = await self.seeder()
        self.assertTrue((await seeder.events.until(alerts.Checked)).complete)
        await seeder.seeding.stop()
        again = await self.peer("seeder")
        self.assertIs(await again.seeding.seed(torrent, again.files), Trust.WHOLE)

    async def test_lazy_after_a_crash(self) -> None:
        """A verified file is offered at once after a crash, and a piece that went bad is never sent."""
        seeder, torrent = await self.seeder()
        path = seeder.files / NAME
        await seeder.seeding.mark_verified(hash_of(torrent), path)
        copy_of_running(self.root / "seeder", self.root / "crashed")
        crashed = self.root / "crashed" / "files" / NAME
        facts = path.stat()
        with crashed.open("r+b") as file:
            file.seek(5 * PIECE)
            file.write(b"\0" * 10)
        _set_mtime(crashed, facts.st_mtime_ns)
        again = await self.peer("crashed")
        self.assertIs(await again.seeding.seed(torrent, again.files), Trust.LAZY)
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, again.port)
        failed = await again.events.until(alerts.PieceFailed)
        self.assertEqual(failed.piece, 5)
        await again.events.until(alerts.Checked, lambda event: not event.complete)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(alerts.Finished)
        self.assertEqual(leech.events.of(alerts.PieceFailed), [])

    async def test_damaged_file_is_mended(self) -> None:
        """A byte that changed in a verified file, and its time of change with it, is found and fetched again."""
        seeder, torrent = await self.seeder()
        other = await self.peer("other")
        path = other.files / NAME
        path.write_bytes(content())
        await other.seeding.mark_verified(hash_of(torrent), path)
        with path.open("r+b") as file:
            file.seek(3 * PIECE)
            file.write(b"\0")
        self.assertIs(await other.seeding.seed(torrent, other.files), Trust.CHECK)
        self.assertFalse((await other.events.until(alerts.Checked)).complete)
        other.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await other.events.until(alerts.Finished)
        await other.seeding.flush(hash_of(torrent))
        self.assertEqual(path.read_bytes(), content())

    async def test_stop_waits_for_the_tracker(self) -> None:
        """The goodbye to a tracker in this very process is answered before the session ends."""
        url, requests, first = await self.tracker()
        seeder, torrent = await self.seeder()
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files, [f"{url}/announce"])
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(alerts.Finished)
        await first
        await leech.seeding.stop()
        self.assertIn(b"event=stopped", requests[-1])

    async def test_stop_twice(self) -> None:
        """A second stop, and a stop without a start, are no errors."""
        peer = await self.peer("one")
        await peer.seeding.stop()
        await peer.seeding.stop()


class TroubleTests(SwarmCase):
    """What goes wrong in real rooms."""

    async def test_busy_port(self) -> None:
        """A port that another one has stops the start, with the port and the reason in one line."""
        first = await self.peer("first")
        problem = await self.assertFailure(_started(self.peer("second", port=first.port)), StartupError)
        self.assertIn(str(first.port), problem.message)
        self.assertIn("in use", problem.message)

    async def test_state_directory_is_a_file(self) -> None:
        """A state directory that cannot be used stops the start."""
        (self.root / "one").mkdir()
        (self.root / "one" / "state").write_text("")
        await self.assertFailure(_started(self.peer("one")), StartupError)

    async def test_twice(self) -> None:
        """The same torrent again is a Conflict, while it is being added and later, and the first goes on."""
        seeder, torrent = await self.seeder()
        leech = await self.peer("leech")
        first = leech.seeding.download(torrent, leech.files)
        await self.assertFailure(leech.seeding.download(torrent, leech.files), Conflict)
        await first
        await self.assertFailure(leech.seeding.seed(torrent, leech.files), Conflict)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(alerts.Finished)

    async def test_remove(self) -> None:
        """A torrent is gone with its file closed, in the middle of a download; it can come again."""
        seeder, torrent = await self.seeder(LONG, upload_limit=SLOW)
        leech = await self.peer("leech")
        await leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(TorrentStatus, lambda status: status.done > 0)
        await leech.seeding.remove(hash_of(torrent))
        self.assertNotIn(hash_of(torrent), leech.seeding)
        self.assertEqual(_open_files(leech.files), [])
        await leech.seeding.download(torrent, leech.files)

    async def test_remove_at_once(self) -> None:
        """A torrent that is still being added is removed when it is in, and questions in flight end."""
        _, torrent = await self.seeder()
        leech = await self.peer("leech")
        added = leech.seeding.download(torrent, leech.files)
        removed = leech.seeding.remove(hash_of(torrent))
        twice = leech.seeding.remove(hash_of(torrent))
        await added
        asked = leech.seeding.ask_peers(hash_of(torrent))
        asked.addErrback(lambda failure: failure.trap(NotFound))
        await removed
        await twice
        await asked
        self.assertNotIn(hash_of(torrent), leech.seeding)

    async def test_forget(self) -> None:
        """What is forgotten leaves nothing in the state directory."""
        seeder, torrent = await self.seeder()
        await seeder.seeding.mark_verified(hash_of(torrent), seeder.files / NAME)
        await seeder.seeding.remove(hash_of(torrent), forget=True)
        self.assertEqual([path.name for path in seeder.state.iterdir()], ["running"])

    async def test_cannot_forget(self) -> None:
        """A state directory that cannot be written is told as what it is."""
        seeder, torrent = await self.seeder()
        self.patch(seeder.seeding._verification, "forget", no_disk)
        await self.assertFailure(seeder.seeding.remove(hash_of(torrent), forget=True), StorageMissing)

    async def test_unknown_torrents(self) -> None:
        """What is asked of a torrent that is not there is ignored, or answered with NotFound."""
        peer = await self.peer("one")
        peer.seeding.connect(bytes(20), HOST, 1)
        peer.seeding.set_trackers(bytes(20), [])
        self.assertIsNone(peer.seeding.status(bytes(20)))
        await peer.seeding.remove(bytes(20), forget=True)
        await self.assertFailure(peer.seeding.ask_peers(bytes(20)), NotFound)
        await self.assertFailure(peer.seeding.flush(bytes(20)), NotFound)

    async def test_host_that_is_no_address(self) -> None:
        """A peer at what is no IP address is ignored."""
        seeder, torrent = await self.seeder()
        seeder.seeding.connect(hash_of(torrent), "somewhere", 1)
        seeder.seeding.connect(hash_of(torrent), HOST, 70_000)

    async def test_missing_directory(self) -> None:
        """A directory that is not there is told with the operating system's reason, and is not made."""
        _, torrent = await self.seeder()
        leech = await self.peer("leech")
        await self.assertFailure(leech.seeding.download(torrent, leech.files / "none"), StorageMissing)
        failed = await leech.events.until(alerts.TorrentFailed)
        self.assertIn("No such file or directory", failed.reason)
        self.assertFalse((leech.files / "none").exists())
        await leech.seeding.download(torrent, leech.files)

    async def test_missing_file(self) -> None:
        """A file that is not there cannot be seeded."""
        _seeder, torrent = await self.seeder()
        other = await self.peer("other")
        await self.assertFailure(other.seeding.seed(torrent, other.files), StorageMissing)
        await self.assertFailure(other.seeding.mark_verified(hash_of(torrent), other.files / NAME), StorageMissing)

    async def test_file_that_cannot_be_written(self) -> None:
        """A file that cannot be written is told once, with the operating system's reason."""
        _, torrent = await self.seeder()
        leech = await self.peer("leech")
        (leech.files / NAME).mkdir()
        await leech.seeding.download(torrent, leech.files)
        failed = await leech.events.until(alerts.TorrentFailed)
        self.assertIn("Is a directory", failed.reason)
        await leech.seeding.remove(hash_of(torrent))
        self.assertEqual(len(leech.events.of(alerts.TorrentFailed)), 1)

    async def test_no_torrent(self) -> None:
        """Bytes that are no torrent, and a torrent of two files, are refused."""
        peer = await self.peer("one")
        await self.assertFailure(peer.seeding.download(b"nonsense", peer.files), BadTorrent)
        folder = self.root / "folder"
        folder.mkdir()
        (folder / "a").write_bytes(content(1000))
        (folder / "b").write_bytes(content(1000))
        await self.assertFailure(peer.seeding.download(torrent_of(folder), peer.files), TorrentRefused)

    async def test_listener_that_fails(self) -> None:
        """A listener's fault is logged, and the next event comes."""
        from twisted.internet import reactor

        events = Events()

        def told(event: alerts.Event) -> None:
            events(event)
            if isinstance(event, alerts.Added):
                raise ZeroDivisionError

        files = self.root / "files"
        files.mkdir()
        (files / NAME).write_bytes(content())
        seeding = TorrentSession(
            reactor=reactor,
            settings=terminal_settings((HOST, 0)),
            state_directory=self.root / "state",
            on_event=told,
        )
        await seeding.start()
        self.addCleanup(seeding.stop)
        await seeding.seed(torrent_of(files / NAME), files)
        await events.until(alerts.Checked)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_after_the_stop(self) -> None:
        """A session that was stopped takes nothing any more, and leaves no session behind."""
        seeder, torrent = await self.seeder()
        await seeder.seeding.stop()
        await self.assertFailure(seeder.seeding.seed(torrent, seeder.files), Conflict)
        seeder.seeding.connect(hash_of(torrent), HOST, 1)
        gc.collect()
        again = await self.peer("again", port=seeder.port)
        self.assertEqual(again.port, seeder.port)


def _started(starting: Any) -> Deferred[Any]:
    return Deferred.fromCoroutine(starting)


def _set_mtime(path: Path, mtime_ns: int) -> None:
    import os

    os.utime(path, ns=(mtime_ns, mtime_ns))


def _open_files(directory: Path) -> list[str]:
    """What this process has open below a directory."""
    targets = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
    return [target for target in targets if target.startswith(f"{directory}/")]
