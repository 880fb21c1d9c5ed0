"""Terminals as rows of a table: put together, chosen, with keys for their order; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voi.domain.rooms import RoomMap, address_of
from voi.domain.snapshots import TerminalSnapshot
from voi.domain.terminal_status import URGENCY, TerminalState, TerminalStatus
from voi.domain.terminals import ReportedLevel, Terminal
from voi.terminals.interfaces import Connections
from voi.web.api.schemas.terminals import TerminalQuery
from voi.web.http.lists import natural


@dataclass(frozen=True, slots=True)
class Row:
    """A terminal with all that a table shows of it; `since` is when it logged in, None while it is offline."""

    terminal: Terminal
    held: tuple[ReportedLevel, ...]
    since: float | None
    room: int | None
    status: TerminalStatus

    @property
    def online(self) -> bool:
        """Whether it is connected."""
        return self.since is not None

    @property
    def state(self) -> TerminalState:
        """What becomes of it now."""
        return self.status.state


def row_maker(snapshot: TerminalSnapshot, registry: Connections) -> Callable[[Terminal], Row]:
    """What makes a row of each terminal of a snapshot."""
    rooms = RoomMap(snapshot.rooms)

    def row(terminal: Terminal) -> Row:
        held, since = tuple(snapshot.disks.get(terminal.mac, ())), registry.since(terminal.mac)
        target = snapshot.targets.get(terminal.mac)
        status = snapshot.catalogue.status_of(terminal, held, target, online=since is not None)
        return Row(terminal, held, since, rooms.room_of(terminal.ip, terminal.room_id), status)

    return row


def chosen(query: TerminalQuery, image: str | None) -> Callable[[Row], bool]:
    """What says whether a row is wanted; `image` is the query's, in canonical spelling."""
    text = query.q.strip().casefold()
    mac = text.replace("-", ":").upper()
    has_version = _of_version(query.version)

    def wanted(row: Row) -> bool:
        terminal = row.terminal
        return (
            (not text or text in terminal.name.casefold() or mac in terminal.mac or text in terminal.ip)
            and (query.room is None or (row.room or 0) == query.room)
            and (query.state is None or row.state == query.state)
            and (query.online is None or row.online == query.online)
            and (image is None or row.status.template == image or any(x.template_uuid == image for x in row.held))
            # A version is one of the template that a terminal boots: so many have it as the template's page counts.
            and (has_version is None or (image in (None, row.status.template) and has_version(row.status)))
        )

    return wanted


def is_newest(status: TerminalStatus) -> bool:
    """Whether a terminal has the newest version of its template."""
    return status.version == status.newest > 0


def is_older(status: TerminalStatus) -> bool:
    """Whether a terminal has a version of its template that is known not to be the newest."""
    return status.version is not None and 0 < status.version < status.newest


def _of_version(version: str | None) -> Callable[[TerminalStatus], bool] | None:
    if version is None:
        return None
    if version == "newest":
        return is_newest
    if version == "older":
        return is_older
    if version == "unknown":
        return lambda status: status.template is not None and status.version is None
    number = int(version)
    return lambda status: status.template is not None and status.version == number


def sort_key(column: str, room_names: Mapping[int, str]) -> Callable[[Row], Any]:
    """What gives the key of a row in a column; None for a row that has nothing there."""
    keys: dict[str, Callable[[Row], Any]] = {
        "name": lambda row: natural(row.terminal.name) or None,
        "mac": lambda row: row.terminal.mac,
        "ip": lambda row: _address_key(row.terminal.ip),
        "room": lambda row: None if row.room is None else natural(room_names.get(row.room, "")),
        "state": lambda row: URGENCY[row.state],
        "last_seen": lambda row: row.terminal.last_seen,
        "version": lambda row: None if row.status.template is None else row.status.version,
        "running": lambda row: row.status.running,
    }
    return keys[column]


def _address_key(text: str) -> tuple[int, int, str]:
    address = address_of(text)
    return (9, 0, text) if address is None else (address.version, int(address), text)
