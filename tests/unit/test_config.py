"""Tests of voi.config."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.config import Config, read_toml
from voi.errors import StartupError


class ConfigTests(SynchronousTestCase):
    """The value, and the file."""

    def test_addresses(self) -> None:
        """An empty host is all addresses, IPv6 is in brackets, and what is no address is refused with its text."""
        self.assertEqual(Config(bittorrent=":7").bittorrent_address, ("0.0.0.0", 7))
        self.assertEqual(Config(bittorrent="[fd00::1]:7").bittorrent_address, ("fd00::1", 7))
        error = self.assertRaises(StartupError, lambda: Config(bittorrent="x:y").bittorrent_address)
        self.assertIn("'x:y'", error.message)

    def test_data_path(self) -> None:
        """The data directory is absolute, however it is written."""
        self.assertEqual(Config(data="somewhere").data_path, Path.cwd() / "somewhere")

    def test_file(self) -> None:
        """Keys of the file are options with dashes or underscores; a file that is no TOML is named with its fault."""
        path = Path(self.mktemp())
        path.write_text("upload-limit = 5\nterminal_link = 7\n")
        self.assertEqual(read_toml(str(path)), {"upload_limit": 5, "terminal_link": 7})
        path.write_bytes(b"\xff")
        error = self.assertRaises(StartupError, read_toml, str(path))
        self.assertIn(str(path), error.message)
