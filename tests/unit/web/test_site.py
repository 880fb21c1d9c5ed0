"""Tests of the site's connections: how long one that was closed here may stay open."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import NoResource

from voi.web.site import CLOSE_SECONDS, site

CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class _Lingering(StringTransport):
    """A connection whose other end does not take part in closing it."""

    aborting = False

    def abortConnection(self) -> None:
        self.aborting = True


class CloseTests(SynchronousTestCase):
    """A connection that was answered and closed."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = _Lingering()
        server = site(NoResource(), NoResource(), NoResource())
        self.channel: Any = server.buildProtocol(None)
        self.channel.callLater = self.clock.callLater
        self.channel.makeConnection(self.transport)
        self.channel.dataReceived(CLOSE)

    def test_other_end_does_nothing(self) -> None:
        """Where the other end neither reads nor says goodbye, the connection is cut."""
        self.assertTrue(self.transport.disconnecting)
        self.clock.advance(CLOSE_SECONDS - 1)
        self.assertFalse(self.transport.aborting)
        self.clock.advance(1)
        self.assertTrue(self.transport.aborting)

    def test_closed_in_time(self) -> None:
        """One that has ended leaves nothing behind."""
        self.channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
