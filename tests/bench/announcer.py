"""A load of announces from a process of its own: ``python -m tests.bench.announcer``, a job in JSON on its input.

Every request is made beforehand; what is timed is sending it, and reading its whole answer. The result is one line
of JSON. The process never sleeps while it waits: to wake a sleeper on the same machine is work that the server's
processor would do, and does not do for clients at the other end of a network.
"""

from __future__ import annotations

import itertools
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

ANSWER_SECONDS: Final = 10.0
"""A server that is silent for so long ends the load."""
_BIND_NO_PORT: Final = 24
"""IP_BIND_ADDRESS_NO_PORT (Linux): the port is chosen when connecting, so that thousands a second find one."""


class Peer(msgspec.Struct, frozen=True):
    """Who announces: its own address, info-hash and peer id as hex, the port it says it listens on, its tracker key."""

    source: str
    info_hash: str
    peer_id: str
    port: int
    key: str
    left: int


class Job(msgspec.Struct, frozen=True):
    """What to send: `announces` of these peers in turn, `kind` close, keep or udp, so many at a time."""

    kind: str
    host: str
    port: int
    path: str
    peers: Sequence[Peer]
    announces: int
    at_once: int
    cpu: int | None = None


class Result(msgspec.Struct, frozen=True):
    """What came back: wall time, quantiles of the time for one answer in seconds, peers in an answer (median)."""

    announces: int
    seconds: float
    p50: float
    p99: float
    peers: int
    failed: int


def http_request(peer: Peer, job: Job) -> bytes:
    """An announce as libtorrent puts it, 50 peers wanted."""
    info_hash = "".join(f"%{byte:02x}" for byte in bytes.fromhex(peer.info_hash))
    return (
        f"GET {job.path.format(key=peer.key)}?info_hash={info_hash}&peer_id={bytes.fromhex(peer.peer_id).decode()}"
        f"&port={peer.port}&uploaded=0&downloaded=0&left={peer.left}&corrupt=0&key={peer.key[:8].upper()}"
        f"&numwant=50&compact=1&no_peer_id=1&supportcrypto=1&redundant=0 HTTP/1.1\r\n"
        f"Host: {job.host}:{job.port}\r\nUser-Agent: bench\r\nAccept-Encoding: gzip\r\n"
        f"Connection: {'close' if job.kind == 'close' else 'keep-alive'}\r\n\r\n"
    ).encode()


def _peers_in(answer: bytes) -> int:
    """How many peers an HTTP answer has, -1 where it is none."""
    _, found, rest = answer.partition(b"5:peers")
    number = rest.partition(b":")[0]
    return int(number) // 6 if found and answer.startswith(b"HTTP/1.") and number.isdigit() else -1


def _complete(answer: bytearray) -> bool:
    """Whether all of a response is there, by its length."""
    head, end, body = answer.partition(b"\r\n\r\n")
    _, named, rest = head.lower().partition(b"content-length:")
    return bool(end and named and len(body) >= int(rest.split(b"\r\n")[0]))


