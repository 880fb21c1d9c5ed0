"""Tests of voi.config and voi.app.start."""

from __future__ import annotations

import os
import socket
import sys
from io import StringIO
from pathlib import Path
from unittest import mock

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.logger import capturedLogs
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from voi.app import start as startup
from voi.config import Config, Options
from voi.errors import StartupError
from voi.files.directory import DataDirectory


def options(*arguments: str) -> Config:
    """What a command line amounts to."""
    parsed = Options()
    parsed.parseOptions(list(arguments))
    return parsed.config


class ConfigTests(SynchronousTestCase):
    """Command line and file."""

    def file(self, text: str) -> str:
        """A configuration file; its path."""
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def test_defaults(self) -> None:
        """The family's port for terminals, and the next to it."""
        config = options()
        self.assertEqual((config.data, config.terminals, config.http), ("data", "tcp:50007", "tcp:50021"))
        self.assertEqual(config.bittorrent_address, ("0.0.0.0", 50020))
        self.assertTrue(config.data_path.is_absolute())

    def test_command_line_wins(self) -> None:
        """What both say, the command line says."""
        path = self.file('data = "/srv/voi"\nupload-limit = 5\nhttp = "tcp:1"\nencryption = true\n')
        config = options("--config", path, "--http", "tcp:2")
        found = (config.data, config.upload_limit, config.http, config.encryption)
        self.assertEqual(found, ("/srv/voi", 5, "tcp:2", True))
        self.assertTrue(options("--encryption").encryption)

    def test_refused(self) -> None:
        """Unknown keys, wrong types, no TOML, no file, no address: each an error that names it."""
        for arguments, word in (
            (("--config", self.file('port = "1"')), "port"),
            (("--config", self.file("upload-limit = 'fast'")), "upload_limit"),
            (("--config", self.file("data =")), "config"),
            (("--config", "/nowhere/voi.toml"), "No such file"),
            (("--bittorrent", "50020"), "HOST:PORT"),
            (("--bittorrent", "0.0.0.0:99999"), "HOST:PORT"),
        ):
            error = self.assertRaises(UsageError, options, *arguments)
            self.assertIn(word, str(error))

    def test_ipv6(self) -> None:
        """IPv6 hosts stand in brackets."""
        self.assertEqual(options("--bittorrent", "[::1]:7").bittorrent_address, ("::1", 7))


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
