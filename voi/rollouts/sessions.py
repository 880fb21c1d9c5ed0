"""What terminals did since their logins, as far as rollouts depend on it; all times by the clock that never jumps.

Bounded by the terminals that are online, and for each by so many tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from voi.domain.rollouts import Target, Task
from voi.domain.task_progress import NEVER
from voi.names import DiskName

MOST_REMEMBERED: Final = 16
"""Tasks that a terminal was done with in its session, of which bad news is still understood: a template has fewer."""


@dataclass(slots=True)
class _Session:
    number: int | None
    began: float
    tells_results: bool = False
    done: dict[str, tuple[Target, Task]] = field(default_factory=dict)


class TerminalSessions:
    """The sessions of terminals; `number` gives that of a terminal's present one, another for each."""

    def __init__(self, number: Callable[[str], int | None]) -> None:
        self._number = number
        self._sessions: dict[str, _Session] = {}

    def begin(self, mac: str, now: float) -> tuple[bool, bool]:
        """A terminal logged in: whether its session is a new one, and whether that ended another without a word."""
        number, before = self._number(mac), self._sessions.get(mac)
        if before is not None and before.number == number:
            return False, False
        self._sessions[mac] = _Session(number, now)
        return True, before is not None

    def end(self, mac: str) -> None:
        """A terminal went offline."""
        self._sessions.pop(mac, None)

    def _present(self, mac: str) -> _Session | None:
        """Its session; one that began before anybody looked began long ago."""
        number, session = self._number(mac), self._sessions.get(mac)
        if number is None:
            return None
        if session is None or session.number != number:
            session = self._sessions[mac] = _Session(number, NEVER)
        return session

    def began(self, mac: str) -> float:
        """When its session began."""
        session = self._present(mac)
        return session.began if session is not None else NEVER

    def told_result(self, mac: str) -> None:
        """A terminal said itself how a download of its own goes, or ended."""
        if (session := self._present(mac)) is not None:
            session.tells_results = True

    def tells_results(self, mac: str) -> bool:
        """Whether it did so in this session: then it says itself when it is done."""
        session = self._present(mac)
        return session is not None and session.tells_results

    def note_done(self, target: Target, task: Task) -> None:
        """It was done with a task in this session, as far as anybody knew."""
        if (session := self._present(task.mac)) is not None:
            session.done.pop(task.id, None)
            session.done[task.id] = target, task
            if len(session.done) > MOST_REMEMBERED:
                del session.done[next(iter(session.done))]

    def forget_done(self, task: Task) -> None:
        """It is not done with it."""
        if (session := self._present(task.mac)) is not None:
            session.done.pop(task.id, None)

    def done(self, mac: str, name: DiskName | None = None) -> list[tuple[Target, Task]]:
        """With what it was done in this session, of one level or of all, the latest first."""
        session = self._present(mac)
        found = reversed(session.done.values()) if session is not None else ()
        return [(target, task) for target, task in found if name in (None, task.name)]