class Load:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.times: list[float] = []
        self.peers: list[int] = []
        self.failed = 0

    def run(self) -> Result:
        """Do it all."""
        requests = self._datagrams() if self.job.kind == "udp" else [http_request(p, self.job) for p in self.job.peers]
        begun = time.perf_counter()
        {"close": self._close, "keep": self._keep, "udp": self._udp}[self.job.kind](requests)
        seconds = time.perf_counter() - begun
        times, peers = sorted(self.times) or [0.0], sorted(self.peers) or [0]
        return Result(
            announces=len(self.times),
            seconds=seconds,
            p50=times[len(times) // 2],
            p99=times[len(times) * 99 // 100],
            peers=peers[len(peers) // 2],
            failed=self.failed,
        )

    def _note(self, begun: float, peers: int) -> None:
        self.times.append(time.perf_counter() - begun)
        if peers < 0:
            self.failed += 1
        else:
            self.peers.append(peers)

    def _open(self, source: str) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(ANSWER_SECONDS)
        connection.setsockopt(socket.IPPROTO_IP, _BIND_NO_PORT, 1)
        connection.bind((source, 0))
        connection.connect((self.job.host, self.job.port))
        return connection

    def _close(self, requests: Sequence[bytes]) -> None:
        """A connection for each announce."""
        open_now: dict[int, tuple[socket.socket, float, bytearray]] = {}
        sent = 0
        with select.epoll() as poll:
            while sent < self.job.announces or open_now:
                while sent < self.job.announces and len(open_now) < self.job.at_once:
                    index = sent % len(requests)
                    begun = time.perf_counter()
                    connection = self._open(self.job.peers[index].source)
                    connection.send(requests[index])
                    open_now[connection.fileno()] = connection, begun, bytearray()
                    poll.register(connection.fileno(), select.EPOLLIN)
                    sent += 1
                for descriptor, _ in self._wait(poll):
                    connection, begun, answer = open_now[descriptor]
                    data = connection.recv(65536)
                    answer += data
                    if not data:
                        del open_now[descriptor]
                        connection.close()
                        self._note(begun, _peers_in(bytes(answer)))

    def _keep(self, requests: Sequence[bytes]) -> None:
        """As many connections as are open at once, each with its share of the peers of one source."""
        sources = sorted({peer.source for peer in self.job.peers})
        mine = {
            source: itertools.cycle([r for p, r in zip(self.job.peers, requests, strict=True) if p.source == source])
            for source in sources
        }
        open_now: dict[int, tuple[socket.socket, Iterator[bytes]]] = {}
        sent = 0
        with select.epoll() as poll:
            for number in range(self.job.at_once):
                source = sources[number % len(sources)]
                connection = self._open(source)
                open_now[connection.fileno()] = connection, mine[source]
                poll.register(connection.fileno(), select.EPOLLIN)
            begun = dict.fromkeys(open_now, 0.0)
            answers = {descriptor: bytearray() for descriptor in open_now}
            for descriptor, (connection, own) in open_now.items():
                begun[descriptor] = time.perf_counter()
                connection.send(next(own))
                sent += 1
            while open_now:
                for descriptor, _ in self._wait(poll):
                    connection, own = open_now[descriptor]
                    data = connection.recv(65536)
                    answers[descriptor] += data
                    if data and not _complete(answers[descriptor]):
                        continue
                    self._note(begun[descriptor], _peers_in(bytes(answers[descriptor])) if data else -1)
                    answers[descriptor].clear()
                    if sent >= self.job.announces or not data:
                        del open_now[descriptor]
                        connection.close()
                        continue
                    begun[descriptor] = time.perf_counter()
                    connection.send(next(own))
                    sent += 1

    def _wait(self, poll: select.epoll) -> list[tuple[int, int]]:
        end = time.perf_counter() + ANSWER_SECONDS
        while not (found := poll.poll(0)):
            if time.perf_counter() > end:
                raise TimeoutError(f"{self.job.host}:{self.job.port} was silent for {ANSWER_SECONDS:.0f} s")
        return found

    def _receive(self, opened: socket.socket) -> bytes:
        end = time.perf_counter() + ANSWER_SECONDS
        while True:
            try:
                return opened.recv(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if time.perf_counter() > end:
                    raise TimeoutError(f"{self.job.host}:{self.job.port} lost a datagram, or is silent") from None

    def _datagrams(self) -> list[bytes]:
        """Announces without connection and transaction."""
        packets = []
        for number, peer in enumerate(self.job.peers):
            url = self.job.path.format(key=peer.key).encode()
            body = struct.pack(
                ">20s20sqqqiIIiH", bytes.fromhex(peer.info_hash), bytes.fromhex(peer.peer_id), 0, peer.left, 0, 0, 0,
                number, 50, peer.port,
            )  # fmt: skip
            packets.append(body + bytes([2, len(url)]) + url)
        return packets

    def _udp(self, packets: Sequence[bytes]) -> None:
        """Announces over one socket for each source, so many unanswered at a time."""
        sockets: dict[str, tuple[socket.socket, bytes]] = {}
        for source in {peer.source for peer in self.job.peers}:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.bind((source, 0))
            opened.connect((self.job.host, self.job.port))
            opened.settimeout(ANSWER_SECONDS)
            opened.send(struct.pack(">QI4s", 0x41727101980, 0, b"conn"))
            sockets[source] = opened, opened.recv(100)[8:16]
        order = list(sockets)
        waiting: dict[bytes, float] = {}
        sent = 0
        by_source = {s: itertools.cycle([n for n, p in enumerate(self.job.peers) if p.source == s]) for s in order}
        while sent < self.job.announces:
            for source in order:  # a burst to each, then its answers
                opened, connection = sockets[source]
                mine = by_source[source]
                burst = min(self.job.at_once, self.job.announces - sent)
                for _ in range(burst):
                    transaction = sent.to_bytes(4, "big")
                    waiting[transaction] = time.perf_counter()
                    opened.send(connection + b"\0\0\0\1" + transaction + packets[next(mine)])
                    sent += 1
                for _ in range(burst):
                    answer = self._receive(opened)
                    good = answer[:4] == b"\0\0\0\1"
                    self._note(waiting.pop(answer[4:8]), (len(answer) - 20) // 6 if good else -1)
        for opened, _ in sockets.values():
            opened.close()


def main() -> None:
    """Run the job on the input."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    if job.cpu is not None:
        os.sched_setaffinity(0, {job.cpu})
    sys.stdout.buffer.write(msgspec.json.encode(Load(job).run()))


if __name__ == "__main__":
    main()
