"""A terminal's disk with real processes: files that vanish, work that is published nowhere, a disk that is full."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.site import MIB, RECEIVER, UPLOADER, SiteCase
from voi.demo.image import write_image
from voi.demo.processes import TerminalProcesses, write_template
from voi.names import DiskName

SLOW = 8 * MIB  # bytes a second: slow enough to do something half-way


class VanishedTests(SiteCase):
    """Files that are gone under a terminal that runs."""

    server_options = (f"--upload-limit={SLOW}",)

    def reported(self) -> set[str]:
        """What the server knows that the receiver has."""
        return {disk["name"] for disk in self.terminal(RECEIVER)["disks"]}

    def test_removed(self) -> None:
        """A file that was removed is sent again by the next rollout, and comes whole."""
        self.server.up()
        self.import_base()
        receivers = self.receivers()
        self.done(self.roll_out([RECEIVER]))
        self.wait(lambda: self.reported() == {str(self.base)}, "the report of the disk")
        (receivers.directory / str(self.base)).unlink()
        self.wait(lambda: not self.reported(), "the report that it is gone")
        self.done(self.roll_out([RECEIVER]))
        self.assert_equal_copies(receivers.directory)

    def test_removed_a_moment_ago(self) -> None:
        """A rollout that begins before the terminal has looked at its disk is done for an instant at the most."""
        self.server.up()
        self.import_base()
        receivers = self.receivers()
        self.done(self.roll_out([RECEIVER]))
        self.wait(lambda: self.reported() == {str(self.base)}, "the report of the disk")
        path = receivers.directory / str(self.base)
        path.unlink()
        number = self.roll_out([RECEIVER])
        self.wait(path.exists, "the disk to come")
        self.done(number)
        self.assert_equal_copies(receivers.directory)

    def test_emptied_in_the_middle(self) -> None:
        """A directory that is emptied during a download, with all that the terminal keeps there, ends whole as well."""
        self.server.up()
        self.import_base(64)
        receivers = self.receivers()
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.rollout(number)["targets"][0]["progress"] > 0.3, "a part")
        for path in receivers.directory.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.done(number)
        self.assert_equal_copies(receivers.directory)


class OwnWorkTests(SiteCase):
    """Two master PCs make the same level."""

    def test_second_master(self) -> None:
        """The second one's own level is kept, byte for byte, and the audit log has it; then the published one comes."""
        self.server.up()
        first = self.uploader()
        second = self.receivers()
        self.published(self.begin_upload())
        self.done(self.roll_out(second.macs))
        level = DiskName(self.base.uuid, 1)
        for number, directory in enumerate((first.directory, second.directory)):
            write_image(directory / str(level), 128 * MIB, backing=str(self.base), data_bytes=2 * MIB, seed=5 + number)
        own = (second.directory / str(level)).read_bytes()
        for mac in (UPLOADER, RECEIVER):
            self.wait(lambda mac=mac: len(self.terminal(mac)["disks"]) == 2, f"the new level of {mac}")
        self.published(self.begin_upload())
        self.done(self.roll_out(second.macs))
        self.assert_equal_copies(second.directory, name=level)
        (kept,) = second.directory.glob("*.own-*")
        self.assertEqual(kept.read_bytes(), own)
        (event,) = self.wait(
            lambda: self.server.api("GET", "events?kind=terminal.set_aside")["events"], "the entry in the audit log"
        )
        self.assertEqual((event["mac"], event["data"]["kept_as"]), (RECEIVER, kept.name))
        self.assertEqual({disk["level"] for disk in self.terminal(RECEIVER)["disks"]}, {0, 1})


