"""Tests of the audit log over HTTP."""

from __future__ import annotations

import csv
import io

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, OTHER, TEMPLATE, level
from voi.domain.actors import Actor
from voi.domain.audit import make_entry
from voi.web.api import events as web_events

LI = Actor("account", "li", "192.0.2.1")
EVENTS = "/api/v1/events"


class EventCase(ApiCase):
    """An audit log with entries."""

    async def fill(self, count: int) -> None:
        """So many rooms were removed."""
        for number in range(count):
            event = make_entry("room.removed", LI, 1_700_000_000.0 + number, data={"name": f"R{number}"})
            await self.events.add(event)


class EventTests(EventCase):
    """GET events."""

    async def texts(self, query: str = "") -> list[str]:
        """The rooms of the entries that come."""
        answer = await self.ask("GET", f"{EVENTS}{query}")
        self.assertEqual(answer.status, 200, answer.text)
        return [event["data"]["name"] for event in answer.json["events"]]

    async def test_shape(self) -> None:
        """An entry says what happened in English and as data, who it was and from where."""
        await self.fill(1)
        self.assertEqual(
            (await self.ask("GET", EVENTS)).json,
            {
                "events": [
                    {
                        "id": 1,
                        "time": "2023-11-14T22:13:20Z",
                        "kind": "room.removed",
                        "who": "li",
                        "from": "192.0.2.1",
                        "text": "Room deleted: R0",
                        "mac": None,
                        "rollout": None,
                        "template": None,
                        "data": {"name": "R0"},
                    }
                ],
                "total": 1,
                "offset": 0,
            },
        )

    async def test_pages(self) -> None:
        """Newest first, the next page before the last id; the total is of all pages."""
        await self.fill(5)
        first = (await self.ask("GET", f"{EVENTS}?limit=2")).json
        self.assertEqual([event["id"] for event in first["events"]], [5, 4])
        second = (await self.ask("GET", f"{EVENTS}?limit=2&before=4")).json
        self.assertEqual(([event["id"] for event in second["events"]], second["total"]), ([3, 2], 5))

    async def test_filters(self) -> None:
        """By text, person, kind, terminal, and time with its zone."""
        await self.fill(4)
        await self.events.add(make_entry("terminal.renamed", LI, 1.0, mac=MAC, data={"name": "PC"}))
        for query, expected in (
            ("?q=r2", ["R2"]),
            ("?who=li&kind=room", ["R3", "R2", "R1", "R0"]),
            ("?who=somebody", []),
            ("?kind=terminal.renamed", ["PC"]),
            (f"?mac={MAC.replace(':', '-').lower()}", ["PC"]),
            ("?since=2023-11-14T22:13:21Z&until=2023-11-14T22:13:23Z", ["R2", "R1"]),
            ("?since=2023-11-15T06:13:22%2B08:00", ["R3", "R2"]),
        ):
            self.assertEqual(await self.texts(query), expected, query)

    async def test_refusals(self) -> None:
        """What cannot be meant is refused with the field at fault; a time needs its zone."""
        for query, field in (
            ("?limit=1001", "limit"),
            ("?before=x", "before"),
            ("?mac=x", "mac"),
            ("?since=yesterday", "since"),
            ("?since=2023-11-14T22:13:21", "since"),
            ("?colour=red", "colour"),
        ):
            for path in (EVENTS, f"{EVENTS}.csv"):
                answer = await self.ask("GET", f"{path}{query}")
                self.assertEqual((answer.status, answer.error_field), (400, field), query)

    async def test_of_a_terminal(self) -> None:
        """A terminal's page has its own entries alone."""
        await self.terminal()
        await self.terminal(OTHER)
        for mac in (MAC, OTHER):
            await self.ask("PATCH", "/api/v1/terminals", {"macs": [mac], "name": "PC"})
        found = (await self.ask("GET", f"/api/v1/terminals/{MAC}/events?kind=terminal")).json
        self.assertEqual(([event["mac"] for event in found["events"]], found["total"]), ([MAC], 1))

    async def test_every_change(self) -> None:
        """What is changed through the API is in the audit log, with who did it and from where."""
        await self.terminal()
        await self.publish(level())
        made = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        await self.ask("DELETE", f"/api/v1/rollouts/{made.json['id']}")
        await self.ask("PATCH", f"/api/v1/templates/{TEMPLATE}", {"name": "Office", "auto_update": True})
        await self.ask("PATCH", f"/api/v1/templates/{TEMPLATE}", {"name": "Office", "auto_update": False})
        disk = {"type": 0, "path": "/srv/x"}
        await self.ask("POST", "/api/v1/templates", {"name": "New", "disks": [disk]})
        body = {"mac": MAC, "template": TEMPLATE, "disks": [f"voi_1_{level().name.uuid}"]}
        upload = await self.ask("POST", "/api/v1/uploads", body)
        for _ in range(2):
            await self.ask("DELETE", f"/api/v1/uploads/{upload.json['id']}")
        await self.ask("POST", "/api/v1/accounts", {"name": "li", "password": "long enough", "role": "operator"})
        await self.ask("PATCH", "/api/v1/accounts/li", {"role": "administrator", "password": "long enough"})
        await self.accounts.add("other", "x")
        await self.ask("DELETE", "/api/v1/accounts/li")
        token = await self.ask("POST", "/api/v1/tokens", {"name": "backup", "role": "operator"})
        await self.ask("DELETE", f"/api/v1/tokens/{token.json['id']}")
        found = (await self.ask("GET", EVENTS)).json["events"][::-1]
        self.assertEqual(
            [event["kind"] for event in found],
            [
                "rollout.begun",
                "rollout.cancelled",
                "template.renamed",
                "template.auto_update_on",
                "template.auto_update_off",
                "template.imported",
                "upload.requested",
                "upload.cancelled",
                "account.made",
                "account.changed",
                "account.password",
                "account.removed",
                "token.made",
                "token.revoked",
            ],
        )
        self.assertEqual({(event["who"], event["from"]) for event in found}, {("token api-token", "127.0.0.1")})
        self.assertEqual(found[0]["text"], f"Rollout 1 started: template Classroom, version 1, to terminal {MAC}")
        self.assertEqual((found[0]["rollout"], found[0]["template"]), (1, TEMPLATE))

    async def test_signing_in(self) -> None:
        """Who signed in, who tried to, who signed out."""
        await self.accounts.add("admin", "x")
        self.passwords.known = {"admin": "correct horse"}
        await self.ask("POST", "/api/v1/session", {"name": "admin", "password": "wrong"}, token=None)
        answer = await self.ask("POST", "/api/v1/session", {"name": "admin", "password": "correct horse"}, token=None)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        headers = {"Cookie": cookie, "X-CSRF-Token": answer.json["csrf"]}
        await self.ask("DELETE", "/api/v1/session", token=None, headers=headers)
        found = (await self.ask("GET", EVENTS)).json["events"][::-1]
        self.assertEqual(
            [(event["kind"], event["who"], event["from"]) for event in found],
            [
                ("account.refused", "stranger", "127.0.0.1"),
                ("account.signed_in", "admin", "127.0.0.1"),
                ("account.signed_out", "admin", "127.0.0.1"),
            ],
        )


