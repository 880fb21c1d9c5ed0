"""Whether the disks are as they were noted: files that are gone, changed, or were removed under their download."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted.logger import Logger

from voi.agent.disks import DiskState
from voi.agent.library import Library
from voi.agent.reports import Active
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.seeding.interfaces import BitTorrentSession

log = Logger()


class Fail(Protocol):
    """Ends a download with its reason; `forget` drops what the BitTorrent session noted of it."""

    def __call__(self, active: Active, reason: str, *, forget: bool = False) -> Awaitable[None]:
        """Do it."""


class DiskWatch:
    """Looks, and has done what follows: `fail` ends a download, `begin_again` fetches what is wanted of a disk.

    `own_changed` is told of a disk made here whose file changed. One look at a time: the caller sees to that.
    """

    def __init__(
        self,
        *,
        library: Library,
        seeder: BitTorrentSession,
        active: dict[bytes, Active],
        fail: Fail,
        begin_again: Callable[[DiskName], Awaitable[None]],
        own_changed: Callable[[DiskName], None],
    ) -> None:
        self._library = library
        self._seeder = seeder
        self._active = active
        self._fail = fail
        self._begin_again = begin_again
        self._own_changed = own_changed

    async def look(self) -> None:
        """What is gone is forgotten, and not offered any more; what was changed is compared with what was published.

        :raises StorageMissing: the directory cannot be looked at.
        """
        for seen in await self._library.look():
            state = seen.state
            if state.key is not None:
                self._active.pop(state.key, None)
                await self._seeder.remove(state.key, forget=True)
            if seen.facts is None:
                log.warn("{name} is gone from {directory}", name=state.name, directory=self._library.directory)
                await self._library.remove(state.disk)
            elif state.own:
                await self._library.own_again(state.disk)
                self._own_changed(state.disk)
            else:
                await self._doubt(state)
        for active in [one for one in self._active.values() if self._has_begun(one)]:
            if await self._library.is_gone(active.name):
                await self._fail(active, Reason("file_gone", path=str(self._library.path(active.name))), forget=True)

    def _has_begun(self, active: Active) -> bool:
        """Whether a file must be there of a download under way."""
        status = self._seeder.status(active.info_hash)
        return active.compared is None and not active.finishing and status is not None and status.done > 0

    async def _doubt(self, state: DiskState) -> None:
        """The file of a published level was changed by somebody."""
        log.warn("{name} was changed: it is compared with what was published", name=state.name)
        await self._library.update(state.disk, anyway=True, complete=False, wanted=True, keep=True)
        await self._begin_again(state.disk)
