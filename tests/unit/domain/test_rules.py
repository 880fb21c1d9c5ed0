"""Tests of the rules in voi.domain: what a terminal lacks, what may be published, when to try again."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DATA_DISK, DISK, TEMPLATE, level, upload
from voi.domain.rollouts import (
    RETRY_PAUSES,
    Demand,
    LinkRates,
    TargetState,
    TaskProgress,
    next_pause,
    rollout_state,
    target_progress,
)
from voi.domain.templates import check_next_level, check_room_for_diff, missing_levels
from voi.domain.terminals import ReportedLevel
from voi.domain.uploads import UploadState
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


class RolloutTests(SynchronousTestCase):
    """States, pauses and progress."""

    def test_states(self) -> None:
        """Running while any target is open, failed if any failed, done if all are; cancelled stays cancelled."""
        waiting, done, failed = TargetState.WAITING, TargetState.DONE, TargetState.FAILED
        self.assertEqual(rollout_state(False, [done, waiting, failed]), "running")
        self.assertEqual(rollout_state(False, [done, failed]), "failed")
        self.assertEqual(rollout_state(False, [done, TargetState.CANCELLED]), "done")
        self.assertEqual(rollout_state(True, [waiting]), "cancelled")
        self.assertEqual(rollout_state(False, [TargetState.CANCELLED] * 2), "cancelled")

    def test_pauses(self) -> None:
        """Five retries, each after a longer pause than the one before, and then none."""
        pauses = [next_pause(attempts) for attempts in range(1, 7)]
        self.assertEqual(pauses, [*RETRY_PAUSES, None])
        self.assertEqual(sorted(RETRY_PAUSES), list(RETRY_PAUSES))

    def test_progress(self) -> None:
        """Levels weigh by their bytes; nothing to do is everything done."""
        self.assertAlmostEqual(target_progress([(900, 0.5), (100, 1.0)]), 0.55)
        self.assertEqual(target_progress([]), 1.0)

    def test_least_time(self) -> None:
        """What takes longest sets it: the server's own part, the neediest terminal's, or that of all links together."""
        links = LinkRates(server=10, terminal=20)
        self.assertEqual(links.least_seconds(Demand(image=1000, most=1000, total=1000, terminals=1)), 100.0)
        self.assertEqual(links.least_seconds(Demand(image=100, most=1000, total=3000, terminals=100)), 50.0)
        self.assertEqual(LinkRates(10, 1000).least_seconds(Demand(10, 10, 10_100, 1)), 10.0)
        self.assertEqual(links.least_seconds(Demand(0, 0, 0, 0)), 0.0)

    def test_advance(self) -> None:
        """A report without news counts as a sign of life, and is no advance."""
        progress = TaskProgress()
        progress.update(0.5, 1.0)
        progress.update(0.5, 9.0)
        self.assertEqual((progress.updated, progress.advanced), (9.0, 1.0))


class UploadTests(SynchronousTestCase):
    """The state of an upload by those of its disks."""

    def test_states(self) -> None:
        """Open while any disk is, failed if any failed, else published."""
        for states, expected in (
            ((UploadState.PUBLISHED, UploadState.RECEIVING), "open"),
            ((UploadState.PUBLISHED, UploadState.FAILED), "failed"),
            ((UploadState.PUBLISHED,), "published"),
        ):
            disks = tuple(upload(BASE, state=state).disks[0] for state in states)
            self.assertEqual(replace(upload(BASE), disks=disks).state, expected)
