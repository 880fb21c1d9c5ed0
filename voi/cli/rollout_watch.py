"""A rollout while it runs: bars for all of it and for its slowest terminals, or a line of JSON for each change.

It polls and does not follow the stream: a lost connection costs one request, and each answer has everything.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn

from voi.cli.api import ApiClient
from voi.cli.failures import Failed, Interrupted, SomeFailed, Unreachable
from voi.cli.output import console, counted, duration, percent, printable, rate, say_json, show

POLL_SECONDS: Final = 1.0
TARGETS_A_SECOND: Final = 500
"""Requests for more terminals than this are further apart: an answer for 5,000 is 2 MB."""

PATIENCE: Final = 120
"""Requests in a row that may fail: a rollout goes on after a restart of the server."""

SLOWEST: Final = 5
"""Terminals that have a bar of their own."""

MOST_REASONS: Final = 5
"""New reasons that are said at a time."""

QUIET_SECONDS: Final = 10.0
"""Between two lines where there is no terminal to draw bars on."""

_SUMS: Final = (
    "id",
    "template",
    "template_name",
    "version",
    "state",
    "counts",
    "ran",
    "progress",
    "rate",
    "eta",
    "elapsed",
    "size",
    "server_sent",
    "copies",
    "best",
)


class Screen(Protocol):
    """Something that shows a rollout."""

    def show(self, seen: dict[str, Any]) -> None:
        """How far it is now."""

    def lost(self) -> None:
        """The server does not answer just now."""

    def close(self) -> None:
        """There is no more to show."""


def watch(api: ApiClient, number: int, *, as_json: bool, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show a rollout until it has ended, and then how it ended.

    :raises SomeFailed: it ended, but not well for every terminal.
    :raises Failed: it was cancelled, or there is none.
    :raises Interrupted: Ctrl-C was pressed; the rollout goes on.
    """
    err = console(err=True)
    screen: Screen = JsonScreen() if as_json else BarScreen(err) if err.is_terminal else TextScreen()
    try:
        try:
            seen = _follow(api, number, screen, sleep)
        finally:
            screen.close()
    except KeyboardInterrupt:
        raise Interrupted(
            f"rollout {number} goes on; `voi rollout watch {number}` shows it again, "
            f"`voi rollout cancel {number}` ends it"
        ) from None
    _show_end(seen, as_json=as_json)


def _follow(api: ApiClient, number: int, screen: Screen, sleep: Callable[[float], None]) -> dict[str, Any]:
    failures = 0
    found = False
    pause = POLL_SECONDS
    while True:
        try:
            seen: dict[str, Any] = api.get(f"/rollouts/{number}")
        except Unreachable:
            failures += 1
            # The first request finds out whether there is a server; later ones wait for it to come back.
            if failures >= PATIENCE or not found:
                raise
            screen.lost()
        else:
            failures, found = 0, True
            screen.show(seen)
            if seen["state"] != "running":
                return seen
            pause = POLL_SECONDS * max(1.0, len(seen["targets"]) / TARGETS_A_SECOND)
        sleep(pause)


def _show_end(seen: dict[str, Any], *, as_json: bool) -> None:
    failed = [target for target in seen["targets"] if target["state"] == "failed"]
    if not as_json:
        if failed:
            rows = [(one["name"], one["mac"], one["ip"], one["attempts"], one["reason"]) for one in failed]
            show(("name", "mac", "address", "attempts", "reason"), rows, title="Failed", none="")
        click.echo(
            f"rollout {seen['id']} is {seen['state']} at {percent(seen['progress'])}: {counts_text(seen)} in "
            f"{duration(seen['elapsed'])}; {_sent_text(seen)}"
        )
    if seen["state"] == "cancelled":
        raise Failed(f"rollout {seen['id']} was cancelled")
    if seen["state"] == "superseded":
        raise Failed(f"rollout {seen['id']} was replaced by a later one: `voi rollout list` shows which")
    if failed:
        raise SomeFailed(
            f"{len(failed)} of {counted(len(seen['targets']), 'terminal')} failed; "
            f"`voi rollout retry {seen['id']}` tries again"
        )


def counts_text(seen: dict[str, Any]) -> str:
    """How many terminals of a rollout are in each state, as the server counts them; and how many run what they have."""
    said = [f"{count} {state}" for state, count in seen["counts"].items() if count]
    if seen["counts"].get("done"):
        said.append(f"{seen['ran']} seen to run it")
    return ", ".join(said)


def _sent_text(seen: dict[str, Any]) -> str:
    """What the server sent, where that was measured."""
    if seen["copies"] is None:
        return "what the server sent is not known"
    return f"the server sent {seen['copies']:.2f} copies"


