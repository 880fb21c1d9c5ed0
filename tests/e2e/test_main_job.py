"""The main job with real processes: upload, publish, roll out; and whatever is killed on the way."""

from __future__ import annotations

import shutil
import subprocess
import unittest
from pathlib import Path

from tests.e2e.site import MIB, RECEIVER, UPLOADER, PlainTerminal, SiteCase
from voi.demo.image import write_image
from voi.errors import Conflict
from voi.files.hashing import sha256_file
from voi.names import DiskName


def same(path: Path, digest: str) -> bool:
    """Whether a file has this SHA-256, which one that is being written to has not."""
    try:
        return sha256_file(path) == digest
    except Conflict:
        return False


SLOW = 8 * MIB  # bytes a second: slow enough to kill something half-way


class MainJobTests(SiteCase):
    """Nobody is killed."""

    def test_upload_to_eight(self) -> None:
        """What one terminal uploads, eight others have, byte for byte."""
        self.server.up()
        uploader, receivers = self.uploader(), self.receivers(8)
        self.published(self.begin_upload())
        self.done(self.roll_out(receivers.macs))
        self.assert_equal_copies(uploader.directory, *receivers.directories)
        self.assertEqual({x["name"] for x in self.terminal(RECEIVER)["disks"]}, {str(self.base)})
        self.wait(lambda: self.swarm()["seeds"] >= 8, "all of them to seed")

    def test_import_to_a_terminal_that_comes_later(self) -> None:
        """A rollout waits for a terminal that is off; who has the disk already gets nothing."""
        self.server.up()
        self.import_base()
        receivers = self.receivers()
        receivers.stop()
        self.wait(lambda: not self.terminal(RECEIVER)["online"], "the terminal to be offline")
        number = self.roll_out([RECEIVER])
        target = self.rollout(number)["targets"][0]
        self.assertEqual(target["state"], "waiting")
        receivers.start()
        self.done(number)
        self.assert_equal_copies(receivers.directory)
        size = (receivers.directory / str(self.base)).stat().st_size
        self.wait(lambda: self.swarm()["server_sent"] >= size, "the server's count of what it sent")  # a second late
        sent = self.swarm()["server_sent"]
        self.done(self.roll_out([RECEIVER]))
        self.assertEqual(self.swarm()["server_sent"], sent)

    def test_difference(self) -> None:
        """A difference whose backing file is a path of the uploader's own is put right and reaches everybody."""
        self.server.up()
        uploader, receivers = self.uploader(), self.receivers(2)
        self.published(self.begin_upload())
        diff = DiskName(self.base.uuid, 1)
        path = uploader.directory / str(diff)
        write_image(path, 128 * MIB, backing=f"/mnt/disks/{self.base}", data_bytes=2 * MIB, seed=2)
        uploader.stop()
        uploader.start()
        reported = {str(self.base), str(diff)}
        self.wait(lambda: {x["name"] for x in self.terminal(UPLOADER)["disks"]} == reported, "the new level")
        self.published(self.begin_upload())
        self.done(self.roll_out(receivers.macs))
        for name in (self.base, diff):
            self.assert_equal_copies(*receivers.directories, name=name)
        self.assertNotEqual((self.server.data / "disks" / str(diff)).read_bytes(), path.read_bytes())
        self.assert_chain(receivers.directories[0] / str(diff))

    def assert_chain(self, path: Path) -> None:
        """QEMU finds the base beside the difference."""
        if shutil.which("qemu-img") is None:
            raise unittest.SkipTest("qemu-img is not installed")
        command = ["qemu-img", "info", "--backing-chain", path.name]
        shown = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True).stdout
        self.assertEqual(shown.count("virtual size: 128 MiB"), 2)


