"""Something that happened, told to whoever wants to know: a list of listeners none of whom can harm the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

from twisted.logger import Logger

log = Logger()

P = ParamSpec("P")


class Signal(Generic[P]):
    """A kind of event with its listeners: a `Signal[str]("terminal online")` called with a MAC calls each with it.

    Listeners are called at once, in the order in which they were connected, and a failure of one is logged and goes no
    further: who tells of an event has done its work, and the other listeners want theirs. They give nothing; what takes
    time they begin themselves, with an errback of its own. `name` is how the log calls the event.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: tuple[Callable[P, None], ...] = ()

    def connect(self, listener: Callable[P, None]) -> None:
        """Call `listener` from now on, each time; one that is connected while listeners are called, from the next."""
        self._listeners = (*self._listeners, listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell every listener; no error of theirs comes back."""
        for listener in self._listeners:
            try:
                listener(*args, **kwargs)
            except Exception:  # one listener's fault must not keep the news from the others
                log.failure("a listener of {signal!r} failed, with {args}", signal=self.name, args=args)
