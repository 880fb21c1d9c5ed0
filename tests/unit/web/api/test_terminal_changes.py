"""Tests of naming, moving, waking and forgetting terminals over HTTP."""

from __future__ import annotations

from typing import Any

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, OTHER, TEMPLATE, level

UNKNOWN = "02:00:00:00:00:99"


class ManagementCase(ApiCase):
    """Two terminals."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.terminal()
        await self.terminal(OTHER)

    async def change(self, **body: Any) -> int:
        """PATCH terminals; how many changed."""
        answer = await self.ask("PATCH", "/api/v1/terminals", body)
        self.assertEqual(answer.status, 200, answer.text)
        return int(answer.json["changed"])

    async def get(self, mac: str = MAC) -> Any:
        """A terminal."""
        return (await self.ask("GET", f"/api/v1/terminals/{mac}")).json

    async def happened(self) -> list[tuple[str, str]]:
        """Kind and text of the audit log's entries, oldest first."""
        events = (await self.ask("GET", "/api/v1/events")).json["events"]
        return [(event["kind"], event["text"]) for event in reversed(events)]


class ChangeTests(ManagementCase):
    """PATCH terminals."""

    async def test_name(self) -> None:
        """A terminal gets a name, without blanks around it, and loses it again; what changes nothing is no event."""
        self.assertEqual(await self.change(macs=[MAC.lower()], name=" PC 教室 1 "), 1)
        self.assertEqual((await self.get())["name"], "PC 教室 1")
        self.assertEqual(await self.change(macs=[MAC], name="PC 教室 1"), 0)
        self.assertEqual(await self.change(macs=[MAC], name=""), 1)
        self.assertEqual((await self.get())["name"], "")
        self.assertEqual(
            await self.happened(),
            [
                ("terminal.renamed", f"Terminal {MAC} was renamed to PC 教室 1"),
                ("terminal.unnamed", f"The name of terminal {MAC} was removed"),
            ],
        )

    async def test_room(self) -> None:
        """Terminals are put into a room by hand, and out of it again."""
        lab = await self.rooms.add("Lab", [], 1.0)
        self.assertEqual(await self.change(macs=[MAC, OTHER], room=lab.id), 2)
        self.assertEqual([(await self.get(mac))["room"] for mac in (MAC, OTHER)], [lab.id, lab.id])
        self.assertEqual(await self.change(macs=[OTHER, MAC], room=lab.id), 0)
        self.assertEqual(await self.change(macs=[MAC], room=0), 1)
        self.assertIsNone((await self.get())["room"])
        self.assertEqual(
            await self.happened(),
            [
                ("terminal.moved", "Moved to Lab: 2 terminals"),
                ("terminal.released", f"Back in the room that matches the address: terminal {MAC}"),
            ],
        )

    async def test_refusals(self) -> None:
        """What cannot be meant is refused with the field at fault, and nothing is changed."""
        for body, status, field in (
            ({"macs": [MAC]}, 400, None),
            ({"macs": [], "name": "x"}, 400, "macs"),
            ({"macs": "all", "room": 0}, 400, "macs"),
            ({"macs": [MAC, OTHER], "name": "x"}, 400, "name"),
            ({"macs": [MAC], "name": "x\ny"}, 400, "name"),
            ({"macs": [MAC], "name": "x\u202ey"}, 400, "name"),
            ({"macs": [MAC], "name": "x" * 65}, 400, "name"),
            ({"macs": [MAC], "room": 77}, 404, "room"),
            ({"macs": [MAC], "room": -1}, 400, "room"),
            ({"macs": ["x"], "room": 0}, 400, "macs[0]"),
            ({"macs": [MAC, UNKNOWN], "room": 0}, 404, "macs"),
            ({"macs": [UNKNOWN], "name": "x"}, 404, "macs"),
        ):
            answer = await self.ask("PATCH", "/api/v1/terminals", body)
            self.assertEqual((answer.status, answer.error_field), (status, field), body)
        self.assertEqual(await self.happened(), [])


class ForgetTests(ManagementCase):
    """POST terminals/forget."""

    async def forget(self, *macs: str) -> Any:
        """The answer."""
        return await self.ask("POST", "/api/v1/terminals/forget", {"macs": list(macs)})

    async def test_forgotten(self) -> None:
        """They are gone, with their tracker keys; the audit log knows which they were."""
        key = (await self.terminals.get(MAC)).tracker_key  # type: ignore[union-attr]  # it is there
        answer = await self.forget(MAC)
        self.assertEqual((answer.status, answer.json), (200, {"forgotten": 1}))
        self.assertEqual(self.forgotten_keys, [key])
        self.assertEqual((await self.ask("GET", f"/api/v1/terminals/{MAC}")).status, 404)
        self.assertEqual(await self.happened(), [("terminal.forgotten", f"Forgotten: terminal {MAC}")])

    async def test_refused(self) -> None:
        """Whoever is online, in an open rollout or unknown is named, and nobody is forgotten."""
        self.registry.there.add(OTHER)
        answer = await self.forget(MAC, OTHER)
        self.assertEqual((answer.status, answer.error_field), (409, "macs"))
        self.assertIn(f"{OTHER} is online", answer.json["error"]["message"])
        await self.publish(level())
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        answer = await self.forget(MAC)
        self.assertEqual(answer.status, 409)
        self.assertIn(f"rollout {rollout.id}", answer.json["error"]["message"])
        self.assertEqual((await self.forget(MAC, UNKNOWN)).status, 404)
        self.assertEqual((await self.ask("GET", "/api/v1/terminals")).json["total"], 2)
        self.assertEqual((self.forgotten_keys, await self.happened()), ([], []))


class WakeTests(ManagementCase):
    """POST terminals/wake."""

    async def test_woken(self) -> None:
        """Each gets its packet once."""
        answer = await self.ask("POST", "/api/v1/terminals/wake", {"macs": [MAC, OTHER, MAC.lower()]})
        self.assertEqual((answer.status, answer.json), (202, {"sent": 2}))
        self.assertEqual(self.waker.woken, [MAC, OTHER])
        self.assertEqual(await self.happened(), [("terminal.woken", "Woken: 2 terminals")])

    async def test_not_sent(self) -> None:
        """Unknown terminals are not woken, and a server without a network says so."""
        self.assertEqual((await self.ask("POST", "/api/v1/terminals/wake", {"macs": [MAC, UNKNOWN]})).status, 404)
        self.assertEqual(self.waker.woken, [])
        self.waker.reached = 0
        self.assertEqual((await self.ask("POST", "/api/v1/terminals/wake", {"macs": [MAC]})).status, 409)
        self.assertEqual(await self.happened(), [])
