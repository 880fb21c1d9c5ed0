"""Why a terminal that was asked for disks does not get to send them, kept with the request itself.

The terminal asks again every half minute; whoever looks at the request reads why nothing comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from voi.domain.uploads import UploadDisk, UploadState
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.store.interfaces.uploads import Uploads
from voi.wire.messages import GroupUpload, TemplateBody

AGAIN_SECONDS: Final = 300.0
"""A refusal that only counts other bytes than the one before is written down again after so long."""

MOST_KNOWN: Final = 1000
"""Disks of which is known when their refusal was written; with more, each is written once more often than it need."""


class Refusals:
    """Writes refusals down; the same one again is not written again. `now` is a clock that nobody sets."""

    def __init__(self, uploads: Uploads, now: Callable[[], float]) -> None:
        self._uploads = uploads
        self._now = now
        self._written: dict[str, float] = {}

    async def note(self, mac: str, asked: TemplateBody | GroupUpload | DiskName, reason: str) -> None:
        """Say at the requests that a terminal asks to answer why it may not; an empty reason: it may now."""
        waiting = [
            disk
            for disk in await self._uploads.open_disks()
            if disk.mac == mac and disk.state is UploadState.REQUESTED and _meant(disk, asked)
        ]
        changed = [disk.id for disk in waiting if self._is_news(disk, reason)]
        if not changed:
            return
        if len(self._written) + len(changed) > MOST_KNOWN:
            self._written.clear()
        self._written.update(dict.fromkeys(changed, self._now()))
        await self._uploads.explain(changed, reason)

    def _is_news(self, disk: UploadDisk, reason: str) -> bool:
        if disk.reason == reason:
            return False
        if _kind(disk.reason) != _kind(reason):
            return True
        return self._now() - self._written.get(disk.id, -AGAIN_SECONDS) >= AGAIN_SECONDS


def _kind(reason: str) -> str:
    return reason.code if isinstance(reason, Reason) else reason


def _meant(disk: UploadDisk, asked: TemplateBody | GroupUpload | DiskName) -> bool:
    """Whether a request is what a terminal asks about; of a desktop group, everything that it was asked for."""
    if isinstance(asked, DiskName):
        return disk.name == asked
    if isinstance(asked, GroupUpload):
        return True
    listed: Iterable[str] = (one.uuid for one in asked.disks)
    return disk.name.uuid in set(listed)
