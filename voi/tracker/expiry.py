"""Which peers were silent longest: by the time of their last announce, without a move at every announce. Pure."""

from __future__ import annotations

from typing import Final, Generic, Protocol, TypeVar

LOOKS: Final = 10
"""Members looked at for each that may be found: most have announced since and only change their bucket, in a fifth of
a microsecond; a whole site that was switched on as one is looked at in one turn."""


class Expiring(Protocol):
    """A member that is seen now and then."""

    last_seen: float
    """When it was last seen, in seconds."""
    bucket: int
    """The bucket it was put into; set by :class:`ExpiryQueue`."""


M = TypeVar("M", bound=Expiring)


class ExpiryQueue(Generic[M]):
    """Members in buckets of time. One that is seen again stays where it is: only when its bucket is due is it looked
    at, and put where it belongs by then.

    :param grain: seconds that a bucket spans.
    """

    def __init__(self, grain: float) -> None:
        self._grain = grain
        self._buckets: dict[int, dict[M, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, member: M) -> None:
        """Put in a member that is not in."""
        self._put(member)
        self._count += 1

    def remove(self, member: M) -> None:
        """Take out a member.

        :raises KeyError: it is not in.
        """
        self._take(member)
        self._count -= 1

    def silent(self, since: float, most: int) -> list[M]:
        """At most so many members that were not seen after a time, the longest silent about first; they stay in."""
        found: list[M] = []
        looks = most * LOOKS
        for number in sorted(number for number in self._buckets if number * self._grain <= since):
            for member in list(self._buckets[number]):
                if not looks or len(found) == most:
                    return found
                looks -= 1
                if member.last_seen <= since:
                    found.append(member)
                elif self._number(member) != number:
                    self._take(member)
                    self._put(member)
        return found

    def _number(self, member: M) -> int:
        return int(member.last_seen // self._grain)

    def _put(self, member: M) -> None:
        member.bucket = self._number(member)
        self._buckets.setdefault(member.bucket, {})[member] = None

    def _take(self, member: M) -> None:
        bucket = self._buckets[member.bucket]
        del bucket[member]
        if not bucket:
            del self._buckets[member.bucket]
