"""Rooms with their subnets, and what administrators say of terminals: names, rooms by hand, and to forget them."""

from __future__ import annotations

import ipaddress
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.rollouts import OPEN_TARGETS
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import Network, Room, RoomMap
from voi.domain.uploads import OPEN_STATES
from voi.errors import Conflict, NotFound, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.database import Store
from voi.store.interfaces.rooms import MOST_ROOMS, Moved, Rooms
from voi.store.worker import Job

_OPEN_TARGET: Final = ", ".join(f"'{state}'" for state in OPEN_TARGETS)
_OPEN_UPLOAD: Final = ", ".join(f"'{state}'" for state in OPEN_STATES)
_THESE: Final = "(SELECT value FROM json_each(?))"


class SqlRooms(Rooms):
    """`Rooms` in SQL."""

    def __init__(self, store: Store, directory: RoomDirectory) -> None:
        self._store = store
        self._directory = directory

    def all(self) -> Deferred[list[Room]]:
        return self._store.read(read_rooms)

    def get(self, room_id: int) -> Deferred[Room | None]:
        return self._store.read(lambda db: _get(db, room_id))

    def add(
        self, name: str, subnets: Sequence[Network], now: float, *, audit: Audit[Room] | None = None
    ) -> Deferred[Room]:
        def job(db: Database) -> Room:
            if db.execute("SELECT count(*) FROM rooms").fetchone()[0] >= MOST_ROOMS:
                raise Conflict(Reason("rooms_full", most=MOST_ROOMS))
            _check_name(db, name, 0)
            number = db.execute("INSERT INTO rooms (name, created) VALUES (?, ?)", (name, now)).lastrowid
            assert number is not None
            return _put_subnets(db, number, subnets)

        return self._write(job, audit)

    def change(
        self,
        room_id: int,
        *,
        name: str | None,
        subnets: Sequence[Network] | None,
        audit: Audit[Room] | None = None,
    ) -> Deferred[Room]:
        def job(db: Database) -> Room:
            room = _existing(db, room_id)
            if name is not None:
                _check_name(db, name, room_id)
                db.execute("UPDATE rooms SET name = ? WHERE id = ?", (name, room_id))
            return _put_subnets(db, room_id, room.subnets if subnets is None else subnets)

        return self._write(job, audit)

    def remove(self, room_id: int, *, audit: Audit[Room] | None = None) -> Deferred[Room]:
        def job(db: Database) -> Room:
            room = _existing(db, room_id)
            db.execute("DELETE FROM rooms WHERE id = ?", (room_id,))
            return room

        return self._write(job, audit)

    def _write(self, job: Job[Room], audit: Audit[Room] | None) -> Deferred[Room]:
        """Change rooms, and tell the directory what they are then; the map of them is made in the writer's thread."""

        def noted(db: Database) -> tuple[Room, RoomMap]:
            return job(db), RoomMap(read_rooms(db))

        def tell(done: tuple[Room, RoomMap]) -> Room:
            room, rooms = done
            self._directory.rooms_changed(rooms)
            return room

        entries: Audit[tuple[Room, RoomMap]] | None = None if audit is None else lambda done: audit(done[0])
        return self._store.write(noted, entries).addCallback(tell)

    def move(
        self, macs: Sequence[str], room_id: int | None, *, audit: Audit[Moved] | None = None
    ) -> Deferred[list[str]]:
        def job(db: Database) -> Moved:
            room = None if room_id is None else _existing(db, room_id)
            _check_known(db, macs)
            rows = db.execute(
                f"UPDATE terminals SET room_id = ? WHERE mac IN {_THESE} AND room_id IS NOT ? RETURNING mac",
                (room_id, json.dumps(list(macs)), room_id),
            )
            return Moved(sorted(row[0] for row in rows), room)

        def tell(moved: Moved) -> list[str]:
            self._directory.moved(moved.macs, room_id)
            return moved.macs

        return self._store.write(job, audit).addCallback(tell)

    def rename(self, mac: str, name: str, *, audit: Audit[str] | None = None) -> Deferred[str]:
        def job(db: Database) -> str:
            row = db.execute("SELECT name FROM terminals WHERE mac = ?", (mac,)).fetchone()
            if row is None:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
            db.execute("UPDATE terminals SET name = ? WHERE mac = ?", (name, mac))
            return str(row[0])

        return self._store.write(job, audit)

    def forget(self, last_seen: Mapping[str, float], *, audit: Audit[list[str]] | None = None) -> Deferred[list[str]]:
        macs = list(last_seen)

        def job(db: Database) -> list[str]:
            _check_known(db, macs)
            these = json.dumps(macs)
            _check_idle(db, these)
            rows = db.execute(f"SELECT mac, last_seen, tracker_key FROM terminals WHERE mac IN {_THESE}", (these,))
            found = rows.fetchall()
            for mac, seen, _ in found:
                if seen != last_seen[mac]:
                    raise Conflict(Reason("just_been_here", mac=mac), field="macs")
            for table in ("rollout_tasks", "rollout_targets", "command_outcomes", "terminals"):
                db.execute(f"DELETE FROM {table} WHERE mac IN {_THESE}", (these,))  # reports go by cascade
            return [key for _, _, key in found]

        def tell(keys: list[str]) -> list[str]:
            self._directory.forgotten(macs)
            return keys

        return self._store.write(job, audit).addCallback(tell)


