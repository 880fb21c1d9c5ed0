"""Live news for open pages and programs: server-sent events, few and put together, however much happens.

One loop looks, once a second and only while somebody listens, at what changed; what it says is made into bytes once,
and the same bytes go to all. Who does not read fast enough misses some and is told so: it then asks for everything
anew, and nothing piles up here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from voi.errors import Busy
from voi.messages.reason import Reason
from voi.tasks import spawn
from voi.web.http.caller import Caller

log = Logger()

TICK_SECONDS: Final = 1.0
"""How often it is looked: often enough to be live, and a page has little to draw."""
MOST_STREAMS: Final = 500
"""Streams at once: each is an open connection. A site has some dozens of open pages."""
COMMENT_TICKS: Final = 15
"""Ticks without news after which a comment is sent, so that neither end takes the connection for dead."""
CHECK_TICKS: Final = 60
"""Ticks between two looks at whether who listens is still let in."""
RETRY_MILLISECONDS: Final = 2000
"""After how long a browser connects again."""

News = tuple[str, Any]
"""The name of an event, and what it says."""


class Source(Protocol):
    """Something that has news."""

    async def news(self) -> Sequence[News]:
        """What changed since the last time it was asked. Of the first answer after a pause nothing is passed on."""


class LetIn(Protocol):
    """Who may listen."""

    def still(self, caller: Caller) -> Awaitable[bool]:
        """Whether somebody who was let in still would be."""


@implementer(IPushProducer)
@dataclass(eq=False)
class Stream:
    """One listener. `wants` says which events are for it, by name."""

    request: Request
    caller: Caller
    wants: Callable[[str], bool]
    done: Deferred[bytes] = field(default_factory=Deferred)
    paused: bool = False
    missed: bool = False

    def send(self, events: Sequence[tuple[str, bytes]]) -> None:
        """Pass on those of one look that are for this one: all if what was sent before has gone out, else none.

        All at once: what 500 terminals that move are told with fills a connection's buffer by itself, and whoever has
        read everything so far has missed nothing.
        """
        wanted = b"".join(encoded for name, encoded in events if self.wants(name))
        if not wanted:
            return
        if self.paused:
            self.missed = True
        else:
            self.request.write(wanted)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection's buffer is full."""
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """There is room again."""
        self.paused = False
        if self.missed:
            self.missed = False
            self.request.write(encode("resync", {}))

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection has ended; the request says so too."""


def encode(name: str, data: Any) -> bytes:
    """An event as it goes out. What a name has behind a colon says whom it is for, and is not told."""
    name = name.partition(":")[0]
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


class LiveStreams:
    """All streams. `hello` is what each is told first; `sources` are asked in turn."""

    def __init__(self, *, clock: IReactorTime, access: LetIn, hello: Any, sources: Sequence[Source] = ()) -> None:
        self._access = access
        self._hello = encode("hello", hello)
        self._sources = list(sources)
        self._streams: set[Stream] = set()
        self._waiting: list[tuple[str, bytes]] = []
        self._quiet = self._ticks = 0
        self._fresh = True
        self._loop = LoopingCall(self._tick_safely)
        self._loop.clock = clock

    def __len__(self) -> int:
        """How many listen."""
        return len(self._streams)

    def add(self, source: Source) -> None:
        """Ask one more."""
        self._sources.append(source)

    def open(
        self, request: Request, caller: Caller, wants: Callable[[str], bool] = lambda _name: True
    ) -> Deferred[bytes]:
        """Let somebody listen until either end has enough; fires then.

        :raises Busy: as many listen as may.
        """
        if len(self._streams) >= MOST_STREAMS:
            raise Busy(Reason("streams_full", most=MOST_STREAMS))
        stream = Stream(request, caller, wants)
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.notifyFinish().addBoth(lambda _: self._drop(stream))
        request.registerProducer(stream, True)
        request.write(b"retry: %d\n\n" % RETRY_MILLISECONDS + self._hello)
        self._streams.add(stream)
        if not self._loop.running:
            self._fresh = True
            self._loop.start(TICK_SECONDS)
        return stream.done

    def wanted(self, name: str) -> bool:
        """Whether any page would get an event of this name."""
        return any(stream.wants(name) for stream in self._streams)

    def tell(self, name: str, data: Any) -> None:
        """Pass news on with the next tick."""
        if self._streams:
            self._waiting.append((name, encode(name, data)))

    def close(self) -> None:
        """End all streams."""
        for stream in list(self._streams):
            self._end(stream)
        if self._loop.running:
            self._loop.stop()

    def _end(self, stream: Stream) -> None:
        stream.request.unregisterProducer()
        self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        if stream not in self._streams:
            return
        self._streams.discard(stream)
        stream.done.callback(b"")
        if not self._streams:
            self._waiting.clear()
            if self._loop.running:
                self._loop.stop()

    def _tick_safely(self) -> Deferred[None]:
        return spawn(self._tick(), log, "a round of live news")

    async def _tick(self) -> None:
        fresh, self._fresh = self._fresh, False
        for source in self._sources:
            try:
                news = await source.news()
            except Exception:  # one source's fault must not keep the news of the others
                log.failure("a source of live news failed")
                continue
            if not fresh:
                self._waiting += [(name, encode(name, data)) for name, data in news]
        self._ticks += 1
        if self._ticks % CHECK_TICKS == 0:
            await self._check()
        waiting, self._waiting = self._waiting, []
        self._quiet = 0 if waiting else self._quiet + 1
        if self._quiet >= COMMENT_TICKS:
            self._quiet = 0
            waiting = [("", b":\n\n")]
        for stream in list(self._streams):
            stream.send(waiting)

    async def _check(self) -> None:
        """End the streams of those who are let in no more."""
        for stream in list(self._streams):
            if not await self._access.still(stream.caller):
                self._end(stream)
