"""A question about one terminal reads one row: routes that are given MACs do not read all terminals for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlite_utils import Database

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, OTHER, TEMPLATE, level
from voi.store import terminals

THIRD = "02:00:00:00:00:09"


class RowsReadTests(ApiCase):
    """Three terminals, one of which is asked about; `read` has the MACs of every list of terminals or disks read."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
        await self.publish(level())
        self.rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        self.read: list[list[str]] = []
        self.count("read_terminals", lambda found: [terminal.mac for terminal in found])
        self.count("read_all_disks", list)

    def count(self, name: str, macs_of: Callable[[Any], list[str]]) -> None:
        """Note what a function of the store reads."""
        original = getattr(terminals, name)

        def reading(db: Database, macs: Sequence[str] | None = None) -> Any:
            found = original(db, macs)
            self.read.append(macs_of(found))
            return found

        self.patch(terminals, name, reading)

    async def reads(self, method: str, path: str, body: Any = None) -> None:
        """Ask, and see that something was read, and of this terminal alone."""
        answer = await self.ask(method, f"/api/v1/{path}", body)
        self.assertLess(answer.status, 300, answer.text)
        self.assertIn([MAC], self.read)
        self.assertEqual([macs for macs in self.read if macs not in ([MAC], [])], [])

    async def test_command(self) -> None:
        """POST commands."""
        await self.reads("POST", "commands", {"command": "restart", "macs": [MAC]})

    async def test_wake(self) -> None:
        """POST terminals/wake."""
        await self.reads("POST", "terminals/wake", {"macs": [MAC]})

    async def test_forget(self) -> None:
        """POST terminals/forget."""
        await self.rollouts.cancel(self.rollout.id, 1025, 2.0)
        await self.reads("POST", "terminals/forget", {"macs": [MAC]})

    async def test_preview(self) -> None:
        """POST rollouts/preview."""
        await self.reads("POST", "rollouts/preview", {"template": TEMPLATE, "macs": [MAC]})

    async def test_rollout(self) -> None:
        """GET rollouts/{id}, of its targets."""
        await self.reads("GET", f"rollouts/{self.rollout.id}")
