"""A new version of a disk on a terminal that has an older one: real processes, pieces as long as a large disk's."""

from __future__ import annotations

import random
import shutil

from tests.e2e.site import MIB, RECEIVER, SiteCase
from voi.demo.processes import TerminalProcesses, write_template

CLUSTER = 64 << 10
PIECE = 4 * MIB
CHANGED = 20
"""Clusters, in nearly as many pieces."""


class DeltaCase(SiteCase):
    """An uploader with the new version, a terminal with the old one."""

    def publish(self, megabytes: int = 96) -> None:
        """Upload a disk in pieces of 4 MiB."""
        self.server.up()
        uploader = self.uploader(megabytes, f"--piece-length={PIECE}")
        self.published(self.begin_upload())
        uploader.stop()

    def older(self, *options: str) -> TerminalProcesses:
        """A terminal with the disk as it was before `CHANGED` of its clusters were changed."""
        terminals = self.child(
            TerminalProcesses(
                self.directory / "receivers", self.server.address, RECEIVER, *options, address="127.0.0.10"
            )
        )
        write_template(terminals.directory, self.template, "Office")
        path = terminals.directory / str(self.base)
        shutil.copyfile(self.server.data / "disks" / str(self.base), path)
        source = random.Random(2)
        with path.open("r+b") as file:
            for cluster in source.sample(range(1, path.stat().st_size // CLUSTER), CHANGED):
                file.seek(cluster * CLUSTER)
                file.write(source.randbytes(CLUSTER))
        terminals.start()
        self.wait(lambda: self.terminal(RECEIVER).get("disks"), "the terminal to report its disk")
        return terminals

    def sent(self) -> int:
        """Payload that the server has sent, once its count stands still."""
        counts = [-1, -2]

        def still() -> bool:
            counts.append(self.swarm()["server_sent"])
            # The count is taken once a second, and looked at twenty times a second.
            return len(counts) > 60 and len(set(counts[-50:])) == 1

        self.wait(still, "the count of what was sent to stand still")
        return counts[-1]


class DeltaTests(DeltaCase):
    """Nobody is killed."""

    def test_only_what_changed(self) -> None:
        """The terminal fetches the clusters that changed and nothing else, and has the new version."""
        self.publish()
        terminals = self.older()
        self.done(self.roll_out([RECEIVER]))
        self.assert_equal_copies(terminals.directory)
        self.assertEqual(self.sent(), CHANGED * CLUSTER)

    def test_without_a_table(self) -> None:
        """A level from before there were tables gets one while the terminal reads its own file."""
        self.publish()
        for path in (self.server.data / "torrents").glob("*.blocks"):
            path.unlink()
        terminals = self.older()
        self.done(self.roll_out([RECEIVER]))
        self.assert_equal_copies(terminals.directory)
        self.assertEqual(self.sent(), CHANGED * CLUSTER)


class KilledTests(DeltaCase):
    """`kill -9` in the middle of it."""

    server_options = (f"--upload-limit={MIB // 8}",)

    def test_half_way(self) -> None:
        """It goes on with what is there by then, and never offers what is not whole."""
        self.publish()
        terminals = self.older()
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.swarm()["server_sent"] > CHANGED * CLUSTER / 2, "a half")
        terminals.kill()
        self.wait(lambda: not self.terminal(RECEIVER)["online"], "the terminal to be offline")
        terminals.start()
        self.wait(lambda: self.terminal(RECEIVER)["online"], "the terminal to be back")
        self.done(number)
        self.assert_equal_copies(terminals.directory)
        # What libtorrent still had in memory comes again, some MiB at most; by whole pieces it would be the disk.
        self.assertLess(self.sent(), 2.1 * CHANGED * CLUSTER)
