"""Tests of rooms over HTTP."""

from __future__ import annotations

from typing import Any

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, OTHER

ROOMS = "/api/v1/rooms"


class RoomTests(ApiCase):
    """Rooms."""

    async def make(self, name: str, *subnets: str) -> Any:
        """POST rooms; what it gives."""
        answer = await self.ask("POST", ROOMS, {"name": name, "subnets": list(subnets)})
        self.assertEqual(answer.status, 201, answer.text)
        return answer.json

    async def test_counted(self) -> None:
        """A room says how many terminals stand in it and how many of them are online; so do those in none."""
        await self.terminals.touch(MAC, "10.0.1.1", 2, 1.0)
        await self.terminals.touch(OTHER, "10.0.2.1", 2, 1.0)
        self.registry.there.add(MAC)
        made = await self.make(" Lab ", "10.0.1.0/24")
        self.assertEqual(made, {"id": made["id"], "name": "Lab", "subnets": ["10.0.1.0/24"], "online": 1, "total": 1})
        self.assertEqual(
            (await self.ask("GET", ROOMS)).json,
            {
                "rooms": [made],
                "total": 1,
                "offset": 0,
                "unassigned": 1,
                "proposals": [{"name": "10.0.2", "subnet": "10.0.2.0/24", "count": 1}],
            },
        )

    async def test_by_hand_needs_no_proposal(self) -> None:
        """The network of a terminal that was put somewhere by hand is not proposed."""
        await self.terminals.touch(MAC, "10.0.2.1", 2, 1.0)
        lab = await self.make("Lab")
        await self.ask("PATCH", "/api/v1/terminals", {"macs": [MAC], "room": lab["id"]})
        found = (await self.ask("GET", ROOMS)).json
        self.assertEqual((found["proposals"], found["unassigned"], found["rooms"][0]["total"]), ([], 0, 1))

    async def test_changed_and_removed(self) -> None:
        """What is not given stays; a room that is removed is shown a last time."""
        lab = await self.make("Lab", "10.0.1.0/24")
        path = f"{ROOMS}/{lab['id']}"
        self.assertEqual((await self.ask("PATCH", path, {"name": "Hall"})).json, {**lab, "name": "Hall"})
        changed = (await self.ask("PATCH", path, {"subnets": ["10.0.9.7", "10.0.2.0/24"]})).json
        self.assertEqual((changed["name"], changed["subnets"]), ("Hall", ["10.0.2.0/24", "10.0.9.7/32"]))
        self.assertEqual((await self.ask("DELETE", path)).json, changed)
        self.assertEqual((await self.ask("DELETE", path)).status, 404)
        texts = [event["text"] for event in (await self.ask("GET", "/api/v1/events")).json["events"]]
        self.assertEqual(
            texts[::-1],
            [
                "Room created: Lab; subnets: 10.0.1.0/24",
                "Room changed: Hall; subnets: 10.0.1.0/24",
                "Room changed: Hall; subnets: 10.0.2.0/24, 10.0.9.7/32",
                "Room deleted: Hall",
            ],
        )

    async def test_refusals(self) -> None:
        """What cannot be meant, or is another room's, is refused with the field at fault."""
        await self.make("Lab", "10.0.1.0/24")
        for body, status, field in (
            ({"name": "", "subnets": []}, 400, "name"),
            ({"name": "  "}, 400, "name"),
            ({"name": "x" * 65}, 400, "name"),
            ({"subnets": []}, 400, "name"),
            ({"name": "Hall", "subnets": ["10.0.1.7/24"]}, 400, "subnets[0]"),
            ({"name": "Hall", "subnets": ["10.0.2.0/24", "x"]}, 400, "subnets[1]"),
            ({"name": "Hall", "subnets": ["10.0.2.0/24"] * 65}, 400, "subnets"),
            ({"name": "lab"}, 409, "name"),
            ({"name": "Hall", "subnets": ["10.0.1.0/24"]}, 409, "subnets"),
        ):
            answer = await self.ask("POST", ROOMS, body)
            self.assertEqual((answer.status, answer.error_field), (status, field), body)
        self.assertEqual(len((await self.ask("GET", ROOMS)).json["rooms"]), 1)
        self.assertEqual((await self.ask("PATCH", f"{ROOMS}/1", {})).status, 400)
        self.assertEqual((await self.ask("PATCH", f"{ROOMS}/99", {"name": "x"})).status, 404)
