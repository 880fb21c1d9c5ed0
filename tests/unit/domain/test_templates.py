"""Tests of voi.domain.templates: what a terminal lacks, what may be published."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DATA_DISK, DISK, TEMPLATE, level
from voi.domain.templates import check_next_level, check_room_for_diff, missing_levels
from voi.domain.terminals import ReportedLevel
from voi.errors import Conflict
from voi.names import DiskName

BASE, DIFF, SECOND, THIRD = (DiskName(DISK, number) for number in range(4))


def held(name: DiskName, operate_id: int | None = None) -> ReportedLevel:
    """A level as a terminal reports it."""
    return ReportedLevel(TEMPLATE, name, operate_id=operate_id)


class MissingTests(SynchronousTestCase):
    """What a terminal lacks."""

    def names(self, *reported: ReportedLevel) -> list[DiskName]:
        """The names of what is lacking of a template with two disks."""
        published = [level(1), level(0, DATA_DISK), level(0)]
        return [x.name for x in missing_levels(published, reported)]

    def test_nothing_reported(self) -> None:
        """A terminal that reported nothing lacks everything, parents first."""
        self.assertEqual(self.names(), [BASE, DIFF, DiskName(DATA_DISK, 0)])

    def test_without_counter(self) -> None:
        """Seed clients count no operations: the name is enough."""
        self.assertEqual(self.names(held(BASE), held(DIFF)), [DiskName(DATA_DISK, 0)])

    def test_with_counter(self) -> None:
        """Where operations are counted, another count is other content, a lower or a higher one."""
        for count in (0, 2):
            self.assertIn(DIFF, self.names(held(BASE, 0), held(DIFF, count)))
        self.assertNotIn(DIFF, self.names(held(BASE, 0), held(DIFF, 1)))

    def test_a_difference_says_nothing_of_its_base(self) -> None:
        """A small difference may be complete long before its base is."""
        self.assertIn(BASE, self.names(held(DIFF)))


class PublishTests(SynchronousTestCase):
    """What may be published on top of what."""

    def test_allowed(self) -> None:
        """A base for a new disk, then one difference after the other."""
        check_next_level([], BASE)
        check_next_level([level(0)], DIFF)
        check_next_level([level(0), level(1)], SECOND)
        check_next_level([level(0, DATA_DISK)], BASE)

    def test_refused(self) -> None:
        """Taken levels, missing parents, the terminal's own levels, a third difference."""
        for published, name, word in (
            ([level(0)], BASE, "already"),
            ([], DIFF, "not published"),
            ([level(0)], SECOND, "not published"),
            ([level(0)], THIRD, "only levels"),
            ([level(0), level(1), level(2)], SECOND, "merged"),
        ):
            error = self.assertRaises(Conflict, check_next_level, published, name)
            self.assertIn(word, error.message)
            self.assertEqual(error.wire_code, 20725)

    def test_room_for_a_difference(self) -> None:
        """With two differences the next one needs folding."""
        check_room_for_diff([0, 1], DISK)
        self.assertRaises(Conflict, check_room_for_diff, [0, 1, 2], DISK)