def slowest(seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The terminals that will be done last, of those that are on their way; by what is left, not by their estimate."""
    moving = [target for target in seen["targets"] if target["state"] == "downloading"]
    return sorted(moving, key=lambda target: (target["progress"] or 0.0, target["mac"]))[:SLOWEST]


class Reasons:
    """What stands in the way of terminals, in lines: each when it is new, once for all terminals that wait for it."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def news(self, seen: dict[str, Any]) -> list[str]:
        """What was not said before, or is so again; of many different ones a few at a time."""
        who: dict[str, list[str]] = defaultdict(list)
        for target in seen["targets"]:
            if target["reason"]:
                who[target["reason"]].append(target["name"] or target["mac"])
        self._said &= who.keys()
        new = [reason for reason in who if reason not in self._said][:MOST_REASONS]
        self._said.update(new)
        return [printable(f"{_named(who[reason])}: {reason}", lines=False) for reason in new]


def _named(terminals: list[str]) -> str:
    return terminals[0] if len(terminals) == 1 else counted(len(terminals), "terminal")


class JsonScreen:
    """JSON, a line for each answer in which something has changed."""

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._targets: dict[str, Any] = {}

    def show(self, seen: dict[str, Any]) -> None:
        """The sums, and the targets that changed."""
        sums = {name: seen[name] for name in _SUMS}
        changed = [target for target in seen["targets"] if self._targets.get(target["mac"]) != target]
        # That time goes by is no change.
        if changed or {**sums, "elapsed": 0} != {**self._sums, "elapsed": 0}:
            say_json({**sums, "targets": changed})
        self._sums = sums
        self._targets = {target["mac"]: target for target in seen["targets"]}

    def lost(self) -> None:
        """Nothing that a program would have to know."""

    def close(self) -> None:
        """Nothing is held."""


class TextScreen:
    """A line now and then, where there is no terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = float("-inf")
        self._counts: dict[str, int] = {}
        self._reasons = Reasons()

    def show(self, seen: dict[str, Any]) -> None:
        """Where states changed, or after a while."""
        counts, now = seen["counts"], self._clock()
        if counts != self._counts or now - self._last >= QUIET_SECONDS:
            self._counts, self._last = counts, now
            click.echo(f"{percent(seen['progress'])}  {counts_text(seen)}  {_rate_and_time(seen)}", err=True)
        for line in self._reasons.news(seen):
            click.echo(line, err=True)

    def lost(self) -> None:
        """One line each time."""
        now = self._clock()
        if now - self._last >= QUIET_SECONDS:
            self._last = now
            click.echo("the server does not answer; waiting for it", err=True)

    def close(self) -> None:
        """Nothing is held."""


def _rate_and_time(one: dict[str, Any]) -> str:
    left = "" if one["eta"] is None else f"  {duration(one['eta'])} left"
    return rate(one["rate"]) + left


class BarScreen:
    """Progress bars: one for all, one for each of the slowest."""

    def __init__(self, out: Console) -> None:
        columns: tuple[ProgressColumn, ...] = (
            # Names of terminals come from outside and are no markup.
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[share]}"),  # rich would round 99.7 up to all
            TextColumn("{task.fields[rate]}", markup=False),
        )
        self._shown = Progress(*columns, console=out, transient=True)
        self._all = self._shown.add_task("", total=1.0, rate="", share="")
        self._slots: list[TaskID] = [
            self._shown.add_task("", total=1.0, rate="", share="", visible=False) for _ in range(SLOWEST)
        ]
        self._reasons = Reasons()
        self._shown.start()

    def show(self, seen: dict[str, Any]) -> None:
        """Move the bars; what stands in the way is said above them, and stays."""
        for line in self._reasons.news(seen):
            self._shown.console.print(line, markup=False, highlight=False)
        name = printable(seen["template_name"] or seen["template"], lines=False)[:30]
        text = f"{name} {seen['version']}: {counts_text(seen)}"
        self._shown.update(
            self._all,
            completed=seen["progress"],
            description=text,
            rate=_rate_and_time(seen),
            share=percent(seen["progress"]),
        )
        late = slowest(seen)
        for slot, target in zip(self._slots, late, strict=False):
            text = "  " + printable(target["name"] or target["mac"], lines=False)[:30]
            self._shown.update(
                slot,
                completed=target["progress"],
                description=text,
                rate=_rate_and_time(target),
                share=percent(target["progress"]),
                visible=True,
            )
        for slot in self._slots[len(late) :]:
            self._shown.update(slot, visible=False)

    def lost(self) -> None:
        """Say so in place of the time left."""
        self._shown.update(self._all, rate="the server does not answer")

    def close(self) -> None:
        """Take the bars away."""
        self._shown.stop()
