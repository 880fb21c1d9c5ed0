"""What runs with and without a disturbance come to."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.churn import Run, outcome
from tests.bench.swarm import Case

CASE = Case(terminals=6, link=1_000_000, size=1000)
VICTIM = 2


def a_run(
    seconds: Mapping[int, float], received: int = 1050, said: Mapping[str, float] | None = None, size: int = 1000
) -> Run:
    """A run in which all received the same."""
    return Run(seconds, [received] * CASE.terminals, size, 0.5, said or {})


def equal(seconds: float) -> dict[int, float]:
    """All were done at the same time."""
    return dict.fromkeys(range(CASE.terminals), seconds)


class OutcomeTests(SynchronousTestCase):
    """Figures of churn."""

    def test_cost_is_that_of_the_others(self) -> None:
        """Whom it happened to does not count, in neither run; medians of the rounds do."""
        calm = [a_run({**equal(10.0), VICTIM: 50.0}), a_run(equal(10.0))]
        slow = [a_run({index: 11.0 for index in range(CASE.terminals) if index != VICTIM}) for _ in range(2)]
        (figure,) = outcome({"undisturbed": calm, "slow": slow}, CASE).figures
        self.assertEqual(figure.name, "churn.slow")
        self.assertAlmostEqual(figure.ours, 10.0)

    def test_again(self) -> None:
        """What both lives took beyond the image, and beyond what one life takes, as a share of what the first had."""
        killed = a_run(equal(12.0), said={"had": 500, "fetched then": 575})
        found = outcome({"undisturbed": [a_run(equal(10.0), received=1050)], "killed": [killed]}, CASE)
        (figure,) = found.figures
        self.assertEqual(figure.name, "churn.again")
        self.assertAlmostEqual(figure.ours, 15.0)
        self.assertAlmostEqual(float(found.rows[1].figures["beyond usual %"]), 5.0)

    def test_late_comers_do_not_count(self) -> None:
        """Those who came late are no cost to the others."""
        late = a_run({**equal(10.0), 5: 99.0}, said={"late: last / (F/d)": 1.5})
        found = outcome({"undisturbed": [a_run(equal(10.0))], "late": [late]}, CASE)
        row = next(row for row in found.rows if row.what == "late")
        self.assertAlmostEqual(float(row.figures["costs them %"]), 0.0)
        self.assertEqual(row.figures["late: last / (F/d)"], 1.5)

    def test_noise(self) -> None:
        """The spread of undisturbed runs stands beside each cost."""
        calm = [a_run(equal(10.0)), a_run(equal(11.0))]
        (row,) = outcome({"undisturbed": calm}, CASE).rows
        self.assertAlmostEqual(float(row.figures["noise %"]), 10.0)

    def test_server_away(self) -> None:
        """The time without a server is added to the bound of those who wait for its return."""
        runs = {"undisturbed": [a_run(equal(10.0))], "server": [a_run(equal(12.0), said={"away s": 4.0})]}
        row = outcome(runs, CASE).rows[1]
        bound = float(row.figures["bound s"])
        self.assertAlmostEqual(float(row.figures["last / (bound + away)"]), 12 / (bound + 4))
