"""Uploads that make no progress: given up after a day, so that they do not hold their template for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Final

from voi.clock import believable_age
from voi.domain.uploads import UploadDisk, UploadState
from voi.messages.reason import Reason

IDLE_SECONDS: Final = 24 * 3600.0
"""How long an upload may make no progress."""


class IdleUploads:
    """Finds them; `progress` gives the part of an upload that is here, `fail` ends one for a reason."""

    def __init__(
        self,
        progress: Callable[[UploadDisk], float],
        fail: Callable[[UploadDisk, str], Awaitable[None]],
    ) -> None:
        self._progress = progress
        self._fail = fail
        self._asked: dict[str, float] = {}  # those that wait for their terminal, since when
        self._advanced: dict[str, tuple[float, float]] = {}

    async def give_up(
        self, open_disks: Iterable[UploadDisk], receiving: Collection[UploadDisk], now: float, wall: float
    ) -> None:
        """Fail what has not moved for a day, of all that is open and of what comes in.

        :param now: by the clock that nobody sets.
        :param wall: seconds since the epoch. How long something was asked for before this start can be told by that
            alone, so no more than half a day of it is believed: were the clock wrong, there is half a day to notice.
        """
        waiting: dict[str, float] = {}
        for disk in open_disks:
            if disk.state is not UploadState.REQUESTED:
                continue
            since = waiting[disk.id] = self._asked.get(
                disk.id, now - believable_age(disk.updated, wall, IDLE_SECONDS / 2)
            )
            if now - since >= IDLE_SECONDS:
                await self._fail(disk, Reason("not_offered", mac=disk.mac or ""))
        self._asked = waiting
        for disk in list(receiving):
            fraction = self._progress(disk)
            before, since = self._advanced.get(disk.id, (-1.0, now))
            if fraction != before:
                self._advanced[disk.id] = (fraction, now)
            elif now - since >= IDLE_SECONDS:
                await self._fail(disk, Reason("upload_stalled", part=fraction, mac=disk.mac or ""))

    def forget(self, disk: UploadDisk) -> None:
        """An upload has ended."""
        self._advanced.pop(disk.id, None)
