"""Disks that an administrator made at this terminal: their files, and the description of their template.

``template.toml`` says what the disks are a template of, and which of them are no system disks::

    uuid = "8b0f4a64-..."
    name = "Room 1"

    [disks]
    "3d1c9a2e-..." = "data"
"""

from __future__ import annotations

import tomllib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.logger import Logger

from voi.agent.disks import SYSTEM_DISK, DiskState, TemplateDescription
from voi.domain import image
from voi.errors import BadImage, Malformed
from voi.files.facts import facts, read_start
from voi.messages.reason import Reason
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName, canonical_uuid
from voi.units import sectors

log = Logger()

TYPES: Final[Mapping[str, int]] = {"system": SYSTEM_DISK, "data": 1, "shared": 2}
"""The types of disks as they are written in ``template.toml``, and on the wire (protocol section 2)."""

ASIDE: Final = ".own-"
"""In the name of a file that was set aside (`voi.agent.own_work`); no disk has it."""


def find_own(
    directory: Path, known: Container[DiskName], types: Mapping[str, int], most: int
) -> dict[DiskName, DiskState]:
    """The images in a directory that are not `known`, `most` of them. Blocks.

    :param types: of disks by their uuid; what is not there is a system disk.
    """
    result: dict[DiskName, DiskState] = {}
    for path in sorted(directory.glob("voi_*")):
        if ASIDE in path.name:
            continue
        try:
            name = DiskName.parse(path.name)
            if name in known or str(name) != path.name or name.level > HIGHEST_PUBLISHED_LEVEL:
                continue
            if len(result) >= most:
                log.error("{directory} has too many disks: {path} is left out", directory=directory, path=path)
                break
            result[name] = own_state(path, name, types.get(name.uuid, SYSTEM_DISK))
        except (Malformed, BadImage, OSError) as error:
            log.warn("{path} is not taken for a disk: {error}", path=path, error=error)
    return result


def own_state(path: Path, name: DiskName, kind: int) -> DiskState:
    """What is known of an image that was made here. Blocks.

    :raises BadImage: it is none, or not one that can be distributed.
    :raises OSError: it cannot be read.
    """
    found = facts(path)
    if found is None:
        raise BadImage(Reason("image_not_regular"))
    header = image.parse_header(read_start(path, image.HEADER_PREFIX), found[0])
    size = sectors(header.virtual_size)
    return DiskState(
        name=str(name),
        type=kind,
        real_size=size,
        reserve_size=size,
        size=found[0],
        mtime_ns=found[1],
        complete=True,
        own=True,
    )


def read_description(path: Path) -> TemplateDescription | None:
    """The administrator's ``template.toml``, or None. Blocks.

    :raises Malformed, ValueError, OSError: it cannot be read.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    fields = tomllib.loads(text)
    disks = _types(fields.pop("disks", {}))
    found = msgspec.convert(fields, TemplateDescription)
    return TemplateDescription(canonical_uuid(found.uuid), found.sys_type, found.name, found.desc, disks)


def _types(table: Any) -> dict[str, int]:
    """The table ``[disks]``: from the uuid of a disk, or the name of one of its files, to its type."""
    if not isinstance(table, dict):
        raise Malformed(Reason("disks_no_table"), field="disks")
    result: dict[str, int] = {}
    for key, kind in table.items():
        uuid = DiskName.parse(key, "disks").uuid if key.startswith("voi_") else canonical_uuid(key, "disks")
        if not isinstance(kind, str) or kind not in TYPES:
            raise Malformed(
                Reason("disk_type_unknown", disk=key, text=str(kind), known=", ".join(TYPES)), field="disks"
            )
        if result.setdefault(uuid, TYPES[kind]) != TYPES[kind]:
            raise Malformed(Reason("disk_type_twice", disk=uuid), field="disks")
    return result
