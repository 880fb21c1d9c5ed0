"""Open rollout work in memory: what each terminal still fetches and how far it is, looked up by terminal.

The database says the same, apart from progress; this is its index for the many small reports of progress that
come from terminals, tracker and seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass, field

from voi.domain.rollouts import OPEN_TARGETS, Target, TargetState, Task
from voi.domain.task_progress import NEVER, TaskProgress, target_progress
from voi.errors import Malformed
from voi.names import DiskName

Key = tuple[int, str]
"""A target: rollout number and MAC."""


@dataclass(slots=True)
class OpenTarget:
    """A target that has not ended, its tasks by uuid, and their progress.

    `sending` is set while its tasks are being sent; `again` asks for another round after that. `due` is when its next
    try may begin, by the clock that never jumps; `held` means that it waits for the server's own copy of what it lacks,
    `unsaid` that it waits for its terminal to say what it has.
    """

    target: Target
    tasks: dict[str, Task] = field(default_factory=dict)
    progress: dict[str, TaskProgress] = field(default_factory=dict)
    sending: bool = False
    again: bool = False
    due: float = 0.0
    held: bool = False
    unsaid: bool = False

    @property
    def key(self) -> Key:
        """How it is looked up."""
        return self.target.rollout_id, self.target.mac

    @property
    def unfinished(self) -> list[Task]:
        """Tasks that are not done, parents first."""
        tasks = [task for task in self.tasks.values() if task.state is not TargetState.DONE]
        if len(tasks) < 2:  # as a rule, and it is asked with every report of a terminal
            return tasks
        return sorted(tasks, key=lambda task: (task.name.uuid, task.name.level))

    def take(self, target: Target, tasks: Iterable[Task], now: float) -> None:
        """What the database says now; progress of tasks that go on is kept, and one that was done may begin anew."""
        self.target = target
        before, self.tasks = self.tasks, {task.id: task for task in tasks}
        for task in self.tasks.values():
            is_done = task.state is TargetState.DONE
            if not is_done and task.id in before and before[task.id].state is TargetState.DONE:
                self.progress.pop(task.id, None)
            progress = self.progress.setdefault(task.id, TaskProgress(advanced=now))
            if is_done and progress.fraction < 1:
                progress.update(1.0, now)
        self.progress = {task_id: self.progress[task_id] for task_id in self.tasks}

    def fraction(self) -> float:
        """How much of all it lacks is there, 0 to 1."""
        if not self.tasks:
            return 0.0
        if len(self.tasks) == 1:  # as a rule, and it is asked of each terminal each second
            ((task_id, task),) = self.tasks.items()
            return self.progress[task_id].fraction if task.size else 1.0
        return target_progress((task.size, self.progress[task.id].fraction) for task in self.tasks.values())

    def reached(self) -> float:
        """How much of all it lacks was ever there, 0 to 1."""
        if not self.tasks:
            return 0.0
        return target_progress((task.size, self.progress[task.id].ever) for task in self.tasks.values())

    @property
    def obstacle(self) -> str:
        """What its terminal says stands in its way, of any of its tasks; empty for nothing."""
        return next((progress.why for progress in self.progress.values() if progress.why), "")

    def known_fraction(self) -> float | None:
        """As `fraction`, and None where it was sent something of which nothing was heard, as after a restart."""
        silent = any(task.sent and self.progress[task.id].updated == NEVER for task in self.unfinished)
        return None if silent else self.fraction()


class OpenTargets:
    """All open targets."""

    def __init__(self) -> None:
        self._targets: dict[Key, OpenTarget] = {}
        self._by_mac: dict[str, set[Key]] = {}
        self.ended: list[OpenTarget] = []
        """Targets that have ended, until somebody takes them out."""

    def __iter__(self) -> Iterator[OpenTarget]:
        return iter(list(self._targets.values()))

    def __len__(self) -> int:
        return len(self._targets)

    def put(self, target: Target) -> OpenTarget:
        """Add a target, or find it."""
        key = target.rollout_id, target.mac
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = OpenTarget(target)
            self._by_mac.setdefault(target.mac, set()).add(key)
        return found

    def get(self, key: Key) -> OpenTarget | None:
        """A target, or None if it has ended."""
        return self._targets.get(key)

    def drop(self, key: Key) -> None:
        """A target has ended."""
        ended = self._targets.pop(key, None)
        if ended is not None:
            self.ended.append(ended)
            keys = self._by_mac[key[1]]
            keys.discard(key)
            if not keys:
                del self._by_mac[key[1]]

    def settle(self, target: Target) -> None:
        """Take a target's new state; one that has ended is dropped."""
        key = target.rollout_id, target.mac
        if (found := self._targets.get(key)) is not None:
            found.target = target
        if target.state not in OPEN_TARGETS:
            self.drop(key)

    def of_terminal(self, mac: str) -> list[OpenTarget]:
        """A terminal's targets, oldest rollout first."""
        return [self._targets[key] for key in sorted(self._by_mac.get(mac, ()))]

    def tasks_named(self, mac: str, text: str) -> list[tuple[OpenTarget, Task]]:
        """A terminal's unfinished tasks for a name as the terminal says it.

        Family clients may show a title of their own instead of the disk's name: it can only mean the one
        task there is, and with several it means nothing.
        """
        tasks = [(target, task) for target in self.of_terminal(mac) for task in target.unfinished]
        try:
            name = DiskName.parse(text)
        except Malformed:
            names = {task.name for _, task in tasks}
            return tasks if len(names) == 1 else []
        return [(target, task) for target, task in tasks if task.name == name]

    @property
    def terminals(self) -> KeysView[str]:
        """The MACs of all that are here, as they are whenever it is looked into."""
        return self._by_mac.keys()

    def tasks_for(self, mac: str, info_hash: bytes) -> list[tuple[OpenTarget, Task]]:
        """A terminal's unfinished tasks for a torrent; asked at every announce, and there are none at most."""
        if mac not in self._by_mac:
            return []
        targets = self.of_terminal(mac)
        return [(t, task) for t in targets for task in t.unfinished if task.info_hash == info_hash]

    def info_hashes(self) -> set[bytes]:
        """Torrents that somebody is fetching."""
        return {
            task.info_hash
            for target in self._targets.values()
            for task in target.tasks.values()
            if task.state is TargetState.DOWNLOADING
        }
