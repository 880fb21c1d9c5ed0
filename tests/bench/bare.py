"""The least that Twisted can do with the same connections, as the limit for `sessions`: nothing is known of anybody.

Gives back what it gets; at the command ``push`` sends everybody one command's frame, and says when something came back
from each. A child of the bench; its first line says the port.
"""

from __future__ import annotations

import json
import resource
import time

from twisted.internet import stdio
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IReactorCore, IReactorTCP
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.basic import LineReceiver

from voi.wire.codes import Code, Direction
from voi.wire.frame import server_frame

_FRAME = server_frame(Code.WATERMARK, 1, b'{"switch":1,"batch_no":1}', Direction.REQUEST, b"t" * 32)


class Echo(Protocol):
    """One connection."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def connectionMade(self) -> None:
        """Be there."""
        self._room.connections.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Give it back, or count it."""
        assert self.transport is not None
        if self._room.awaited:
            self._room.received()
        else:
            self.transport.write(data)


class Room(ServerFactory):
    """All connections."""

    noisy = False

    def __init__(self) -> None:
        self.connections: set[Echo] = set()
        self.awaited = 0
        self._begun = 0.0

    def buildProtocol(self, addr: IAddress | None) -> Echo:
        """Whoever comes."""
        return Echo(self)

    def push(self) -> None:
        """Send everybody a command."""
        self._begun, self.awaited = time.monotonic(), len(self.connections)
        for connection in self.connections:
            assert connection.transport is not None
            connection.transport.write(_FRAME)

    def received(self) -> None:
        """One answered."""
        self.awaited -= 1
        if not self.awaited:
            print(json.dumps({"seconds": time.monotonic() - self._begun}), flush=True)


class Orders(LineReceiver):
    """What the bench says."""

    delimiter = b"\n"

    def __init__(self, room: Room) -> None:
        self._room = room

    def lineReceived(self, line: bytes) -> None:
        """There is one command only."""
        self._room.push()


def main() -> None:
    """Serve until killed."""
    from twisted.internet import reactor

    assert IReactorTCP.providedBy(reactor)
    assert IReactorCore.providedBy(reactor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    room = Room()
    address = reactor.listenTCP(0, room, backlog=4096, interface="127.0.0.1").getHost()
    assert isinstance(address, IPv4Address)
    stdio.StandardIO(Orders(room))
    print(json.dumps({"port": address.port}), flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
