"""The server's own files of what is published, lost and damaged under a running server: real processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.e2e.site import SiteCase
from voi.files.hashing import sha256_file


class ContentsCase(SiteCase):
    """A server with one published disk, and the terminal that uploaded it."""

    def publish(self) -> Path:
        """Upload a disk; the server's file of it."""
        self.server.up()
        self.terminals = self.uploader(8)
        self.published(self.begin_upload())
        self.path = self.server.data / "disks" / str(self.base)
        self.digest = sha256_file(self.path)
        return self.path

    def shown(self) -> dict[str, Any]:
        """The template as the API has it."""
        found: dict[str, Any] = self.server.api("GET", f"templates/{self.template}")
        return found

    def content(self) -> dict[str, Any]:
        """The server's copy of the disk, as the API has it."""
        found: dict[str, Any] = self.shown()["disks"][0]["content"]
        return found

    def unhealthy(self) -> str:
        """What the check of the files says."""
        checks = self.server.api("GET", "health")["checks"]
        return next("" if check["ok"] else str(check["text"]) for check in checks if check["name"] == "published files")

    def whole(self) -> None:
        """Wait until the server has and offers the file as it was, and nothing is said any more."""
        self.wait(lambda: self.content()["state"] == "ready" and self.content()["offered"], "the file to be whole")
        self.assertEqual(sha256_file(self.path), self.digest)
        self.assertEqual((self.shown()["state"], self.shown()["reason"]), ("ready", ""))
        self.wait(lambda: self.unhealthy() == "", "the server to be healthy")

    def kinds(self) -> list[str]:
        """What the audit log has of contents, oldest first."""
        found = self.server.api("GET", "events?kind=content")["events"]
        return [str(event["kind"]) for event in found][::-1]


class RemovedTests(ContentsCase):
    """`rm` under a running server."""

    def test_fetched_back(self) -> None:
        """It is said within one look, in the template, in health, in the overview, and fetched back from the terminal
        that has it.
        """
        self.publish()
        self.terminals.stop()
        self.path.unlink()
        self.wait(lambda: self.shown()["state"] == "incomplete", "the template to say it")
        self.assertIn("the file on the server is missing", self.shown()["reason"])
        self.assertIn("no terminal that is online has all of it", self.shown()["reason"])
        self.assertIn("no whole file: 1 of 1", self.unhealthy())
        self.assertFalse(self.content()["offered"])
        number = self.roll_out([self.receivers().macs[0]])
        self.wait(
            lambda: "the file on the server is missing" in self.rollout(number)["targets"][0]["reason"],
            "the rollout to say that it is the server",
        )
        kinds = {item["kind"] for item in self.server.api("GET", "overview")["attention"]}
        self.assertLessEqual({"content", "health"}, kinds)
        self.terminals.start()
        self.whole()
        self.done(number)
        self.assertEqual(self.kinds(), ["content.missing", "content.whole"])

    def test_put_back(self) -> None:
        """A file that comes back is taken up without a restart."""
        self.publish()
        self.terminals.stop()
        self.path.rename(self.directory / "away")
        self.wait(lambda: self.content()["state"] == "missing", "the file to be missed")
        (self.directory / "away").rename(self.path)
        self.whole()


class DamagedTests(ContentsCase):
    """Bytes that change on the disk."""

    def flip(self) -> None:
        """Change a bit in the middle of the server's file; size and time of change stay as they were."""
        before = self.path.stat()
        with self.path.open("r+b") as file:
            file.seek(before.st_size // 2)
            byte = file.read(1)
            file.seek(before.st_size // 2)
            file.write(bytes([byte[0] ^ 1]))
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_found_by_terminals_that_stand_still(self) -> None:
        """Terminals of a rollout that cannot complete it make the server read its file: it is the server's, and is said
        so at each of them; once somebody is there who has it right, both the file and the rollout are.
        """
        self.publish()
        self.terminals.stop()
        self.flip()
        receivers = self.receivers(2)
        number = self.roll_out(receivers.macs)
        self.wait(lambda: "content.damaged" in self.kinds(), "the damage to be found")

        def said() -> bool:
            targets = self.rollout(number)["targets"]
            return all("the file on the server is damaged: 1 of" in target["reason"] for target in targets)

        self.wait(said, "each terminal of the rollout to say that it is the server")
        self.terminals.start()
        self.done(number)
        self.whole()
        self.assert_equal_copies(*receivers.directories)

    def test_checked_and_mended(self) -> None:
        """A bit that flips, with size and time kept, is found by a check, and mended from the terminal."""
        self.publish()
        self.flip()
        self.server.api("POST", f"templates/{self.template}/check")
        self.wait(lambda: "content.damaged" in self.kinds(), "the damage to be found")
        self.whole()
        self.assertEqual(self.kinds(), ["content.damaged", "content.whole"])

    def test_torrent(self) -> None:
        """A torrent file with a flipped byte is never seeded or sent: it is written again."""
        self.publish()
        (torrent,) = (self.server.data / "torrents").glob("*.torrent")
        right = torrent.read_bytes()
        self.server.stop()
        data = bytearray(right)
        data[-40] ^= 1
        torrent.write_bytes(data)
        self.server.up()
        self.whole()
        self.assertEqual(torrent.read_bytes(), right)
        self.assertEqual([swarm["info_hash"] for swarm in self.server.api("GET", "swarms")["swarms"]], [torrent.stem])
