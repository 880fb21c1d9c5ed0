"""The server's upload slots: how many terminals its peer serves at a time, and whose turn it is."""

from __future__ import annotations

from collections import OrderedDict

from tests.bench.simulate.clock import Clock
from tests.bench.simulate.exchange import Exchange
from tests.bench.simulate.peers import Channel

TURN = 15.0
"""Seconds until those who had a slot give it to those who wait (libtorrent's unchoke_interval)."""


class Slots:
    """Slots in turn, as libtorrent's `round_robin` gives them."""

    def __init__(self, clock: Clock, exchange: Exchange, most: int) -> None:
        self._clock = clock
        self._exchange = exchange
        self._most = most
        self._served: OrderedDict[Channel, None] = OrderedDict()
        self._waiting: OrderedDict[Channel, None] = OrderedDict()
        clock.at(TURN, self._turn)

    def admit(self, channel: Channel) -> None:
        """A terminal has come; it is served at once if a slot is free."""
        channel.choked = True
        self._waiting[channel] = None
        self._fill()

    def dismiss(self, channel: Channel) -> None:
        """A terminal has everything, or went: its slot is another's."""
        self._served.pop(channel, None)
        self._waiting.pop(channel, None)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._served) < self._most:
            channel, _ = self._waiting.popitem(last=False)
            self._served[channel] = None
            channel.choked = False
            self._exchange.ask(channel)

    def _turn(self) -> None:
        for channel in list(self._served)[: len(self._waiting)]:
            del self._served[channel]
            channel.choked = True
            self._exchange.withdraw(channel)
            self._waiting[channel] = None
            self._fill()
            self._exchange.ask_around(channel.sink)
        self._clock.at(self._clock.now + TURN, self._turn)
