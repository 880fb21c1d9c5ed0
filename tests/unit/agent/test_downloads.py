"""Downloads: from 1015 to the last byte, whatever comes between."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred

from tests.unit.agent.case import TerminalCase
from tests.unit.agent.fakes import (
    BASE,
    CONTENT,
    DIFF,
    TASK,
    TASK2,
    UUID,
    Terminal,
    key_of,
    status,
    task,
    torrent_of,
)
from voi.agent.disks import DiskState
from voi.agent.downloads import TorrentUnusable
from voi.errors import StorageMissing
from voi.seeding.alerts import Checked, Finished, StateChanged, TorrentFailed
from voi.wire.codes import Code


class DownloadTests(TerminalCase):
    """One terminal with a fake BitTorrent session."""

    def state(self) -> DiskState:
        state = self.terminal.library.get(BASE)
        assert state is not None
        return state

    def arrive(self, content: bytes = CONTENT) -> None:
        self.terminal.library.path(BASE).write_bytes(content)
        self.terminal.downloads.event(Finished(key_of(torrent_of(content))))

    def results(self) -> list[int]:
        return [body["result"] for body in self.terminal.server.bodies(Code.DOWNLOAD_RESULT)]

    def progress(self) -> list[tuple[str, float]]:
        return [(body["state"], body["progress"]) for body in self.terminal.server.bodies(Code.TASK_STATE)]

    def test_from_task_to_result(self) -> None:
        """A task is fetched, brought to the disk, noted as verified and complete, and only then reported."""
        self.assertEqual(self.take(task(self.torrent)), 0)
        self.assertFalse(self.state().complete)
        self.arrive()
        self.assertEqual(
            self.terminal.seeder.calls, [("download", self.key), ("flush", self.key), ("verified", self.key)]
        )
        self.assertTrue(self.state().complete)
        self.assertEqual(self.progress()[-1], ("finished", 100.0))
        self.assertEqual(self.results(), [1])

    def test_not_complete_before_flush(self) -> None:
        """While the disk still writes, nothing says that the level is complete."""
        self.take(task(self.torrent))
        self.terminal.seeder.flushing = Deferred()
        self.arrive()
        self.assertFalse(self.state().complete)
        self.assertEqual(self.results(), [])
        self.terminal.seeder.flushing.callback(None)
        self.assertTrue(self.state().complete)

    def test_already_there(self) -> None:
        """The same content again is answered "already there", under whatever count, and the count is taken over."""
        self.take(task(self.torrent))
        self.arrive()
        self.assertEqual(self.take(task(self.torrent, TASK2, operate_id=3)), 10001)
        self.assertEqual(self.state().operate_id, 3)

    def test_sent_again(self) -> None:
        """Just what it has, once more: somebody doubts the file, so all of it is read, and what differs is fetched."""
        self.take(task(self.torrent))
        self.arrive()
        path, mtime = self.terminal.library.path(BASE), self.terminal.library.path(BASE).stat().st_mtime_ns
        path.write_bytes(CONTENT[:-1] + b"?")
        os.utime(path, ns=(mtime, mtime))
        self.assertEqual(self.take(task(self.torrent, TASK2)), 0)
        self.assertIn(("remove", self.key, True), self.terminal.seeder.calls)
        self.assertFalse(self.state().complete)
        self.arrive()
        self.assertEqual((self.state().complete, self.results()), (True, [1, 1]))

    def test_task_told_twice(self) -> None:
        """While the server has not heard that a task is done, telling it again is no doubt: "already there"."""
        self.terminal.server.online = False
        self.take(task(self.torrent))
        self.arrive()
        self.assertEqual(self.take(task(self.torrent)), 10001)
        self.assertTrue(self.state().complete)

    def test_repeated_task(self) -> None:
        """A second 1015 for a download under way takes its task over and starts nothing."""
        self.take(task(self.torrent))
        self.assertEqual(self.take(task(self.torrent, TASK2)), 0)
        self.assertEqual(self.terminal.seeder.calls, [("download", self.key)])
        self.assertEqual(self.state().task_uuid, TASK2)

    def test_bad_torrent(self) -> None:
        """A torrent that is none, or of another disk, is answered 10002."""
        for body in (task(b"d4:infod4:name3:xyzee"), task(self.torrent, name=DIFF)):
            failure = self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body)), TorrentUnusable)
            self.assertEqual(failure.value.wire_code, 10002)

    def test_new_content(self) -> None:
        """Other content under the same name replaces the old one, which counts as incomplete meanwhile."""
        self.take(task(self.torrent))
        self.arrive()
        content = CONTENT[:100_000] + b"changed"
        self.assertEqual(self.take(task(torrent_of(content), TASK2, operate_id=1)), 0)
        self.assertIn(("remove", self.key, True), self.terminal.seeder.calls)
        self.assertFalse(self.state().complete)
        self.assertEqual(self.terminal.library.path(BASE).read_bytes(), CONTENT[: len(content)])
        self.arrive(content)
        self.assertEqual((self.state().complete, self.state().operate_id), (True, 1))

    def test_failure(self) -> None:
        """A failed download is reported as finished with nothing, and with result 2; another 1015 starts it again."""
        self.take(task(self.torrent))
        self.terminal.downloads.event(TorrentFailed(self.key, "no space left on device"))
        self.assertEqual((self.progress(), self.results()), ([("finished", 0.0)], [2]))
        self.assertNotIn(self.key, self.terminal.seeder)
        self.assertEqual(self.take(task(self.torrent, TASK2)), 0)

    def test_refused_by_session(self) -> None:
        """A download that cannot even start is answered with an error and does not come back by itself."""
        self.terminal.seeder.refusal = StorageMissing("the directory is gone")
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(task(self.torrent))), StorageMissing)
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [])

    def test_result_waits_for_login(self) -> None:
        """A result without an answer is reported after the next login, also over a restart, and once."""
        self.take(task(self.torrent))
        self.terminal.server.online = False
        self.arrive()
        self.assertEqual(self.results(), [])
        self.restart(online=False)
        self.terminal.server.online = True
        self.terminal.downloads.online()
        self.assertEqual(self.results(), [1])
        self.restart()
        self.assertEqual(self.results(), [])

    def test_restart(self) -> None:
        """After a restart an unfinished download goes on by itself, a finished one is seeded."""
        self.take(task(self.torrent))
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [("download", self.key)])
        self.arrive()
        self.assertEqual(self.results(), [1])
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [("seed", self.key)])
        self.assertEqual(self.terminal.seeder.trackers[self.key], self.terminal.server.trackers)

    def test_changed_file(self) -> None:
        """A finished file that changed is fetched again, and once it is whole no task is reported that has none."""
        self.take(task(self.torrent))
        self.arrive()
        self.terminal.library.path(BASE).write_bytes(b"changed")
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [("download", self.key)])
        self.arrive()
        self.assertTrue(self.state().complete)
        self.assertEqual(self.results(), [])

    def test_damaged_seed(self) -> None:
        """A seed that does not pass its check is incomplete until it is mended."""
        for event in (Checked(self.key, complete=False), StateChanged(self.key, "checking")):
            self.take(task(self.torrent))
            self.arrive()
            self.terminal.downloads.event(event)
            self.assertFalse(self.state().complete)
            self.assertEqual(self.terminal.downloads.active, [BASE])
            self.terminal.downloads.event(Finished(self.key))
            self.assertTrue(self.state().complete)

    def test_cancel(self) -> None:
        """Exactly the named tasks stop; a finished disk stays; nothing comes back after a restart."""
        diff = torrent_of(b"diff" * 30_000, DIFF)
        self.take(task(self.torrent))
        self.take(task(diff, TASK2, DIFF))
        cancelled = self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel([TASK2])))
        self.assertEqual(cancelled, [str(DIFF)])
        self.assertEqual(set(self.terminal.seeder.held), {self.key})
        self.arrive()
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel(None)))
        self.assertTrue(self.state().complete)
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [("seed", self.key)])

    def test_cancel_while_finishing(self) -> None:
        """A cancel that comes while the last bytes are written is one: no result, not complete."""
        self.take(task(self.torrent))
        self.terminal.seeder.flushing = Deferred()
        self.arrive()
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel([TASK])))
        self.terminal.seeder.flushing.callback(None)
        self.assertFalse(self.state().complete)
        self.assertEqual(self.results(), [])

    def test_progress(self) -> None:
        """Progress is reported every two seconds while it changes, never 100 before the end, and anew after a login."""
        self.take(task(self.torrent))
        clock, statuses = self.terminal.clock, self.terminal.seeder.states
        statuses[self.key] = status(self.key, len(CONTENT) // 3)
        clock.pump([2.0, 2.0])
        self.assertEqual(self.progress(), [("downloading", 33.33)])
        statuses[self.key] = status(self.key, len(CONTENT))
        clock.pump([2.0])
        self.assertEqual(self.progress()[-1], ("downloading", 99.99))
        self.terminal.downloads.lost()
        self.terminal.downloads.online()
        self.assertEqual(self.progress()[-2:], [("downloading", 99.99)] * 2)
        body = self.terminal.server.bodies(Code.TASK_STATE)[0]
        self.assertEqual((body["torrent_name"], body["download_rate"]), (f"voi_0_{UUID}", 20))

    def test_state_before_answer(self) -> None:
        """What was confirmed is on the disk: a terminal killed right after its answer goes on."""
        self.terminal.server.online = False
        self.take(task(self.torrent))
        second = Terminal(self.directory)
        self.terminal.library.close()
        self.successResultOf(Deferred.fromCoroutine(second.open()))
        self.addCleanup(second.stop)
        self.assertEqual(second.seeder.calls, [("download", self.key)])
