"""Tests of the overview over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import HASH, MAC, OTHER, TEMPLATE, level, upload_disk
from voi.domain.contents import Fault, status_of
from voi.domain.terminals import ReportedLevel
from voi.domain.uploads import Ending, Upload, UploadState
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.rollouts.bad_copies import BadCopy, CopyState
from voi.web.api.schemas.rooms import subnets_of

DISK_TWO = "21111111-2222-4333-8444-555555555555"


class OverviewTests(ApiCase):
    """GET overview."""

    async def get(self) -> Any:
        """The overview."""
        answer = await self.ask("GET", "/api/v1/overview")
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    async def test_nothing(self) -> None:
        """In a site without terminals nothing needs attention."""
        self.assertEqual(
            await self.get(),
            {
                "terminals": {
                    "online": 0,
                    "total": 0,
                    "current": 0,
                    "unknown": 0,
                    "unreported": 0,
                    "outdated": 0,
                    "failed": 0,
                },
                "rooms": [],
                "rollouts": [],
                "traffic": {"server_out": 0, "server_in": 0, "swarm": 0},
                "disk": {"free": 500 << 30, "total": 1000 << 30},
                "attention": [],
            },
        )

    async def test_terminals(self) -> None:
        """Terminals are counted, in all and by room; those with an older version want somebody."""
        await self.publish(level(0), level(1, info_hash=b"x" * 20))
        await self.terminal(disks=[ReportedLevel(TEMPLATE, level(0).name, operate_id=0)])
        await self.terminals.touch(OTHER, "10.0.1.1", 2, 1.0)
        lab = await self.rooms.add("Lab", subnets_of(["10.0.1.0/24"]), 1.0)
        self.registry.there.add(MAC)
        found = await self.get()
        counts = {"online": 1, "total": 2, "current": 0, "unknown": 0, "unreported": 0, "outdated": 1, "failed": 0}
        self.assertEqual(found["terminals"], counts)
        self.assertEqual(
            found["rooms"],
            [
                {"id": lab.id, "name": "Lab", "online": 0, "total": 1},
                {"id": None, "name": "", "online": 1, "total": 1},
            ],
        )
        self.assertEqual(
            [(x["kind"], x["count"], x["link"]) for x in found["attention"]],
            [("outdated", 1, "#/terminals?state=outdated")],
        )

    async def test_shared(self) -> None:
        """Pages that ask one after the other share an answer, until somebody changes something."""
        self.api._overview._answer._seconds = 1e9  # however slow the machine is
        await self.terminal()
        await self.get()
        self.coordinator.stall_monitor.still = {1: 3}
        self.assertEqual((await self.get())["attention"], [])
        await self.ask("PATCH", "/api/v1/terminals", {"macs": [MAC], "name": "PC 1"})
        self.assertEqual([x["count"] for x in (await self.get())["attention"]], [3])

    async def test_rollouts(self) -> None:
        """Running rollouts are shown, newest first, and those in which terminals fail or get nothing want somebody."""
        await self.terminal()
        await self.terminal(OTHER)
        await self.publish(level())
        ended = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.rollouts.cancel(ended.id, 1.0)
        running = [(await self.rollouts.begin(TEMPLATE, [mac], 1.0)).id for mac in (MAC, OTHER)]
        self.coordinator.stall_monitor.failed = {running[0]: 2}
        self.coordinator.stall_monitor.still = {running[0]: 3}
        self.traffic.server_out, self.traffic.server_in, self.traffic.swarm = 1, 2, 3
        found = await self.get()
        self.assertEqual([x["id"] for x in found["rollouts"]], running[::-1])
        self.assertEqual(found["traffic"], {"server_out": 1, "server_in": 2, "swarm": 3})
        self.assertEqual(
            [(x["kind"], x["count"], x["link"]) for x in found["attention"]],
            [("failing", 2, f"#/rollouts/{running[0]}"), ("stuck", 3, f"#/rollouts/{running[0]}")],
        )

    async def test_damaged_copies(self) -> None:
        """Terminals whose copies of a disk are damaged want somebody, with their names and the disk."""
        disk = DiskName(TEMPLATE, 0)
        self.bad_copies.copies = [BadCopy(mac, disk, 3, MAC, 0.0) for mac in (OTHER, MAC)]
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["kind"], found["count"], found["link"]), ("damaged", 2, "#/terminals"))
        self.assertEqual(found["why"]["data"], {"disk": str(disk), "macs": f"{OTHER}, {MAC}"})

    async def test_copies_by_what_becomes_of_them(self) -> None:
        """Who mends a copy by itself is told apart from where somebody has to see to it."""
        disk = DiskName(TEMPLATE, 0)
        self.bad_copies.copies = [
            BadCopy(MAC, disk, 3, OTHER, 0.0, state=state, why=Reason("os_io") if state is CopyState.UNREADABLE else "")
            for state in CopyState
        ]
        found = (await self.get())["attention"]
        self.assertEqual({one["kind"] for one in found}, {"damaged"})
        self.assertEqual(
            [one["why"]["code"] for one in found],
            ["copies_damaged", "copies_checked", "copies_right", "copies_unreadable"],
        )
        self.assertEqual(found[3]["why"]["data"]["why"]["code"], "os_io")

    async def test_failed(self) -> None:
        """Terminals that a rollout gave up want somebody."""
        await self.terminal()
        await self.publish(level())
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        work = await self.rollouts.plan(rollout.id, MAC, 1.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], "a bad disk", 6, None, 2.0)
        self.registry.there.add(MAC)
        found = await self.get()
        self.assertEqual((found["terminals"]["failed"], found["attention"][0]["kind"]), (1, "failed"))

    async def test_server(self) -> None:
        """A disk that is nearly full and a check that fails want somebody."""
        self.disk = (99 << 30, 1000 << 30)
        self.checks["bittorrent"] = lambda: "it does not listen"
        found = (await self.get())["attention"]
        self.assertEqual([x["kind"] for x in found], ["disk", "health"])
        self.assertIn("it does not listen", found[1]["text"])

    async def test_files(self) -> None:
        """A published level of which the server has no whole file, with what is wrong, leads to its template."""
        fault = status_of(Fault.missing(), offered=False, reading=None, fetching=0.0, holders=0, hindrance="")
        self.contents.wrong[HASH] = (level(), fault)
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["kind"], found["count"], found["link"]), ("content", 1, f"#/templates/{TEMPLATE}"))
        self.assertIn("no terminal that is online has all of it", found["text"])

    async def test_in_other_languages(self) -> None:
        """Beside each sentence stands what it is made of, down to what a check says."""
        self.disk = (99 << 30, 1000 << 30)
        self.checks["bittorrent"] = lambda: Reason("torrents_failing", count=2)
        disk, health = (await self.get())["attention"]
        self.assertEqual(disk["why"], {"code": "disk_nearly_full", "data": {"free": 99 << 30}})
        failing = {"code": "torrents_failing", "data": {"count": 2}}
        self.assertEqual(health["why"], {"code": "check", "data": {"check": "bittorrent", "why": failing}})

    async def test_uploads(self) -> None:
        """Uploads that failed need attention at the template's page, unless they were cancelled, tried again, or
        dismissed.
        """
        now = time.time()
        for number, (ending, dismissed, again) in enumerate(
            (
                (Ending.FAILED, False, False),
                (Ending.CANCELLED, False, False),
                (Ending.ASKED_AGAIN, False, False),
                (Ending.FAILED, False, True),
                (Ending.FAILED, True, False),
            )
        ):
            disk = upload_disk(DiskName(f"{number}{DISK_TWO[1:]}", 0), mac=MAC)
            begun = await self.uploads.begin(Upload(0, TEMPLATE, "x", 1, "", MAC, 1.0, (disk,)))
            await self.uploads.fail([begun.disks[0].id], "torn", now, ending=ending)
            if dismissed:
                await self.uploads.dismiss(begun.id)
            if again:
                later = replace(upload_disk(disk.name, mac=MAC), created=2.0)
                await self.uploads.begin(Upload(0, TEMPLATE, "x", 1, "", MAC, 2.0, (later,)))
                await self.uploads.set_state(later.id, UploadState.RECEIVING, now)
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["kind"], found["count"], found["link"]), ("upload", 1, f"#/templates/{TEMPLATE}"))

    async def test_uploads_that_cannot_begin(self) -> None:
        """An upload that is refused for now wants somebody, with why."""
        disk = upload_disk(DiskName(DISK_TWO, 0), mac=MAC)
        await self.uploads.begin(Upload(0, TEMPLATE, "x", 1, "", MAC, 1.0, (disk,)))
        self.assertEqual((await self.get())["attention"], [])
        await self.uploads.explain([disk.id], Reason("no_space", needed=2, available=1))
        await self.ask("PATCH", "/api/v1/settings", {"retention_days": 7})  # what is written down makes a fresh answer
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["kind"], found["count"], found["link"]), ("held", 1, f"#/templates/{TEMPLATE}"))
        self.assertEqual(found["why"]["data"]["why"]["code"], "no_space")

    async def test_clock_that_was_set(self) -> None:
        """That the clock was set needs attention, with by how much, and leads to the events."""
        self.clock_problem = Reason("clock_back", seconds=86_400)
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["kind"], found["link"]), ("clock", "#/events?kind=server"))
        self.assertIn("set back by 1 d 0 h", found["text"])
        self.assertEqual(found["why"]["data"]["seconds"], 86_400)

    async def test_uploads_of_several_templates(self) -> None:
        """Failed uploads of several templates are found in the list of all."""
        for number, template in enumerate((TEMPLATE, DISK_TWO)):
            disk = upload_disk(DiskName(f"{number}{DISK_TWO[1:]}", 0), mac=MAC)
            await self.uploads.begin(Upload(0, template, "x", 1, "", MAC, 1.0, (disk,)))
            await self.uploads.fail([disk.id], "torn", 2.0)
        (found,) = (await self.get())["attention"]
        self.assertEqual((found["count"], found["link"]), (2, "#/templates"))
