"""Rollouts tell the truth of disks that were wiped, of PCs that die in each download, and of what was called off."""

from __future__ import annotations

import shutil
from typing import Any

from tests.e2e.site import RECEIVER, PlainTerminal, SiteCase
from voi.wire import torrent_body
from voi.wire.codes import ALREADY_THERE
from voi.wire.frame import Frame
from voi.wire.torrent_body import TorrentBody


class WipedDiskTests(SiteCase):
    """What a terminal has is what it said since its login."""

    def test_emptied_while_it_was_off(self) -> None:
        """A reference terminal whose directory was emptied gets everything again before a rollout of it is done."""
        self.server.up()
        self.import_base()
        receivers = self.receivers()
        self.done(self.roll_out([RECEIVER]))
        receivers.stop()
        shutil.rmtree(receivers.directory)
        receivers.directory.mkdir()
        receivers.start()
        self.wait(lambda: self.terminal(RECEIVER)["online"], "the terminal to be back")
        self.assertNotEqual(self.terminal(RECEIVER)["state"], "current")
        self.done(self.roll_out([RECEIVER]))
        self.assert_equal_copies(receivers.directory)

    def test_seed_client_that_says_nothing(self) -> None:
        """A seed client that reported its disk, and says nothing in its next session: it is sent it, and asked so."""
        self.server.up()
        self.import_base()
        client = PlainTerminal(self.server, RECEIVER)
        client.log_in()
        disk = {"uuid": self.base.uuid, "type": 0, "diff_level": 0, "real_size": 1}
        body = {"mac": RECEIVER, "uuid": self.template, "sys_type": 1, "name": "", "desc": "", "disks": [disk]}
        self.assertEqual(client.ask(9011, body)["code"], 0)
        self.assertEqual(self.terminal(RECEIVER)["state"], "current")
        client.close()
        self.wait(lambda: not self.terminal(RECEIVER)["online"], "the client to be gone")
        client = PlainTerminal(self.server, RECEIVER)
        client.log_in()
        self.assertEqual(self.terminal(RECEIVER)["state"], "unknown")
        number = self.roll_out([RECEIVER])
        command, torrent = sent(client)
        self.assertEqual((torrent.disk_uuid, torrent.level), (self.base.uuid, 0))
        self.assertEqual(self.rollout(number)["state"], "running")
        accept(client, command, torrent, ALREADY_THERE)
        self.done(number)
        self.assertEqual(self.terminal(RECEIVER)["state"], "current")
        client.close()


class HandmadeTests(SiteCase):
    """A terminal by hand, which says how far it is and does not fetch a byte."""

    def started(self) -> int:
        """A rollout to one terminal that has taken it."""
        self.server.up()
        self.import_base()
        self.client = PlainTerminal(self.server, RECEIVER)
        self.client.log_in()
        number = self.roll_out([RECEIVER])
        accept(self.client, *sent(self.client))
        self.wait(lambda: self.target(number)["state"] == "downloading", "the download to begin")
        return number

    def target(self, number: int) -> Any:
        """The terminal's part in a rollout."""
        return self.rollout(number)["targets"][0]

    def is_at(self, percent: float) -> None:
        """A 9025."""
        body = {"mac": RECEIVER, "torrent_name": str(self.base), "progress": percent, "state": "downloading"}
        self.assertEqual(self.client.ask(9025, body)["code"], 0)

    def test_dies_in_each_download(self) -> None:
        """A PC that dies at 34 % again and again is counted, shown with the reason, and needs attention."""
        number = self.started()
        self.is_at(34)
        for _ in range(4):
            self.client.close()
            self.wait(lambda: not self.terminal(RECEIVER)["online"], "the terminal to be gone")
            self.client = PlainTerminal(self.server, RECEIVER)
            self.client.log_in()
            self.is_at(34)
        self.wait(lambda: self.target(number)["attempts"] == 1, "the failed try to be counted")
        self.assertIn(
            "its connection broke 3 times during this download, the last time at 34%", str(self.target(number))
        )
        kinds = {one["kind"] for one in self.server.api("GET", "overview")["attention"]}
        self.assertIn("failing", kinds)
        self.client.close()

    def test_cancelled(self) -> None:
        """A cancelled rollout is as far as it was."""
        number = self.started()
        self.is_at(50)
        self.server.api("DELETE", f"rollouts/{number}")
        found = self.rollout(number)
        self.assertEqual((found["state"], found["progress"]), ("cancelled", 0.5))
        self.assertEqual((found["targets"][0]["state"], found["targets"][0]["progress"]), ("cancelled", 0.5))
        self.client.close()

    def test_taken_over(self) -> None:
        """A rollout that a later one took over is not done, and as far as it was."""
        number = self.started()
        self.is_at(50)
        self.roll_out([RECEIVER])
        found = self.rollout(number)
        self.assertEqual((found["state"], found["progress"]), ("superseded", 0.5))
        self.client.close()


def sent(client: PlainTerminal) -> tuple[Frame, TorrentBody]:
    """The next 1015."""
    while True:
        found = client.receive()
        if found.service_code == 1015:
            return found, torrent_body.parse(found.data)


def accept(client: PlainTerminal, command: Frame, torrent: TorrentBody, code: int = 0) -> None:
    """Answer a 1015."""
    assert torrent.task_uuid is not None
    client.answer_task(command, torrent.task_uuid, code)
