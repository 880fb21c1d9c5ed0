"""Whether somebody may upload: who is at which template, what fits onto it, whether there is room.

Asked before anything is allowed, one question at a time; 9018 and 9014 have the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from voi.domain.templates import check_next_level
from voi.domain.uploads import UploadDisk, UploadState
from voi.errors import Conflict, TorrentRefused, UnknownDisk
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.publishing.publisher import Publisher
from voi.publishing.space import Space
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads

T = TypeVar("T")

ABSENT_SECONDS: Final = 600.0
"""An uploader that has been offline this long loses its template to the next that asks."""


@dataclass(frozen=True, slots=True)
class OfferedDisk:
    """A disk that a terminal wants to upload: `template_uuid` is the template that it names for it, None where it names
    none; `size` is the bytes to keep free for it.
    """

    name: DiskName
    template_uuid: str | None
    size: int


class UploadAdmission:
    """What terminals' and administrators' wishes are weighed by.

    `online` says whether a terminal is connected; `clock` counts how long it is not.
    """

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        publisher: Publisher,
        space: Space,
        online: Callable[[str], bool],
        clock: IReactorTime,
    ) -> None:
        self._uploads = uploads
        self._templates = templates
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

    async def check(self, mac: str, granted: bool, offered: Sequence[OfferedDisk]) -> None:
        """Whether a terminal may upload these disks now, parents first.

        :param granted: whether an administrator has logged in there.
        :raises TorrentRefused: no administrator allowed it.
        :raises UnknownDisk: nothing says which template a disk belongs to.
        :raises Conflict: a level does not fit, or somebody else is at the template.
        :raises NoSpace: says what is needed and what there is.
        """
        open_disks = await self._uploads.open_disks()
        requests = {disk.name: disk for disk in open_disks if disk.mac == mac}
        if not granted and not all(one.name in requests for one in offered):
            raise TorrentRefused(Reason("admin_needed"))
        planned: list[DiskName] = []
        for one in offered:
            name, request = one.name, requests.get(one.name)
            owner = await self._templates.by_disk(name.uuid)
            template_uuid = one.template_uuid if request is None else request.template_uuid
            if owner is not None:
                template_uuid = template_uuid or owner.uuid
                if owner.uuid != template_uuid:
                    raise Conflict(Reason("disk_of_another", uuid=name.uuid, name=owner.name))
            if template_uuid is None:
                raise UnknownDisk(Reason("ask_first", disk=str(name)))
            await self.check_free(template_uuid, mac, open_disks)
            check_next_level(owner.levels if owner else (), name, planned)
            planned.append(name)
        others = [disk for disk in await self._uploads.open_disks() if disk.mac != mac or disk.name not in planned]
        self.check_space(sum(one.size for one in offered), others)

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
