"""Rollouts: a row for each terminal and each level, on disk before anything is sent; and how they went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.command_outcomes import Command
from voi.domain.rollout_demand import Demand
from voi.domain.rollout_history import RolloutHistory
from voi.domain.rollouts import Participation, Rollout, Summary, Target, Task, Unconfirmed, Work
from voi.domain.terminals import ReportedLevel

Key = tuple[int, str]
"""A target: rollout number and MAC."""

NOTHING: Final[Mapping[Any, float | None]] = MappingProxyType({})
"""Nobody knows how far anybody is."""


class Begun(NamedTuple):
    """A rollout that was begun, with its template's name, and older ones that ended by it: their last terminals are in
    it now.
    """

    rollout: Rollout
    name: str
    ended: list[Summary]


class Settled(NamedTuple):
    """A target after a change, and its rollout in short if that ended with it."""

    target: Target
    ended: Summary | None


class CancelledRollout(NamedTuple):
    """What was cancelled: the MACs of those that had something open, in order, the commands that tell them, one for
    each terminal that may be at work, and the rollout in short if it ended for the others with that.
    """

    macs: list[str]
    commands: list[Command]
    ended: Summary | None


class Rollouts(Protocol):
    """All rollouts, running and ended.

    A target that has ended (done, failed, cancelled, superseded) is not changed by what comes late: only `retry` opens
    it again, and `reopen` one that was done.
    """

    def begin(
        self,
        template_uuid: str,
        macs: Iterable[str] | None,
        now: float,
        version: int | None = None,
        *,
        again: bool = False,
        progress: Mapping[Key, float | None] = NOTHING,
        audit: Audit[Begun] | None = None,
    ) -> Deferred[Rollout]:
        """Write down a rollout of a version, or of a template's newest; None for `macs` means every known terminal.

        Each terminal has a waiting target. One that waits for an older rollout of the same template is taken out of
        that in the same step: superseded there, with the newer one named.

        :param again: send all of the version, whatever the terminals have: what they said of the template is forgotten.
        :param progress: how far those are that may be taken out of older ones, 0 to 1, as far as that is known.
        :param audit: of the rollout, and of the older ones that ended by it.
        :raises UnknownTemplate: no such template (field `template`).
        :raises UnknownTerminal: a MAC that never logged in; the first of them is named.
        :raises NotFound: it has no such version.
        :raises Conflict: nothing of the template is published, or there is no terminal at all.
        """

    def demand(self, rollout_id: int) -> Deferred[Demand]:
        """What its terminals have to fetch, of those that were planned: each are when they are online."""

    def plan(
        self,
        rollout_id: int,
        mac: str,
        now: float,
        unconfirmed: Unconfirmed = Unconfirmed.LACKING,
        *,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Work | None]:
        """The work for one terminal now: its tasks, made for the levels it lacks.

        Tasks come parents first, for levels of the rollout's version alone. Planning again keeps those that go on; one
        that was done is not any more where the terminal lacks its level now. A terminal that said since its login that
        it has each level is done, and no other one: the work is `unsaid` where that alone is missing, and nothing is
        changed where it is `UNDECIDED`. None: the target is not open any more.

        :param unconfirmed: what is made of levels that it has by an older report alone.
        :param audit: of the target as it is then, and of its rollout if that ended with it.
        """

    def replan(self, rollout_id: int, mac: str, now: float) -> Deferred[None]:
        """Forget the tasks of an open target, because what its terminal has is known anew; it waits."""

    def sent(self, task: Task, now: float) -> Deferred[None]:
        """A terminal confirmed a 1015: the task and its target are downloading."""

    def done(
        self, task: Task, level: ReportedLevel, now: float, *, audit: Audit[Settled] | None = None
    ) -> Deferred[Target | None]:
        """A terminal has a level: its task is done, and the target with its last one; the target then.

        A target stays open where its terminal has not said since its login that it has the other levels of the version.
        The level is noted as the terminal's in the same step, even where the target has ended. A task that was
        forgotten changes nothing, and None is given then: what the terminal said it lacks, it lacks.

        :param audit: as `plan` takes it.
        """

    def failed(
        self,
        task: Task,
        reason: str,
        attempts: int,
        next_try: float | None,
        now: float,
        *,
        progress: float | None = None,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Target | None]:
        """The try number `attempts` failed: the target waits for `next_try`, or has failed where that is None.

        A task that is done stays so. None: the target is not open any more.

        :param progress: how far it was, 0 to 1; None where that is not known.
        :param audit: as `plan` takes it.
        """

    def reopen(
        self,
        task: Task,
        reason: str,
        attempts: int,
        next_try: float | None,
        now: float,
        *,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Target | None]:
        """A task was done, and its terminal says that it has not got the level: that was a failed try, as `failed`.

        The level is not noted as the terminal's any more. None: the target was called off or has failed, a newer
        rollout has taken the terminal over, or the task is not done.

        :param audit: as `plan` takes it.
        """

    def interrupted(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        """A connection ended in the middle of a download that had `reached` so much of all, 0 to 1; the target then.

        It is fruitless unless that is more by `LEAST_GAIN` than at each time before. None: it is not open any more.
        """

    def gained(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        """A terminal has come further than when its connection broke: no interruption counts as fruitless any more."""

    def explain(self, rollout_id: int, mac: str, reason: str, now: float) -> Deferred[None]:
        """Say what an open target waits for."""

    def cancel(
        self,
        rollout_id: int,
        now: float,
        macs: Sequence[str] | None = None,
        *,
        progress: Mapping[str, float | None] = NOTHING,
        audit: Audit[CancelledRollout] | None = None,
    ) -> Deferred[CancelledRollout | None]:
        """Cancel whatever is open, of all or of some terminals, and write down in the same step who must be told.

        The commands, `voi.domain.commands.CANCEL`, wait for their terminal's login. A rollout of which some terminals
        are taken out goes on for the others; one of which nothing is open any more stays what it is. `progress` is how
        far each is, 0 to 1, as far as that is known. None: no such rollout.
        """

    def summary(self, rollout_id: int) -> Deferred[Summary | None]:
        """One rollout in short."""

    def running(self) -> Deferred[list[Summary]]:
        """Those with an open target, in short, newest first."""

    def retry(self, rollout_id: int, now: float, *, audit: Audit[list[Target]] | None = None) -> Deferred[list[Target]]:
        """Let the targets that failed, or wait after a failure, try again from the beginning; those then.

        One whose terminal has a newer rollout of the same template is that one's.

        :raises NotFound: no such rollout.
        :raises Conflict: it was cancelled, or nothing of it can be tried again.
        """

    def get(self, rollout_id: int) -> Deferred[Rollout | None]:
        """A rollout with its targets by MAC."""

    def summaries(
        self,
        *,
        q: str = "",
        template_uuid: str | None = None,
        state: str | None = None,
        sort: str = "-created",
        limit: int = -1,
        offset: int = 0,
    ) -> Deferred[tuple[list[Summary], int]]:
        """Rollouts in short, of one template or in one state if so asked; and how many there are.

        :param q: a part of the template's name, or the rollout's number.
        :param sort: ``created``, ``template_name`` or ``version``.
        """

    def tasks(self, rollout_id: int) -> Deferred[list[Task]]:
        """All tasks of a rollout, by MAC, parents first."""

    def of_terminal(self, mac: str, limit: int) -> Deferred[list[Participation]]:
        """The parts that a terminal had in rollouts, newest first."""

    def open_work(self) -> Deferred[list[Work]]:
        """Every open target with its tasks, oldest rollout first, then by MAC."""


class RolloutHistories(Protocol):
    """How rollouts went: what the server sent, and the rates over time, for a plot; by the number of their rollout."""

    def get(self, rollout_id: int) -> Deferred[RolloutHistory | None]:
        """What was written down last."""

    def save(self, history: RolloutHistory, sources: Mapping[str, float] = MappingProxyType({})) -> Deferred[None]:
        """Write down how it went so far, as it is now, instead of what was written before.

        `sources` is the part that terminals, by MAC, had from the server, 0 to 1; noted at their targets. A rollout
        that is unknown is passed over.
        """
