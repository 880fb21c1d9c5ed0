"""The simulated swarm: terminals that announce, connect to whom the tracker names, and exchange."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np

from tests.bench.simulate.authority import SERVER, Authority
from tests.bench.simulate.clock import Clock
from tests.bench.simulate.exchange import Exchange
from tests.bench.simulate.links import Link
from tests.bench.simulate.peers import Channel, Peer
from tests.bench.simulate.picker import FIRST, NEVER, Picker
from tests.bench.simulate.scenario import Scenario, bound
from tests.bench.simulate.slots import Slots

_TIMEOUT = 3.0  # seconds that a connection to a dead peer is tried (peer_connect_timeout of our settings)
_RECONNECT = 1.0  # seconds, times the failures, until a peer is tried again (min_reconnect_time of our settings)
_MOST_FAILURES = 30  # after so many it is forgotten (max_failcount of our settings)
_SLACK = 10  # connections beyond its limit that a terminal accepts (libtorrent's connections_slack)
_GIVE_UP = 200  # times the bound; nothing that is worth a figure takes so long


class Swarm:
    """A run of one scenario: :meth:`run` it once, then read the peers."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.authority = Authority(scenario.policy, scenario.seed)
        self._random = Random(scenario.seed)
        terminals, pieces = scenario.terminals, scenario.pieces
        self._orders = np.full((terminals, pieces), FIRST, dtype=np.int32)
        self._scratch = np.empty(pieces, dtype=np.int32)
        self.enter = [Link(scenario.uplink) for _ in range(scenario.rooms)]
        """Into each room."""
        self.leave = [Link(scenario.uplink) for _ in range(scenario.rooms)]
        self.terminals = [self._terminal(number) for number in range(terminals)]
        everything = np.ones(pieces, dtype=np.bool_)
        self.server = Peer(
            SERVER,
            None,
            Link(scenario.server),
            Link(scenario.server),
            everything,
            np.zeros(pieces, dtype=np.int32),
            None,
            terminals,
        )
        self._exchange = Exchange(self.clock, scenario, self._random, self._orders, self._completed)
        self._slots = Slots(self.clock, self._exchange, scenario.slots)
        self._incomplete = 0
        self._cast()

    def _terminal(self, number: int) -> Peer:
        scenario = self.scenario
        room = number * scenario.rooms // scenario.terminals
        self.authority.add(room)
        has = np.zeros(scenario.pieces, dtype=np.bool_)
        lacks = np.full(scenario.pieces, NEVER, dtype=np.int32)
        picker = Picker(self._orders[number], self._scratch, scenario.blocks, self._random)
        return Peer(number, room, Link(scenario.rate), Link(scenario.rate), has, lacks, picker, scenario.connections)

    def _cast(self) -> None:
        """Who is dead, slow, late; and when each starts."""
        scenario = self.scenario
        drawn = self._random.sample(self.terminals, len(self.terminals))
        dead, late = round(scenario.dead * len(drawn)), round(scenario.late * len(drawn))
        for peer in drawn[:dead]:
            peer.dead = True
            self.authority.announce(0.0, peer.number, left=scenario.size, event="started")
        for peer in drawn[dead : dead + scenario.slow]:
            peer.slow = True
        seen: Counter[int | None] = Counter()
        for peer in drawn[dead:] if scenario.slow_leaders else ():
            seen[peer.room] += 1
            peer.slow |= seen[peer.room] <= scenario.slow_leaders
        for peer in drawn:
            if peer.slow:
                peer.up.rate = peer.down.rate = scenario.rate / 10
        for peer in drawn[len(drawn) - late :]:
            peer.starts = scenario.late_at
        for peer in drawn[dead:]:
            first = peer.slow and scenario.slow_leaders
            peer.starts += 0.0 if first else scenario.spread * self._random.random()
            self.clock.at(peer.starts, self._announce, peer, "started")
        self._incomplete = len(drawn) - dead

    def run(self) -> None:
        """Go on until every living terminal has everything.

        :raises RuntimeError: that takes for ever.
        """
        give_up = self.scenario.late_at + _GIVE_UP * bound(self.scenario)
        while self._incomplete:
            if not self.clock.step() or self.clock.now > give_up:
                raise RuntimeError(f"{self._incomplete} terminals are incomplete at {self.clock.now:.0f} s")

    def _announce(self, peer: Peer, event: str = "") -> None:
        """Announce, connect to those in the answer, and come back after its interval."""
        assert peer.picker is not None
        left = (self.scenario.pieces - peer.picker.whole) * self.scenario.blocks * self.scenario.block
        interval, named = self.authority.announce(self.clock.now, peer.number, left=left, event=event)
        for number in named:
            if number not in peer.incoming:
                peer.known.setdefault(number, 0)
        self._reach(peer)
        peer.announces += 1
        self.clock.at(self.clock.now + interval, self._announce_again, peer, peer.announces)

    def _announce_again(self, peer: Peer, announces: int) -> None:
        if announces == peer.announces:  # else it has announced since, and the last answer's interval holds
            self._announce(peer)

    def _completed(self, peer: Peer) -> None:
        """A terminal goes on as a seed; seeds have nothing to say to each other (close_redundant_connections)."""
        peer.done = self.clock.now
        self._incomplete -= 1
        for channel in list(peer.incoming.values()):
            if channel.source.complete:
                self._part(peer, channel.source)
        self._announce(peer, "completed")

    def _reach(self, peer: Peer) -> None:
        """Try to connect to those it knows, as many as it may; the least often failed first."""
        places = peer.limit - len(peer.incoming) - len(peer.trying)
        candidates = [number for number in peer.known if number not in peer.trying]
        if places <= 0 or not candidates:
            return
        self._random.shuffle(candidates)
        candidates.sort(key=peer.known.__getitem__)
        for number in candidates[:places]:
            peer.trying.add(number)
            other = self.server if number == SERVER else self.terminals[number]
            wait = _TIMEOUT if other.dead else self.scenario.connecting
            self.clock.at(self.clock.now + wait, self._tried, peer, other)

    def _tried(self, peer: Peer, other: Peer) -> None:
        """The end of an attempt to connect: well, unless the other is dead, or has peers enough, or both are seeds."""
        peer.trying.discard(other.number)
        if other.dead or len(other.incoming) >= other.limit + _SLACK:
            failures = peer.known[other.number] = peer.known[other.number] + 1
            if failures > _MOST_FAILURES:
                del peer.known[other.number]
            self.clock.at(self.clock.now + failures * _RECONNECT, self._reach, peer)
            return
        peer.known.pop(other.number, None)
        other.known.pop(peer.number, None)
        if other.number not in peer.incoming and not (peer.complete and other.complete):
            self._connect(peer, other)

    def _connect(self, peer: Peer, other: Peer) -> None:
        channels = [Channel(*ends, self._path(*ends)) for ends in ((peer, other), (other, peer))]
        for channel in channels:
            source, sink = channel.source, channel.sink
            source.outgoing[sink.number] = sink.incoming[source.number] = channel
            source.neighbours = None
            if sink.picker is not None:
                sink.picker.more(source.has, 1)
        for channel in channels:
            if channel.source is self.server:
                self._slots.admit(channel)
            self._exchange.ask(channel)

    def _path(self, source: Peer, sink: Peer) -> tuple[Link, ...]:
        """The links between them, without the source's own."""
        if source.room == sink.room:
            return (sink.down,)
        out = () if source.room is None else (self.leave[source.room],)
        into = () if sink.room is None else (self.enter[sink.room],)
        return (*out, *into, sink.down)

    def _part(self, peer: Peer, other: Peer) -> None:
        """End a connection; what was on order is asked for elsewhere."""
        for source, sink in ((peer, other), (other, peer)):
            channel = source.outgoing.pop(sink.number)
            del sink.incoming[source.number]
            source.neighbours = None
            if sink.picker is not None:
                sink.picker.more(source.has, -1)
            self._exchange.close(channel)
            if source is self.server:
                self._slots.dismiss(channel)
            self._exchange.ask_around(sink)
            self._reach(sink)
