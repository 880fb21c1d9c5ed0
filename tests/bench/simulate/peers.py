"""The peers of a simulated swarm and what flows between two of them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.bench.simulate.links import Link
from tests.bench.simulate.picker import Picker, Row


@dataclass(eq=False, slots=True)
class Channel:
    """One direction of a connection: what `sink` has on order at `source`."""

    source: Peer
    sink: Peer
    path: tuple[Link, ...]
    """The links from behind the source's own to the sink."""
    pending: deque[int] = field(default_factory=deque)
    """Blocks that the source was asked for and has not begun to send."""
    ordered: set[int] = field(default_factory=set)
    """Blocks that the sink waits for."""
    choked: bool = False
    open: bool = True


@dataclass(eq=False, slots=True)
class Peer:
    """A terminal, or the server."""

    number: int
    room: int | None
    """None: outside of all rooms."""
    up: Link
    down: Link
    has: NDArray[np.bool_]
    lacks: Row
    picker: Picker | None
    """None: it has everything from the beginning and asks for nothing."""
    limit: int
    """Connections that it makes of its own accord."""
    dead: bool = False
    slow: bool = False
    starts: float = 0.0
    done: float = math.inf
    incoming: dict[int, Channel] = field(default_factory=dict)
    """By the number of the other peer."""
    outgoing: dict[int, Channel] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    """Peers that it was told of and is not connected to, and how often it tried in vain."""
    trying: set[int] = field(default_factory=set)
    """Those of them that it tries now."""
    ready: deque[Channel] = field(default_factory=deque)
    """Those who are to be sent something, each in its turn."""
    sending: bool = False
    hungry: dict[Channel, None] = field(default_factory=dict)
    """Channels on which others would ask for more, had this peer anything that they want."""
    busy: dict[int, list[Channel]] = field(default_factory=dict)
    """Blocks on order, and where."""
    neighbours: NDArray[np.intp] | None = None
    """Numbers of the connected terminals, None if they changed."""
    announces: int = 0
    wasted: int = 0
    """Bytes that came twice."""

    @property
    def complete(self) -> bool:
        """Whether it has everything."""
        return self.picker is None or self.picker.complete
