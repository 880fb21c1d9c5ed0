"""Answers that are sent in parts, as fast as the client takes them: a long export must not be held in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

log = Logger()

SLOW_SECONDS: Final = 60.0
"""A client that takes nothing for so long is cut off: it holds a place, and the part that it does not read."""


@implementer(IPushProducer)
class _Tap:
    """Lets one part after the other through while the transport has room; `gone` once the client is."""

    def __init__(self) -> None:
        self.gone = False
        self._open: Deferred[None] | None = None

    def ready(self) -> Deferred[None]:
        """Fires when there is room, or nobody left to have it."""
        return succeed(None) if self._open is None else self._open

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport is full."""
        if self._open is None and not self.gone:
            self._open = Deferred()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport has room."""
        waiting, self._open = self._open, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The client has gone."""
        self.gone = True
        self.resumeProducing()


async def stream(request: Request, media: str, parts: AsyncIterator[bytes], *, filename: str = "") -> bytes:
    """Send all parts; gives nothing that is left to be written. `filename` is what a browser saves it as.

    A failure on the way cuts the connection, so that the client does not take a part for the whole.
    """
    request.setHeader(b"content-type", media.encode())
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    if filename:
        request.setHeader(b"content-disposition", f'attachment; filename="{filename}"'.encode())
    tap = _Tap()
    request.notifyFinish().addBoth(lambda _: tap.stopProducing())
    request.registerProducer(tap, True)
    try:
        async for part in parts:
            await tap.ready().addTimeout(SLOW_SECONDS, request.channel)  # type: ignore[arg-type]  # it has callLater
            if tap.gone:
                return b""
            request.write(part)
    except Exception:  # whatever it is: half an answer is on its way already
        log.failure("{uri} broke off", uri=request.uri, failure=Failure())
        if not tap.gone:
            request.channel.forceAbortClient()
        return b""
    finally:
        if not tap.gone:
            request.unregisterProducer()
    return b""
