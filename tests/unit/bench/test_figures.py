"""Which figures a bench owes, and what becomes of a rehearsal of all benches."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.__main__ import BENCHES
from tests.bench.figures import TARGETS, Figure, Outcome, Plan, Record, Row, Scale, absent, read, unmeasured, write
from tests.bench.rehearsal import rehearse

ROWS = [Row("ours", {"MB/s": 1.0})]
BOTH = [Figure("tracker.http", 1.1), Figure("tracker.udp", 0.6)]


class AbsentTests(SynchronousTestCase):
    """What a bench has neither given nor explained."""

    def test_all_given(self) -> None:
        """Nothing is absent where every target of the bench has a number."""
        self.assertEqual(absent("tracker", Outcome(BOTH, ROWS)), [])

    def test_one_forgotten(self) -> None:
        """A target without a figure is absent, and so is one whose figure is no number."""
        self.assertEqual(absent("tracker", Outcome(BOTH[:1], ROWS)), ["tracker.udp"])
        self.assertEqual(
            absent("tracker", Outcome([BOTH[0], Figure("tracker.udp", float("nan"))], ROWS)), ["tracker.udp"]
        )

    def test_explained(self) -> None:
        """What cannot be had on this machine is not absent when the bench says why."""
        self.assertEqual(absent("tracker", unmeasured("tracker", "opentracker is not installed")), [])

    def test_no_rows(self) -> None:
        """A bench without targets has at least one row to show."""
        self.assertEqual(absent("simulate", Outcome([], [])), ["rows"])
        self.assertEqual(absent("simulate", Outcome([], ROWS)), [])

    def test_every_target_has_a_bench(self) -> None:
        """A target's name begins with the bench that gives it."""
        self.assertEqual({name.partition(".")[0] for name in TARGETS} - set(BENCHES), set())


class PlanTests(SynchronousTestCase):
    """The scale of a run."""

    def test_of(self) -> None:
        """A bench takes the size that is meant for the run's scale; only a fast run leaves things out."""
        for scale, size, fast in ((Scale.FULL, 100, False), (Scale.FAST, 10, True), (Scale.TINY, 1, False)):
            plan = Plan(Path(), Console(), scale)
            self.assertEqual((plan.of(100, 10, 1), plan.fast), (size, fast))


class RecordTests(SynchronousTestCase):
    """Records that are kept."""

    def record(self, scale: Scale) -> Record:
        return Record("seed", "2026-01-01T00:00:00+00:00", {}, 1.0, Outcome([], ROWS), scale)

    def test_full_before_fast(self) -> None:
        """A fast record is read only where there is no full one of the same bench."""
        directory = Path(self.mktemp())
        write(self.record(Scale.FAST), directory)
        self.assertEqual([record.scale for record in read(directory)], [Scale.FAST])
        write(self.record(Scale.FULL), directory)
        self.assertEqual([record.scale for record in read(directory)], [Scale.FULL])


class RehearsalTests(SynchronousTestCase):
    """All benches, one process each."""

    def rehearse(self, *names: str) -> tuple[bool, str]:
        """Programs that say their names, of which one called `bad` fails; whether all is well, and what was shown."""
        said = StringIO()
        program = "import sys; print('I am', sys.argv[1]); sys.exit(sys.argv[1] == 'bad')"
        return rehearse(names, Console(file=said), (sys.executable, "-c", program)), said.getvalue()

    def test_well(self) -> None:
        """All is well when each ended well; what each said is shown."""
        well, said = self.rehearse("a", "b", "c", "d")
        self.assertTrue(well)
        self.assertEqual(sorted(said.split()[2::3]), ["a", "b", "c", "d"])

    def test_one_fails(self) -> None:
        """One that fails makes the whole fail; the others run all the same."""
        well, said = self.rehearse("bad", "a", "b", "c")
        self.assertFalse(well)
        self.assertEqual(sorted(said.split()[2::3]), ["a", "b", "bad", "c"])
