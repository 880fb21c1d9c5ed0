"""What flows over the connections: requests, blocks, and the message that a piece is whole."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from tests.bench.simulate.clock import Clock
from tests.bench.simulate.peers import Channel, Peer
from tests.bench.simulate.picker import ONE_PEER, Row
from tests.bench.simulate.scenario import Scenario


class Exchange:
    """Orders and deliveries between connected peers.

    :param orders: each terminal's row of `Picker`, so that one message of a new piece reaches all neighbours at once.
    :param whole: called with a terminal that has everything.
    """

    def __init__(
        self, clock: Clock, scenario: Scenario, random: Random, orders: Row, whole: Callable[[Peer], None]
    ) -> None:
        self._clock = clock
        self._scenario = scenario
        self._random = random
        self._orders = orders
        self._whole = whole

    def ask(self, channel: Channel) -> None:
        """Fill what the sink has on order at the source, with the rarest that there is."""
        source, picker = channel.source, channel.sink.picker
        if channel.choked or not channel.open or picker is None or picker.complete:
            return
        idle = not channel.pending
        while len(channel.ordered) < self._scenario.queue:
            block = picker.pick(source.lacks, len(channel.sink.incoming))
            if block is None and not picker.unasked and not channel.ordered:
                block = self._owed(channel)
            if block is None:
                source.hungry[channel] = None
                break
            channel.ordered.add(block)
            channel.pending.append(block)
            channel.sink.busy.setdefault(block, []).append(channel)
        else:
            source.hungry.pop(channel, None)
        if idle and channel.pending:
            source.ready.append(channel)
            if not source.sending:
                self._send(source)

    def ask_around(self, sink: Peer) -> None:
        """Something that was on order is free again: whoever has it may be asked."""
        for channel in list(sink.incoming.values()):
            if channel in channel.source.hungry:
                self.ask(channel)

    def withdraw(self, channel: Channel) -> None:
        """What the source has not begun to send will not come."""
        if channel.pending:
            channel.source.ready.remove(channel)
        for block in channel.pending:
            self._take_back(channel, block)
        channel.pending.clear()

    def close(self, channel: Channel) -> None:
        """The connection ends; what is under way is lost."""
        channel.open = False
        channel.source.hungry.pop(channel, None)
        self.withdraw(channel)
        for block in list(channel.ordered):
            self._take_back(channel, block)

    def _owed(self, channel: Channel) -> int | None:
        """The end game: everything is on order, so one who has nothing to do is asked for what others owe."""
        has, blocks = channel.source.has, self._scenario.blocks
        owed = [block for block in channel.sink.busy if has[block // blocks]]
        return self._random.choice(owed) if owed else None

    def _send(self, source: Peer) -> None:
        """The next block of whose turn it is: the peers share the link."""
        channel = source.ready.popleft()
        block = channel.pending.popleft()
        if channel.pending:
            source.ready.append(channel)
        source.sending = True
        size, link = self._scenario.block, source.up
        self._clock.at(link.through(self._clock.now + size / link.rate, size), self._sent, channel, block)

    def _sent(self, channel: Channel, block: int) -> None:
        time, size = self._clock.now, self._scenario.block
        for link in channel.path:
            time = link.through(time, size)
        self._clock.at(time + self._scenario.latency, self._arrived, channel, block)
        source = channel.source
        source.sending = False
        if source.ready:
            self._send(source)

    def _arrived(self, channel: Channel, block: int) -> None:
        sink, picker = channel.sink, channel.sink.picker
        assert picker is not None
        channels = sink.busy.get(block)
        if channels is None or channel not in channels:
            sink.wasted += self._scenario.block
            self.ask(channel)
            return
        del sink.busy[block]
        for other in channels:
            other.ordered.discard(block)
            if block in other.pending:  # of the end game: it need not come twice
                other.pending.remove(block)
                if not other.pending:
                    other.source.ready.remove(other)
        piece = picker.take(block)
        if piece is not None:
            self._tell(sink, piece)
            if picker.complete:
                self._whole(sink)
        for other in channels:
            self.ask(other)

    def _take_back(self, channel: Channel, block: int) -> None:
        """A block that will not come over this channel is free again, unless it is on order elsewhere too."""
        sink = channel.sink
        channel.ordered.discard(block)
        channels = sink.busy[block]
        channels.remove(channel)
        if not channels:
            del sink.busy[block]
            assert sink.picker is not None
            sink.picker.give_back(block)

    def _tell(self, peer: Peer, piece: int) -> None:
        """A piece is whole: all neighbours are told of it, and those that waited for something request it."""
        peer.has[piece] = True
        peer.lacks[piece] = 0
        if peer.neighbours is None:
            peer.neighbours = np.array(
                [channel.sink.number for channel in peer.outgoing.values() if channel.sink.picker], dtype=np.intp
            )
        self._orders[peer.neighbours, piece] += ONE_PEER
        for channel in list(peer.hungry):
            picker = channel.sink.picker
            if picker is not None and (picker.wants(piece) or not picker.unasked):
                self.ask(channel)
