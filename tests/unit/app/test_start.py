"""Tests of voi.app.start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from voi.app import start as startup
from voi.auth.hashing import matches, wire_form
from voi.domain.accounts import Role
from voi.store.accounts import SqlAccounts


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


class FirstAccountTests(StoreCase):
    """The administrator's account and its password, which a start tells once."""

    def setUp(self) -> None:
        """Remember what is told."""
        super().setUp()
        self.accounts = SqlAccounts(self.store)
        self.told: list[str] = []
        self.patch(startup, "tell", self.told.append)

    async def ensure(self) -> None:
        """What a start does when its ports are open."""
        await startup.ensure_administrator(self.accounts, deferToThread)

    async def works(self, told: str) -> bool:
        """Whether the password in a line is the account's."""
        password = told.removeprefix("admin password: ")
        return matches(await self.accounts.password("admin") or "", wire_form(password))

    async def test_told_once(self) -> None:
        """The password that is told works, the account is an administrator's, and the next start tells nothing."""
        await self.ensure()
        await self.ensure()
        (told,) = self.told
        self.assertTrue(await self.works(told))
        self.assertEqual([account.role for account in await self.accounts.all()], [Role.ADMINISTRATOR])

    async def test_not_told_is_not_kept(self) -> None:
        """Where it could not be told there is no account, and the next start tells one that works."""
        self.patch(startup, "tell", mock.Mock(side_effect=OSError("no output")))
        with self.assertRaises(OSError):
            await self.ensure()
        self.assertEqual(await self.accounts.all(), [])
        self.patch(startup, "tell", self.told.append)
        await self.ensure()
        self.assertTrue(await self.works(self.told[0]))

    async def test_told_before_it_is_kept(self) -> None:
        """While it is told nothing is committed: after a kill in that moment the next start tells another."""
        kept = []

        def tell(_line: str) -> None:
            with closing(sqlite3.connect(self.store.path)) as other:
                kept.append(other.execute("SELECT count(*) FROM accounts").fetchone()[0])

        self.patch(startup, "tell", tell)
        await self.ensure()
        self.assertEqual(kept, [0])
        self.assertEqual(len(await self.accounts.all()), 1)


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
