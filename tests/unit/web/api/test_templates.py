"""Tests of templates over HTTP."""

from __future__ import annotations

import time

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, HASH, MAC, OTHER, TEMPLATE, level, upload_disk
from voi.domain.actors import Actor
from voi.domain.contents import Fault, status_of
from voi.domain.terminals import ReportedLevel
from voi.domain.uploads import Upload
from voi.errors import BadImage, NoSpace
from voi.messages.reason import Reason
from voi.names import DiskName

BODY = {"name": "Classroom", "sys_type": 3, "disks": [{"type": "data", "path": "/srv/disk.qcow2"}]}


class TemplateTests(ApiCase):
    """The catalogue."""

    async def test_none(self) -> None:
        """Without templates the list is empty."""
        self.assertEqual((await self.ask("GET", "/api/v1/templates")).json, {"templates": [], "total": 0, "offset": 0})

    async def test_who_has_which(self) -> None:
        """Versions are told newest first, with their levels, and how many terminals have which."""
        await self.publish(level(), level(1, info_hash=HASH[::-1]))
        base, difference = (ReportedLevel(TEMPLATE, DiskName(DISK, number), 0, 0, number) for number in (0, 1))
        await self.terminal(MAC, disks=[base, difference])
        await self.terminal(OTHER, disks=[base])
        versions = (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}/versions")).json["versions"]
        found = [(one["number"], one["size"], len(one["disks"]), one["terminals"]) for one in versions]
        self.assertEqual(found, [(2, 2000, 2, 1), (1, 1000, 1, 1)])
        for path in ("", f"/{TEMPLATE}"):
            answer = (await self.ask("GET", f"/api/v1/templates{path}")).json
            view = answer if path else answer["templates"][0]
            self.assertEqual((view["terminals_current"], view["terminals_outdated"]), (1, 1))

    async def test_no_whole_version(self) -> None:
        """A terminal with something of a template that is no version of it is counted apart from the older ones."""
        await self.publish(level())
        await self.terminal(disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 1), 0, 0, 1)])
        view = (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")).json
        counts = [view[f"terminals_{name}"] for name in ("current", "outdated", "incomplete", "unknown")]
        self.assertEqual(counts, [0, 0, 1, 0])

    async def test_who_and_remark_of_a_version(self) -> None:
        """A version tells who wanted it and what they said of it; of one from before that is not known."""
        await self.publish(level())
        disk = upload_disk(DiskName(DISK, 1), mac=MAC)
        made = await self.uploads.begin(
            Upload(0, TEMPLATE, "x", 3, "", MAC, 1.0, (disk,), "with the new CAD", Actor("account", "admin"))
        )
        await self.templates.publish(level(1, info_hash=HASH[::-1]), made.disks[0], made)
        versions = (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}/versions")).json["versions"]
        found = [(one["number"], one["who"], one["remark"]) for one in versions]
        self.assertEqual(found, [(2, "admin", "with the new CAD"), (1, "", "")])

    async def test_template(self) -> None:
        """A published template is shown with its group and its levels."""
        template = await self.publish(level())
        answer = await self.ask("GET", f"/api/v1/templates/{TEMPLATE.upper()}")
        self.assertEqual(
            answer.json,
            {
                "uuid": TEMPLATE,
                "name": "Classroom",
                "sys_type": 3,
                "desc": "",
                "state": "ready",
                "progress": 1.0,
                "reason": "",
                "why": None,
                "version": 1,
                "auto_update": False,
                "group": {"uuid": template.group_uuid, "name": "Classroom"},
                "terminals_current": 0,
                "terminals_outdated": 0,
                "terminals_incomplete": 0,
                "terminals_unknown": 0,
                "terminals_running": 0,
                "created": "2023-11-14T22:13:20Z",
                "updated": "2023-11-14T22:13:20Z",
                "disks": [
                    {
                        "uuid": DISK,
                        "level": 0,
                        "name": f"voi_0_{DISK}",
                        "type": 0,
                        "operate_id": 0,
                        "info_hash": HASH.hex(),
                        "size": 1000,
                        "virtual_size": 4096,
                        "published": "2023-11-14T22:13:20Z",
                        "uploader": MAC,
                        "content": {"state": "ready", "offered": True, "progress": None, "reason": "", "why": None},
                    }
                ],
                "uploads": [],
                "failed": [],
            },
        )
        self.assertEqual((await self.ask("GET", "/api/v1/templates")).json["templates"], [answer.json])

    async def test_incomplete(self) -> None:
        """A published template of which the server lacks a file says so, with what is wrong and what is done."""
        await self.publish(level())
        self.contents.wrong[HASH] = (
            level(),
            status_of(Fault.missing(), offered=False, reading=None, fetching=0.25, holders=3, hindrance=""),
        )
        found = (await self.ask("GET", "/api/v1/templates?state=incomplete")).json["templates"][0]
        self.assertEqual(found["state"], "incomplete")
        self.assertIn(f"template Office, voi_0_{DISK}: the file on the server is missing", found["reason"])
        self.assertIn("terminals that have all of it: 3; it is being fetched back, 20% done", found["reason"])
        self.assertEqual(found["why"]["code"], "content_problem")
        content = found["disks"][0]["content"]
        self.assertEqual((content["state"], content["offered"], content["progress"]), ("fetching", False, 0.25))
        self.assertEqual((await self.ask("GET", "/api/v1/templates?state=ready")).json["templates"], [])

    async def test_check(self) -> None:
        """Files are read on request, which is written down; none of a template that is not there."""
        await self.publish(level())
        answer = await self.ask("POST", f"/api/v1/templates/{TEMPLATE}/check")
        self.assertEqual((answer.status, answer.json["uuid"]), (202, TEMPLATE))
        self.assertEqual([one.name.level for one in self.contents.checked], [0])
        events = (await self.ask("GET", "/api/v1/events?kind=template.checked")).json["events"]
        self.assertEqual(
            [event["text"] for event in events], ["The files of template Classroom are being checked; files: 1"]
        )
        answer = await self.ask("POST", f"/api/v1/templates/{DISK}/check")
        self.assertEqual((answer.status, answer.code), (404, "unknown_template"))

    async def test_unknown(self) -> None:
        """A template that nothing has is 404 with its own code."""
        answer = await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")
        self.assertEqual((answer.status, answer.code), (404, "unknown_template"))

    async def test_difference_under_way(self) -> None:
        """A published template whose next level is being uploaded says so, and keeps what it has."""
        await self.publish(level())
        disk = upload_disk(DiskName(DISK, 1), mac=MAC)
        await self.uploads.begin(Upload(0, TEMPLATE, "x", 3, "", MAC, 1.0, (disk,)))
        self.publisher.known[disk.id] = 0.5
        for view in (
            (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")).json,
            (await self.ask("GET", "/api/v1/templates")).json["templates"][0],
        ):
            self.assertEqual((view["state"], view["progress"], view["version"]), ("uploading", 0.5, 1))
            self.assertEqual([upload["mac"] for upload in view["uploads"]], [MAC])


class ImportTests(ApiCase):
    """POST templates."""

    async def test_import(self) -> None:
        """An import is answered at once with where to look, and looked at while it runs."""
        answer = await self.ask("POST", "/api/v1/templates", BODY)
        self.assertEqual(answer.status, 202)
        self.assertEqual(answer.headers["location"], f"/api/v1/templates/{answer.json['uuid']}")
        self.assertEqual(self.upload_requests.imports, [("Classroom", 3, "", [(1, "/srv/disk.qcow2")])])
        torrent_id = answer.json["uploads"][0]["disks"][0]["torrent_id"]
        self.publisher.known[torrent_id] = 0.25
        view = (await self.ask("GET", answer.headers["location"])).json
        self.assertEqual((view["state"], view["progress"], view["version"]), ("importing", 0.25, 0))
        self.assertIsNone(view["group"])
        self.assertEqual((await self.ask("GET", "/api/v1/templates")).json["templates"], [view])

    async def test_failed_import(self) -> None:
        """A failed import says why, and is in the list until it is dismissed."""
        answer = await self.ask("POST", "/api/v1/templates", BODY)
        torrent_id = answer.json["uploads"][0]["disks"][0]["torrent_id"]
        await self.uploads.fail([torrent_id], Reason("raw_file"), time.time())
        view = (await self.ask("GET", answer.headers["location"])).json
        self.assertEqual((view["state"], view["reason"], view["uploads"]), ("failed", Reason("raw_file"), []))
        self.assertEqual(view["why"], {"code": "raw_file", "data": {}})
        disk = (await self.ask("GET", f"/api/v1/uploads/{answer.json['uploads'][0]['id']}")).json["disks"][0]
        self.assertEqual((disk["reason"], disk["why"]), (view["reason"], view["why"]))
        self.assertEqual((await self.ask("GET", "/api/v1/templates")).json["templates"], [view])
        (failed,) = view["failed"]
        self.assertEqual((failed["who"], failed["disks"][0]["source"]), ("token api-token", "/srv/disk.qcow2"))
        await self.ask("POST", f"/api/v1/uploads/{failed['id']}/dismiss")
        self.assertEqual((await self.ask("GET", "/api/v1/templates")).json["templates"], [])
        self.assertEqual((await self.ask("GET", answer.headers["location"])).json["state"], "failed")

    async def test_failed_beside_what_is_published(self) -> None:
        """A template that is published keeps its state when a further upload fails, and shows what failed."""
        await self.publish(level())
        disk = upload_disk(DiskName(DISK, 1), mac=MAC)
        made = await self.uploads.begin(Upload(0, TEMPLATE, "x", 3, "", MAC, 1.0, (disk,)))
        await self.uploads.fail([disk.id], "torn", 2.0)
        for path in ("", f"/{TEMPLATE}"):
            answer = (await self.ask("GET", f"/api/v1/templates{path}")).json
            view = answer if path else answer["templates"][0]
            self.assertEqual((view["state"], view["uploads"]), ("ready", []))
            self.assertEqual([one["id"] for one in view["failed"]], [made.id])

    async def test_refusals_of_the_desk(self) -> None:
        """What the server finds wrong with the files is told with status, code and field."""
        self.upload_requests.refusal = BadImage("disks[0].path: /x is no image", field="disks[0].path")
        answer = await self.ask("POST", "/api/v1/templates", BODY)
        self.assertEqual((answer.status, answer.code, answer.error_field), (422, "bad_image", "disks[0].path"))
        self.upload_requests.refusal = NoSpace("10 GiB are needed")
        answer = await self.ask("POST", "/api/v1/templates", BODY)
        self.assertEqual((answer.status, answer.code), (507, "no_space"))

    async def test_bad_bodies(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        disk = {"type": 0, "path": "/x"}
        for body, field in (
            ({**BODY, "name": ""}, "name"),
            ({**BODY, "name": "x" * 257}, "name"),
            ({**BODY, "disks": []}, "disks"),
            ({**BODY, "disks": [disk] * 65}, "disks"),
            ({**BODY, "disks": [{**disk, "type": "floppy"}]}, "disks[0].type"),
            ({**BODY, "disks": [disk, {"type": 0}]}, "disks[1].path"),
            ({"disks": [disk]}, "name"),
        ):
            answer = await self.ask("POST", "/api/v1/templates", body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
        self.assertEqual(self.upload_requests.imports, [])


class ChangeTests(ApiCase):
    """PATCH templates."""

    async def test_change(self) -> None:
        """Only what is named changes."""
        await self.publish(level())
        path = f"/api/v1/templates/{TEMPLATE}"
        view = (await self.ask("PATCH", path, {"name": "Room 2"})).json
        self.assertEqual((view["name"], view["auto_update"]), ("Room 2", False))
        view = (await self.ask("PATCH", path, {"auto_update": True})).json
        self.assertEqual((view["name"], view["auto_update"]), ("Room 2", True))
        view = (await self.ask("PATCH", path, {"desc": "for the CAD course"})).json
        self.assertEqual((view["name"], view["desc"], view["auto_update"]), ("Room 2", "for the CAD course", True))
        newest = (await self.ask("GET", "/api/v1/events?kind=template.remark")).json["events"][0]
        self.assertEqual(newest["text"], "The remark of template Room 2 was changed to: for the CAD course")
        self.assertEqual((await self.ask("GET", path)).json, view)

    async def test_refusals(self) -> None:
        """Nothing to change is malformed, and what is not published cannot be changed."""
        path = f"/api/v1/templates/{TEMPLATE}"
        self.assertEqual((await self.ask("PATCH", path, {})).status, 400)
        self.assertEqual((await self.ask("PATCH", path, {"name": "x"})).code, "unknown_template")
        await self.ask("POST", "/api/v1/templates", BODY)
        self.assertEqual((await self.ask("PATCH", path, {"name": "x"})).code, "conflict")
