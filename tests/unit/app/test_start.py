"""Tests of voi.app.start."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from voi.app import start as startup
from voi.auth.hashing import matches, wire_form
from voi.domain.accounts import Role
from voi.errors import StartupError
from voi.files.directory import DataDirectory
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


class StartupTests(SynchronousTestCase):
    """The first steps."""

    def setUp(self) -> None:
        """Catch what would be printed."""
        self.out, self.err = StringIO(), StringIO()
        for stream, name in ((self.out, "__stdout__"), (self.err, "__stderr__")):
            stream.fileno = lambda: 1  # type: ignore[method-assign]  # whether it is /dev/null is asked of a descriptor
            self.patch(sys, name, stream)
        self.patch(startup, "_is_null", lambda _descriptor: False)
        self.directory = DataDirectory(Path(self.mktemp()).absolute())

    def test_first_and_second_start(self) -> None:
        """The token stays; no password is told while the start may still fail."""
        first = startup.open_directory(self.directory)
        os.close(first.lock)
        second = startup.open_directory(self.directory)
        os.close(second.lock)
        self.assertEqual(second.api_token, first.api_token)
        self.assertEqual(self.out.getvalue(), "")

    def test_nobody_reads(self) -> None:
        """Where whoever read the output has gone, a line for the administrator is in the log, and not lost."""
        self.patch(self.out, "write", mock.Mock(side_effect=BrokenPipeError))
        with capturedLogs() as events:
            startup.tell("admin password: x")
        self.assertEqual([event["line"] for event in events], ["admin password: x"])

    def test_lock_is_given_back(self) -> None:
        """A start that fails after the lock leaves the directory free for the next."""
        self.directory.create()
        self.directory.database.write_text("no database" * 1000)
        self.assertRaises(StartupError, startup.open_directory, self.directory)
        self.directory.database.unlink()
        os.close(startup.open_directory(self.directory).lock)

    def test_ports(self) -> None:
        """A free port opens at once; a taken one, and what is no endpoint, is one line that names the option."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            error = self.assertRaises(StartupError, startup.check_bittorrent_port, "127.0.0.1", port)
            self.assertIn("in use", error.message)
            for endpoint, word in (
                (f"tcp:{port}:interface=127.0.0.1", "in use"),
                ("nonsense:1", "nonsense"),
                ("tcp:x", "x"),
            ):
                error = self.assertRaises(StartupError, startup.listen, reactor, "http", endpoint, Factory())
                self.assertIn(f"--http {endpoint}", error.message)
                self.assertIn(word, error.message)

    def test_giving_up(self) -> None:
        """One line on stderr and status 1."""
        error = startup.give_up(StartupError("the port is taken"))
        assert isinstance(error, SystemExit)
        self.assertEqual((error.code, self.err.getvalue()), (1, "voi: the port is taken\n"))

    def test_without_a_terminal(self) -> None:
        """A daemon has nobody to read its stdout: the log takes the line instead."""
        self.patch(startup, "_is_null", lambda _descriptor: True)
        startup.tell("admin password: x")
        self.assertIsInstance(startup.give_up(StartupError("no")), StartupError)
        self.assertEqual((self.out.getvalue(), self.err.getvalue()), ("", ""))
