"""Templates: disks, their published levels, versions; and what a terminal lacks of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from voi.domain.actors import Actor
from voi.domain.terminals import ReportedLevel
from voi.errors import Conflict
from voi.messages.reason import Reason
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName


@dataclass(frozen=True, slots=True)
class PublishedLevel:
    """One level of a disk that every terminal may have.

    `operate_id` counts the changes of this level's content (protocol section 5). `file_size` and
    `virtual_size` are bytes, `reserve_size` is what the terminal keeps free for it, in sectors of 512 bytes.
    `uploader` is the MAC it came from, or None for an import.
    """

    template_uuid: str
    name: DiskName
    type: int
    operate_id: int
    info_hash: bytes
    file_size: int
    virtual_size: int
    reserve_size: int
    published: float
    uploader: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A template with the levels published so far; `version` counts publications, 0 is none yet.

    The desktop group is what the protocol calls the set of terminals that use a template: today there is one
    for each template. `auto_update` sends a terminal what it lacks as soon as it reports its disks.
    """

    uuid: str
    name: str
    sys_type: int
    desc: str
    group_uuid: str
    group_name: str
    auto_update: bool
    version: int
    created: float
    updated: float
    levels: tuple[PublishedLevel, ...] = ()

    def levels_of(self, disk_uuid: str) -> list[PublishedLevel]:
        """The published levels of one disk, lowest first."""
        return sorted((x for x in self.levels if x.name.uuid == disk_uuid), key=lambda x: x.name.level)


@dataclass(frozen=True, slots=True)
class Version:
    """What a template was at a time: its levels, each with the count of its changes. `uploader` is the MAC that the
    new of it came from, or None for an import; `actor` who wanted it, and `remark` what they said of it; None and
    empty where that was not noted.
    """

    number: int
    created: float
    uploader: str | None
    levels: tuple[tuple[DiskName, int], ...]
    actor: Actor | None = None
    remark: str = ""


def missing_levels(published: Iterable[PublishedLevel], reported: Iterable[ReportedLevel]) -> list[PublishedLevel]:
    """The levels that a terminal lacks, parents before their children.

    A level is there if the terminal reported it; where the terminal counts operations, the count must be the
    published one, because content may change under an unchanged name.
    """
    held = {level.name: level.operate_id for level in reported}
    return sorted(
        (x for x in published if x.name not in held or held[x.name] not in (None, x.operate_id)),
        key=lambda x: (x.name.uuid, x.name.level),
    )


def check_next_level(published: Iterable[PublishedLevel], name: DiskName, planned: Collection[DiskName] = ()) -> None:
    """Whether `name` may be published on top of the levels of its disk, and of what is `planned` to come before it.

    :raises Conflict: the level is taken, its parent is missing, or a fold would be needed first.
    """
    levels = {x.name.level for x in published if x.name.uuid == name.uuid}
    check_room_for_diff(levels, name.uuid)
    if name.level in levels:
        raise Conflict(Reason("level_published", disk=str(name), level=max(levels) + 1))
    if name.level > HIGHEST_PUBLISHED_LEVEL:
        raise Conflict(Reason("level_too_high", disk=str(name), highest=HIGHEST_PUBLISHED_LEVEL))
    if name.level > 0 and name.level - 1 not in levels and name.parent not in planned:
        raise Conflict(Reason("parent_missing", disk=str(name), parent=str(name.parent)))


def check_room_for_diff(levels: Iterable[int], disk_uuid: str) -> None:
    """Whether a disk with these published levels can take one more.

    :raises Conflict: both differences are in use, and folding them is not available yet.
    """
    if HIGHEST_PUBLISHED_LEVEL in levels:
        raise Conflict(Reason("differences_full", uuid=disk_uuid))
