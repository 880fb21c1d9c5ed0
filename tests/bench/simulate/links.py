"""Links: one transfer after the other, in the order in which they were sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Link:
    """One direction of a link. `rate` in bytes a second; `free` is when the last transfer put on it is through.

    A transfer passes several links at once, as packets do, not one after the other as a whole: it leaves
    a link when that had the time for it and when its last byte has come.
    """

    rate: float
    free: float = 0.0
    carried: int = 0
    """Bytes that it carried."""

    def through(self, comes: float, size: int) -> float:
        """When the last byte is through, of a transfer whose last byte comes in at `comes`."""
        leaves = max(comes, self.free + size / self.rate)
        self.free = leaves
        self.carried += size
        return leaves
