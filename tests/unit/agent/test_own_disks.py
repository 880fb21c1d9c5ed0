"""The description of a template: which of its disks are no system disks."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, OTHER, TEMPLATE, UUID
from voi.agent.disks import boot_disk
from voi.agent.library import Library
from voi.agent.own_disks import read_description
from voi.demo.image import write_image
from voi.errors import Malformed, StartupError
from voi.names import DiskName


class DescriptionTests(SynchronousTestCase):
    """``template.toml``."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "template.toml"

    def write(self, disks: str) -> None:
        self.path.write_text(f'uuid = "{TEMPLATE}"\nname = "Room 1"\n{disks}')

    def test_types(self) -> None:
        """By uuid or by the name of a file, in either case."""
        self.write(f'[disks]\n"{UUID.upper()}" = "data"\n"voi_1_{OTHER}" = "shared"\n')
        found = read_description(self.path)
        assert found is not None
        self.assertEqual(found.disks, {UUID: 1, OTHER: 2})

    def test_refused(self) -> None:
        """What is wrong is said with the words that stand there."""
        for disks, words in (
            ('disks = "data"', "must be a table"),
            ('[disks]\n"my disk" = "data"', "my disk"),
            (f'[disks]\n"{UUID}" = "date"', "date is not a type of disk; the types are system, data, shared"),
            (f'[disks]\n"{UUID}" = 1', "1 is not a type"),
            (f'[disks]\n"{UUID}" = "data"\n"voi_0_{UUID}" = "system"', "two different types"),
        ):
            self.write(disks)
            error = self.assertRaises(Malformed, read_description, self.path)
            self.assertIn(words, error.message)

    def test_start_is_refused(self) -> None:
        """A terminal with such a file does not start, and says why in one sentence."""
        self.write(f'[disks]\n"{UUID}" = "date"')
        library = Library(self.directory, maybeDeferred)
        error = self.failureResultOf(Deferred.fromCoroutine(library.open()), StartupError).value
        self.assertIn("date is not a type of disk", error.message)

    def test_data_disk(self) -> None:
        """A data disk is reported as one, with all its levels, and does not boot."""
        data = DiskName(UUID, 0)
        self.write(f'[disks]\n"{UUID}" = "data"\n')
        write_image(self.directory / str(data), 1 << 20, data_bytes=1 << 16)
        write_image(self.directory / str(DiskName(UUID, 1)), 1 << 20, data_bytes=1 << 16, backing=str(BASE))
        write_image(self.directory / str(DiskName(OTHER, 0)), 1 << 20, data_bytes=1 << 16)
        library = Library(self.directory, maybeDeferred)
        self.successResultOf(Deferred.fromCoroutine(library.open()))
        self.addCleanup(library.close)
        (body,) = library.reports()
        self.assertEqual(
            {(d["uuid"], d["diff_level"]): d["type"] for d in body["disks"]},
            {
                (UUID, 0): 1,
                (UUID, 1): 1,
                (OTHER, 0): 0,
            },
        )
        self.assertEqual(boot_disk(library), DiskName(OTHER, 0))
