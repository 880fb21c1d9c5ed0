"""Why a terminal that was asked for disks does not get to send them, kept with the request itself.

The terminal asks again every half minute; whoever looks at the request reads why nothing comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from voi.domain.uploads import UploadDisk, UploadState
from voi.messages.reason import Reason, code_of, same
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

    async def note(self, mac: str, asked: TemplateBody | GroupUpload, reason: str) -> None:
        """Say at the requests that a terminal asks to answer (9018) why it may not; an empty reason: it may now."""
        await self._write([disk for disk in await self._waiting(mac) if _meant(disk, asked)], reason)

    async def note_torrent(self, mac: str, name: DiskName | None, reason: str) -> None:
        """Say why a torrent (9014) was refused: at the request for its disk, else at all that the terminal has.

        `name` is the disk that was offered, None where the torrent does not tell.
        """
        waiting = await self._waiting(mac)
        exact = [disk for disk in waiting if disk.name == name]
        if name is not None and not exact:  # it answers with something that nobody asked for
            reason = Reason("offered_another", disk=str(name), why=reason)
        await self._write(exact or waiting, reason)

    async def _waiting(self, mac: str) -> list[UploadDisk]:
        open_disks = await self._uploads.open_disks()
        return [disk for disk in open_disks if disk.mac == mac and disk.state is UploadState.REQUESTED]

    async def _write(self, waiting: Iterable[UploadDisk], reason: str) -> None:
        changed = [disk.id for disk in waiting if self._is_news(disk, reason)]
        if not changed:
            return
        if len(self._written) + len(changed) > MOST_KNOWN:
            self._written.clear()
        self._written.update(dict.fromkeys(changed, self._now()))
        await self._uploads.explain(changed, reason)

    def _is_news(self, disk: UploadDisk, reason: str) -> bool:
        if same(disk.reason, reason):
            return False
        if not code_of(reason) or _codes(disk.reason) != _codes(reason):
            return True
        return self._now() - self._written.get(disk.id, -AGAIN_SECONDS) >= AGAIN_SECONDS


def _codes(reason: str) -> list[str]:
    """The codes of a reason and of those in it: what is refused for another reason is news at once."""
    if not isinstance(reason, Reason):
        return []
    return [reason.code, *(code for value in reason.data.values() if isinstance(value, str) for code in _codes(value))]


def _meant(disk: UploadDisk, asked: TemplateBody | GroupUpload) -> bool:
    """Whether a request is what a terminal asks about; of a desktop group, everything that it was asked for."""
    if isinstance(asked, GroupUpload):
        return True
    listed: Iterable[str] = (one.uuid for one in asked.disks)
    return disk.name.uuid in set(listed)
