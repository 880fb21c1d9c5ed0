"""Tests of uploads over HTTP."""

from __future__ import annotations

from typing import Any

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, HASH, MAC, TEMPLATE, level
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.errors import Conflict
from voi.names import DiskName

SECOND = "99999999-2222-4333-8444-555555555555"


class UploadTests(ApiCase):
    """A terminal that has a base the server knows, and two levels that it does not."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        names = [DiskName(DISK, 0), DiskName(DISK, 1), DiskName(DISK, 4), DiskName(SECOND, 0)]
        await self.terminal(disks=[ReportedLevel(TEMPLATE, name, name.uuid == SECOND, 8, 0) for name in names])

    async def post(self, **body: Any) -> Any:
        """POST uploads."""
        return await self.ask("POST", "/api/v1/uploads", body)

    async def test_everything_reported(self) -> None:
        """Without a list, the terminal is asked for what only it has; its own write layers stay its own."""
        await self.publish(level())
        answer = await self.post(mac=MAC.lower(), template=TEMPLATE)
        self.assertEqual(answer.status, 202)
        known = ReportedTemplate(TEMPLATE, "Classroom", 3, "")
        wanted = [(DiskName(DISK, 1), 0), (DiskName(SECOND, 0), 1)]
        self.assertEqual(self.upload_requests.requests, [(MAC, known, wanted)])
        number = answer.json["id"]
        self.assertEqual(self.upload_requests.asked, [(number, MAC)])
        self.assertEqual(answer.headers["location"], f"/api/v1/uploads/{number}")
        self.assertEqual((await self.ask("GET", answer.headers["location"])).json, answer.json)
        self.assertEqual((answer.json["state"], answer.json["template"]), ("open", TEMPLATE))

    async def test_template_of_the_terminal(self) -> None:
        """A template that the server does not know is called as the terminal calls it."""
        await self.post(mac=MAC, template=TEMPLATE)
        self.assertEqual(
            self.upload_requests.requests[0][1], ReportedTemplate(TEMPLATE, "Classroom", 3, "from a terminal")
        )
        self.assertEqual(len(self.upload_requests.requests[0][2]), 3)

    async def test_new_template(self) -> None:
        """A template may be named in the request, with a uuid or without."""
        await self.post(mac=MAC, template={"uuid": TEMPLATE.upper(), "name": "New", "sys_type": 1, "desc": "d"})
        await self.post(mac=MAC, template={"name": "Other"}, disks=[f"voi_0_{SECOND}"])
        first, second = (template for _, template, _ in self.upload_requests.requests)
        self.assertEqual(first, ReportedTemplate(TEMPLATE, "New", 1, "d"))
        self.assertEqual((second.name, len(second.uuid)), ("Other", 36))
        self.assertNotEqual(second.uuid, TEMPLATE)

    async def test_listed_disks(self) -> None:
        """Disks go by name or in parts, the level by any of its names; a type that is not told is looked up."""
        unknown = "77777777-2222-4333-8444-555555555555"
        await self.publish(level())
        await self.post(
            mac=MAC,
            template=TEMPLATE,
            disks=[
                f"voi_0_{SECOND}",
                {"uuid": DISK, "diff_level": 1},
                {"uuid": unknown, "type": "data", "dif_level": 0},
                {"uuid": unknown, "type": 1, "level": 1},
            ],
        )
        expected = [(DiskName(SECOND, 0), 1), (DiskName(DISK, 1), 0), (DiskName(unknown, 0), 1)]
        expected.append((DiskName(unknown, 1), 1))
        self.assertEqual(self.upload_requests.requests[0][2], sorted(expected))

    async def test_progress(self) -> None:
        """An upload shows each disk's id, state, progress, rate and reason."""
        answer = await self.post(mac=MAC, template=TEMPLATE, disks=[f"voi_0_{SECOND}"])
        torrent_id = answer.json["disks"][0]["torrent_id"]
        await self.uploads.receive(torrent_id, HASH, 2000, 8, 8, 1.0)
        self.publisher.known[torrent_id] = 0.5
        view = (await self.ask("GET", answer.headers["location"])).json
        self.assertEqual(
            view["disks"],
            [
                {
                    "torrent_id": torrent_id,
                    "name": f"voi_0_{SECOND}",
                    "type": 1,
                    "state": "receiving",
                    "progress": 0.5,
                    "rate": 1000,
                    "size": 2000,
                    "reason": "",
                    "why": None,
                    "source": None,
                }
            ],
        )

    async def test_cancel(self) -> None:
        """A cancelled upload has failed, and says that it was cancelled."""
        path = (await self.post(mac=MAC, template=TEMPLATE)).headers["location"]
        answer = await self.ask("DELETE", path)
        self.assertEqual((answer.status, answer.json["state"]), (200, "failed"))
        self.assertEqual({disk["reason"] for disk in answer.json["disks"]}, {"cancelled by an administrator"})

    async def test_remark(self) -> None:
        """What is said of an upload is kept with it, and who wanted it; of a new template it is the template's."""
        view = (await self.post(mac=MAC, template=TEMPLATE, remark="with the new CAD")).json
        self.assertEqual(
            (view["remark"], view["who"], view["from"]), ("with the new CAD", "token api-token", "127.0.0.1")
        )
        view = (await self.post(mac=MAC, template={"name": "Other", "desc": "first"}, disks=[f"voi_0_{SECOND}"])).json
        self.assertEqual(view["remark"], "first")

    async def test_retry_and_dismiss(self) -> None:
        """What failed is asked for again as a new upload, which the terminal is told of; it is dismissed once."""
        path = (await self.post(mac=MAC, template=TEMPLATE)).headers["location"]
        self.assertEqual((await self.ask("POST", f"{path}/dismiss")).code, "conflict")
        for disk in (await self.ask("GET", path)).json["disks"]:
            await self.uploads.fail([disk["torrent_id"]], "torn", 1.0)
        again = await self.ask("POST", f"{path}/retry")
        self.assertEqual((again.status, again.json["state"]), (202, "open"))
        self.assertEqual(self.upload_requests.asked[-1], (again.json["id"], MAC))
        view = (await self.ask("POST", f"{path}/dismiss")).json
        self.assertEqual((view["state"], view["dismissed"]), ("failed", True))
        kinds = [one["kind"] for one in (await self.ask("GET", "/api/v1/events?kind=upload")).json["events"]]
        self.assertEqual(kinds, ["upload.retried", "upload.requested"])
        self.assertEqual((await self.ask("POST", "/api/v1/uploads/99/dismiss")).code, "unknown_upload")

    async def test_nothing_to_ask_for(self) -> None:
        """Where a terminal has nothing to upload, the answer says why: nothing reported, no more room for a difference,
        or all of it published.
        """
        levels = [level(number, info_hash=bytes([number]) * 20) for number in range(3)]
        await self.publish(*levels[:2], level(0, disk=SECOND, info_hash=bytes([9]) * 20))
        answer = await self.post(mac=MAC, template=TEMPLATE)
        self.assertEqual((answer.status, answer.json["error"]["why"]["code"]), (409, "nothing_to_upload"))
        await self.publish(levels[2])  # the terminal has changed its level 1, or made another difference
        answer = await self.post(mac=MAC, template=TEMPLATE)
        self.assertEqual(answer.json["error"]["why"], {"code": "differences_full", "data": {"uuid": DISK}})
        await self.store.write(lambda db: db.execute("DELETE FROM terminal_disks") and None)
        answer = await self.post(mac=MAC, template=TEMPLATE)
        expected = {"code": "nothing_reported", "data": {"mac": MAC, "name": "Classroom"}}
        self.assertEqual(answer.json["error"]["why"], expected)
        self.assertEqual(self.upload_requests.requests, [])

    async def test_unknown_things(self) -> None:
        """A terminal or template that nobody knows is 404 with the field."""
        answer = await self.post(mac="02:00:00:00:00:99", template=TEMPLATE)
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_terminal", "mac"))
        answer = await self.post(mac=MAC, template=SECOND)
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_template", "template"))

    async def test_refusal_of_the_desk(self) -> None:
        """What the intake refuses is reported, and the terminal is not asked."""
        self.upload_requests.refusal = Conflict("an import is uploading this template now")
        answer = await self.post(mac=MAC, template=TEMPLATE)
        self.assertEqual((answer.status, answer.code), (409, "conflict"))
        self.assertEqual(self.upload_requests.asked, [])

    async def test_bad_bodies(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        ok: dict[str, Any] = {"mac": MAC, "template": TEMPLATE}
        for body, field in (
            ({**ok, "mac": "x"}, "mac"),
            ({**ok, "template": "x"}, "template"),
            ({**ok, "template": {"name": "x", "uuid": "y"}}, "template.uuid"),
            ({**ok, "template": {}}, "template.name"),
            ({**ok, "disks": ["../../etc/passwd"]}, "disks[0]"),
            ({**ok, "disks": [f"voi_9_{DISK}"]}, "disks[0]"),
            ({**ok, "disks": [f"voi_0_{DISK}", {"uuid": "x"}]}, "disks[1].uuid"),
            ({**ok, "disks": [{"uuid": DISK, "level": 6}]}, "disks[0].level"),
            ({**ok, "disks": [{"uuid": DISK, "level": 0, "dif_level": 1}]}, "disks[0]"),
            ({**ok, "disks": []}, "disks"),
        ):
            answer = await self.post(**body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
        self.assertEqual(self.upload_requests.requests, [])
