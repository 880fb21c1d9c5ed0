"""The library: what counts as a complete disk, and what a terminal reports of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, CONTENT, DIFF, GROUP, OTHER, TEMPLATE, UUID, key_of, torrent_of
from voi.agent.disks import DiskState, boot_disk
from voi.agent.library import Library
from voi.demo.image import write_image
from voi.errors import NoSpace, StartupError, StorageMissing
from voi.names import DiskName


class LibraryTests(SynchronousTestCase):
    """One directory."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.library = self.open()

    def open(self) -> Library:
        library = Library(self.directory, maybeDeferred)
        self.successResultOf(Deferred.fromCoroutine(library.open()))
        self.addCleanup(library.close)
        return library

    def restart(self) -> Library:
        self.library.close()
        self.library = self.open()
        return self.library

    def fetch(self, name: DiskName = BASE, content: bytes = CONTENT, **fields: Any) -> DiskState:
        torrent = torrent_of(content, name)
        state = DiskState(name=str(name), info_hash=key_of(torrent).hex(), group_uuid=GROUP, wanted=True, **fields)
        return self.successResultOf(self.library.begin(state, torrent, len(content)))

    def finish(self, name: DiskName = BASE, content: bytes = CONTENT) -> DiskState:
        self.library.path(name).write_bytes(content)
        return self.successResultOf(self.library.complete(name, len(content)))

    def listed(self) -> list[tuple[str, int]]:
        return [(d["uuid"], d["diff_level"]) for body in self.library.reports() for d in body["disks"]]

    def test_unfinished_is_not_reported(self) -> None:
        """A download under way is not in 9011, nor after a restart, however much of its file is there."""
        self.fetch()
        write_image(self.library.path(BASE), 1 << 20, data_bytes=1 << 16)
        self.assertEqual(self.listed(), [])
        self.restart()
        self.assertEqual(self.listed(), [])
        state = self.library.get(BASE)
        assert state is not None
        self.assertTrue(state.wanted)

    def test_complete_is_reported(self) -> None:
        """A complete one is, with its operation count, also after a restart."""
        self.fetch(operate_id=4)
        self.finish()
        self.restart()
        self.assertEqual(self.library.reports()[0]["disks"][0]["operate_id"], 4)

    def test_wrong_size_is_not_complete(self) -> None:
        """A file of another length than the torrent's is not complete, whatever was said."""
        self.fetch()
        self.library.path(BASE).write_bytes(CONTENT[:-1])
        self.failureResultOf(self.library.complete(BASE, len(CONTENT)), StorageMissing)

    def test_changed_file_is_doubted(self) -> None:
        """A finished file that changed while the terminal was off is wanted again, and not reported meanwhile."""
        self.fetch()
        self.finish()
        os.utime(self.library.path(BASE), ns=(1, 1))
        self.restart()
        state = self.library.get(BASE)
        assert state is not None
        self.assertEqual((state.complete, state.wanted, self.listed()), (False, True, []))

    def test_missing_file_is_forgotten(self) -> None:
        """A disk that was removed is not there any more."""
        self.fetch()
        self.finish()
        self.library.path(BASE).unlink()
        self.assertIsNone(self.restart().get(BASE))

    def test_unreadable_state(self) -> None:
        """A damaged state file makes neither a bootable disk nor one of the terminal's own of a partial download."""
        self.fetch()
        write_image(self.library.path(BASE), 1 << 20, data_bytes=1 << 16)
        (self.library.hidden / f"{BASE}.json").write_bytes(b"{")
        self.restart()
        self.assertEqual(self.listed(), [])

    def test_own_disk(self) -> None:
        """A valid image without a state is the terminal's own, under the template of the administrator's
        description.
        """
        write_image(self.library.path(BASE), 1 << 20, data_bytes=1 << 16)
        self.library.path(DiskName(OTHER, 0)).write_bytes(b"no image")
        (self.directory / "template.toml").write_text(f'uuid = "{TEMPLATE.upper()}"\nname = "Room 1"\nsys_type = 3\n')
        (body,) = self.restart().reports()
        self.assertEqual((body["uuid"], body["name"], body["sys_type"]), (TEMPLATE, "Room 1", 3))
        self.assertEqual(self.listed(), [(UUID, 0)])
        self.assertEqual(body["disks"][0]["real_size"], 2048)

    def test_own_disk_equals_no_published_one(self) -> None:
        """Own content has a count that no published level has, so that the server does not take it for its own."""
        write_image(self.library.path(BASE), 1 << 20, data_bytes=1 << 16)
        self.restart()
        self.assertEqual(self.library.reports()[0]["disks"][0]["operate_id"], -1)
        self.successResultOf(self.library.update(BASE, own=False))
        self.assertNotIn("operate_id", self.library.reports()[0]["disks"][0])

    def test_own_diff_belongs_to_its_base(self) -> None:
        """A difference made here is of the template that its base came with."""
        self.fetch(template_uuid=TEMPLATE, template_name="Room 1")
        self.finish()
        write_image(self.library.path(DIFF), 1 << 20, data_bytes=1 << 16, backing=str(BASE))
        (body,) = self.restart().reports()
        self.assertEqual((body["uuid"], len(body["disks"])), (TEMPLATE, 2))

    def test_bad_note(self) -> None:
        """A description that cannot be read stops the start with one sentence."""
        self.library.close()
        (self.directory / "template.toml").write_text('uuid = "x"\n')
        library = Library(self.directory, maybeDeferred)
        self.failureResultOf(Deferred.fromCoroutine(library.open()), StartupError)
        library.close()

    def test_second_terminal(self) -> None:
        """Two terminals do not share a directory."""
        second = Library(self.directory, maybeDeferred)
        self.failureResultOf(Deferred.fromCoroutine(second.open()), StartupError)

    def test_empty_report(self) -> None:
        """When the last complete disk of a template is being replaced, the server is told that nothing is left."""
        self.fetch(template_uuid=TEMPLATE)
        (body,) = self.library.reports()
        self.assertEqual((body["uuid"], body["disks"]), (TEMPLATE, []))

    def test_learned_template(self) -> None:
        """A template that the server named is kept, for all disks of its desktop group."""
        self.fetch()
        self.fetch(DiskName(OTHER, 0))
        self.successResultOf(self.library.learn_template(UUID, TEMPLATE, "Room 1"))
        self.assertEqual([body["uuid"] for body in self.restart().reports()], [TEMPLATE])

    def test_no_room(self) -> None:
        """A disk that does not fit is refused, with the figures."""
        self.fetch()
        self.failureResultOf(self.library.reserve(BASE, 1 << 60), NoSpace)

    def test_longer_file_is_cut(self) -> None:
        """What lies behind the new torrent's end is cut off: the file is to be byte for byte the torrent's."""
        self.library.path(BASE).write_bytes(CONTENT + b"tail")
        self.fetch()
        self.successResultOf(self.library.reserve(BASE, len(CONTENT)))
        self.assertEqual(self.library.path(BASE).stat().st_size, len(CONTENT))

    def test_boot_disk(self) -> None:
        """The top of the unbroken chain of a system disk is what boots."""
        base = DiskState(name=str(BASE), complete=True)
        diff = DiskState(name=str(DIFF), complete=True)
        top = DiskState(name=str(DiskName(UUID, 2)), complete=False)
        data = DiskState(name=str(DiskName(OTHER, 0)), complete=True, type=1)
        self.assertEqual(boot_disk([data, top, diff, base]), DIFF)
        self.assertIsNone(boot_disk([data, diff]))

    def test_boot_disk_sent_last(self) -> None:
        """Of two templates the one boots that the server sent last, not the one with the lower uuid."""
        first = DiskState(name=str(BASE), complete=True, sent=1)
        second = DiskState(name=str(DiskName(OTHER, 0)), complete=True, sent=2)
        self.assertEqual(boot_disk([first, second]), DiskName(OTHER, 0))
        again = DiskState(name=str(BASE), complete=True, sent=3)
        self.assertEqual(boot_disk([again, second]), BASE)

    def test_boot_disk_is_whole(self) -> None:
        """A template that is still coming does not boot before one that is whole, though it was sent later."""
        first = DiskState(name=str(BASE), complete=True, sent=1)
        second = DiskState(name=str(DiskName(OTHER, 0)), complete=True, sent=2)
        coming = DiskState(name=str(DiskName(OTHER, 1)), wanted=True, sent=3)
        self.assertEqual(boot_disk([first, second, coming]), BASE)
        self.assertEqual(boot_disk([second, coming]), DiskName(OTHER, 0))
