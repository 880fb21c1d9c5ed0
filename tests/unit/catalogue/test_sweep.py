"""Tests of voi.catalogue.sweep."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.unit.store.base import StoreCase
from tests.unit.store.values import DATA_DISK, DISK, level, upload
from voi.catalogue import sweep
from voi.catalogue.sweep import YOUNG_SECONDS, Sweeper
from voi.domain.actors import Actor
from voi.domain.uploads import UploadState
from voi.errors import Conflict, NotSaved
from voi.files.directory import DataDirectory
from voi.names import DiskName
from voi.store.interfaces.audit import AuditFilter

LI = Actor("account", "li", "192.0.2.1")
LOST = bytes(range(20))


class SweepTests(StoreCase):
    """What is removed, and what is not."""

    def setUp(self) -> None:
        """A data directory."""
        super().setUp()
        self.directory = DataDirectory(self.path.absolute() / "data", "an identity")
        self.directory.create()
        self.directory.write_identity()
        self.alone: list[str] = []

        async def alone(work: Any) -> Any:
            self.alone.append("begins")
            found = await work
            self.alone.append("ends")
            return found

        self.sweeper = Sweeper(
            templates=self.templates,
            uploads=self.uploads,
            audit_entries=self.repositories.audit_entries,
            directory=self.directory,
            alone=alone,
            in_disk_thread=deferToThread,
        )

    def old(self, path: Path, age: float = 2 * YOUNG_SECONDS) -> Path:
        """A file that was written some time ago."""
        path.write_bytes(b"x" * 5000)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def orphans(self) -> list[Path]:
        """One of each kind."""
        disks, torrents = self.directory.disks, self.directory.torrents
        return [
            self.old(disks / f"voi_1_{DISK}"),
            self.old(disks / ".identity.new"),
            self.old(self.directory.incoming / f"voi_0_{DISK}"),
            self.old(torrents / f".{LOST.hex()}.torrent.new"),
            self.old(self.directory.torrent(LOST)),
            self.old(self.directory.blocks(LOST)),
            self.old(self.directory.resume / f"{LOST.hex()}.resume"),
        ]

    async def texts(self) -> list[str]:
        """The audit log."""
        return [entry.text for entry in await self.repositories.audit_entries.find(AuditFilter(), 10)]

    async def test_swept(self) -> None:
        """What no row names is listed with its bytes, and stays; then it is deleted, and written down."""
        paths = self.orphans()
        found = await self.sweeper.find()
        self.assertEqual({orphan.path for orphan in found}, set(paths))
        self.assertTrue(all(orphan.size >= 5000 for orphan in found))
        self.assertTrue(all(path.exists() for path in paths))
        swept = await self.sweeper.sweep(LI)
        self.assertEqual((list(swept.removed), list(swept.refused)), (found, []))
        self.assertFalse([path for path in paths if path.exists()])
        size = sum(orphan.size for orphan in found)
        self.assertEqual(await self.texts(), [f"Files to which nothing refers are deleted: 7, with {size} bytes"])
        self.assertEqual(self.alone, ["begins", "ends"] * 2)

    async def test_named(self) -> None:
        """What is published, comes in or is just being published stays, and so does what is not the server's."""
        await self.publish(level(0))
        receiving = upload(DiskName(DATA_DISK, 0), state=UploadState.PUBLISHING)
        await self.uploads.begin(replace(receiving, template_uuid="99999999-2222-4333-8444-555555555555"))
        (disk,) = receiving.disks
        assert disk.info_hash is not None
        kept = [
            self.old(self.directory.disk(level(0).name)),
            self.old(self.directory.torrent(level(0).info_hash)),
            self.old(self.directory.disk(disk.name)),
            self.old(self.directory.upload(disk.name)),
            self.old(self.directory.torrent(disk.info_hash)),
            self.old(self.directory.disks / "identity"),
            self.old(self.directory.disks / "notes.txt"),
            self.old(self.directory.root / "voi.sqlite.before-m009_endings"),
            self.old(self.directory.root / "key.pem"),
        ]
        self.directory.write_identity()
        self.assertEqual(await self.sweeper.find(), [])
        await self.sweeper.sweep(LI)
        self.assertTrue(all(path.exists() for path in kept))
        self.assertEqual(await self.texts(), [])

    async def test_young(self) -> None:
        """What was written within the hour stays, also where the clock makes it an hour from now."""
        for age in (0.0, YOUNG_SECONDS - 60, -YOUNG_SECONDS + 60):
            self.old(self.directory.torrent(LOST), age)
            self.assertEqual(await self.sweeper.find(), [])

    async def test_taken_meanwhile(self) -> None:
        """A name that an import has just taken is not removed, though its file was listed."""
        path = self.old(self.directory.incoming / f"voi_0_{DISK}")
        removed = sweep._remove

        def late(*arguments: Any) -> Any:
            self.old(path, 0.0)
            return removed(*arguments)

        with mock.patch.object(sweep, "_remove", late):
            swept = await self.sweeper.sweep(LI)
        self.assertEqual(list(swept.removed), [])
        self.assertTrue(path.exists())

    async def test_refused(self) -> None:
        """What cannot be removed is told with its reason; the others are."""
        self.orphans()
        unlink = Path.unlink

        def refuse(path: Path, missing_ok: bool = False) -> None:
            if path.parent == self.directory.disks:
                raise PermissionError(1, "Operation not permitted")
            unlink(path, missing_ok)

        with mock.patch.object(Path, "unlink", refuse):
            swept = await self.sweeper.sweep(LI)
        self.assertEqual((len(swept.removed), len(swept.refused)), (5, 2))
        self.assertIn("not permitted", str(swept.refused[0][1]).lower())

    async def test_not_written_down(self) -> None:
        """Where the entry cannot be written nothing is removed."""
        paths = self.orphans()
        failing = mock.Mock(side_effect=NotSaved("full"))
        with mock.patch.object(self.repositories.audit_entries, "add", failing):
            await self.assertFailure(Deferred.fromCoroutine(self.sweeper.sweep(LI)), NotSaved)
        self.assertTrue(all(path.exists() for path in paths))

    async def test_disks_of_another(self) -> None:
        """Where the disks are not this database's, all of them would be orphans: nothing is listed or removed."""
        paths = self.orphans()
        self.directory.disks_identity.unlink()
        for asked in (self.sweeper.find(), self.sweeper.sweep(LI)):
            await self.assertFailure(Deferred.fromCoroutine(asked), Conflict)
        self.assertTrue(all(path.exists() for path in paths))
