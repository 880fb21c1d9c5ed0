"""Uploads: from 1020 to 1021 or 1018, over restarts of either side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, DIFF, TEMPLATE, UUID, Terminal, task, torrent_of
from voi.agent.client import ServerRefused
from voi.agent.saving import save
from voi.agent.uploads import RETRY_SECONDS
from voi.demo.image import write_image
from voi.domain import metainfo
from voi.errors import Conflict, UnknownDisk
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.wire.codes import Code
from voi.wire.messages import encode_reason
from voi.wire.torrent_body import parse


class UploadTests(SynchronousTestCase):
    """A terminal with a base and a difference of its own."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        write_image(self.directory / str(BASE), 1 << 20, data_bytes=1 << 17)
        write_image(self.directory / str(DIFF), 1 << 20, data_bytes=1 << 16, backing=str(BASE))
        self.terminal = Terminal(self.directory)
        self.open()

    def open(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.terminal.open()))
        self.addCleanup(self.terminal.stop)

    def restart(self) -> None:
        self.terminal.stop()
        self.terminal = Terminal(self.directory)
        self.open()

    def ask_for(self, *names: DiskName) -> None:
        fields: dict[str, Any] = {
            "uuid": TEMPLATE,
            "name": "Room 1",
            "disks": [{"uuid": name.uuid, "diff_level": name.level} for name in names],
        }
        self.successResultOf(Deferred.fromCoroutine(self.terminal.uploads.take(fields)))

    def published(self, torrent_id: str = "7") -> None:
        self.successResultOf(Deferred.fromCoroutine(self.terminal.uploads.have_disk(torrent_id)))

    def offered(self) -> list[str]:
        bodies = [parse(body) for body in self.terminal.server.bodies(Code.UPLOAD_TORRENT)]
        return [str(DiskName(str(body.disk_uuid), int(body.level or 0))) for body in bodies]

    def key(self, name: DiskName = BASE) -> bytes:
        state = self.terminal.library.get(name)
        assert state is not None
        assert state.key is not None
        return state.key

    def test_offer(self) -> None:
        """A disk that is asked for is hashed, asked about with its size, offered as T74, and seeded."""
        self.ask_for(BASE)
        (question,) = self.terminal.server.bodies(Code.MAY_UPLOAD)
        size = (self.directory / str(BASE)).stat().st_size
        self.assertEqual((question["uuid"], question["disks"][0]["file_size"]), (TEMPLATE, size))
        body = parse(self.terminal.server.bodies(Code.UPLOAD_TORRENT)[0])
        self.assertEqual((body.disk_uuid, body.real_size, body.file_size), (UUID, 2048, size // 512))
        torrent = metainfo.parse(body.torrent)
        self.assertEqual((torrent.length, torrent.announce), (size, self.terminal.server.trackers[0]))
        self.assertEqual(self.terminal.seeder.held, {torrent.info_hash: "seed"})
        self.assertEqual(self.terminal.seeder.trackers[torrent.info_hash], self.terminal.server.trackers)

    def test_piece_length(self) -> None:
        """A terminal that is told a piece length makes its torrents with it."""
        self.terminal.stop()
        self.terminal = Terminal(self.directory, piece_length=1 << 18)
        self.open()
        self.ask_for(BASE)
        body = parse(self.terminal.server.bodies(Code.UPLOAD_TORRENT)[0])
        self.assertEqual(metainfo.parse(body.torrent).piece_length, 1 << 18)

    def test_lowest_first(self) -> None:
        """The next level is offered when the one below it is published, not before."""
        self.ask_for(DIFF, BASE)
        self.assertEqual(self.offered(), [str(BASE)])
        self.terminal.server.answers[Code.UPLOAD_TORRENT] = {"torrent_id": "8"}
        self.published()
        self.assertEqual(self.offered(), [str(BASE), str(DIFF)])
        self.published("8")
        self.assertEqual(self.terminal.uploads.jobs, [])

    def test_written_one_after_the_other(self) -> None:
        """Two who ask at the same moment do not write over each other; what is wanted then is known after a restart."""
        writes: list[Deferred[None]] = []
        at_once = 0

        def slowly(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
            nonlocal at_once
            if function is not save:
                return maybeDeferred(function, *args)
            writes.append(Deferred())
            at_once = max(at_once, sum(not write.called for write in writes))
            return writes[-1].addCallback(lambda _: function(*args))

        self.patch(self.terminal.uploads, "_in_thread", slowly)
        for name in (BASE, DIFF):
            fields = {"uuid": TEMPLATE, "name": "Room 1", "disks": [{"uuid": name.uuid, "diff_level": name.level}]}
            Deferred.fromCoroutine(self.terminal.uploads.take(fields))
        while waiting := [write for write in writes if not write.called]:
            waiting[-1].callback(None)  # the disk may take the later one first
        self.assertEqual(at_once, 1)
        self.restart()
        self.assertEqual([job.disk for job in self.terminal.uploads.jobs], [BASE, DIFF])

    def test_published_stays(self) -> None:
        """A published disk is seeded on, and belongs to the template."""
        self.ask_for(BASE)
        self.published()
        state = self.terminal.library.get(BASE)
        assert state is not None
        self.assertEqual((state.own, state.template_uuid), (False, TEMPLATE))
        self.restart()
        self.assertEqual(self.terminal.seeder.calls, [("seed", self.key())])

    def test_failed(self) -> None:
        """A failed upload is not seeded any more; the disk is a candidate as before."""
        self.ask_for(BASE)
        key = self.key()
        self.successResultOf(Deferred.fromCoroutine(self.terminal.uploads.failed("7", "wrong parent")))
        self.assertEqual((self.terminal.seeder.held, self.terminal.uploads.jobs), ({}, []))
        self.assertIn(("remove", key, True), self.terminal.seeder.calls)
        state = self.terminal.library.get(BASE)
        assert state is not None
        self.assertTrue(state.own)

    def test_foreign_ids(self) -> None:
        """A word about another upload ends none of ours."""
        self.ask_for(BASE)
        self.published("6")
        self.successResultOf(Deferred.fromCoroutine(self.terminal.uploads.failed("6", "old")))
        self.assertEqual([job.torrent_id for job in self.terminal.uploads.jobs], ["7"])

    def test_reconnect(self) -> None:
        """After a new login the same torrent is offered again, without hashing or adding it again."""
        self.ask_for(BASE)
        calls = list(self.terminal.seeder.calls)
        self.terminal.uploads.lost()
        self.terminal.uploads.online()
        first, second = self.terminal.server.bodies(Code.UPLOAD_TORRENT)
        self.assertEqual(first, second)
        self.assertEqual(self.terminal.seeder.calls, calls)

    def test_restart(self) -> None:
        """An upload survives the terminal's restart with the same info-hash."""
        self.ask_for(BASE)
        key = self.key()
        self.restart()
        self.assertEqual(self.offered(), [str(BASE)])
        self.assertEqual(self.terminal.seeder.calls, [("seed", key)])

    def test_changed_file(self) -> None:
        """A file that changed meanwhile is hashed anew."""
        self.ask_for(BASE)
        key = self.key()
        self.terminal.stop()
        (self.directory / str(BASE)).unlink()
        write_image(self.directory / str(BASE), 1 << 20, data_bytes=1 << 17, seed=1)
        self.terminal = Terminal(self.directory)
        self.open()
        self.assertNotEqual(self.key(), key)

    def test_refused_is_tried_again(self) -> None:
        """What the server does not take now is offered again after a pause."""
        self.terminal.server.answers[Code.MAY_UPLOAD] = {"can_update": 0}
        self.ask_for(BASE)
        self.assertEqual(self.offered(), [])
        self.terminal.server.answers[Code.MAY_UPLOAD] = {"can_update": 1}
        self.terminal.server.answers[Code.UPLOAD_TORRENT] = ServerRefused(60028, "not now")
        self.terminal.clock.advance(RETRY_SECONDS)
        self.terminal.server.answers[Code.UPLOAD_TORRENT] = {"torrent_id": "7"}
        self.terminal.clock.advance(RETRY_SECONDS)
        self.assertEqual([job.torrent_id for job in self.terminal.uploads.jobs], ["7"])

    def test_lost_answer(self) -> None:
        """1021 ends the upload whose 9014 got no answer because the connection ended."""
        self.terminal.server.answers[Code.UPLOAD_TORRENT] = ServerRefused(99999, "lost")
        self.ask_for(BASE)
        self.published("70")
        self.assertEqual(self.terminal.uploads.jobs, [])

    def test_end_before_answer(self) -> None:
        """1021 may overtake the answer to 9014."""
        waiting: Deferred[dict[str, Any]] = Deferred()
        self.terminal.server.answers[Code.UPLOAD_TORRENT] = waiting
        self.ask_for(BASE)
        self.published("7")
        waiting.callback({"torrent_id": "7"})
        self.assertEqual(self.terminal.uploads.jobs, [])

    def test_unknown_disk(self) -> None:
        """A disk that is not here, or not whole, is refused at once."""
        fields = {"uuid": TEMPLATE, "disks": [{"uuid": TEMPLATE, "diff_level": 0}]}
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.uploads.take(fields)), UnknownDisk)

    def test_download_does_not_disturb(self) -> None:
        """A disk that is being uploaded is not overwritten by a 1015."""
        self.ask_for(BASE)
        body = task(torrent_of())
        self.failureResultOf(Deferred.fromCoroutine(self.terminal.downloads.take(body)), Conflict)

    def test_asked_twice(self) -> None:
        """A second request for the same disk offers it again and leaves one job."""
        self.ask_for(BASE)
        self.ask_for(BASE)
        self.assertEqual(len(self.offered()), 2)
        self.assertEqual([job.torrent_id for job in self.terminal.uploads.jobs], ["7"])

    def test_cancelled_request(self) -> None:
        """What the server says it does not want any more is dropped at once, and not offered for an hour."""
        self.terminal.server.answers[Code.MAY_UPLOAD] = {"can_update": 0, "why": encode_reason(Reason("admin_needed"))}
        self.ask_for(BASE, DIFF)
        self.assertEqual(self.terminal.uploads.jobs, [])
        self.assertEqual(self.offered(), [])

    def test_changed_after_it_was_offered(self) -> None:
        """A disk made here that somebody works on is hashed and offered again, as it is by then."""
        self.ask_for(BASE)
        first = self.key()
        with (self.directory / str(BASE)).open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"!")
        self.successResultOf(Deferred.fromCoroutine(self.terminal.downloads.look()))
        self.assertEqual(self.offered(), [str(BASE)] * 2)
        self.assertNotEqual(self.key(), first)
        self.assertEqual(set(self.terminal.seeder.held), {self.key()})
