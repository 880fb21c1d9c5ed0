"""The best that any way of distributing can do (Kumar and Ross 2006): fluid, no latency, perfect cooperation."""

from __future__ import annotations

from collections.abc import Sequence


def best_seconds(size: int, server_up: float, up: Sequence[float], down: Sequence[float]) -> float:
    """The least time until all terminals have `size` bytes: ``max(F/us, F/dmin, N·F/(us + Σui))``.

    Rates in bytes of payload a second; `up` and `down` have one rate for each terminal.
    """
    return max(size / server_up, size / min(down), len(up) * size / (server_up + sum(up)))


def best_seconds_in_rooms(
    size: int, server_up: float, rooms: Sequence[Sequence[float]], down: float, uplink: float
) -> float:
    """The same for rooms, each behind an uplink of that rate each way; the server stands in no room.

    `rooms` has the upload rates of each room's terminals, `down` is the slowest rate at which a terminal receives;
    `uplink` may be infinite. Beside the flat bound there are the cuts at the uplinks. One copy must come into a room.
    What its n receive comes in over the uplink, from whomever, or from one another: n·F/(w + Σui of the room). And the
    copies that come into all R rooms leave the server or another room: R·F/(us + Σ of what rooms can give), where a
    room gives as much as its uplink carries and its terminals send.
    """
    flat = best_seconds(size, server_up, [up for room in rooms for up in room], [down])
    inside = max(len(room) * size / (uplink + sum(room)) for room in rooms)
    across = len(rooms) * size / (server_up + sum(min(uplink, sum(room)) for room in rooms))
    return max(flat, size / uplink, inside, across)