class KilledServerTests(SiteCase):
    """`kill -9` of the server."""

    server_options = (f"--upload-limit={SLOW}",)

    def test_during_an_upload(self) -> None:
        """It comes back, and less than a tenth is downloaded again."""
        self.server.up()
        uploader = self.uploader(64, f"--upload-limit={SLOW}")
        number = self.begin_upload()
        size = self.wait(lambda: self.upload(number)["disks"][0]["size"], "the torrent")
        self.wait(lambda: self.upload(number)["progress"] > 0.4, "a good part")
        received = self.upload(number)["progress"]
        self.server.kill()
        self.server.up()
        self.wait(lambda: self.upload(number)["disks"][0]["state"] == "receiving", "the upload to go on")
        again = [0]

        def published() -> bool:
            if self.upload(number)["state"] == "published":
                return True
            again[0] = max(again[0], self.swarm()["server_received"])
            return False

        self.wait(published, "the upload to be published")
        self.assertLess(again[0], (1.0 - received + 0.1) * size)
        self.assert_equal_copies(uploader.directory)

    def test_during_a_rollout(self) -> None:
        """Terminals reconnect and finish, and less than a tenth is sent again."""
        self.server.up()
        self.import_base(64)
        receivers = self.receivers()
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.rollout(number)["targets"][0]["progress"] > 0.4, "a good part")
        progress = self.rollout(number)["targets"][0]["progress"]
        self.server.kill()
        self.server.up()
        self.done(number)
        self.assertLess(self.swarm()["copies"], 1.0 - progress + 0.1)
        self.assert_equal_copies(receivers.directory)

    def test_a_heartbeat_after_the_restart(self) -> None:
        """A terminal whose connection the new server does not know is told to log in again."""
        self.server.up()
        old = PlainTerminal(self.server, RECEIVER)
        self.assertEqual(old.log_in()["code"], 0)
        self.server.kill()
        self.server.up()
        new = PlainTerminal(self.server, RECEIVER)
        self.assertEqual(new.ask(9000, {"mac": RECEIVER})["code"], 60002)
        self.assertEqual(new.log_in()["code"], 0)
        for client in (old, new):
            client.close()


class KilledTerminalTests(SiteCase):
    """`kill -9` of a terminal, and a disk that lies."""

    server_options = (f"--upload-limit={SLOW}",)

    def test_during_a_download(self) -> None:
        """It finds what it has, and less than a tenth is sent again."""
        self.server.up()
        self.import_base(64)
        receivers = self.receivers()
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.rollout(number)["targets"][0]["progress"] > 0.4, "a good part")
        receivers.kill()
        self.wait(lambda: not self.terminal(RECEIVER)["online"], "the terminal to be offline")
        receivers.start()
        self.done(number)
        self.assertLess(self.swarm()["copies"], 1.1)
        self.assert_equal_copies(receivers.directory)

    def test_during_an_upload(self) -> None:
        """The uploader comes back and the upload goes on."""
        self.server.up()
        uploader = self.uploader(64, f"--upload-limit={SLOW}")
        number = self.begin_upload()
        self.wait(lambda: self.upload(number)["progress"] > 0.4, "a good part")
        uploader.kill()
        uploader.start()
        self.published(number)
        self.assert_equal_copies(uploader.directory)

    def test_a_corrupted_piece(self) -> None:
        """A piece that changed on a terminal's disk while it was off is fetched again, and not much else."""
        self.server.up()
        self.import_base()
        receivers = self.receivers()
        number = self.roll_out([RECEIVER])
        self.done(number)
        self.wait(lambda: self.swarm()["copies"] >= 1, "the last count")
        receivers.stop()
        path = receivers.directory / str(self.base)
        with path.open("r+b") as file:
            file.seek(5 * MIB)
            byte = file.read(1)
            file.seek(5 * MIB)
            file.write(bytes([byte[0] ^ 0xFF]))
        sent = self.swarm()["server_sent"]
        receivers.start()
        whole = sha256_file(self.server.data / "disks" / str(self.base))
        self.wait(lambda: self.terminal(RECEIVER)["disks"] and same(path, whole), "the piece to be fetched again")
        self.wait(lambda: self.swarm()["server_sent"] > sent, "the next count")
        self.assertLess(self.swarm()["server_sent"] - sent, MIB)
