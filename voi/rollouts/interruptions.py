"""Connections that end in the middle of downloads: counted, shown, and a failed try where they bring nothing.

A PC that crashes in each download looks like one that is switched off each evening. What tells them apart is the gain:
the one comes further each time, the other never does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from voi.domain.rollouts import LEAST_GAIN, SHOWN_INTERRUPTIONS, Task
from voi.messages.reason import code_of
from voi.rollouts.explanations import Explanations, interrupted
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.store.interfaces.rollouts import Rollouts


class Interruptions:
    """Counts them; `failed` takes a try that failed with its reason."""

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        open_targets: OpenTargets,
        explanations: Explanations,
        failed: Callable[[OpenTarget, Task, str], Awaitable[None]],
    ) -> None:
        self._rollouts = rollouts
        self._open_targets = open_targets
        self._explanations = explanations
        self._failed = failed

    async def note(self, target: OpenTarget) -> None:
        """A connection ended: so many times in the middle of a download without a gain are a failed try."""
        task = next((task for task in target.unfinished if task.sent), None)
        if task is None:
            return
        found = await self._rollouts.interrupted(*target.key, target.reached())
        if found is None or self._open_targets.get(target.key) is not target:
            return
        target.target = replace(
            target.target, interruptions=found.interruptions, fruitless=found.fruitless, best=found.best
        )
        if found.fruitless and found.fruitless % SHOWN_INTERRUPTIONS == 0:
            await self._failed(target, task, interrupted(found))

    async def look_after(self, target: OpenTarget) -> None:
        """Where it has come further than when its connection broke, that was no obstacle."""
        reached = target.reached()
        if reached - target.target.best < LEAST_GAIN:
            return
        if await self._rollouts.gained(*target.key, reached) is not None:
            target.target = replace(target.target, fruitless=0, best=max(target.target.best, reached))
            if code_of(target.target.reason) == "interrupted":
                await self._explanations.explain(target, "")
