"""What a terminal says of its disks is what is there: files that vanish, change, or are put there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.agent.case import TerminalCase
from tests.unit.agent.fakes import (
    BASE,
    CONTENT,
    DIFF,
    GROUP,
    TASK2,
    TEMPLATE,
    key_of,
    status,
    task,
    torrent_of,
)
from voi.agent.disk_faults import FIRST_PAUSE
from voi.agent.disk_reports import LOOK_SECONDS
from voi.demo.image import write_image
from voi.seeding.alerts import Finished, StateChanged
from voi.wire.codes import ALREADY_THERE, SUCCESS, Code


class ReportCase(TerminalCase):
    """One terminal, logged in."""

    def fetch(self, content: bytes = CONTENT) -> None:
        """Download the base."""
        torrent = torrent_of(content)
        self.assertEqual(self.take(task(torrent)), SUCCESS)
        self.path.write_bytes(content)
        self.terminal.downloads.event(Finished(key_of(torrent)))

    @property
    def path(self) -> Path:
        return self.terminal.library.path(BASE)

    def look(self) -> None:
        """The time of the next look at the disks comes."""
        self.terminal.clock.advance(LOOK_SECONDS)

    def reported(self) -> list[tuple[str, list[int]]]:
        """The templates and levels of each 9011."""
        bodies = self.terminal.server.bodies(Code.REPORT_DISKS)
        return [(body["uuid"], [disk["diff_level"] for disk in body["disks"]]) for body in bodies]


class ChangeTests(ReportCase):
    """9011 comes after every change."""

    def test_completed(self) -> None:
        """A level that was completed is reported at once, and nothing twice."""
        self.fetch()
        self.assertEqual(self.reported(), [(GROUP, []), (GROUP, [0])])
        self.look()
        self.assertEqual(len(self.reported()), 2)

    def test_own_disk_found(self) -> None:
        """An image that was made here is reported without another login, once nobody writes to it any more."""
        write_image(self.path, 1 << 20, data_bytes=1 << 16)
        self.look()
        self.assertEqual(self.reported(), [])
        with self.path.open("ab") as file:
            file.write(b"more")
        self.look()
        self.assertEqual(self.reported(), [])
        self.look()
        self.assertEqual([levels for _, levels in self.reported()], [[0]])

    def test_damaged(self) -> None:
        """A level that the BitTorrent session found damaged is not among them until it is mended."""
        self.fetch()
        self.terminal.downloads.event(StateChanged(self.key, "checking"))
        self.assertEqual(self.reported()[-1], (GROUP, []))
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual(self.reported()[-1], (GROUP, [0]))

    def test_not_while_offline(self) -> None:
        """Nothing is said without a connection; the next login says all."""
        self.terminal.server.online = False
        self.terminal.reports.lost()
        self.fetch()
        self.assertEqual(self.reported(), [])
        self.terminal.server.online = True
        self.successResultOf(Deferred.fromCoroutine(self.terminal.log_in()))
        self.assertEqual(self.reported(), [(GROUP, [0])])


class GoneTests(ReportCase):
    """Files that are gone."""

    def test_removed_under_the_running_terminal(self) -> None:
        """It is found by a look: reported as gone, taken out of the session, announced no more."""
        self.fetch()
        self.path.unlink()
        self.look()
        self.assertEqual(self.reported()[-1], (GROUP, []))
        self.assertNotIn(self.key, self.terminal.seeder)
        self.assertIsNone(self.terminal.library.get(BASE))

    def test_directory_emptied(self) -> None:
        """With all that the terminal keeps itself, state files and all, it still says that nothing is left."""
        self.fetch()
        for path in self.directory.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.look()
        self.assertEqual(self.reported()[-1], (GROUP, []))
        self.assertEqual(self.take(task(self.torrent, TASK2)), SUCCESS)

    def test_found_at_a_report(self) -> None:
        """Each report looks at the disk first, however short ago it was."""
        self.fetch()
        self.path.unlink()
        self.terminal.reports.changed()
        self.assertEqual(self.reported()[-1], (GROUP, []))

    def test_found_at_a_1015(self) -> None:
        """It says "already there" of a file that is there, if it did not tell the server so; else it is fetched."""
        self.fetch()
        self.path.unlink()
        self.assertEqual(self.take(task(self.torrent, TASK2)), SUCCESS)
        self.assertIn(self.key, self.terminal.seeder)
        self.fetch_is_whole()

    def fetch_is_whole(self) -> None:
        self.path.write_bytes(CONTENT)
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]["result"], 1)
        self.terminal.reports.lost()
        self.assertEqual(self.take(task(self.torrent, TASK2)), ALREADY_THERE)

    def test_gone_while_off(self) -> None:
        """A template of which nothing is left is told once after a restart, with an empty list."""
        self.fetch()
        self.terminal.stop()
        self.path.unlink()
        self.restart()
        self.assertEqual(self.reported(), [(GROUP, [])])
        self.restart()
        self.assertEqual(self.reported(), [])

    def test_remembered_until_told(self) -> None:
        """As long as the server has not answered, each login says it again."""
        self.fetch()
        self.terminal.stop()
        self.path.unlink()
        self.restart(online=False)
        self.restart()
        self.assertEqual(self.reported(), [(GROUP, [])])

    def test_group_is_no_template_that_is_gone(self) -> None:
        """A disk that was reported under its desktop group, and whose template is known now, is not told as gone."""
        self.fetch()
        self.successResultOf(self.terminal.library.learn_template(BASE.uuid, TEMPLATE, "Room 1"))
        self.assertEqual(self.reported()[-2:], [(GROUP, [0]), (TEMPLATE, [0])])
        self.restart()
        self.assertEqual(self.reported(), [(TEMPLATE, [0])])

    def test_removed_while_it_is_fetched(self) -> None:
        """A file that was removed under its own download fails it, with the reason, and it begins again by itself."""
        self.take(task(self.torrent))
        self.path.unlink()
        self.terminal.seeder.states[self.key] = status(self.key, 60_000)
        self.look()
        result = self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]
        self.assertEqual((result["result"], result["reason"]["code"]), (2, "file_gone"))
        self.terminal.seeder.states.clear()
        self.terminal.clock.advance(FIRST_PAUSE)
        self.fetch_is_whole()


class BootTests(ReportCase):
    """What the server sent last is what boots next."""

    def test_order_is_kept(self) -> None:
        """Each 1015 makes its disk the last that was sent, also where it is there already, over a restart."""
        self.fetch()
        self.take(task(torrent_of(b"diff" * 30_000, DIFF), TASK2, DIFF))
        self.assertEqual(self.order(), [1, 2])
        self.take(task(self.torrent))
        self.restart()
        self.assertEqual(self.order(), [3, 2])

    def order(self) -> list[int]:
        states: list[Any] = [self.terminal.library.get(name) for name in (BASE, DIFF)]
        return [state.sent for state in states]


class ChangedTests(ReportCase):
    """Files whose time of change is another one."""

    def test_touched(self) -> None:
        """A file that was only touched is compared, found right, and stays."""
        self.fetch()
        self.terminal.seeder.doubtful = True
        os.utime(self.path, ns=(1, 1))
        self.look()
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual(self.reported()[-1], (GROUP, [0]))
        self.assertEqual(list(self.directory.glob("*.own-*")), [])


class SentAgainTests(ReportCase):
    """A 1015 for a level of which the server was told that it is here: it is doubted."""

    def again(self) -> None:
        """Fetched, told, and sent once more."""
        self.fetch()
        self.assertEqual(self.reported()[-1], (GROUP, [0]))
        self.terminal.server.asked.clear()
        self.terminal.seeder.calls.clear()

    def test_whole(self) -> None:
        """Every byte of it is read, it is there meanwhile, and done is said when all of it is right."""
        self.again()
        self.assertEqual(self.take(task(self.torrent, TASK2)), SUCCESS)
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]["result"], 1)
        self.assertEqual((self.reported(), self.terminal.seeder.calls), ([], []))
        self.assertIn(self.key, self.terminal.seeder)

    def test_damaged(self) -> None:
        """A byte that changed, with size and time kept, is found, and fetched before done is said."""
        self.again()
        before = self.path.stat()
        self.path.write_bytes(CONTENT[:70_000] + b"?" + CONTENT[70_001:])
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.take(task(self.torrent, TASK2)), SUCCESS)
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT), [])
        self.assertEqual(self.reported(), [(GROUP, [])])
        scan = self.terminal.seeder.scans[-1]
        assert scan is not None
        self.assertEqual(scan.found.have, (True, False))
        self.path.write_bytes(CONTENT)
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]["result"], 1)
        self.assertEqual(self.reported()[-1], (GROUP, [0]))

    def begin(self) -> bytes:
        """A level that is being read, which does not end; its info-hash."""
        torrent = torrent_of(size=1 << 20)
        self.take(task(torrent))
        self.path.write_bytes(CONTENT)
        self.terminal.downloads.event(Finished(key_of(torrent)))
        self.terminal.tables.answer = Deferred()
        self.assertEqual(self.take(task(torrent, TASK2)), SUCCESS)
        self.assertEqual(self.terminal.downloads.active, [BASE])
        return key_of(torrent)

    def test_cancelled(self) -> None:
        """Called off while it is read, it stays what it was, and is offered as before."""
        key = self.begin()
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel([TASK2])))
        state = self.terminal.library.get(BASE)
        assert state is not None
        self.assertEqual((state.complete, state.wanted, state.task_uuid), (True, False, None))
        self.assertIn(key, self.terminal.seeder)

    def test_killed(self) -> None:
        """A kill while it is read does not make it whole: it is read at the next start, and only then said to be
        done.
        """
        self.begin()
        self.terminal.stop()
        self.path.write_bytes(b"?" + CONTENT[1:])
        state = self.terminal.library.get(BASE)
        assert state is not None
        os.utime(self.path, ns=(state.mtime_ns, state.mtime_ns))
        self.restart()
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT), [])
        self.assertIsNotNone(self.terminal.seeder.scans[-1], "what was found to be right is not fetched")