class ExportTests(EventCase):
    """GET events.csv."""

    async def table(self, query: str = "") -> list[list[str]]:
        """Its rows."""
        answer = await self.ask("GET", f"{EVENTS}.csv{query}")
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.headers["content-type"], "text/csv; charset=utf-8")
        self.assertIn("events.csv", answer.headers["content-disposition"])
        self.assertTrue(answer.text.startswith("\ufeff"))
        return list(csv.reader(io.StringIO(answer.text[1:], newline="")))

    async def test_table(self) -> None:
        """A line for each entry below the names of the columns, in as many parts as it takes."""
        self.patch(web_events, "AT_A_TIME", 2)
        await self.fill(5)
        head, *rows = await self.table("?kind=room")
        self.assertEqual(head, ["id", "time", "kind", "who", "from", "text", "mac", "rollout", "template"])
        self.assertEqual([row[0] for row in rows], ["5", "4", "3", "2", "1"])
        self.assertEqual(
            rows[-1],
            ["1", "2023-11-14T22:13:20+00:00", "room.removed", "li", "192.0.2.1", "Room deleted: R0", "", "", ""],
        )

    async def test_formulas(self) -> None:
        """A name that a spreadsheet would calculate stays a text."""
        await self.events.add(make_entry("room.removed", Actor("account", '=HYPERLINK("x")'), 1.0, data={"name": "x"}))
        _, row = await self.table()
        self.assertEqual(row[3], '\'=HYPERLINK("x")')

    async def test_empty(self) -> None:
        """Nothing is a table without lines."""
        self.assertEqual(len(await self.table()), 1)

    async def test_token(self) -> None:
        """Nobody exports without being somebody."""
        self.assertEqual((await self.ask("GET", f"{EVENTS}.csv", token=None)).status, 401)
