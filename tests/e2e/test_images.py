"""Broken images with real processes: imported by the command, uploaded by a terminal."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

from tests.e2e.site import MIB, UPLOADER, SiteCase
from voi.demo.image import write_image
from voi.demo.processes import TerminalProcesses, write_template


def spoil(path: Path) -> int:
    """Let the first entry of a level 2 table point far beyond the end; the number of that entry."""
    with path.open("r+b") as file:

        def number(at: int) -> int:
            file.seek(at)
            return int(struct.unpack(">Q", file.read(8))[0])

        table = number(number(40)) & ~(1 << 63)
        entry = next(index for index in range(8192) if number(table + 8 * index))
        file.seek(table + 8 * entry)
        file.write(struct.pack(">Q", 1 << 63 | 1 << 45))
    return entry


class BrokenImageTests(SiteCase):
    """What is refused is refused with its reason, where people look."""

    def run_import(self, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """``voi import``, as an administrator runs it."""
        program = ("-c", "from voi.cli import main; main(prog_name='voi')")
        environment = {**os.environ, "VOI_SERVER": self.server.url, "VOI_TOKEN": self.server.token}
        environment["XDG_CONFIG_HOME"] = str(self.directory)
        command = [sys.executable, *program, "import", str(path), "--name", "Lab", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)

    def test_import_of_half_a_file(self) -> None:
        """`voi import` of a file that a broken copy left says how many bytes are missing, and fails."""
        self.server.up()
        path = self.directory / "half.qcow2"
        size = write_image(path, 64 * MIB, data_bytes=16 * MIB)
        with path.open("r+b") as file:
            file.truncate(size // 2)
        done = self.run_import(path)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        said = " ".join(done.stderr.split())
        self.assertIn(f"cut off: at least {size - 65536 + 8 - size // 2} bytes are missing", said)
        self.assertEqual(self.server.api("GET", "templates")["templates"], [])

    def test_import_of_a_damaged_file(self) -> None:
        """What only the tables show is said too, before the file is copied; so is a symbolic link, at once."""
        self.server.up()
        path = self.directory / "damaged.qcow2"
        write_image(path, 64 * MIB, data_bytes=16 * MIB)
        link = self.directory / "link.qcow2"
        link.symlink_to(path)
        done = self.run_import(link)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is a symbolic link", " ".join(done.stderr.split()))
        entry = spoil(path)
        done = self.run_import(path)
        self.assertNotEqual(done.returncode, 0)
        said = " ".join(done.stderr.split())
        self.assertIn(f"entry {entry} of its level 2 table 0 points outside the file", said)
        self.assertEqual(list((self.server.data / "disks").glob("voi_*")), [])

    def test_damaged_upload(self) -> None:
        """A terminal's disk that is damaged is not published: the terminal and the page say why."""
        self.server.up()
        terminals = self.child(
            TerminalProcesses(self.directory / "uploader", self.server.address, UPLOADER, address="127.0.0.9")
        )
        write_template(terminals.directory, self.template, "Office")
        path = terminals.directory / str(self.base)
        write_image(path, 64 * MIB, data_bytes=16 * MIB, seed=1)
        entry = spoil(path)
        terminals.start()
        self.wait(lambda: self.terminal(UPLOADER).get("disks"), "the uploader to report its disks")
        number = self.begin_upload()

        def failed() -> bool:
            return bool(self.server.api("GET", f"uploads/{number}")["state"] == "failed")

        self.wait(failed, "the upload to fail")
        why = f"entry {entry} of its level 2 table 0 points outside the file"
        disk = self.server.api("GET", f"uploads/{number}")["disks"][0]
        self.assertIn(why, disk["reason"])
        self.wait(lambda: why in terminals.log.read_text(), "the terminal to be told")
        self.assertEqual(list((self.server.data / "disks").glob("voi_*")), [])
        shown = self.server.api("GET", f"templates/{self.template}")
        self.assertEqual((shown["version"], shown["state"]), (0, "failed"))
        self.assertIn(why, shown["reason"])

    def test_log_says_who_checks(self) -> None:
        """The log of a start says whether QEMU is asked too, or that it is not installed."""
        self.server.up()
        self.assertRegex(self.server.log.read_text(), "images are checked by (qemu-img [0-9]|the server's own reader)")