class FullDiskCase(SiteCase):
    """A terminal with a small disk of its own, in a mount namespace of its own."""

    server_options = (f"--upload-limit={SLOW}",)

    def small(self, kind: str, megabytes: int) -> TerminalProcesses:
        """A receiver whose disks lie on a file system of this kind and size; started and online."""
        home = self.directory / "receivers"
        mount = home / "disks"
        mount.mkdir(parents=True)
        if kind == "tmpfs":
            command = f"mount -t tmpfs -o size={megabytes}m none {mount}"
        else:
            image = home / "image"
            with image.open("wb") as file:
                file.truncate(megabytes * MIB)
            if shutil.which("mke2fs") is None:
                raise unittest.SkipTest("mke2fs is not installed")
            subprocess.run(["mke2fs", "-q", "-F", "-m", "0", "-t", kind, str(image)], check=True)
            command = f"mount -o loop {image} {mount}"
        prefix = ("unshare", "--mount", "sh", "-c", f'{command} && exec "$@"', "sh")
        tried = subprocess.run([*prefix, sys.executable, "-c", ""], capture_output=True, text=True, check=False)
        if tried.returncode:
            raise unittest.SkipTest(f"no {kind} can be mounted here (needs root): {tried.stderr.strip()}")
        terminals = self.child(
            TerminalProcesses(home, self.server.address, RECEIVER, address="127.0.0.10", prefix=prefix)
        )
        terminals.start()
        self.wait(lambda: self.terminal(RECEIVER).get("online"), "the receiver")
        return terminals

    def inside(self, terminals: TerminalProcesses) -> Path:
        """The directory of the disks, as the terminal's own mount namespace has it."""
        return Path(f"/proc/{terminals.pid}/root{terminals.directory}")

    @contextmanager
    def filled(self, directory: Path, leave: int = 0) -> Iterator[None]:
        """Nothing free on the disk meanwhile, but `leave` bytes."""
        filler = directory / "filler"
        free = os.statvfs(directory)
        with filler.open("wb", buffering=0) as file:
            try:
                left = free.f_bavail * free.f_frsize - leave
                while left > 0 and (written := file.write(bytes(min(MIB, left)))):
                    left -= written
            except OSError:
                pass  # that is what it is for
        yield
        filler.unlink()

    def said(self, terminals: TerminalProcesses) -> str:
        """All of the terminal's log."""
        return terminals.log.read_text("utf-8", "replace")

    def target(self, number: int) -> Any:
        """The only terminal of a rollout."""
        return self.rollout(number)["targets"][0]


class FullDiskTests(FullDiskCase):
    """A disk that is full, and freed."""

    def test_fills_in_the_middle(self) -> None:
        """Where room cannot be reserved: it fills at a fifth, the reason is told, and after it is freed all comes."""
        self.server.up()
        self.import_base(64)
        terminals = self.small("ext2", 160)
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.target(number)["progress"] > 0.2, "a fifth")
        with self.filled(self.inside(terminals)):
            self.wait(lambda: "are free on the terminal's disk" in self.said(terminals), "the terminal to say why")
            self.wait(lambda: self.target(number)["attempts"] > 0, "the server to hear of it")
        self.done(number)
        self.assert_equal_copies(self.inside(terminals))

    def test_room_is_reserved(self) -> None:
        """Where room can be reserved: whatever fills the disk in the middle, the download has its room."""
        self.server.up()
        self.import_base(64)
        terminals = self.small("tmpfs", 160)
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.target(number)["progress"] > 0.2, "a fifth")
        with self.filled(self.inside(terminals), leave=MIB):  # for notes
            self.done(number)
        self.assertEqual(self.target(number)["attempts"], 0)
        self.assert_equal_copies(self.inside(terminals))

    def test_full_from_the_start(self) -> None:
        """A disk without room is told with figures at once, and as soon as it is freed the download begins."""
        self.server.up()
        self.import_base(64)
        terminals = self.small("tmpfs", 160)
        with self.filled(self.inside(terminals), leave=20 * MIB):
            number = self.roll_out([RECEIVER])
            self.wait(lambda: "are free on the terminal's disk" in self.target(number)["reason"], "the reason")
        self.done(number)
        self.assert_equal_copies(self.inside(terminals))


class DataDiskTests(SiteCase):
    """A template with a system disk and a data disk."""

    def test_stays_a_data_disk(self) -> None:
        """What ``template.toml`` calls a data disk is published and sent as one, and nobody boots it."""
        data = DiskName("00000000-1111-2222-3333-444444444444", 0)  # the lowest uuid of all
        self.server.up()
        uploader = self.child(
            TerminalProcesses(self.directory / "uploader", self.server.address, UPLOADER, address="127.0.0.9")
        )
        write_template(uploader.directory, self.template, "Office")
        with (uploader.directory / "template.toml").open("a") as file:
            file.write(f'\n[disks]\n"{data.uuid}" = "data"\n')
        for number, name in enumerate((self.base, data)):
            write_image(uploader.directory / str(name), 64 * MIB, data_bytes=8 * MIB, seed=number)
        uploader.start()
        self.wait(lambda: len(self.terminal(UPLOADER).get("disks", [])) == 2, "the uploader to report its disks")
        self.assertEqual(self.terminal(UPLOADER)["boot_disk"], str(self.base))
        self.published(self.begin_upload())
        found = self.server.api("GET", f"templates/{self.template}")
        types = {disk["name"]: disk["type"] for disk in found["disks"]}
        self.assertEqual(types, {str(self.base): 0, str(data): 1})
        receivers = self.receivers()
        self.done(self.roll_out(receivers.macs))
        receivers.stop()
        receivers.start()
        self.wait(lambda: self.terminal(RECEIVER)["boot_disk"] == str(self.base), "the system disk to be booted")
        for name in (self.base, data):
            self.assert_equal_copies(receivers.directory, name=name)
