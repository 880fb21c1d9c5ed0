"""How many entries of the audit log one terminal, or one address, may bring about."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST_KEYS: Final = 8192
"""Those that are remembered, more than a site has terminals; the one that was quiet longest is forgotten."""


class Allowance:
    """Each key may do something `most` times, and once more for each `per` seconds that pass."""

    def __init__(self, seconds: Callable[[], float], *, most: int, per: float) -> None:
        self._seconds = seconds
        self._most = most
        self._per = per
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, and when that was so

    def take(self, key: str) -> bool:
        """Do it once, if it may be done."""
        now = self._seconds()
        used, then = self._used.pop(key, (0.0, now))
        used = max(0.0, used - (now - then) / self._per)
        allowed = used + 1 <= self._most
        self._used[key] = (used + allowed, now)
        if len(self._used) > MOST_KEYS:
            self._used.popitem(last=False)
        return allowed
