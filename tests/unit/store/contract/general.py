"""What holds for every repository."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints

from twisted.internet.defer import Deferred, gatherResults

from tests.unit.store.contract.case import BASE, DIFF, UNKNOWN, Contract
from tests.unit.store.values import MAC, OTHER, TEMPLATE, level, upload
from voi.domain.uploads import UploadState
from voi.errors import Conflict, UnknownTerminal
from voi.store.interfaces.repositories import Repositories


class GeneralContract(Contract):
    """What is written in `voi.store.interfaces` itself."""

    async def test_answers_later(self) -> None:
        """A change and a question give a Deferred that has not fired yet; it fires in the reactor's thread."""
        threads: list[int] = []

        def note(_result: object) -> None:
            threads.append(threading.get_ident())

        questions: list[Callable[[], Deferred[Any]]] = [
            lambda: self.terminals.touch(MAC, "10.0.0.1", 1, 1.0),
            lambda: self.terminals.get(MAC),
        ]
        for ask in questions:
            asked = ask()
            self.assertFalse(asked.called)
            await asked.addCallback(note)
        self.assertEqual(threads, [threading.get_ident()] * 2)

    async def test_survives(self) -> None:
        """What was acknowledged is there at the next start."""
        key = await self.terminal()
        template = await self.publish(level(0))
        self.start(2.0)
        self.assertEqual((await self.known()).tracker_key, key)
        self.assertEqual(await self.templates.all(), [template])

    async def test_order(self) -> None:
        """Changes are made in the order in which they were asked for, and acknowledged in it."""
        await self.terminal()
        fired: list[int] = []

        def note(_before: str, number: int) -> None:
            fired.append(number)

        await gatherResults([self.rooms.rename(MAC, f"PC {number}").addCallback(note, number) for number in range(50)])
        self.assertEqual(fired, list(range(50)))
        self.assertEqual((await self.known()).name, "PC 49")

    async def test_acknowledged_is_seen(self) -> None:
        """A question sees what was acknowledged before it was asked, whichever repository changed it."""
        for number in range(20):
            await self.rooms.add(f"Room {number}", [], 1.0)
            found = await self.repositories.snapshots.read([])
            self.assertEqual(len(found.rooms), number + 1)

    async def test_all_or_nothing(self) -> None:
        """A change that fails leaves nothing of itself; those that were asked for beside it are made."""
        await self.terminal()
        await self.publish(level(0))
        before = self.rooms.rename(MAC, "before")
        first = self.uploads.begin(upload(BASE, state=UploadState.RECEIVING))
        second = self.uploads.begin(upload(DIFF, BASE, mac=OTHER, state=UploadState.RECEIVING))
        rollout = self.rollouts.begin(TEMPLATE, [MAC, UNKNOWN], 1.0)
        after = self.terminals.set_boot_disk(MAC, str(BASE), None, 1.0)
        await before
        await first
        await self.assertFailure(second, Conflict)
        await self.assertFailure(rollout, UnknownTerminal)
        await after
        self.assertEqual(((await self.known()).name, (await self.known()).boot_disk), ("before", str(BASE)))
        self.assertEqual(len((await self.uploads.find(mac=OTHER))[0]), 0)
        self.assertEqual(await self.rollouts.summaries(), ([], 0))

    async def test_unlimited(self) -> None:
        """A limit below 0 is none."""
        for mac in (MAC, OTHER):
            await self.uploads.begin(upload(BASE, mac=mac))
        self.assertEqual(len((await self.uploads.find(limit=-1))[0]), 2)
        self.assertEqual(len((await self.uploads.find(limit=1))[0]), 1)

    def test_every_method_has_a_contract(self) -> None:
        """Each interface says of each of its methods what must hold, and each implementation has each of them."""
        for name, interface in get_type_hints(Repositories).items():
            made = getattr(self.repositories, name)
            self.assertIn(interface, type(made).__mro__)
            for method, function in inspect.getmembers(interface, inspect.isfunction):
                if not method.startswith("_"):
                    self.assertTrue(function.__doc__, f"{interface.__name__}.{method}")
                    self.assertIsNot(getattr(type(made), method), function, f"{type(made).__name__}.{method}")
        self.assertEqual(len(fields(Repositories)), len(get_type_hints(Repositories)))
