"""Copies that changed under those who offer them, with size and time kept: everybody is whole, and it is said why."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.e2e.site import MIB, SiteCase
from voi.demo.processes import TerminalProcesses
from voi.files.hashing import sha256_file

SEED = "02:00:00:00:01:01"
NEWCOMER = "02:00:00:00:02:01"
MINUTE = 60.0


def damage(path: Path, start: int, count: int) -> None:
    """Change bytes of a file; from outside it looks as before."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(start)
        old = file.read(count)
        file.seek(start)
        file.write(bytes(byte ^ 0xFF for byte in old) if count < MIB else random.Random(4).randbytes(count))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class DamagedCopyCase(SiteCase):
    """A server that sends slowly, seeds in a room, and a newcomer."""

    def newcomer(self, *options: str) -> TerminalProcesses:
        """A terminal without a disk, started and online."""
        newcomer = self.child(
            TerminalProcesses(
                self.directory / "newcomer", self.server.address, NEWCOMER, *options, address="127.0.0.99"
            )
        )
        newcomer.start()
        self.wait(lambda: self.terminal(NEWCOMER).get("online"), "the newcomer")
        return newcomer

    def prepare(self, seeds: int, megabytes: int) -> TerminalProcesses:
        """A published image, and terminals that have it."""
        self.server.up()
        self.import_base(megabytes)
        receivers = self.receivers(seeds)
        self.done(self.roll_out(receivers.macs))
        self.wait(lambda: self.swarm()["seeds"] >= seeds, "all of them to seed")
        return receivers

    def slow_down(self, rate: int, seeds: TerminalProcesses) -> None:
        """Let the server send so many bytes a second, and wait until the seeds are back."""
        self.server.stop()
        self.server.options(f"--upload-limit={rate}")
        self.server.up()
        self.wait(lambda: all(self.terminal(mac).get("online") for mac in seeds.macs), "the seeds")
        self.wait(lambda: self.swarm()["seeds"] >= len(seeds.macs), "all of them to seed")

    def attention(self, kind: str) -> str:
        """What the overview says of this kind, empty for nothing."""
        found = self.server.api("GET", "overview")["attention"]
        return next((one["text"] for one in found if one["kind"] == kind), "")


class SlowServerTests(DamagedCopyCase):
    """Six terminals whose copies changed, and a server with 200 kB a second."""

    def test_six_bad_seeds(self) -> None:
        """A newcomer gets the part that only the server has right; the damaged copies are named, and mended."""
        receivers = self.prepare(6, 24)
        whole = sha256_file(receivers.directories[0] / str(self.base))
        for directory in receivers.directories:
            damage(directory / str(self.base), 12 * MIB, 4 * MIB)
        self.slow_down(200_000, receivers)
        newcomer = self.newcomer()
        number = self.roll_out([NEWCOMER])
        self.wait(lambda: self.named() == set(receivers.macs), "the damaged copies to be named", MINUTE)
        self.done(number)
        self.assert_equal_copies(newcomer.directory)
        self.wait(lambda: not self.attention("damaged"), "the copies to be mended", MINUTE)
        copies = [directory / str(self.base) for directory in receivers.directories]
        self.assertEqual({sha256_file(copy) for copy in copies}, {whole})

    def named(self) -> set[str]:
        """The terminals whose copies are damaged, by what others reported."""
        found = self.server.api("GET", "events?kind=terminal.damaged_copy")["events"]
        return {entry["mac"] for entry in found}


class OneBitTests(DamagedCopyCase):
    """One terminal whose copy has a flipped bit."""

    def test_flipped_bit(self) -> None:
        """A newcomer is whole; the terminal with the damaged copy is named, and mends it by itself."""
        seeds = self.prepare(1, 8)
        path = seeds.directories[0] / str(self.base)
        whole = sha256_file(path)
        damage(path, 4 * MIB, 1)
        self.assertNotEqual(sha256_file(path), whole)
        self.slow_down(100_000, seeds)
        newcomer = self.newcomer()
        number = self.roll_out([NEWCOMER])
        self.assertIn(SEED, self.wait(lambda: self.attention("damaged"), "the damaged copy to be named", MINUTE))
        self.done(number)
        self.assert_equal_copies(newcomer.directory)
        (entry,) = self.server.api("GET", "events?kind=terminal.damaged_copy")["events"]
        self.assertEqual((entry["mac"], entry["data"]["at"]), (SEED, NEWCOMER))
        self.wait(lambda: not self.attention("damaged"), "the damaged copy to be mended", MINUTE)
        self.assertEqual(sha256_file(path), whole)
        (entry,) = self.server.api("GET", "events?kind=terminal.disk_damaged")["events"]
        self.assertEqual((entry["mac"], entry["data"]["pieces"]), (SEED, 1))
        self.server.api("POST", "commands", {"command": "check_disks", "macs": [SEED, NEWCOMER]})
        self.wait(lambda: self.right() == {SEED, NEWCOMER}, "both to have read their disks")

    def right(self) -> set[str]:
        """The terminals that read a disk and found it right."""
        return {entry["mac"] for entry in self.server.api("GET", "events?kind=terminal.disk_right")["events"]}


class DamagedServerTests(DamagedCopyCase):
    """The server's own file changed under it, and one terminal that is off has it right."""

    def test_healed_by_a_terminal(self) -> None:
        """Three newcomers stand still and say why; once a good copy is there, they and the server are whole."""
        good = self.prepare(1, 8)
        path = self.server.data / "disks" / str(self.base)
        whole = sha256_file(path)
        good.stop()
        self.wait(lambda: not self.terminal(SEED)["online"], "the good copy to be away")
        damage(path, 4 * MIB, 4096)
        newcomers = self.child(
            TerminalProcesses(self.directory / "new", self.server.address, NEWCOMER, count=3, address="127.0.0.99")
        )
        newcomers.start()
        self.wait(lambda: all(self.terminal(mac).get("online") for mac in newcomers.macs), "the newcomers")
        number = self.roll_out(newcomers.macs)
        self.wait(lambda: self.why(number) == {"server_pieces_wrong"}, "the reason of all three", MINUTE)
        good.start()
        self.done(number)
        for directory in newcomers.directories:
            self.assertEqual(sha256_file(directory / str(self.base)), whole)
        self.wait(lambda: sha256_file(path) == whole, "the server's file to be mended", MINUTE)

    def why(self, number: int) -> set[str]:
        """The codes of the reasons of a rollout's terminals."""
        return {(target["why"] or {}).get("code", "") for target in self.rollout(number)["targets"]}

    test_healed_by_a_terminal.todo = (  # type: ignore[attr-defined]  # trial's way to say so
        "the reason of a 9025 is kept, and a suspect file read again and fetched, in other modules"
    )
