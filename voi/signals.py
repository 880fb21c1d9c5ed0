"""Signals: typed events with listeners, where one listener's fault does not stop the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec

from twisted.logger import Logger

log = Logger()

P = ParamSpec("P")


class Signal(Generic[P]):
    """One kind of event and its listeners; `name` describes it in a few words, for the log.

    Listeners are called in the order in which they were connected, on the spot. Only what puts the server together
    connects them: see "Who tells whom" in docs/architecture.
    """

    __slots__ = ("_listeners", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._listeners: tuple[Callable[P, Any], ...] = ()

    def __len__(self) -> int:
        return len(self._listeners)

    def connect(self, listener: Callable[P, Any]) -> None:
        """Call `listener` each time from now on; what it gives is not used, so it must not be a coroutine."""
        self._listeners = (*self._listeners, listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell everybody; never raises."""
        for listener in self._listeners:
            try:
                listener(*args, **kwargs)
            except Exception:  # whatever it is, the others are called all the same
                log.failure("a listener failed at: {signal}", signal=self._name)
