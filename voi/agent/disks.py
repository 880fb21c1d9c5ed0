"""What a terminal knows of each of its disk files, and how it is reported to the server."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from voi.names import DiskName
from voi.wire.messages import Disk

UNPUBLISHED: Final = -1
"""The operation count of content that was never published: equal to none that was, so that the server sends its own."""

SYSTEM_DISK: Final = 0
"""The type of a disk that terminals boot (protocol section 2); the others are 1 data and 2 shared."""

_DERIVED: Final = uuid.UUID("6f0cbd8d-3c0b-5f6c-9d0e-6a2f3d1b7a54")  # any fixed one: uuid5 needs a namespace


class TemplateDescription(Struct, frozen=True, forbid_unknown_fields=True):
    """A template as an administrator described it in ``template.toml``.

    `disks` has the type of each disk that is no system disk, by its uuid: 0 system, 1 data, 2 shared.
    """

    uuid: str
    sys_type: int = 0
    name: str = ""
    desc: str = ""
    disks: Mapping[str, int] = {}


class DiskState(Struct, frozen=True, kw_only=True):
    """One level of a disk. `complete`: all of it is there and on the disk; `wanted`: it is being fetched.

    `own`: made here and not published yet. `keep`: what lies in its place is work that is published nowhere, and is
    moved aside before any of it is changed. `damaged`: bytes of it were found wrong that nobody changed, so nothing
    that was noted of its file is believed until it was fetched. `real_size` and `reserve_size` are sectors, `size` is
    the bytes and `mtime_ns` the time of change of the complete file, or of what a download that ended early left.
    `operate_id` is None where it is unknown. `result` is a 9015 that the server has not answered yet, `why` its
    reason as it goes with it. `sent` numbers the disks in the order in which the server sent them, 0 for one that it
    did not.
    """

    name: str
    type: int = 0
    sys_type: int = 0
    real_size: int = 0
    reserve_size: int = 0
    operate_id: int | None = None
    template_uuid: str | None = None
    template_name: str = ""
    desc: str = ""
    group_uuid: str | None = None
    info_hash: str | None = None
    size: int = 0
    mtime_ns: int = 0
    complete: bool = False
    wanted: bool = False
    own: bool = False
    keep: bool = False
    damaged: bool = False
    sent: int = 0
    task_uuid: str | None = None
    result: int | None = None
    why: dict[str, Any] | None = None

    @property
    def disk(self) -> DiskName:
        """Its name."""
        return DiskName.parse(self.name)

    @property
    def key(self) -> bytes | None:
        """Its info-hash, 20 bytes."""
        return bytes.fromhex(self.info_hash) if self.info_hash else None

    def to_wire(self) -> dict[str, Any]:
        """The disk as 9011 and 9018 list it."""
        name = self.disk
        wire = Disk(
            uuid=name.uuid,
            type=self.type,
            diff_level=name.level,
            real_size=self.real_size,
            reserve_size=self.reserve_size,
            file_size=self.size or None,
            operate_id=UNPUBLISHED if self.own else self.operate_id,
        ).to_wire()
        if not self.own and self.operate_id is None:
            # Published from here: the server knows the count, this terminal does not, and 0 would be a guess.
            del wire["operate_id"]
        return wire


def template_of(state: DiskState, others: Iterable[DiskState], description: TemplateDescription | None) -> DiskState:
    """The state with its template filled in.

    By what is known of it, of another level of its disk, or of another disk of its desktop group; the desktop group
    stands for a template that is not known. For a disk made here by the administrator's description; else the disk
    itself stands for it.
    """
    if state.template_uuid is not None:
        return state
    others = list(others)
    same_disk = [other for other in others if other.disk.uuid == state.disk.uuid]
    group = state.group_uuid or next((other.group_uuid for other in same_disk if other.group_uuid), None)
    for other in others:
        if other.template_uuid is not None and (other in same_disk or (group and other.group_uuid == group)):
            return _with(state, other.template_uuid, other.template_name, other.sys_type, other.desc)
    if group is not None:
        return _with(state, group, state.template_name, state.sys_type, state.desc)
    if state.own and description is not None:
        return _with(state, description.uuid, description.name, description.sys_type, description.desc)
    return _with(state, derived_uuid(state.disk.uuid), state.template_name, state.sys_type, state.desc)


def derived_uuid(disk_uuid: str) -> str:
    """What stands for the template of a disk of which nothing more is known."""
    return str(uuid.uuid5(_DERIVED, disk_uuid))


def _with(state: DiskState, template: str | None, name: str, sys_type: int, desc: str) -> DiskState:
    return replace(state, template_uuid=template, template_name=name, sys_type=sys_type, desc=desc)


def reports(states: Iterable[DiskState], description: TemplateDescription | None) -> list[dict[str, Any]]:
    """The bodies of 9011, one for each template: what is complete, and nothing else.

    A template of which nothing is complete any more is told with an empty list.
    """
    states = list(states)
    bodies: dict[str, dict[str, Any]] = {}
    for state in sorted((template_of(state, states, description) for state in states), key=lambda state: state.name):
        assert state.template_uuid is not None
        body = bodies.setdefault(
            state.template_uuid,
            {
                "uuid": state.template_uuid,
                "sys_type": state.sys_type,
                "name": state.template_name,
                "desc": state.desc,
                "disks": [],
            },
        )
        if state.complete:
            body["disks"].append(state.to_wire())
    return list(bodies.values())


def boot_disk(states: Iterable[DiskState]) -> DiskName | None:
    """What a terminal starts from: the highest level, with all levels below it, of the system disk that the server
    sent last; None where nothing can boot.

    A disk of which a level is still being fetched gives way to one that is whole. Among disks that the server did not
    send the one with the lowest uuid counts.
    """
    system = [state for state in states if state.type == SYSTEM_DISK]
    complete = {state.disk for state in system if state.complete}
    unfinished = {state.disk.uuid for state in system if state.wanted}
    sent = {one: max(state.sent for state in system if state.disk.uuid == one) for one in _uuids(complete)}
    bases = [name for name in complete if name.level == 0]
    if not bases:
        return None
    name = min(bases, key=lambda base: (base.uuid in unfinished, -sent[base.uuid], base.uuid))
    while DiskName(name.uuid, name.level + 1) in complete:
        name = DiskName(name.uuid, name.level + 1)
    return name


def same_file(state: DiskState, other: DiskState) -> bool:
    """Whether these are of one content in one file that nobody changed in between, as far as that is known."""
    facts = [(one.info_hash, one.complete, one.own, one.size, one.mtime_ns) for one in (state, other)]
    return facts[0] == facts[1]


def _uuids(names: Iterable[DiskName]) -> set[str]:
    return {name.uuid for name in names}


def replace(state: DiskState, **changes: Any) -> DiskState:
    """The state with changes."""
    fields = {name: getattr(state, name) for name in DiskState.__struct_fields__}
    return DiskState(**(fields | changes))
