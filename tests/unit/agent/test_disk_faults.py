"""A terminal's own disk that is full, or sick: told with its reason, and gone on with when it is better."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.case import TerminalCase
from tests.unit.agent.fakes import BASE, CONTENT, DIFF, TASK2, Terminal, task, torrent_of
from voi.agent import disk_faults, library
from voi.agent.disk_faults import FIRST_PAUSE, LONGEST_PAUSE, WaitingForDisk
from voi.agent.disk_reports import LOOK_SECONDS
from voi.errors import NoSpace, StorageMissing
from voi.messages.reason import Reason, of_system
from voi.seeding.alerts import Finished, TorrentFailed
from voi.wire.codes import SUCCESS, Code
from voi.wire.messages import decode_reason

FULL = Reason("file_failed", text=of_system("No space left on device"), path="voi_0_x")
SICK = Reason("file_failed", text=of_system("Input/output error"), path="voi_0_x")


class FaultTests(TerminalCase):
    """One terminal whose disk does what the test says."""

    def fill(self) -> Callable[[], None]:
        """No room any more, until what comes back is called."""

        def full(path: Path, length: int, *_more: object, **_named: object) -> bool:
            raise NoSpace(Reason("terminal_full", name=path.name, needed=length, free=5))

        patches = [
            self.patch(library, "reserve", full),
            self.patch(library, "check_room", full),
            self.patch(disk_faults, "shortage", lambda _path, length: (length, 5)),
        ]

        def free() -> None:
            for patch in patches:
                patch.restore()

        return free

    def results(self) -> list[tuple[int, str]]:
        bodies = self.terminal.server.bodies(Code.DOWNLOAD_RESULT)
        return [(body["result"], decode_reason(body.get("reason"))) for body in bodies]

    def finish(self) -> None:
        self.terminal.library.path(BASE).write_bytes(CONTENT)
        self.terminal.downloads.event(Finished(self.key))

    def test_reserved(self) -> None:
        """The room for a disk is its own before the first byte has come."""
        self.take(task(self.torrent))
        found = self.terminal.library.path(BASE).stat()
        self.assertEqual(found.st_size, 0)
        self.assertGreaterEqual(found.st_blocks * 512, len(CONTENT))

    def test_full_while_it_comes(self) -> None:
        """Both messages say how much is missing, whatever libtorrent says."""
        self.take(task(self.torrent))
        self.fill()
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        ((result, why),) = self.results()
        self.assertEqual((result, why), (2, Reason("terminal_full", name=str(BASE), needed=len(CONTENT), free=5)))
        state = self.terminal.server.bodies(Code.TASK_STATE)[-1]
        self.assertEqual((state["progress"], decode_reason(state["reason"])), (0.0, why))

    def test_told_though_it_cannot_be_written_down(self) -> None:
        """A disk so full that not even the state file can be written: told all the same, and written later."""
        self.take(task(self.torrent))
        self.fill()
        written: list[Path] = []

        def no_writing(path: Path, _data: bytes) -> None:
            written.append(path)
            raise StorageMissing(Reason("not_written", path=str(path), text=of_system("No space left on device")))

        self.patch(library, "save", no_writing)
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        self.assertEqual(self.results()[0][0], 2)
        self.assertTrue(written)

    def test_written_down_later(self) -> None:
        """What could not be written down is, as soon as the disk takes it, and is told after a restart."""
        self.take(task(self.torrent))
        free = self.fill()

        def no_writing(path: Path, _data: bytes) -> None:
            raise StorageMissing(Reason("not_written", path=str(path), text=of_system("No space left on device")))

        patch = self.patch(library, "save", no_writing)
        self.terminal.server.online = False
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        patch.restore()
        self.terminal.clock.advance(LOOK_SECONDS)
        self.terminal.stop()
        free()
        self.terminal = Terminal(self.directory)
        self.open()
        self.assertEqual(self.results()[0][0], 2)
        self.assertIn("terminal's disk", self.results()[0][1])

    def test_server_tries_again(self) -> None:
        """A 1015 for what is wanted and not under way starts it, as soon as there is room."""
        self.take(task(self.torrent))
        free = self.fill()
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(task(self.torrent, TASK2))), NoSpace)
        self.assertNotIn(self.key, self.terminal.seeder)
        free()
        self.assertEqual(self.take(task(self.torrent, TASK2)), SUCCESS)
        self.assertIn(self.key, self.terminal.seeder)
        self.finish()
        self.assertEqual(self.results()[-1], (1, ""))

    def test_goes_on_by_itself(self) -> None:
        """When somebody makes room it goes on, without a word of the server's, and the end is reported."""
        self.take(task(self.torrent))
        free = self.fill()
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        self.terminal.clock.pump([FIRST_PAUSE] * 3)
        self.assertNotIn(self.key, self.terminal.seeder)
        self.assertEqual(len(self.results()), 1, "the same is not told again and again")
        free()
        self.terminal.clock.advance(FIRST_PAUSE)
        self.assertIn(self.key, self.terminal.seeder)
        self.finish()
        self.assertEqual([result for result, _ in self.results()], [2, 1])

    def test_full_from_the_first_byte(self) -> None:
        """A 1015 that does not fit is refused with the figures, and goes on by itself when it does."""
        free = self.fill()
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(task(self.torrent))), NoSpace)
        free()
        self.terminal.clock.advance(FIRST_PAUSE)
        self.assertIn(self.key, self.terminal.seeder)

    def test_full_keeps_what_is_there(self) -> None:
        """A newer version that does not fit leaves the complete older one as it is: reported and seeded."""
        self.take(task(self.torrent))
        self.finish()
        self.fill()
        newer = task(torrent_of(CONTENT * 2), TASK2)
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(newer)), NoSpace)
        state = self.terminal.library.get(BASE)
        assert state is not None
        self.assertEqual((state.complete, state.info_hash), (True, self.key.hex()))
        self.assertIn(self.key, self.terminal.seeder)

    def test_full_at_a_start(self) -> None:
        """A terminal that was off meanwhile, and starts with a full disk, says so and waits."""
        self.take(task(self.torrent))
        self.terminal.stop()
        free = self.fill()
        self.terminal = Terminal(self.directory)
        self.open()
        self.assertEqual([result for result, _ in self.results()], [2])
        free()
        self.terminal.clock.advance(FIRST_PAUSE)
        self.assertIn(self.key, self.terminal.seeder)

    def test_sick_disk(self) -> None:
        """Input and output errors, a read-only disk, missing permission: told as what they are, tried again later."""
        for text in ("Input/output error", "Read-only file system", "Permission denied"):
            reason = Reason("file_failed", text=of_system(text), path="voi_0_x")
            self.take(task(self.torrent))
            self.terminal.downloads.event(TorrentFailed(self.key, reason))
            self.assertEqual(self.results()[-1], (2, reason))
            self.assertNotIn(self.key, self.terminal.seeder)
        self.terminal.clock.pump([FIRST_PAUSE] * 9)
        self.assertIn(self.key, self.terminal.seeder)

    def test_fsync_fails(self) -> None:
        """A disk that does not take what was received is a failure with its reason, and never complete."""
        self.take(task(self.torrent))
        self.terminal.seeder.flushing = fail(StorageMissing(SICK))
        self.finish()
        self.assertEqual(self.results(), [(2, SICK)])
        state = self.terminal.library.get(BASE)
        assert state is not None
        self.assertFalse(state.complete)
        self.assertEqual(self.terminal.library.reports()[0]["disks"], [])

    def test_directory_not_synced(self) -> None:
        """The same for the name of the file."""
        self.take(task(self.torrent))

        def sick(_path: Path) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        self.patch(library, "sync_directory", sick)
        self.finish()
        ((result, why),) = self.results()
        self.assertEqual(result, 2)
        self.assertIn("Input/output error", why)

    def test_other_failures_end_it(self) -> None:
        """What is no fault of the disk is not wanted any more, until the server sends it again."""
        reason = Reason("torrent_refused", name=str(BASE), text="bad")
        self.take(task(self.torrent))
        self.terminal.downloads.event(TorrentFailed(self.key, reason))
        self.assertEqual(self.results(), [(2, reason)])
        self.terminal.clock.pump([LONGEST_PAUSE] * 2)
        self.assertNotIn(self.key, self.terminal.seeder)

    def test_cancelled_while_it_waits(self) -> None:
        """A download that waits for room and is cancelled does not come back."""
        self.take(task(self.torrent))
        free = self.fill()
        self.terminal.downloads.event(TorrentFailed(self.key, FULL))
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel(None)))
        free()
        self.terminal.clock.pump([FIRST_PAUSE] * 3)
        self.assertNotIn(self.key, self.terminal.seeder)

    def test_two_share_what_is_free(self) -> None:
        """Where room cannot be reserved, what one download still needs is not promised to the next."""
        promised: list[int] = []

        def sparse(path: Path, _length: int, others: int = 0, **_named: Any) -> bool:
            promised.append(others)
            path.touch()
            return False

        self.patch(library, "reserve", sparse)
        self.take(task(self.torrent))
        self.take(task(torrent_of(b"diff" * 30_000, DIFF), TASK2, DIFF))
        self.assertEqual(promised, [0, len(CONTENT)])


class PauseTests(SynchronousTestCase):
    """When a download is tried again."""

    def test_full_is_asked_often(self) -> None:
        """For room it looks each ten seconds."""
        self.assertEqual(self.pauses(FULL), [FIRST_PAUSE] * 7)

    def test_sick_is_asked_ever_later(self) -> None:
        """A sick disk gets longer pauses, up to a bound."""
        self.assertEqual(self.pauses(SICK), [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0])

    def pauses(self, reason: str) -> list[float]:
        waiting, now, pauses = WaitingForDisk(), 0.0, []
        for _ in range(7):
            waiting.add(BASE, reason, now)
            pause = next(p for p in (10.0, 20.0, 40.0, 80.0, 160.0, 300.0) if waiting.due(now + p))
            now += pause
            pauses.append(pause)
            waiting.begun(BASE)
            self.assertEqual(waiting.due(now + 1e9), [])
        return pauses
