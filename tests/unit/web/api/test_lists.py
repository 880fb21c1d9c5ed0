"""Tests of lists: each is searched, filtered, sorted and given in pages, in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.actors import SERVER
from voi.domain.command_outcomes import CommandResult
from voi.domain.templates import PublishedLevel
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.web.http.lists import page
from voi.web.http.routing import Route

OTHER_TEMPLATE = "99999999-2222-4333-8444-555555555555"


def other_level() -> PublishedLevel:
    """A level of the other template."""
    return replace(level(disk=OTHER_TEMPLATE, info_hash=b"b" * 20), template_uuid=OTHER_TEMPLATE)


@dataclass
class Query:
    """What somebody wants."""

    q: str = ""
    sort: str = "name"
    limit: int = 100
    offset: int = 0


class PageTests(SynchronousTestCase):
    """Parts of a list in memory."""

    def part(self, **wanted: Any) -> tuple[list[tuple[str, int | None]], int]:
        """Of a list of names and numbers."""
        return page(
            [("b", 1), ("A", None), ("c", 3), ("B", 1)],
            Query(**wanted),
            texts=lambda item: (item[0], None),
            columns={"name": lambda item: item[0].casefold(), "number": lambda item: item[1]},
        )

    def test_order(self) -> None:
        """By a column, either way round; what has nothing there comes last, equals stay as they were."""
        self.assertEqual([name for name, _ in self.part()[0]], ["A", "b", "B", "c"])
        self.assertEqual([name for name, _ in self.part(sort="number")[0]], ["b", "B", "c", "A"])
        self.assertEqual([name for name, _ in self.part(sort="-number")[0]], ["c", "b", "B", "A"])

    def test_pages(self) -> None:
        """A page has its part; the number is of all pages."""
        self.assertEqual(self.part(limit=2, offset=1), ([("b", 1), ("B", 1)], 4))
        self.assertEqual(self.part(offset=4), ([], 4))

    def test_search(self) -> None:
        """A text is found in any case, and only what has it is counted."""
        self.assertEqual(self.part(q=" B ", limit=1), ([("b", 1)], 2))


def lists(routes: tuple[Route, ...]) -> list[Route]:
    """The routes that answer a list: those whose answer says so by its name."""
    return [route for route in routes if getattr(route.answer, "__name__", "").endswith(("List", "Commands"))]


class EveryListTests(ApiCase):
    """What holds of all lists."""

    async def test_all_take_the_same_questions(self) -> None:
        """Each takes q, sort, limit and offset, each sort both ways round, and says total and offset."""
        await self.terminal(MAC)
        await self.publish(level())
        found = lists(self.api.routes)
        self.assertEqual(len(found), 14)
        for route in found:
            fields = {field.name: field for field in msgspec.structs.fields(route.query)}
            self.assertLessEqual({"q", "sort", "limit", "offset"}, set(fields), route.path)
            sorts = fields["sort"].type.__args__
            self.assertEqual({sort for sort in sorts if sort[0] == "-"}, {f"-{x}" for x in sorts if x[0] != "-"})
            path = route.template.replace("{mac}", MAC).replace("{uuid}", TEMPLATE)
            for sort in sorts:
                answer = await self.ask("GET", f"{path}?q=a%25_%5C&sort={sort}&limit=1&offset=3")
                self.assertEqual((answer.status, answer.json["offset"]), (200, 3), answer.text)
                self.assertEqual(answer.json["total"], 0, path)
            for wrong in ("sort=nothing", "limit=0", "limit=x", "offset=-1", "page=2"):
                self.assertEqual((await self.ask("GET", f"{path}?{wrong}")).status, 400, (path, wrong))


class ListCase(ApiCase):
    """Asks for lists."""

    async def ids(self, path: str, key: Callable[[dict[str, Any]], Any] | str) -> tuple[list[Any], int]:
        """What is in the first list of an answer, and the total."""
        answer = await self.ask("GET", f"/api/v1/{path}")
        self.assertEqual(answer.status, 200, answer.text)
        rows = next(value for value in answer.json.values() if isinstance(value, list))
        return [row[key] if isinstance(key, str) else key(row) for row in rows], answer.json["total"]


class SmallListTests(ListCase):
    """Lists that are sorted in memory."""

    async def test_rooms(self) -> None:
        """By name as people count, or by how many stand there; found by name and by subnet."""
        for name, subnet in (("Room 10", "10.0.10.0/24"), ("Room 2", "192.0.2.0/24"), ("Hall", "10.0.1.0/24")):
            await self.ask("POST", "/api/v1/rooms", {"name": name, "subnets": [subnet]})
        await self.terminal()
        self.assertEqual(await self.ids("rooms", "name"), (["Hall", "Room 2", "Room 10"], 3))
        self.assertEqual(await self.ids("rooms?sort=-total&limit=1", "name"), (["Room 2"], 3))
        self.assertEqual(await self.ids("rooms?q=10.0.1", "name"), (["Hall", "Room 10"], 2))

    async def test_templates(self) -> None:
        """By name, version or time; by state; found by name."""
        await self.publish(level(), name="Office")
        await self.publish(other_level(), name="art")
        self.assertEqual(await self.ids("templates", "name"), (["art", "Office"], 2))
        self.assertEqual(await self.ids("templates?sort=-name&offset=1", "name"), (["art"], 2))
        self.assertEqual(await self.ids("templates?q=FF", "name"), (["Office"], 1))
        self.assertEqual(await self.ids("templates?state=importing", "name"), ([], 0))

    async def test_versions(self) -> None:
        """Newest first, or the other way round."""
        await self.publish(level(), level(1, info_hash=b"b" * 20))
        path = f"templates/{TEMPLATE}/versions"
        self.assertEqual(await self.ids(path, "number"), ([2, 1], 2))
        self.assertEqual(await self.ids(f"{path}?sort=number&limit=1", "number"), ([1], 2))
        self.assertEqual(await self.ids(f"{path}?q={DISK[:8]}", "number"), ([2, 1], 2))

    async def test_tokens_and_accounts(self) -> None:
        """By name, role or time; found by name."""
        for name, role in (("b", "operator"), ("a", "administrator")):
            await self.ask("POST", "/api/v1/tokens", {"name": name, "role": role})
            await self.ask("POST", "/api/v1/accounts", {"name": name, "role": role, "password": "long enough"})
        self.assertEqual(await self.ids("tokens", "name"), (["b", "a"], 2))
        self.assertEqual(await self.ids("tokens?sort=role&limit=1", "name"), (["a"], 2))
        self.assertEqual(await self.ids("accounts?sort=-name", "name"), (["b", "a"], 2))
        self.assertEqual(await self.ids("accounts?q=A", "name"), (["a"], 1))

    async def test_swarms(self) -> None:
        """By name or size; found by template."""
        await self.publish(level(), level(1, info_hash=b"b" * 20))
        names = [f"voi_{number}_{DISK}" for number in (0, 1)]
        self.assertEqual(await self.ids("swarms?sort=-name", "name"), (names[::-1], 2))
        self.assertEqual(await self.ids(f"swarms?q={TEMPLATE}&limit=1", "name"), (names[:1], 2))


class LargeListTests(ListCase):
    """Lists that the database sorts."""

    async def test_rollouts(self) -> None:
        """Newest first, or by template and version; found by the template's name or the number."""
        await self.terminal()
        await self.publish(level(), name="Office")
        await self.publish(other_level(), name="art")
        for template in (TEMPLATE, OTHER_TEMPLATE, TEMPLATE):
            await self.ask("POST", "/api/v1/rollouts", {"template": template, "macs": [MAC]})
        self.assertEqual(await self.ids("rollouts", "id"), ([3, 2, 1], 3))
        self.assertEqual(await self.ids("rollouts?sort=created&limit=2", "id"), ([1, 2], 3))
        self.assertEqual(await self.ids("rollouts?sort=template_name", "id"), ([2, 3, 1], 3))
        self.assertEqual(await self.ids("rollouts?q=OFFICE", "id"), ([3, 1], 2))
        self.assertEqual(await self.ids("rollouts?q=3", "id"), ([3], 1))
        self.assertEqual(await self.ids("rollouts?q=office&state=running", "id"), ([3], 1))

    async def test_events(self) -> None:
        """Newest first or oldest first, with an offset; `before` narrows the page and not the total."""
        for number in range(4):
            await self.audit_log.note("server.started", SERVER, version=str(number))
        self.assertEqual(await self.ids("events?limit=2", "id"), ([4, 3], 4))
        self.assertEqual(await self.ids("events?sort=time&limit=2&offset=1", "id"), ([2, 3], 4))
        self.assertEqual(await self.ids("events?before=3&offset=1", "id"), ([1], 4))

    async def test_events_of_a_terminal(self) -> None:
        """There the terminal is in the path, and no second one is taken."""
        await self.terminal()
        self.assertEqual((await self.ask("GET", f"/api/v1/terminals/{MAC}/events?mac={OTHER}")).error_field, "mac")

    async def test_export_has_no_limit(self) -> None:
        """All is exported, and a limit that would be ignored is refused."""
        self.assertEqual((await self.ask("GET", "/api/v1/events.csv?limit=5")).error_field, "limit")

    async def test_uploads(self) -> None:
        """Open and ended ones, newest first; by state, template and terminal; found by name."""
        await self.terminal()
        for name in ("b", "A", "c"):
            body = {"mac": MAC, "template": {"name": name}, "disks": [f"voi_0_{OTHER_TEMPLATE}"]}
            self.assertEqual((await self.ask("POST", "/api/v1/uploads", body)).status, 202)
        await self.ask("DELETE", "/api/v1/uploads/2")
        listed = await self.ask("GET", "/api/v1/uploads?state=failed")
        self.assertEqual(listed.json["uploads"], [(await self.ask("GET", "/api/v1/uploads/2")).json])
        self.assertEqual(await self.ids("uploads", "id"), ([3, 2, 1], 3))
        self.assertEqual(await self.ids("uploads?state=open&limit=1", "id"), ([3], 2))
        self.assertEqual(await self.ids("uploads?state=published", "id"), ([], 0))
        self.assertEqual(await self.ids("uploads?sort=name", "name"), (["A", "b", "c"], 3))
        self.assertEqual(
            await self.ids(f"uploads?q=a&template={listed.json['uploads'][0]['template']}", "id"), ([2], 1)
        )
        self.assertEqual(await self.ids(f"uploads?mac={OTHER}", "id"), ([], 0))
        self.assertEqual((await self.ask("GET", "/api/v1/uploads?mac=x")).code, "bad_mac")

    async def test_uploads_of_templates_that_are_published(self) -> None:
        """An upload that was published says so."""
        await self.terminal()
        body = {"mac": MAC, "template": {"name": "x", "uuid": TEMPLATE}, "disks": [f"voi_0_{DISK}"]}
        await self.ask("POST", "/api/v1/uploads", body)
        (disk,) = await self.uploads.open_disks()
        upload = await self.uploads.get(1)
        assert upload is not None
        await self.templates.publish(level(), disk, upload)
        self.assertEqual(await self.ids("uploads?state=published", "state"), (["published"], 1))
        self.assertEqual(disk.name, DiskName(DISK, 0))

    async def test_commands(self) -> None:
        """Newest first with how many outcomes of which kind; by command and terminal; found by name and number."""
        for mac in (MAC, OTHER, "02:00:00:00:00:03"):
            await self.terminal(mac)
        await self.ask("POST", "/api/v1/commands", {"command": "watermark", "macs": "all", "switch": 1})
        await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": [OTHER]})
        await self.commands.end([CommandResult(1, MAC, "failed", Reason("cancelled"), 5.0)])
        listed = (await self.ask("GET", "/api/v1/commands")).json
        second, first = listed["commands"]
        self.assertEqual((listed["total"], listed["offset"], second["command"]), (2, 0, "restart"))
        self.assertEqual(first["counts"], {"waiting": 2, "done": 0, "failed": 1, "replaced": 0})
        self.assertEqual((first["batch_no"], first["terminals"], first["switch"]), (1, 3, 1))
        self.assertEqual(await self.ids("commands?sort=created", "batch_no"), ([1, 2], 2))
        self.assertEqual(await self.ids("commands?command=watermark", "batch_no"), ([1], 1))
        self.assertEqual(await self.ids(f"commands?mac={MAC}", "batch_no"), ([1], 1))
        self.assertEqual(await self.ids("commands?q=STAR", "batch_no"), ([2], 1))
        self.assertEqual(await self.ids("commands?q=1", "batch_no"), ([1], 1))

    async def test_commands_of_a_terminal(self) -> None:
        """The same for one terminal, and by what became of each there."""
        await self.terminal(MAC)
        for _ in range(3):
            await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": [MAC]})
        await self.commands.end([CommandResult(2, MAC, "done", "", 5.0)])
        path = f"terminals/{MAC}/commands"
        self.assertEqual(await self.ids(path, "batch_no"), ([3, 2, 1], 3))
        self.assertEqual(await self.ids(f"{path}?sort=created&limit=1&offset=1", "batch_no"), ([2], 3))
        self.assertEqual(await self.ids(f"{path}?state=done", "batch_no"), ([2], 1))
        self.assertEqual(await self.ids(f"{path}?q=watermark", "batch_no"), ([], 0))
