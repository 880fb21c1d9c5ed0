"""Tests of voi.store.start."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from tests.unit.store.base import StoreCase
from tests.unit.store.values import DATA_DISK, DISK, MAC, OTHER, level, upload
from voi.domain.uploads import UploadState
from voi.errors import StartupError
from voi.names import DiskName
from voi.store.start import read_known


class StartTests(StoreCase):
    """What is read before a port is open."""

    async def test_everything(self) -> None:
        """Terminals with their keys and rooms, what is published or comes in; not what was only asked for."""
        keys = {await self.terminal(MAC), await self.terminal(OTHER)}
        rooms = self.repositories.rooms
        made = await rooms.add("Lab", [ipaddress.ip_network("10.0.1.0/24")], 1.0)
        await rooms.move([OTHER], made.id)
        await self.publish(level(0))
        under_way = DiskName(DATA_DISK, 0)
        await self.uploads.begin(upload(under_way, state=UploadState.VERIFYING))
        await self.uploads.begin(upload(DiskName(DISK, 1)))
        failed = upload(DiskName(DATA_DISK, 1), state=UploadState.FAILED)
        await self.uploads.begin(replace(failed, template_uuid="99999999-2222-4333-8444-555555555555"))
        known = read_known(self.path / "voi.sqlite")
        self.assertEqual({terminal.tracker_key for terminal in known.terminals}, keys)
        self.assertEqual({terminal.mac: terminal.room_id for terminal in known.terminals}, {MAC: None, OTHER: made.id})
        self.assertEqual(known.rooms, [made])
        self.assertEqual(set(known.torrents), {level(0).info_hash, str(under_way).encode()[-20:]})

    def test_no_database(self) -> None:
        """A file that cannot be read ends the start with one line."""
        path = self.path / "other.sqlite"
        path.write_bytes(b"no database" * 100)
        error = self.assertRaises(StartupError, read_known, path)
        self.assertIn("other.sqlite", str(error))
