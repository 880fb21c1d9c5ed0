"""Who is at which template, and whether there is room: asked before anything is allowed, one question at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from voi.domain.uploads import UploadDisk, UploadState
from voi.errors import Conflict
from voi.messages.reason import Reason
from voi.publishing.publisher import Publisher
from voi.publishing.space import Space

T = TypeVar("T")

ABSENT_SECONDS: Final = 600.0
"""An uploader that has been offline this long loses its template to the next that asks."""


class UploadAdmission:
    """What terminals' and administrators' wishes are weighed by.

    `online` says whether a terminal is connected; `clock` counts how long it is not.
    """

    def __init__(self, publisher: Publisher, space: Space, online: Callable[[str], bool], clock: IReactorTime) -> None:
        self._publisher = publisher
        self._space = space
        self._online = online
        self._left: dict[str, float] = {}
        self._clock = clock
        self._started = clock.seconds()
        self._lock = DeferredLock()

    def terminal_left(self, mac: str) -> None:
        """A terminal went offline: from now on its absence is counted."""
        self._left[mac] = self._clock.seconds()

    def terminal_came(self, mac: str) -> None:
        """A terminal is back."""
        self._left.pop(mac, None)

    async def check_free(self, template_uuid: str, mac: str, open_disks: Iterable[UploadDisk]) -> None:
        """Nobody else may be at the template; who has been away for long gives way."""
        for disk in open_disks:
            if disk.template_uuid != template_uuid or disk.mac == mac:
                continue
            here = disk.state not in (UploadState.REQUESTED, UploadState.RECEIVING)  # complete: nobody is waited for
            if disk.mac is None or here or not self._absent(disk.mac):
                name = str(disk.name)
                raise Conflict(
                    Reason("terminal_uploads", mac=disk.mac, disk=name)
                    if disk.mac
                    else Reason("import_under_way", disk=name)
                )
            await self._publisher.fail(disk, Reason("taken_over", mac=disk.mac, other=mac))

    def _absent(self, mac: str) -> bool:
        return not self._online(mac) and self._clock.seconds() - self._left.get(mac, self._started) >= ABSENT_SECONDS

    def check_space(self, needed: int, open_disks: Sequence[UploadDisk]) -> None:
        """Whether so many bytes fit beside the uploads under way.

        :raises NoSpace: says what is needed and what there is.
        """
        self._space.check(needed, [(disk, self._publisher.progress(disk)) for disk in open_disks])

    async def alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Decide one wish after the other, so that two terminals cannot both be the first."""
        await self._lock.acquire()
        try:
            return await work
        finally:
            self._lock.release()
