"""Waiting for long work of the server and showing how far it is: imports and uploads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from voi.cli.api import ApiClient
from voi.cli.failures import Unreachable
from voi.cli.output import printable

POLL_SECONDS: Final = 0.5
"""Between two requests."""

PATIENCE: Final = 120
"""Requests in a row that may fail, a minute of them: the work goes on after a restart of the server."""

_STAGES: Final = {
    "requested": "waiting for the terminal",
    "receiving": "copying and hashing",
    "verifying": "checking",
    "publishing": "publishing",
}


def follow(
    api: ApiClient,
    path: str,
    seen: dict[str, Any],
    console: Console,
    *,
    running: tuple[str, ...],
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Show how far something is while its state is one of `running`; what it is then.

    :raises Failed: the server refused, or could not be asked for long.
    """
    columns: tuple[ProgressColumn, ...] = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    failures = 0
    shown_reason = ""
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(stage(seen), total=1.0)
        while seen["state"] in running:
            why = "; ".join(keeping(seen))
            if why and why != shown_reason:
                shown.console.print(
                    f"nothing has arrived yet: {printable(why, lines=False)}", markup=False, highlight=False
                )
            shown_reason = why
            sleep(POLL_SECONDS)
            try:
                seen = api.get(path)
            except Unreachable:
                failures += 1
                if failures >= PATIENCE:
                    raise
                shown.update(task, description="the server does not answer")
            else:
                failures = 0
                shown.update(task, completed=seen["progress"], description=stage(seen))
    return seen


def follow_check(
    api: ApiClient,
    path: str,
    seen: dict[str, Any],
    console: Console,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Show how far the server has read the files of a template, until it has read all of them; the template then.

    :raises Failed: the server refused, or could not be asked.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("checking", total=1.0)
        while any(disk["content"]["state"] == "checking" for disk in seen["disks"]):
            sleep(POLL_SECONDS)
            seen = api.get(path)
            size = sum(disk["size"] for disk in seen["disks"])
            done = sum(disk["size"] * _read_of(disk["content"]) for disk in seen["disks"])
            shown.update(task, completed=done / size if size else 1.0)
    return seen


def _read_of(content: dict[str, Any]) -> float:
    """How much of a file is read, as far as that is known."""
    return content["progress"] or 0.0 if content["state"] == "checking" else 1.0


def stage(seen: dict[str, Any]) -> str:
    """What is being done to a template, or to an upload, now."""
    states = [disk["state"] for disk in _disks(seen)]
    return next((text for state, text in _STAGES.items() if state in states), "importing")


def keeping(seen: dict[str, Any]) -> list[str]:
    """Why disks that a terminal was asked for do not come, each reason once."""
    reasons = [disk.get("reason", "") for disk in _disks(seen) if disk["state"] == "requested"]
    return list(dict.fromkeys(filter(None, reasons)))


def _disks(seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The disks of an upload, or those that come in of a template."""
    if "uploads" not in seen:
        return list(seen["disks"])
    return [disk for one in seen["uploads"] for disk in one["disks"]]
