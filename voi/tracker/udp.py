"""The UDP tracker (BEP 15) beside HTTP: drains its socket in bursts, and answers each datagram on the spot.

Twisted's own UDP port costs more for each datagram than the whole answer does; so this is a reader of its own.
"""

from __future__ import annotations

import secrets
import socket
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voi.tracker.address import AnnounceError
from voi.tracker.connection_ids import ConnectionIds, UdpClient
from voi.tracker.mmsg import Name, datagram_io
from voi.tracker.packets import (
    ANNOUNCE,
    ANNOUNCE_LENGTH,
    CONNECT,
    ERROR,
    LONGEST_PACKET,
    PROTOCOL,
    SCRAPE,
    announced,
    connected,
    read_announce,
    read_scrape,
    refused,
    scraped,
)
from voi.tracker.tracker import Tracker

log = Logger()

BURST: Final = 128
"""Datagrams answered in one turn of the reactor: about a millisecond, then others have theirs."""

WAITING_BYTES: Final = 1 << 20
"""What the kernel may hold of datagrams that were not read yet, so that a site that announces at once loses none:
2,000 of them (the kernel's own limit may be lower)."""

_MOST_ROUTES: Final = 4096
"""Clients of which it is remembered by which address of this machine they are reached."""
_ROUTE_SECONDS: Final = 60
"""For how long at most: a machine gets other addresses while it runs, and its own peer is found by them."""

_HEAD: Final = Struct(">8sI4s")
_ANNOUNCE: Final = Struct(">8sI4s40sqqqI8xi")
_ANSWERS: Final = frozenset(action.to_bytes(4, "big") for action in (CONNECT, ANNOUNCE, SCRAPE, ERROR))
"""How the answers of a tracker begin."""
_ADDRESSES_OF_ALL: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


@implementer(IReadDescriptor)
class UdpTracker:
    """The open socket. Made listening; :meth:`stop` closes it.

    `port` is its number, the one that was found where any was asked for; it stays when the socket is closed.

    :param interface: an address, or "" or a wildcard for all; with a colon in it, IPv6.
    :raises OSError: the port cannot be had.
    """

    def __init__(self, tracker: Tracker, reactor: Any, interface: str, port: int) -> None:
        self._tracker = tracker
        self._tally, self._scrapes = tracker.over_udp, tracker.scrapes_over_udp
        self._reactor = reactor
        self._connection_ids = ConnectionIds(secrets.token_bytes(32))
        self._family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES)
            self._socket.bind((interface, port))
            self.port: int = self._socket.getsockname()[1]
        except OSError:
            self._socket.close()
            raise
        self._local = None if interface in _ADDRESSES_OF_ALL else interface
        self._route = lru_cache(_MOST_ROUTES)(self._find_route)
        # One byte more than is read, by which what is too long is told apart.
        self._batches = datagram_io(self._socket, LONGEST_PACKET + 1)
        reactor.addReader(self)

    def stop(self) -> None:
        """Close the socket; nothing is answered from now on."""
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()

    # What the reactor calls.

    def fileno(self) -> int:
        """The socket's number, -1 once it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """How the reactor calls this in the log."""
        return "udp tracker"

    def connectionLost(self, _reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """The reactor lets go of the socket."""
        self.stop()

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Datagrams are there: take what waits, answer all, send all; each step in a row costs less than in turns.

        Then look again: more came meanwhile when many announce, and another turn of the reactor would cost more.
        """
        left = BURST
        while left > 0:
            waiting = self._batches.receive(left)
            if not waiting:
                break
            left -= len(waiting)
            now = self._reactor.seconds()
            answers = []
            for packet, sender in waiting:
                try:
                    answers.append(self.answer(now, packet, sender))
                except Exception:  # one datagram's fault must not keep the others waiting
                    answers.append(None)
                    self._tally.failed += 1
                    log.failure("a datagram could not be answered")
            self._batches.send(answers)

    # Datagrams and their answers.

    def answer(self, now: float, packet: bytes, sender: Name) -> bytes | None:
        """The datagram that answers one, None for what is not for us."""
        length = len(packet)
        if not 16 <= length <= LONGEST_PACKET:
            return None
        known = self._connection_ids.find(now, sender)
        if length >= ANNOUNCE_LENGTH:
            connection, action, transaction, said, down, left, up, event, numwant = _ANNOUNCE.unpack_from(packet)
            ours = connection == known.new or connection == known.old
            if ours and action == ANNOUNCE and not event and down >= 0 and left >= 0 and up >= 0:
                fingerprint = known.host, said + packet[96:]
                wanted = numwant if numwant >= 0 else None
                local = self._local or known.local or self._reached(now, known)
                again = self._tracker.announce_again(fingerprint, up, down, left, wanted, local)
                if again is not None:
                    self._tally.answered += 1
                    return announced(transaction, again, ipv4=known.ipv4)
        connection, action, transaction = _HEAD.unpack_from(packet)
        if action == CONNECT:
            return connected(transaction, known.new) if connection == PROTOCOL else None
        if connection != known.new and connection != known.old:
            # An answer is not for us: forged in the name of another tracker it would have both refuse for ever.
            if packet[:4] in _ANSWERS:
                return None
            # Shorter than any announce, so that nobody is sent more than was sent in its name.
            return refused(transaction, "the connection id is too old: connect again")[:length]
        if action == ANNOUNCE:
            return self._announce(now, transaction, packet, known)
        if action == SCRAPE:
            return self._scrape(transaction, packet)
        return refused(transaction, "unknown action")

    def _announce(self, now: float, transaction: bytes, packet: bytes, client: UdpClient) -> bytes:
        host, fingerprint = client.host, packet[16:56] + packet[96:]
        known = (host, fingerprint) if len(fingerprint) <= _LONGEST_FINGERPRINT else None
        try:
            key, request = read_announce(packet)
            local = self._local or client.local or self._reached(now, client)
            answer = self._tracker.announce_packed(key, request, host, local, known)
        except AnnounceError as error:
            self._tally.refuse(error)
            return refused(transaction, error.message)
        self._tally.answered += 1
        return announced(transaction, answer, ipv4=client.ipv4)

    def _reached(self, now: float, client: UdpClient) -> str:
        client.local = self._route(client.host, client.scope, now // _ROUTE_SECONDS)
        return client.local

    def _scrape(self, transaction: bytes, packet: bytes) -> bytes:
        """Counts, without a key: a scrape has no room for a path, and who knows the hash may know them."""
        try:
            counts = self._tracker.counts_with_own(read_scrape(packet))
        except AnnounceError as error:
            self._scrapes.refuse(error)
            return refused(transaction, error.message)
        self._scrapes.answered += 1
        return scraped(transaction, counts)

    def _find_route(self, host: str, scope: int, _period: float) -> str:
        """By which of this machine's addresses a client is reached: nothing is sent to find out. Empty if by none.

        :param scope: the interface that a link-local IPv6 address is behind, without which it names nobody.
        :param _period: the route is looked for anew in each.
        """
        with socket.socket(self._family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((host, 9) if self._family == socket.AF_INET else (host, 9, 0, scope))
            except OSError:  # no way leads there, or not now
                return ""
            found: str = probe.getsockname()[0]
            return found


_LONGEST_FINGERPRINT: Final = 256
"""Bytes by which a peer may be recognised: 42 and the options, in which a path takes 43."""
