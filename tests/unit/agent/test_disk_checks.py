"""Disks read again because the server asks: what is right stays, what is damaged is fetched again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, CONTENT, DIFF, TASK2, Terminal, key_of, task, torrent_of
from voi.agent.disks import DiskState
from voi.errors import StorageMissing, UnknownDisk
from voi.names import DiskName
from voi.seeding.alerts import Finished
from voi.wire.codes import Code

WRONG = 70_000
"""A byte of the second piece."""


class DiskCheckTests(SynchronousTestCase):
    """A terminal with one complete disk of two pieces."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.torrent = torrent_of()
        self.key = key_of(self.torrent)
        self.terminal = Terminal(self.directory)
        self.open()
        self.fetch(BASE)
        self.terminal.seeder.calls.clear()
        self.terminal.server.asked.clear()

    def open(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.terminal.open()))
        self.addCleanup(self.terminal.stop)

    def restart(self) -> None:
        self.terminal.stop()
        self.terminal = Terminal(self.directory)
        self.open()

    def fetch(self, name: DiskName) -> None:
        """The server sends a disk, and it comes."""
        torrent = torrent_of(name=name)
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(task(torrent, name=name))))
        self.terminal.library.path(name).write_bytes(CONTENT)
        self.terminal.downloads.event(Finished(key_of(torrent)))

    def write(self, content: bytes, name: DiskName = BASE) -> None:
        """Change a file so that it looks as before from outside."""
        path = self.terminal.library.path(name)
        before = path.stat()
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def damage(self) -> None:
        """One bit is another one."""
        self.write(CONTENT[:WRONG] + bytes([CONTENT[WRONG] ^ 1]) + CONTENT[WRONG + 1 :])

    def state(self, name: DiskName = BASE) -> DiskState:
        state = self.terminal.library.get(name)
        assert state is not None
        return state

    def results(self) -> list[dict[str, Any]]:
        return self.terminal.server.bodies(Code.DISK_CHECKED)

    def progress(self) -> list[tuple[str, float]]:
        return [(body["state"], body["progress"]) for body in self.terminal.server.bodies(Code.TASK_STATE)]

    def reported(self) -> list[list[str]]:
        """The disks in each 9011."""
        bodies = self.terminal.server.bodies(Code.REPORT_DISKS)
        return [[disk["uuid"] for disk in body["disks"]] for body in bodies]

    def test_right(self) -> None:
        """A disk that is right is told so, and nothing else happens to it."""
        self.terminal.checks.take(BASE, self.key)
        found = {"mac": self.terminal.server.mac, "disk": str(BASE), "info_hash": self.key.hex(), "wrong": 0}
        self.assertEqual(self.results(), [found])
        self.assertEqual((self.terminal.seeder.calls, self.state().complete), ([], True))

    def test_damaged(self) -> None:
        """What is damaged is not whole until it was fetched: not on the disk, not noted, not reported. Then it is."""
        self.damage()
        self.terminal.checks.take(BASE, self.key)
        self.assertEqual(self.terminal.seeder.calls, [("remove", self.key, True), ("download", self.key)])
        (scan,) = self.terminal.seeder.scans[1:]
        assert scan is not None
        self.assertEqual(scan.found.have, (True, False))
        self.assertFalse(self.state().complete)
        self.assertEqual([one["wrong"] for one in self.results()], [1])
        self.assertEqual(self.reported(), [[]])
        self.write(CONTENT)
        self.terminal.downloads.event(Finished(self.key))
        self.assertTrue(self.state().complete)
        self.assertEqual(self.reported(), [[], [BASE.uuid]])
        self.assertEqual(self.progress()[-1], ("finished", 100.0))
        self.assertEqual(self.terminal.server.bodies(Code.DOWNLOAD_RESULT), [])

    def test_written_down_first(self) -> None:
        """When the BitTorrent session lets go of it, it is incomplete on the disk already."""
        self.damage()
        seen: list[bool] = []
        before = self.terminal.seeder.remove

        def remove(info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
            seen.append('"complete": true' in (self.directory / ".voi" / f"{BASE}.json").read_text())
            return before(info_hash, forget=forget)

        self.terminal.seeder.remove = remove  # type: ignore[method-assign]  # to look at that moment
        self.terminal.checks.take(BASE)
        self.assertEqual(seen, [False])

    def test_killed_before_it_is_forgotten(self) -> None:
        """After a kill just then, what was noted of the file is forgotten before anything is fetched."""
        self.damage()
        self.terminal.seeder.refusal = StorageMissing("killed here")
        self.terminal.checks.take(BASE)
        self.successResultOf(self.terminal.library.update(BASE, wanted=True))
        self.terminal.stop()
        self.terminal = Terminal(self.directory)
        self.open()
        self.assertEqual(self.terminal.seeder.calls, [("remove", self.key, True), ("download", self.key)])
        self.assertFalse(self.state().complete)
        self.write(CONTENT)
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual((self.state().complete, self.state().damaged), (True, False))

    def test_sent_again_after_a_failure(self) -> None:
        """Where it could not be fetched, a later 1015 believes nothing that was noted of the file either."""
        self.damage()
        self.terminal.seeder.refusal = StorageMissing("the directory is gone")
        self.terminal.checks.take(BASE)
        self.terminal.seeder.refusal = None
        self.terminal.seeder.calls.clear()
        body = task(self.torrent, TASK2)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body))), 0)
        self.assertEqual(self.terminal.seeder.calls, [("remove", self.key, True), ("download", self.key)])
        self.assertTrue(self.state().damaged)

    def test_being_uploaded(self) -> None:
        """A disk that the server fetches from here stays as it is, and nothing is said of it: it is asked for again."""
        self.damage()
        self.patch(self.terminal.downloads, "_busy_with", lambda name: name == BASE)
        self.terminal.checks.take(BASE)
        self.assertEqual((self.results(), self.terminal.seeder.calls, self.state().complete), ([], [], True))

    def test_sent_again_meanwhile(self) -> None:
        """A 1015 for what is being mended takes that for its download."""
        self.damage()
        self.terminal.checks.take(BASE)
        body = task(self.torrent, TASK2)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body))), 0)
        self.assertEqual(len(self.terminal.seeder.calls), 2)
        self.write(CONTENT)
        self.terminal.downloads.event(Finished(self.key))
        self.assertEqual([body["result"] for body in self.terminal.server.bodies(Code.DOWNLOAD_RESULT)], [1])

    def test_all(self) -> None:
        """Without a name each disk is read, once, one after the other."""
        self.fetch(DIFF)
        reading: list[int] = []
        self.terminal.reading = lambda: reading.append(len(self.terminal.checks.waiting))
        self.terminal.checks.take()
        self.assertEqual(([one["disk"] for one in self.results()], reading), ([str(BASE), str(DIFF)], [2, 1]))

    def test_one_at_a_time(self) -> None:
        """While a disk is read, the next one waits, however often it is asked for."""
        self.fetch(DIFF)
        read, reading = self.terminal.idle, Deferred[None]()
        turns = iter([reading, succeed(None)])
        self.terminal.checks._idle = lambda function, *args: next(turns).addCallback(lambda _: read(function, *args))
        for _ in range(3):
            self.terminal.checks.take()
        self.assertEqual(self.terminal.checks.waiting, [BASE, DIFF])
        reading.callback(None)
        self.assertEqual((self.terminal.checks.waiting, len(self.results())), ([], 2))

    def test_not_here(self) -> None:
        """A disk that is not here, or has another content, is an error for who asked."""
        for name, key in ((DIFF, None), (BASE, b"x" * 20), (BASE, b"")):
            self.assertRaises(UnknownDisk, self.terminal.checks.take, name, key)

    def test_changed_by_somebody(self) -> None:
        """A file that somebody changed while it was read is not called damaged: the work in it is kept."""

        def change() -> None:
            self.terminal.library.path(BASE).write_bytes(CONTENT[::-1])

        self.terminal.reading = change
        self.terminal.checks.take(BASE)
        self.assertEqual(self.results(), [])
        kept = [path.read_bytes() for path in self.directory.glob(f"{BASE}.own-*")]
        self.assertEqual(kept, [CONTENT[::-1]])

    def test_unreadable(self) -> None:
        """A disk that cannot be read is told with its reason."""
        self.terminal.checks._idle = lambda _function, *_args: fail(StorageMissing("a bad sector"))
        self.terminal.checks.take(BASE)
        self.assertEqual([one["reason"]["text"] for one in self.results()], ["a bad sector"])
        self.assertTrue(self.state().complete)

    def test_stop(self) -> None:
        """At a stop nothing is read any further, and nothing is told."""
        self.damage()
        self.terminal.reading = self.terminal.checks.stop
        self.terminal.checks.take(BASE)
        self.assertEqual((self.results(), self.state().complete, self.terminal.checks.waiting), ([], True, []))

    def test_told_after_the_login(self) -> None:
        """A result that the server did not hear is told after the next login."""
        self.terminal.server.online = False
        self.terminal.checks.take(BASE)
        self.terminal.server.online = True
        self.successResultOf(Deferred.fromCoroutine(self.terminal.log_in()))
        self.assertEqual(len(self.results()), 1)
        self.terminal.checks.online()
        self.assertEqual(len(self.results()), 1)
