"""Tests of voi.app.start."""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from voi.app import start as startup


class FakePort:
    """An open port: remembers what its queue was set to."""

    def __init__(self) -> None:
        self.socket = self
        self.queues: list[int] = []

    def listen(self, *args: Any) -> Any:
        """Both the endpoint's, which gives the port, and the socket's, which sets the queue."""
        if isinstance(args[0], int):
            self.queues.append(args[0])
            return None
        result: Deferred[FakePort] = succeed(self)
        return result


class ListenTests(SynchronousTestCase):
    """Opening a port."""

    def queues(self, endpoint: str) -> list[int]:
        """What the queue of this endpoint's port was set to."""
        port = FakePort()
        with mock.patch.object(startup, "serverFromString", lambda _reactor, _endpoint: port):
            startup.listen(None, "terminals", endpoint, Factory())
        return port.queues

    def test_a_whole_site_may_knock(self) -> None:
        """Connections that come all at once wait to be taken, and are not sent away."""
        self.assertEqual(self.queues("tcp:50007"), [startup.BACKLOG])

    def test_an_administrators_own_queue(self) -> None:
        """What the endpoint says itself is left alone."""
        self.assertEqual(self.queues("tcp:50007:backlog=7"), [])
