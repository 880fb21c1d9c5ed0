"""Tests of rollouts over HTTP."""

from __future__ import annotations

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.rollout_history import Point, RolloutHistory
from voi.domain.terminals import ReportedLevel
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.rollouts.throughput import Throughput, TransferRate


class RolloutTests(ApiCase):
    """Two terminals and a published template."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.terminal(MAC)
        await self.terminal(OTHER)
        await self.publish(level())

    async def test_rollout(self) -> None:
        """A rollout is answered with its number, and shown target by target."""
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE.upper(), "macs": [MAC.lower()]})
        self.assertEqual((answer.status, answer.json), (201, {"id": 1}))
        self.assertEqual(answer.headers["location"], "/api/v1/rollouts/1")
        view = (await self.ask("GET", "/api/v1/rollouts/1")).json
        self.assertEqual((view["id"], view["template"], view["version"], view["state"]), (1, TEMPLATE, 1, "running"))
        target = view["targets"][0]
        self.assertEqual(
            {key: target[key] for key in ("mac", "state", "progress", "reason", "attempts", "next_try")},
            {"mac": MAC, "state": "waiting", "progress": 0.25, "reason": "", "attempts": 0, "next_try": None},
        )

    async def test_all(self) -> None:
        """`all` is every terminal; the list counts them by state."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        listed = (await self.ask("GET", "/api/v1/rollouts")).json["rollouts"]
        nothing = dict.fromkeys(("waiting", "downloading", "done", "failed", "cancelled", "superseded"), 0)
        self.assertEqual(listed[0]["counts"], nothing | {"waiting": 2})
        self.assertNotIn("targets", listed[0])

    async def test_cancel(self) -> None:
        """A cancelled rollout is shown as it then is."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        answer = await self.ask("DELETE", "/api/v1/rollouts/1")
        self.assertEqual((answer.status, answer.json["state"]), (200, "cancelled"))
        self.assertEqual({target["state"] for target in answer.json["targets"]}, {"cancelled"})

    async def test_taken_out(self) -> None:
        """Terminals can be taken out of a rollout; it goes on for the others, and the audit log says who did it."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        answer = await self.ask("POST", "/api/v1/rollouts/1/cancel", {"macs": [MAC.lower()]})
        self.assertEqual((answer.status, answer.json), (200, {"id": 1, "cancelled": 1}))
        view = (await self.ask("GET", "/api/v1/rollouts/1")).json
        self.assertEqual([target["state"] for target in view["targets"]], ["cancelled", "waiting"])
        (entry, _) = (await self.ask("GET", "/api/v1/events?kind=rollout")).json["events"]
        self.assertEqual(entry["text"], f"Rollout 1: taken out: terminal {MAC}")

    async def test_version(self) -> None:
        """A version can be chosen, for the preview as well; one that is none is refused, and named."""
        await self.publish(level(1, info_hash=bytes(20)))
        body = {"template": TEMPLATE, "macs": [MAC], "version": 1}
        preview = (await self.ask("POST", "/api/v1/rollouts/preview", body)).json
        self.assertEqual((preview["version"], preview["total_bytes"]), (1, 1000))
        await self.ask("POST", "/api/v1/rollouts", body)
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts/1")).json["version"], 1)
        for path in ("rollouts", "rollouts/preview"):
            answer = await self.ask("POST", f"/api/v1/{path}", {**body, "version": 9})
            self.assertEqual((answer.status, answer.json["error"]["field"]), (404, "version"))

    async def test_how_it_goes(self) -> None:
        """A running rollout tells rates, ends and sources; one that has ended what is kept of it."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        self.registry.there.add(MAC)
        await self.rollouts.plan(1, MAC, 2.0)
        self.recorder.transfers[1, MAC] = TransferRate(1000, 400.0, 0.0, 60.0, 100)
        self.recorder.running[1] = Throughput(60.0, 30.0, 10.0, RolloutHistory(1, 1500, [Point(5.0, 60, 30)]))
        view = (await self.ask("GET", "/api/v1/rollouts/1")).json
        target = view["targets"][0]
        found = {key: target[key] for key in ("ip", "online", "rate", "from_server", "eta")}
        self.assertEqual(found, {"ip": "192.0.2.7", "online": True, "rate": 60.0, "from_server": 0.25, "eta": 10.0})
        self.assertEqual((view["targets"][1]["from_server"], view["targets"][1]["eta"]), (None, None))
        found = {key: view[key] for key in ("template_name", "size", "server_sent", "copies", "best", "rate", "eta")}
        self.assertEqual(
            found,
            {"template_name": "Classroom", "size": 1000, "server_sent": 1500, "copies": 1.5, "best": 2.0, "rate": 60.0,
             "eta": 10.0},
        )  # fmt: skip
        self.assertEqual((view["rates"], view["finished"]), ([[5.0, 60, 30]], None))
        self.coordinator.targets = [
            (1, MAC, "downloading", 0.3, ""),
            (1, OTHER, "waiting", 0.2, ""),
            (2, MAC, "waiting", 0.9, ""),
        ]
        (listed,) = (await self.ask("GET", "/api/v1/rollouts")).json["rollouts"]
        self.assertEqual((listed["progress"], listed["rate"], listed["eta"]), (0.25, 60.0, 10.0))
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts/1")).json["progress"], 0.25)
        self.recorder.running.clear()
        await self.recorder.histories.save(RolloutHistory(1, 2000, [Point(5.0, 60, 30)]))
        await self.ask("DELETE", "/api/v1/rollouts/1")
        view = (await self.ask("GET", "/api/v1/rollouts/1")).json
        self.assertEqual((view["copies"], view["rates"], view["rate"]), (2.0, [[5.0, 60, 30]], 0.0))
        self.assertIsNotNone(view["finished"])

    async def test_one_truth(self) -> None:
        """A rollout says the same of itself everywhere; one that was cancelled or taken over is not all done, and what
        nobody measured is null, not 0.
        """
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        self.registry.there.add(MAC)
        work = await self.rollouts.plan(1, MAC, 2.0)
        assert work is not None
        await self.rollouts.done(work.tasks[0], ReportedLevel(TEMPLATE, DiskName(DISK, 0), operate_id=0), 3.0)
        seen = [await self.both(1)]
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [OTHER]})
        seen.append(await self.both(1))
        await self.ask("DELETE", "/api/v1/rollouts/2")
        seen.append(await self.both(2))
        self.assertEqual(seen, [("running", 0.5), ("superseded", 0.5), ("cancelled", 0.0)])
        view = (await self.ask("GET", "/api/v1/rollouts/2")).json
        self.assertEqual((view["server_sent"], view["copies"]), (None, None))

    async def both(self, number: int) -> tuple[str, float]:
        """State and progress of a rollout, on its page as in the list; counts and what it runs are the same too."""
        page = (await self.ask("GET", f"/api/v1/rollouts/{number}")).json
        found = (await self.ask("GET", "/api/v1/rollouts")).json["rollouts"]
        (listed,) = [one for one in found if one["id"] == number]
        for name in ("state", "progress", "counts", "ran"):
            self.assertEqual(page[name], listed[name], name)
        return page["state"], page["progress"]

    async def test_pages(self) -> None:
        """The list has filters and pages, newest first, and says how many there are."""
        for _ in range(3):
            await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        other = TEMPLATE[:-1] + "0"
        for query, numbers, total in (
            ("", [3, 2, 1], 3),
            ("?limit=1&offset=1", [2], 3),
            ("?state=running", [3], 1),
            ("?state=superseded&limit=1", [2], 2),
            ("?state=done", [], 0),
            (f"?template={TEMPLATE.upper()}", [3, 2, 1], 3),
            (f"?template={other}", [], 0),
        ):
            answer = (await self.ask("GET", f"/api/v1/rollouts{query}")).json
            self.assertEqual(([one["id"] for one in answer["rollouts"]], answer["total"]), (numbers, total), query)

    async def test_bad_queries(self) -> None:
        """A query that is none is refused, and says which part of it."""
        for query, field in (
            ("limit=0", "limit"),
            ("limit=x", "limit"),
            ("offset=-1", "offset"),
            ("state=lost", "state"),
            ("template=x", "template"),
            ("nothing=1", "nothing"),
            ("limit=1&limit=2", "limit"),
            ("%ff=1", None),
            ("&".join(f"a{n}=1" for n in range(99)), None),
            ("q=" + "x" * 5000, None),
        ):
            answer = await self.ask("GET", f"/api/v1/rollouts?{query}")
            self.assertEqual((answer.status, answer.error_field), (400, field), query[:40])

    async def test_preview(self) -> None:
        """A preview says what each terminal lacks, and begins nothing."""
        await self.terminal(MAC, disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 0, 0)])
        self.registry.there.add(OTHER)
        answer = await self.ask("POST", "/api/v1/rollouts/preview", {"template": TEMPLATE, "macs": "all"})
        self.assertEqual(
            [(one["mac"], one["online"], one["bytes"]) for one in answer.json["terminals"]],
            [(MAC, False, 0), (OTHER, True, 1000)],
        )
        found = [answer.json[key] for key in ("version", "total_bytes", "most_bytes", "nothing")]
        self.assertEqual(found, [1, 1000, 1000, 1])
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts")).json["total"], 0)

    async def test_preview_of_what_is_not_known(self) -> None:
        """One that is on and has not said since its login what it has is counted as one that lacks everything: it is
        sent that.
        """
        await self.terminal(MAC, disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 0, 0)])
        await self.terminals.touch(MAC, "192.0.2.7", 2, 9.0)
        for online, lacks in ((False, 0), (True, 1000)):
            self.registry.there = {MAC} if online else set()
            answer = await self.ask("POST", "/api/v1/rollouts/preview", {"template": TEMPLATE, "macs": [MAC]})
            self.assertEqual(answer.json["total_bytes"], lacks)

    async def test_too_small(self) -> None:
        """A preview warns of a disk on which the version does not fit: what is free, and what is written over, is less
        than it needs; of a terminal that did not say what is free nothing is said.
        """
        await self.terminal(MAC, disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 0, 7)])
        await self.publish(level(1, info_hash=bytes(20)))
        for free, short in ((400, [600, None]), (1000, [0, None])):
            self.registry.free[MAC] = free
            answer = await self.ask("POST", "/api/v1/rollouts/preview", {"template": TEMPLATE, "macs": "all"})
            self.assertEqual([one["short"] for one in answer.json["terminals"]], short)
            self.assertEqual(answer.json["too_small"], int(bool(short[0])))
        self.registry.free[OTHER] = 1500
        answer = await self.ask("POST", "/api/v1/rollouts/preview", {"template": TEMPLATE, "macs": "all"})
        self.assertEqual([one["short"] for one in answer.json["terminals"]], [0, 500])

    async def test_sent_again(self) -> None:
        """A version can be sent to terminals that have it by what they said; the preview counts all of it, and the
        audit log says that it was sent again.
        """
        await self.terminal(MAC, disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 0, 0)])
        body = {"template": TEMPLATE, "macs": [MAC], "again": True}
        answer = await self.ask("POST", "/api/v1/rollouts/preview", body)
        self.assertEqual([one["bytes"] for one in answer.json["terminals"]], [1000])
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts", body)).status, 201)
        (entry,) = (await self.ask("GET", "/api/v1/events?kind=rollout")).json["events"]
        self.assertEqual(entry["kind"], "rollout.begun_again")
        self.assertIn(f"is sent again to terminal {MAC}", entry["text"])

    async def test_of_a_room(self) -> None:
        """A rollout may be for a room: for those who stand in it by their addresses or by hand."""
        room = (await self.ask("POST", "/api/v1/rooms", {"name": "Room 3", "subnets": ["198.51.100.0/24"]})).json["id"]
        body = {"template": TEMPLATE, "room": room}
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts", body)).status, 409)
        await self.ask("PATCH", "/api/v1/terminals", {"macs": [OTHER], "room": room})
        preview = await self.ask("POST", "/api/v1/rollouts/preview", body)
        self.assertEqual([one["mac"] for one in preview.json["terminals"]], [OTHER])
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts", body)).status, 201)
        targets = (await self.ask("GET", "/api/v1/rollouts/1")).json["targets"]
        self.assertEqual([target["mac"] for target in targets], [OTHER])
        for wrong, status in (({"room": 99}, 404), ({"room": room, "macs": "all"}, 400), ({}, 400)):
            answer = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, **wrong})
            self.assertEqual(answer.status, status, wrong)

    async def test_retry(self) -> None:
        """What failed is tried again; where nothing failed, that is said."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts/1/retry")).status, 409)
        work = await self.rollouts.plan(1, MAC, 1.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], "no space left", 6, None, 2.0)
        answer = await self.ask("POST", "/api/v1/rollouts/1/retry")
        self.assertEqual((answer.status, answer.json), (202, {"id": 1, "retried": 1}))
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts/1")).json["state"], "running")

    async def test_failure_is_explained(self) -> None:
        """A target that is tried again says when and why."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        work = await self.rollouts.plan(1, MAC, 1.0)
        assert work is not None
        reason = Reason("terminal_answered", code=7, text="no space left")
        await self.rollouts.failed(work.tasks[0], reason, 1, 1_700_000_000.0, 2.0)
        target = (await self.ask("GET", "/api/v1/rollouts/1")).json["targets"][0]
        self.assertEqual((target["reason"], target["attempts"]), ("the terminal answered 7: no space left", 1))
        self.assertEqual(target["why"], {"code": "terminal_answered", "data": {"code": 7, "text": "no space left"}})
        (terminal,) = (await self.ask("GET", "/api/v1/terminals")).json["terminals"][:1]
        self.assertEqual((terminal["reason"], terminal["why"]), (target["reason"], target["why"]))
        self.assertEqual(target["next_try"], "2023-11-14T22:13:20Z")

    async def test_unknown_things(self) -> None:
        """A template or terminal that nobody knows is 404 with the field, and nothing begins."""
        unknown = TEMPLATE[:-1] + "0"
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": unknown, "macs": "all"})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_template", "template"))
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": ["020000000099"]})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_terminal", "macs"))
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts")).json["total"], 0)

    async def test_bad_bodies(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        for body, field in (
            ({"macs": "all"}, "template"),
            ({"template": "x", "macs": "all"}, "template"),
            ({"template": TEMPLATE}, "macs"),
            ({"template": TEMPLATE, "macs": ["x"]}, "macs[0]"),
            ({"template": TEMPLATE, "macs": [MAC] * 10_001}, "macs"),
        ):
            answer = await self.ask("POST", "/api/v1/rollouts", body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
