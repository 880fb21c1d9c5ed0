"""Which room each terminal stands in, in memory: what must be known at once, where a database would be waited for.

It says what the console says: a terminal stands where it was put by hand, else where the address says with which it
logged in. The repositories of rooms and of terminals keep it current (`voi.store.rooms`, `voi.store.terminals`):
neither can be made without it, and nobody else writes those tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from voi.domain.rooms import RoomMap, address_of
from voi.domain.terminals import Terminal

Changed = Callable[[Collection[str] | None], None]
"""Called with the MACs of terminals that may stand in another room now, None for all of them."""


class RoomDirectory:
    """Rooms, and the terminals in them: two values for each terminal that ever logged in.

    Each of `changed` is called after a change.
    """

    def __init__(self) -> None:
        self.changed: list[Changed] = []
        self._rooms = RoomMap(())
        self._terminals: dict[str, tuple[str, int | None]] = {}

    def fill(self, rooms: RoomMap, terminals: Iterable[Terminal]) -> None:
        """Begin with what the database has; nobody is told, for nothing was known before."""
        self._rooms = rooms
        self._terminals = {terminal.mac: (terminal.ip, terminal.room_id) for terminal in terminals}

    def room_of(self, mac: str, address: str) -> int | None:
        """The number of the room in which a terminal stands, None where it stands in none.

        :param address: where it speaks from just now; asked where neither its place by hand nor the address of its
            login name a room, and for a terminal that never logged in.
        """
        known = self._terminals.get(mac)
        if known is not None:
            room = self._rooms.room_of(*known)
            if room is not None:
                return room
        return self._rooms.by_address(address_of(address))

    # What the repositories tell, after it is on disk.

    def rooms_changed(self, rooms: RoomMap) -> None:
        """A room was made, changed or removed: these are all rooms now."""
        self._rooms = rooms
        self._tell(None)

    def logged_in(self, terminal: Terminal) -> None:
        """A terminal logged in, perhaps with another address than before."""
        before = self._terminals.get(terminal.mac)
        now = terminal.ip, terminal.room_id
        self._terminals[terminal.mac] = now
        # At most logins nothing is new; a terminal that was not known has announced nothing yet.
        if before is not None and before != now and self._rooms.room_of(*before) != self._rooms.room_of(*now):
            self._tell((terminal.mac,))

    def moved(self, macs: Collection[str], room_id: int | None) -> None:
        """Terminals were put into a room by hand, or, with None, stand where their addresses say again."""
        for mac in macs:
            ip, _ = self._terminals.get(mac, ("", None))
            self._terminals[mac] = ip, room_id
        self._tell(macs)

    def forgotten(self, macs: Collection[str]) -> None:
        """Terminals were forgotten, with the places that they were put into."""
        for mac in macs:
            self._terminals.pop(mac, None)
        self._tell(macs)

    def _tell(self, macs: Collection[str] | None) -> None:
        for listener in self.changed:
            listener(macs)
