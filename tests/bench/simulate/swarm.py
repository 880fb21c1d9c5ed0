"""The simulated swarm: who connects to whom, asks for what, and when it comes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import numpy as np

from tests.bench.simulate.authority import Authority
from tests.bench.simulate.links import Link
from tests.bench.simulate.peers import Channel, Peer
from tests.bench.simulate.picker import NEVER, Picker
from tests.bench.simulate.scenario import Scenario

_TIMEOUT = 3.0  # seconds that a connection to a dead peer is tried (peer_connect_timeout of our settings)
_SLACK = 10  # connections beyond its limit that a terminal accepts (libtorrent's connections_slack)
_RECONNECT = 1.0  # seconds, times the failures, until a peer is tried again (min_reconnect_time of our settings)
_MOST_FAILURES = 30  # after so many it is forgotten (max_failcount of our settings)
_UNCHOKE = 15.0  # seconds between two turns of the server's slots (libtorrent's unchoke_interval)
_ONE_HAVE = np.int32(1 << 16)


class Swarm:
    """A run of one scenario: :meth:`run` it once, then read the peers."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = Random(scenario.seed)
        self.authority = Authority(scenario.policy, scenario.seed)
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., None], Any, Any]] = []
        self._count = count()
        terminals, pieces = scenario.terminals, scenario.pieces
        generator = np.random.default_rng(scenario.seed)
        self._order = generator.integers(1 << 15, 1 << 16, (terminals + 1, pieces), dtype=np.int32)
        self._has = np.zeros((terminals + 1, pieces), dtype=np.bool_)
        self._lacks = np.full((terminals + 1, pieces), NEVER, dtype=np.int32)
        self._scratch = np.empty(pieces, dtype=np.int32)
        self._has[Authority.SERVER] = True
        self._lacks[Authority.SERVER] = 0
        self.enter = [Link(scenario.uplink) for _ in range(scenario.rooms)]
        self.leave = [Link(scenario.uplink) for _ in range(scenario.rooms)]
        self.terminals = [self._terminal(number) for number in range(terminals)]
        self.server = self._peer(Authority.SERVER, -1, scenario.server, terminals + 1)
        self._waiting: list[Channel] = []  # at the server, for a slot
        self._served: dict[Channel, None] = {}
        self._left = 0
        self._cast()

    def _terminal(self, number: int) -> Peer:
        room = number * self.scenario.rooms // self.scenario.terminals
        assert self.authority.add(room) == number
        return self._peer(number, room, self.scenario.rate, self.scenario.connections)

    def _peer(self, number: int, room: int, rate: float, limit: int) -> Peer:
        picker = Picker(self._order[number], self._scratch, self.scenario.blocks, self.random)
        return Peer(number, room, Link(rate), Link(rate), self._has[number], self._lacks[number], picker, limit)

    def _cast(self) -> None:
        """Who is dead, slow, late; and when each starts."""
        scenario = self.scenario
        drawn = self.random.sample(self.terminals, len(self.terminals))
        dead = round(scenario.dead * scenario.terminals)
        late = round(scenario.late * scenario.terminals)
        for peer in drawn[:dead]:
            peer.dead = True
            self.authority.announce(0.0, peer.number, left=scenario.size, event="started")
        for peer in drawn[dead : dead + scenario.slow]:
            peer.slow, peer.up.rate, peer.down.rate = True, scenario.rate / 10, scenario.rate / 10
        living = drawn[dead:]
        for place, peer in enumerate(living):
            peer.starts = scenario.late_at if place >= len(living) - late else 0.0
            peer.starts += scenario.spread * self.random.random()
            self._at(peer.starts, self._announce, peer, "started")
        self._left = len(living)
        self._at(_UNCHOKE, self._turn, None, None)

    def run(self) -> None:
        """Go on until every living terminal has everything.

        :raises RuntimeError: nothing happens any more, and some terminal lacks something.
        """
        events = self._events
        while self._left:
            if not events:
                raise RuntimeError(f"the swarm stands still at {self.now:.1f} s with {self._left} incomplete")
            self.now, _, happen, one, other = heapq.heappop(events)
            happen(one, other)

    def _at(self, time: float, happen: Callable[..., None], one: Any, other: Any) -> None:
        heapq.heappush(self._events, (time, next(self._count), happen, one, other))

    # The tracker, and connections

    def _announce(self, peer: Peer, event: str) -> None:
        """Announce, meet whom the answer names, and come back after its interval."""
        if event != "completed" and peer.picker.complete and not event == "seeding":
            return  # its own announces as a seed have begun
        left = (self.scenario.pieces - peer.picker.whole) * self.scenario.blocks * self.scenario.block
        said = "" if event == "seeding" else event
        interval, named = self.authority.announce(self.now, peer.number, left=left, event=said)
        for number in named:
            if number not in peer.incoming:
                peer.known.setdefault(number, 0)
        self._reach(peer)
        self._at(self.now + interval, self._announce, peer, "seeding" if peer.picker.complete else "")

    def _reach(self, peer: Peer, _none: None = None) -> None:
        """Try to connect to those it knows, as many as it may; the least often failed first."""
        room = peer.limit - len(peer.incoming) - len(peer.trying)
        if room <= 0 or not peer.known:
            return
        candidates = [number for number in peer.known if number not in peer.trying]
        self.random.shuffle(candidates)
        candidates.sort(key=peer.known.__getitem__)
        for number in candidates[:room]:
            peer.trying.add(number)
            other = self.server if number == Authority.SERVER else self.terminals[number]
            wait = _TIMEOUT if other.dead else self.scenario.connecting
            self._at(self.now + wait, self._connect, peer, other)

    def _connect(self, peer: Peer, other: Peer) -> None:
        """The end of an attempt to connect: well, unless the other is dead, or has peers enough, or both are seeds."""
        peer.trying.discard(other.number)
        if other.number in peer.incoming or (_complete(peer) and _complete(other)):
            peer.known.pop(other.number, None)
            return
        if other.dead or len(other.incoming) >= other.limit + _SLACK:
            failed = peer.known[other.number] = peer.known[other.number] + 1
            if failed > _MOST_FAILURES:
                del peer.known[other.number]
            self._at(self.now + failed * _RECONNECT, self._reach, peer, None)
            return
        peer.known.pop(other.number, None)
        other.known.pop(peer.number, None)
        for source, sink in ((peer, other), (other, peer)):
            channel = Channel(source, sink, self._path(source, sink))
            source.outgoing[sink.number] = sink.incoming[source.number] = channel
            sink.neighbours = None
            if sink is not self.server:
                sink.picker.more(source.has, 1)
        for channel in (peer.incoming[other.number], other.incoming[peer.number]):
            if channel.source is self.server:
                self._admit(channel)
            self._ask(channel)

    def _path(self, source: Peer, sink: Peer) -> tuple[Link, ...]:
        path = []
        if source.room != sink.room:
            path += [self.leave[source.room]] if source is not self.server else []
            path += [self.enter[sink.room]] if sink is not self.server else []
        return (*path, sink.down)

    def _part(self, peer: Peer, other: Peer) -> None:
        """End a connection; what was on order is asked for elsewhere."""
        for source, sink in ((peer, other), (other, peer)):
            channel = source.outgoing.pop(sink.number)
            del sink.incoming[source.number]
            channel.open = False
            sink.neighbours = None
            source.hungry.pop(channel, None)
            if sink is not self.server:
                sink.picker.more(source.has, -1)
            self._drop_orders(channel)
            if channel.pending:
                channel.pending.clear()
                source.ready.remove(channel)
            if source is self.server:
                self._dismiss(channel)
            self._ask_others(sink)

    def _ask_others(self, sink: Peer) -> None:
        """Something that was on order is free again: whoever has it may be asked."""
        for channel in list(sink.incoming.values()):
            if channel in channel.source.hungry:
                self._ask(channel)

    # The server's slots

    def _admit(self, channel: Channel) -> None:
        if len(self._served) < self.scenario.slots:
            self._served[channel] = None
        else:
            channel.choked = True
            self._waiting.append(channel)

    def _dismiss(self, channel: Channel) -> None:
        """A terminal has everything or went: its slot is another's."""
        if channel in self._served:
            del self._served[channel]
        elif channel in self._waiting:
            self._waiting.remove(channel)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._served) < self.scenario.slots:
            channel = self._waiting.pop(0)
            self._served[channel] = None
            channel.choked = False
            self._ask(channel)

    def _turn(self, _one: None, _other: None) -> None:
        """Every so often those who had a slot give it to those who wait, in turn (seed_choking_algorithm round_robin)."""
        for channel in list(self._served)[: len(self._waiting)]:
            del self._served[channel]
            channel.choked = True
            if channel.pending:
                self.server.ready.remove(channel)
                for block in channel.pending:
                    self._take_back(channel, block)
                channel.pending.clear()
            self._waiting.append(channel)
            self._fill()
            self._ask_others(channel.sink)
        self._at(self.now + _UNCHOKE, self._turn, None, None)

    # Asking and sending

    def _ask(self, channel: Channel) -> None:
        """Fill what the sink has on order at the source, with the rarest that there is."""
        source, sink = channel.source, channel.sink
        if channel.choked or not channel.open or sink is self.server or sink.picker.complete:
            return
        picker, idle = sink.picker, not channel.pending
        while len(channel.ordered) < self.scenario.queue:
            block = picker.pick(source.lacks, len(sink.incoming))
            if block is None and not picker.unasked and not channel.ordered:
                block = self._another(channel)
            if block is None:
                source.hungry[channel] = None
                break
            channel.ordered.add(block)
            channel.pending.append(block)
            sink.busy.setdefault(block, []).append(channel)
        else:
            source.hungry.pop(channel, None)
        if idle and channel.pending:
            source.ready.append(channel)
            if not source.sending:
                self._send(source)

    def _another(self, channel: Channel) -> int | None:
        """The end game: everything is on order, so one who has nothing to do is asked for what others owe."""
        has, blocks = channel.source.has, self.scenario.blocks
        owed = [block for block in channel.sink.busy if has[block // blocks]]
        return self.random.choice(owed) if owed else None

    def _send(self, source: Peer) -> None:
        """The next block of whose turn it is."""
        channel = source.ready.popleft()
        block = channel.pending.popleft()
        if channel.pending:
            source.ready.append(channel)
        source.sending = True
        self._at(
            source.up.through(self.now + self.scenario.block / source.up.rate, self.scenario.block),
            self._sent,
            channel,
            block,
        )

    def _sent(self, channel: Channel, block: int) -> None:
        time, size = self.now, self.scenario.block
        for link in channel.path:
            time = link.through(time, size)
        self._at(time + self.scenario.latency, self._arrived, channel, block)
        source = channel.source
        source.sending = False
        if source.ready:
            self._send(source)

    def _arrived(self, channel: Channel, block: int) -> None:
        sink = channel.sink
        channels = sink.busy.get(block)
        if channels is None or channel not in channels:
            sink.wasted += self.scenario.block
            if channel.open:
                self._ask(channel)
            return
        del sink.busy[block]
        for other in channels:
            other.ordered.discard(block)
            if other is not channel:
                self._cancel(other, block)
        piece = sink.picker.take(block)
        if piece is not None:
            self._whole(sink, piece)
        for other in channels:
            self._ask(other)

    def _cancel(self, channel: Channel, block: int) -> None:
        if block in channel.pending:
            channel.pending.remove(block)
            if not channel.pending:
                channel.source.ready.remove(channel)

    def _take_back(self, channel: Channel, block: int) -> None:
        """A block that will not come over this channel is free again, unless it is on order elsewhere too."""
        sink = channel.sink
        channel.ordered.discard(block)
        channels = sink.busy[block]
        channels.remove(channel)
        if not channels:
            del sink.busy[block]
            sink.picker.give_back(block)

    def _drop_orders(self, channel: Channel) -> None:
        for block in list(channel.ordered):
            self._take_back(channel, block)

    def _whole(self, peer: Peer, piece: int) -> None:
        """A piece is whole: all peers hear of it, and who waited for something asks."""
        peer.has[piece] = True
        peer.lacks[piece] = 0
        if peer.neighbours is None:
            peer.neighbours = np.array([n for n in peer.outgoing if n != Authority.SERVER], dtype=np.intp)
        self._order[peer.neighbours, piece] += _ONE_HAVE
        for channel in list(peer.hungry):
            if channel.sink.picker.wants(piece) or not channel.sink.picker.unasked:
                self._ask(channel)
        if peer.picker.complete:
            self._complete(peer)

    def _complete(self, peer: Peer) -> None:
        """It goes on as a seed; seeds have nothing to say to each other (close_redundant_connections)."""
        peer.done = self.now
        self._left -= 1
        for channel in list(peer.incoming.values()):
            if channel.source is self.server or channel.source.picker.complete:
                self._part(peer, channel.source)
        self._announce(peer, "completed")


def _complete(peer: Peer) -> bool:
    return peer.number == Authority.SERVER or peer.picker.complete


def _finite(value: float) -> bool:
    return math.isfinite(value)
