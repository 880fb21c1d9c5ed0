"""Tests of answers in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from voi.web.http.streaming import SLOW_SECONDS, stream


class FakeRequest:
    """What a streamed answer needs of a request."""

    uri = b"/x"

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.written: list[bytes] = []
        self.producer: Any = None
        self.finished: Deferred[None] = Deferred()
        self.channel = Clock()
        self.channel.forceAbortClient = mock.Mock()  # type: ignore[attr-defined]  # a channel has both

    def setHeader(self, name: bytes, value: bytes) -> None:
        self.headers[name] = value

    def notifyFinish(self) -> Deferred[None]:
        return self.finished

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written.append(data)


class StreamTests(SynchronousTestCase):
    """One part after the other."""

    def setUp(self) -> None:
        """A request, and parts that are counted as they are made."""
        self.request = FakeRequest()
        self.made = 0

    async def parts(self, fail_at: int = -1) -> AsyncIterator[bytes]:
        """Three parts."""
        for number in range(3):
            if number == fail_at:
                raise ZeroDivisionError
            self.made += 1
            yield b"%d" % number

    def start(self, fail_at: int = -1) -> Deferred[bytes]:
        """Begin to send them."""
        work = stream(self.request, "text/x", self.parts(fail_at))  # type: ignore[arg-type]  # enough of one
        return Deferred.fromCoroutine(work)

    def pause_after_the_first(self) -> None:
        """The transport is full after one part."""
        write = self.request.write

        def full(data: bytes) -> None:
            write(data)
            self.request.producer.pauseProducing()

        self.request.write = full  # type: ignore[method-assign]  # a client that reads slowly

    def test_all(self) -> None:
        """All parts, with their type, and nothing after them."""
        self.assertEqual(self.successResultOf(self.start()), b"")
        self.assertEqual(self.request.written, [b"0", b"1", b"2"])
        self.assertEqual(self.request.headers[b"content-type"], b"text/x")
        self.assertEqual(self.request.headers[b"x-content-type-options"], b"nosniff")
        self.assertIsNone(self.request.producer)

    def test_slow_client(self) -> None:
        """While the transport is full nothing more than the next part is made."""
        self.pause_after_the_first()
        done = self.start()
        self.assertEqual((self.request.written, self.made), ([b"0"], 2))
        self.request.producer.resumeProducing()
        self.assertEqual((self.request.written, self.made), ([b"0", b"1"], 3))
        self.request.producer.resumeProducing()
        self.assertEqual(self.successResultOf(done), b"")

    def test_client_that_reads_nothing(self) -> None:
        """It is cut off after a while."""
        self.pause_after_the_first()
        done = self.start()
        self.request.channel.advance(SLOW_SECONDS)
        self.assertEqual(self.successResultOf(done), b"")
        self.request.channel.forceAbortClient.assert_called_once()  # type: ignore[attr-defined]  # a mock
        self.flushLoggedErrors()

    def test_client_that_goes(self) -> None:
        """Nothing is made for nobody."""
        self.pause_after_the_first()
        done = self.start()
        self.request.finished.errback(Failure(ConnectionError()))
        self.assertEqual(self.successResultOf(done), b"")
        self.assertEqual(self.request.written, [b"0"])

    def test_failure(self) -> None:
        """Half an answer ends with the connection, so that nobody takes it for the whole."""
        self.assertEqual(self.successResultOf(self.start(fail_at=1)), b"")
        self.request.channel.forceAbortClient.assert_called_once()  # type: ignore[attr-defined]  # a mock
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
