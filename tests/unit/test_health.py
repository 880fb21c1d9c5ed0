"""Tests of voi.health."""

from __future__ import annotations

from dataclasses import dataclass
from unittest import mock

from tests.unit.store.base import StoreCase
from voi import health
from voi.publishing.space import MARGIN
from voi.store.directory import DataDirectory


@dataclass
class Peer:
    """The server's own peer."""

    port: int = 0


class HealthTests(StoreCase):
    """Each check."""

    async def test_well_and_not(self) -> None:
        """Nothing when all is well, else what is wrong."""
        peer = Peer(50020)
        asked = health.checks(self.store, DataDirectory(self.path), peer)
        self.assertEqual(await asked["database"](), "")  # type: ignore[misc]  # this one is asynchronous
        self.assertEqual((asked["disk space"](), asked["bittorrent"]()), ("", ""))
        peer.port = 0
        self.assertIn("does not listen", str(asked["bittorrent"]()))
        with mock.patch.object(health, "free_bytes", lambda _path: MARGIN - 1):
            self.assertIn("255 MiB", str(asked["disk space"]()))