def read_rooms(db: Database) -> list[Room]:
    """All rooms by name; for use inside a job."""
    subnets: dict[int, list[Network]] = {}
    for text, room_id in db.execute("SELECT subnet, room_id FROM room_subnets"):
        subnets.setdefault(room_id, []).append(ipaddress.ip_network(text))
    rows = db.execute("SELECT id, name FROM rooms ORDER BY name COLLATE NOCASE, id")
    return [Room(number, name, _in_order(subnets.get(number, []))) for number, name in rows]


def _in_order(subnets: Sequence[Network]) -> tuple[Network, ...]:
    return tuple(sorted(subnets, key=lambda x: (x.version, int(x.network_address), x.prefixlen)))


def _get(db: Database, room_id: int) -> Room | None:
    row = db.execute("SELECT name FROM rooms WHERE id = ?", (room_id,)).fetchone()
    if row is None:
        return None
    rows = db.execute("SELECT subnet FROM room_subnets WHERE room_id = ?", (room_id,))
    return Room(room_id, row[0], _in_order([ipaddress.ip_network(text) for (text,) in rows]))


def _existing(db: Database, room_id: int) -> Room:
    room = _get(db, room_id)
    if room is None:
        raise NotFound(Reason("no_room", number=room_id), field="room")
    return room


def _check_name(db: Database, name: str, room_id: int) -> None:
    if db.execute("SELECT 1 FROM rooms WHERE name = ? AND id != ?", (name, room_id)).fetchone():
        raise Conflict(Reason("room_exists", name=name), field="name")


def _put_subnets(db: Database, room_id: int, subnets: Sequence[Network]) -> Room:
    db.execute("DELETE FROM room_subnets WHERE room_id = ?", (room_id,))
    for subnet in dict.fromkeys(subnets):
        try:
            db.execute("INSERT INTO room_subnets VALUES (?, ?)", (str(subnet), room_id))
        except sqlite3.IntegrityError as error:
            row = db.execute(
                "SELECT r.name FROM room_subnets s JOIN rooms r ON r.id = s.room_id WHERE s.subnet = ?", (str(subnet),)
            ).fetchone()
            raise Conflict(Reason("subnet_taken", network=str(subnet), room=row[0]), field="subnets") from error
    room = _get(db, room_id)
    assert room is not None
    return room


def _check_known(db: Database, macs: Sequence[str]) -> None:
    row = db.execute(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT mac FROM terminals) LIMIT 1", (json.dumps(macs),)
    ).fetchone()
    if row is not None:
        raise UnknownTerminal(Reason("never_logged_in", mac=row[0]), field="macs")


def _check_idle(db: Database, these: str) -> None:
    """Nobody of them may be waited for."""
    row = db.execute(
        f"SELECT mac, rollout_id FROM rollout_targets WHERE mac IN {_THESE} AND state IN ({_OPEN_TARGET}) LIMIT 1",
        (these,),
    ).fetchone()
    if row is not None:
        raise Conflict(Reason("in_rollout", mac=row[0], number=row[1]), field="macs")
    row = db.execute(
        f"SELECT u.mac, u.id, u.name FROM uploads u JOIN upload_disks d ON d.upload_id = u.id "
        f"WHERE u.mac IN {_THESE} AND d.state IN ({_OPEN_UPLOAD}) LIMIT 1",
        (these,),
    ).fetchone()
    if row is not None:
        raise Conflict(Reason("in_upload", mac=row[0], number=row[1], name=row[2]), field="macs")
