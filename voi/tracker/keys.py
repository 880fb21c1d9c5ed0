"""Which terminal each tracker key names, in memory: an announce must not wait for a database."""

from __future__ import annotations

from collections.abc import Iterable


class TrackerKeys:
    """Keys of 32 hex digits to MACs; as many as there are terminals."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._terminals = dict(known)

    def learn(self, key: str, terminal: str) -> None:
        """A terminal was given a key."""
        self._terminals[key] = terminal

    def forget(self, key: str) -> None:
        """A terminal was deleted, and its key with it."""
        self._terminals.pop(key, None)

    def terminal_for(self, key: str) -> str | None:
        """The MAC of the terminal that was given this key, or None."""
        return self._terminals.get(key)
