"""Work that is published nowhere is never overwritten: moved aside, told, or the download is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.agent.case import TerminalCase
from tests.unit.agent.fakes import BASE, CONTENT, DIFF, GROUP, TASK2, Terminal, key_of, task, torrent_of
from voi.agent import library, own_work
from voi.agent.client import ServerRefused
from voi.agent.disk_reports import LOOK_SECONDS
from voi.demo.image import write_image
from voi.errors import Conflict, NoSpace, StorageMissing
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.seeding.alerts import Finished
from voi.wire.codes import SUCCESS, Code

TOP = DiskName(DIFF.uuid, 2)
SERVERS = b"from the server" * 20_000


class OwnWorkTests(TerminalCase):
    """A base that was fetched, and a difference over it that was made here."""

    def setUp(self) -> None:
        super().setUp()
        self.take(task(self.torrent))
        self.path(BASE).write_bytes(CONTENT)
        self.finish(self.torrent)

    def path(self, name: DiskName) -> Path:
        return self.terminal.library.path(name)

    def make(self, name: DiskName = DIFF, seed: int = 1) -> bytes:
        """An image that an administrator makes here, and that is found."""
        parent = str(DiskName(name.uuid, name.level - 1))
        write_image(self.path(name), 1 << 20, data_bytes=1 << 16, backing=parent, seed=seed)
        self.terminal.clock.pump([LOOK_SECONDS, LOOK_SECONDS])
        state = self.terminal.library.get(name)
        assert state is not None and state.own
        return self.path(name).read_bytes()

    def finish(self, torrent: bytes) -> None:
        self.terminal.downloads.event(Finished(key_of(torrent)))

    def kept(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.glob("*.own-*")}

    def told(self) -> list[Any]:
        return self.terminal.server.bodies(Code.SET_ASIDE)

    def levels(self) -> list[int]:
        """What the last 9011 lists."""
        return [disk["diff_level"] for disk in self.terminal.server.bodies(Code.REPORT_DISKS)[-1]["disks"]]

    def test_own_level(self) -> None:
        """A second master's own level 1 is kept under another name, before a byte of the server's takes its place."""
        own = self.make()
        torrent = torrent_of(SERVERS, DIFF)
        self.assertEqual(self.take(task(torrent, TASK2, DIFF)), SUCCESS)
        ((name, content),) = self.kept().items()
        self.assertRegex(name, rf"^{DIFF}\.own-\d{{8}}-\d{{6}}$")
        self.assertEqual(content, own)
        self.assertEqual(
            [(one["disk"], one["kept_as"], one["size"]) for one in self.told()], [(str(DIFF), name, len(own))]
        )
        self.path(DIFF).write_bytes(SERVERS)
        self.finish(torrent)
        self.assertEqual(self.levels(), [0, 1])
        self.assertEqual(self.kept(), {name: own})

    def test_no_disk(self) -> None:
        """What was set aside is no disk any more: not found, not reported, also after a restart."""
        self.make()
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        self.restart()
        self.terminal.clock.pump([LOOK_SECONDS, LOOK_SECONDS])
        self.assertEqual([state.name for state in self.terminal.library], [str(BASE), str(DIFF)])
        self.assertEqual(self.levels(), [0])

    def test_changed_by_hand(self) -> None:
        """A published file that somebody worked in is kept as well, whether it is found by a look or at a start."""
        for number, found in enumerate((lambda: self.terminal.clock.advance(LOOK_SECONDS), self.restart)):
            work = CONTENT[:-6] + b"mine %d" % number
            self.path(BASE).write_bytes(work)
            found()
            self.assertIn(work, self.kept().values())
            self.path(BASE).write_bytes(CONTENT)
            self.finish(torrent_of())
        self.assertEqual(self.levels(), [0])

    def test_same_content(self) -> None:
        """What is byte for byte the server's is not kept twice: it was copied here, and becomes the published level."""
        self.make()
        content = self.path(DIFF).read_bytes()
        torrent = torrent_of(content, DIFF)
        self.assertEqual(self.take(task(torrent, TASK2, DIFF)), SUCCESS)
        self.finish(torrent)
        self.assertEqual((self.kept(), self.levels()), ({}, [0, 1]))

    def test_unknown_file(self) -> None:
        """A file that was put there a moment ago, whatever it is, is somebody's."""
        self.path(DIFF).write_bytes(b"half a copy")
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        self.assertEqual(list(self.kept().values()), [b"half a copy"])

    def test_in_the_place_of_a_download_that_was_called_off(self) -> None:
        """An image that is put where a download left half a disk is somebody's work; the half itself is not."""
        torrent = torrent_of(SERVERS, DIFF)
        for work in (b"half", b"somebody's image"):
            self.take(task(torrent, TASK2, DIFF))
            self.path(DIFF).write_bytes(b"half")
            self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel(None)))
            if work != b"half":
                self.path(DIFF).write_bytes(work)
            self.take(task(torrent, TASK2, DIFF))
            self.assertEqual(list(self.kept().values()), [] if work == b"half" else [work])

    def test_what_it_has_is_not_fetched(self) -> None:
        """What the server's content has in common with the own work is copied, and the rest alone is wanted."""
        self.make()
        own = self.path(DIFF).read_bytes()
        newer = own[: 128 << 10] + b"changed" + own[(128 << 10) + 7 :]
        self.take(task(torrent_of(newer, DIFF), TASK2, DIFF))
        scan = self.terminal.seeder.scans[-1]
        assert scan is not None
        self.assertEqual((scan.found.have[:2], scan.found.have[2]), ((True, True), False))
        self.assertEqual(self.path(DIFF).read_bytes(), own)

    def test_levels_above(self) -> None:
        """A level made here is worth nothing over another parent: it is kept too, and does not boot over that."""
        self.make()
        own = self.make(TOP, seed=2)
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        self.assertEqual({name[: len(str(TOP))] for name in self.kept()}, {str(DIFF), str(TOP)})
        self.assertIn(own, self.kept().values())
        self.assertEqual(self.levels(), [0])
        self.assertEqual(len(self.told()), 2)

    def test_over_a_new_base(self) -> None:
        """The same when it is the published level below that gets new content."""
        own = self.make()
        self.take(task(torrent_of(SERVERS), TASK2))
        self.assertEqual(list(self.kept().values()), [own])

    def test_no_room(self) -> None:
        """Where both do not fit the server's is refused, with the reason, and the own work stays what it was."""
        own = self.make()

        self.patch(library, "check_room", _no_room)
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        result = self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]
        self.assertEqual((result["result"], result["reason"]["code"]), (2, "no_room_beside_own"))
        self.assertEqual((self.path(DIFF).read_bytes(), self.kept(), self.levels()), (own, {}, [0, 1]))

    def test_cannot_be_moved(self) -> None:
        """The same where the file system does not let it be renamed."""
        own = self.make()

        def stuck(path: Path, _kept: Path) -> None:
            raise StorageMissing(Reason("not_set_aside", path=str(path), text="Permission denied"))

        self.patch(own_work, "_rename", stuck)
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        result = self.terminal.server.bodies(Code.DOWNLOAD_RESULT)[-1]
        self.assertEqual((result["result"], result["reason"]["code"]), (2, "not_set_aside"))
        self.assertEqual((self.path(DIFF).read_bytes(), self.told()), (own, []))

    def test_cancelled(self) -> None:
        """A rollout that is cancelled before the work was moved leaves it as it was."""
        own = self.make()
        self.terminal.tables.answer = Deferred()
        torrent = torrent_of(SERVERS, DIFF, size=1 << 20)
        self.take(task(torrent, TASK2, DIFF))
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.cancel(None)))
        self.terminal.tables.answer.callback(None)
        self.assertEqual((self.path(DIFF).read_bytes(), self.kept(), self.levels()), (own, {}, [0, 1]))

    def test_killed_before_it_was_moved(self) -> None:
        """Whatever stops the terminal, the next start still knows that the work is to be kept."""
        own = self.make()
        self.terminal.tables.answer = Deferred()
        self.take(task(torrent_of(SERVERS, DIFF, size=1 << 20), TASK2, DIFF))
        self.restart()
        self.assertEqual(list(self.kept().values()), [own])

    def test_killed_when_it_had_been_moved(self) -> None:
        """A kill between the move and the note of it: the next start fetches what is wanted, and keeps what is kept."""
        own = self.make()
        self.terminal.tables.answer = Deferred()
        torrent = torrent_of(SERVERS, DIFF, size=1 << 20)
        self.take(task(torrent, TASK2, DIFF))
        self.terminal.stop()
        kept = self.path(DIFF).with_name(f"{DIFF}.own-20260131-140500")
        self.path(DIFF).rename(kept)
        self.restart()
        self.assertEqual(self.terminal.downloads.active, [DIFF])
        self.assertEqual(list(self.kept().values()), [own])
        state = self.terminal.library.get(DIFF)
        assert state is not None
        self.assertEqual((state.wanted, state.keep), (True, False))

    def test_removed_while_it_was_to_be_kept(self) -> None:
        """Somebody removes the work while it is compared: the next try fetches all, and an own level above it, which
        is worth nothing over that, is kept.
        """
        self.make()
        top = self.make(TOP, seed=2)
        self.terminal.tables.answer = Deferred()
        self.take(task(torrent_of(SERVERS, DIFF, size=1 << 20), TASK2, DIFF))
        self.path(DIFF).unlink()
        self.restart()
        self.assertEqual(self.terminal.downloads.active, [DIFF])
        self.assertEqual(list(self.kept().values()), [top])

    def test_requested_for_upload(self) -> None:
        """What the server asked for is not touched, nor is anything below it replaced."""
        self.make()
        fields = {"uuid": GROUP, "disks": [{"uuid": DIFF.uuid, "diff_level": 1}]}
        self.successResultOf(Deferred.fromCoroutine(self.terminal.uploads.take(fields)))
        for body in (task(torrent_of(SERVERS, DIFF), TASK2, DIFF), task(torrent_of(SERVERS), TASK2)):
            self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body)), Conflict)

    def test_told_until_it_is_heard(self) -> None:
        """Without an answer the server is told after the next login, also after a restart; an older one once."""
        self.make()
        self.terminal.server.online = False
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        self.terminal.stop()
        self.terminal = Terminal(self.directory)
        self.terminal.server.answers[Code.SET_ASIDE] = ServerRefused(-1, "unknown")
        self.open()
        self.assertEqual(len(self.told()), 1)
        self.restart()
        self.assertEqual(self.told(), [])

    def test_names_do_not_clash(self) -> None:
        """Two works within a second have two names."""
        first = self.make()
        self.take(task(torrent_of(SERVERS, DIFF), TASK2, DIFF))
        self.path(DIFF).write_bytes(SERVERS)
        self.finish(torrent_of(SERVERS, DIFF))
        self.path(DIFF).write_bytes(b"another work")
        self.terminal.clock.advance(LOOK_SECONDS)
        self.assertEqual(sorted(self.kept().values()), sorted([first, b"another work"]))


def _no_room(path: Path, length: int, _promised: int = 0, *, beside: bool = False) -> None:
    raise NoSpace(Reason("terminal_full", name=path.name, needed=length, free=5))
