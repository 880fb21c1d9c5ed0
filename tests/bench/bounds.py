"""The best that any way of distributing can do (Kumar and Ross 2006): fluid, no latency, perfect cooperation."""

from __future__ import annotations

from collections.abc import Sequence


def best_seconds(size: int, server_up: float, up: Sequence[float], down: Sequence[float]) -> float:
    """The least time until all terminals have `size` bytes: ``max(F/us, F/dmin, N·F/(us + Σui))``.

    Rates in bytes of payload a second; `up` and `down` have one rate for each terminal.
    """
    return max(size / server_up, size / min(down), len(up) * size / (server_up + sum(up)))


def best_seconds_in_rooms(size: int, server_up: float, rooms: Sequence[int], link: float, uplink: float) -> float:
    """The same for rooms of so many terminals with equal links, each behind an uplink of that rate each way.

    A room's first copy must cross its uplink; what rooms take in together comes from the server or from other
    rooms' uplinks; inside a room the flat bound holds, with the uplink in the server's place.
    """
    flat = max(best_seconds(size, min(server_up, uplink), [link] * count, [link] * count) for count in rooms)
    across = len(rooms) * size / (server_up + len(rooms) * uplink)
    return max(flat, size / server_up, across)
