"""Data directories of released versions are opened by the code of today: everything is there, and goes on."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

from tests.data.make import DISK, HERE, OFF, RECEIVER, REFUSED, TEMPLATE, UPLOADER
from tests.e2e.site import PlainTerminal, SiteCase
from voi.files.hashing import sha256_file


class OlderVersionTests(SiteCase):
    """What `tests.data.make` made with the code of a release."""

    def test_each(self) -> None:
        """Each release's directory: templates, terminals, rooms, rollouts, uploads, people, and what was waiting."""
        archives = sorted(HERE.glob("voi-*.tar.xz"))
        self.assertTrue(archives)
        for archive in archives:
            self.opened(archive)
            self.server.stop()
            self.server.data.rename(self.directory / archive.name)

    def opened(self, archive: Path) -> None:
        """One of them."""
        with tarfile.open(archive) as packed:
            packed.extractall(self.server.data.parent, filter="data")
        for path in (self.server.data, *self.server.data.rglob("*")):
            os.chown(path, os.getuid(), os.getgid())
        sums = {path.name: sha256_file(path) for path in (self.server.data / "disks").glob("voi_*")}
        self.server.up()
        self.templates()
        self.terminals()
        self.work()
        self.people()
        self.goes_on()
        after = {path.name: sha256_file(path) for path in (self.server.data / "disks").glob("voi_*")}
        self.assertEqual(after, sums, f"{archive.name}: disks are as they were")

    def templates(self) -> None:
        """Both templates with their versions, and all levels offered."""
        found = {one["name"]: one for one in self.api("templates")["templates"]}
        self.assertEqual(found.keys(), {"Lab", "New", "Office 2"})  # the second one is asked for, and not here yet
        office = self.wait(lambda: self.ready(TEMPLATE), "the files, whose times an archive cuts off, to be read")
        self.assertEqual((office["uuid"], office["state"]), (TEMPLATE, "ready"))
        self.assertEqual({disk["name"] for disk in office["disks"]}, {f"voi_0_{DISK}", f"voi_1_{DISK}"})
        self.assertEqual(self.api(f"templates/{TEMPLATE}/versions")["total"], 2)
        self.wait(lambda: {x["state"] for x in self.api("swarms")["swarms"]} == {"seeding"}, "all levels to be seeded")

    def terminals(self) -> None:
        """Three, each where it stood, with what it has."""
        found = {one["mac"]: one for one in self.api("terminals")["terminals"]}
        self.assertEqual(found.keys(), {UPLOADER, RECEIVER, OFF})
        rooms = {one["id"]: one["name"] for one in self.api("rooms")["rooms"]}
        self.assertEqual(set(rooms.values()), {"Physics", "Library"})
        self.assertEqual((found[OFF]["name"], rooms[found[OFF]["room"]]), ("PC 7", "Library"))
        self.assertEqual(rooms[found[RECEIVER]["room"]], "Physics")
        disks = self.api(f"terminals/{RECEIVER}")["disks"]
        self.assertEqual({disk["name"] for disk in disks}, {f"voi_0_{DISK}", f"voi_1_{DISK}"})

    def work(self) -> None:
        """Rollouts and uploads are in the states that they were in, and only what failed needs attention."""
        states = [one["state"] for one in self.api("rollouts?sort=created")["rollouts"]]
        self.assertEqual(states, ["done", "cancelled", "running"])
        uploads = {one["name"]: one["state"] for one in self.api("uploads")["uploads"]}
        self.assertEqual(uploads, {"Lab": "published", "Office": "published", "Old": "failed", "New": "open"})
        refused = next(one for one in self.api("uploads")["uploads"] if one["name"] == "New")
        self.assertEqual(refused["disks"][0]["name"], f"voi_0_{REFUSED}")
        self.assertEqual(refused["disks"][0]["why"]["code"], "not_base64")
        kinds = {one["kind"] for one in self.api("overview")["attention"]}
        self.assertFalse({kind for kind in kinds if "upload" in kind and "fail" in kind}, kinds)

    def people(self) -> None:
        """Accounts, tokens and settings, and an audit log without gaps."""
        self.assertEqual({one["name"] for one in self.api("accounts")["accounts"]}, {"admin", "li"})
        self.assertEqual([one["name"] for one in self.api("tokens")["tokens"]], ["backup"])
        self.assertEqual(self.api("settings")["retention_days"], 100)
        kinds = {one["kind"] for one in self.api("events?limit=1000")["events"]}
        expected = {
            *("server.started", "server.stopped", "template.imported", "upload.published", "template.renamed"),
            *("account.made", "token.made", "room.made", "terminal.moved", "terminal.renamed", "settings.retention"),
            *("rollout.begun", "rollout.finished", "rollout.cancelled", "upload.cancelled", "command.watermark_on"),
        }
        self.assertEqual(expected - kinds, set())

    def goes_on(self) -> None:
        """A terminal that comes back gets what waited for it: the watermark, and the disks of the open rollout."""
        terminal = PlainTerminal(self.server, OFF)
        terminal.log_in()
        wanted = {1022, 1015}
        while wanted:
            frame = terminal.receive()
            wanted.discard(frame.service_code)
            if frame.service_code == 1022:
                terminal.answer(frame)
        terminal.close()

    def api(self, path: str) -> Any:
        """A question to the server."""
        return self.server.api("GET", path)
