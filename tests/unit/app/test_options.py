"""Tests of voi.app.options."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from voi.app.options import Options
from voi.config import Config


def options(*arguments: str) -> Config:
    """The configuration of a command line."""
    parsed = Options()
    parsed.parseOptions(list(arguments))
    return parsed.config


class OptionsTests(SynchronousTestCase):
    """Command line and file."""

    def file(self, text: str) -> str:
        """A configuration file; its path."""
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def test_defaults(self) -> None:
        """The usual port for terminals, and those next to it."""
        config = options()
        self.assertEqual((config.data, config.terminals, config.http), ("data", "tcp:50007", "tcp:50021"))
        self.assertEqual(config.bittorrent_address, ("0.0.0.0", 50020))
        self.assertTrue(config.data_path.is_absolute())

    def test_command_line_wins(self) -> None:
        """Where both have an option, the command line wins."""
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
        """IPv6 hosts are in brackets."""
        self.assertEqual(options("--bittorrent", "[::1]:7").bittorrent_address, ("::1", 7))
