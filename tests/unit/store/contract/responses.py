"""The contract of stored responses."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.store.contract.case import Contract
from voi.store.interfaces.idempotency import KEPT_SECONDS, MOST_ANSWERS, StoredResponse

RESPONSE = StoredResponse(b"hash", 201, "/api/v1/rollouts/1", b'{"id": 1}')


class StoredResponsesContract(Contract):
    """`StoredResponses`."""

    def setUp(self) -> None:
        """Add them."""
        super().setUp()
        self.responses = self.repositories.responses

    async def test_kept(self) -> None:
        """An answer is found again by who asked and the key, both."""
        await self.responses.keep("li", "key", RESPONSE, 10.0)
        self.assertEqual(await self.responses.find("li", "key", 11.0), RESPONSE)
        self.assertIsNone(await self.responses.find("li", "other", 11.0))
        self.assertIsNone(await self.responses.find("wang", "key", 11.0))

    async def test_replaced(self) -> None:
        """The newest answer to a key is the one that is kept."""
        newer = replace(RESPONSE, status=409, location="")
        await self.responses.keep("li", "key", RESPONSE, 10.0)
        await self.responses.keep("li", "key", newer, 11.0)
        self.assertEqual(await self.responses.find("li", "key", 12.0), newer)

    async def test_forgotten(self) -> None:
        """After a day an answer is forgotten."""
        await self.responses.keep("li", "key", RESPONSE, 1000.0)
        self.assertIsNotNone(await self.responses.find("li", "key", 1000.0 + KEPT_SECONDS - 1))
        self.assertIsNone(await self.responses.find("li", "key", 1000.0 + KEPT_SECONDS))

    async def test_kept_by_a_clock_that_was_ahead(self) -> None:
        """An answer from two years ahead is none, and goes for the next one that is kept."""
        ahead = 63_072_000.0
        await self.responses.keep("li", "key", RESPONSE, 1000.0 + ahead)
        self.assertIsNone(await self.responses.find("li", "key", 1000.0))
        await self.responses.keep("li", "other", RESPONSE, 1000.0)
        self.assertIsNone(await self.responses.find("li", "key", 1000.0 + ahead))

    async def test_bounded(self) -> None:
        """Of too many, the oldest give way."""
        count = MOST_ANSWERS + 2
        kept = [self.responses.keep("li", str(number), RESPONSE, 1.0 + number / 1000) for number in range(count)]
        for one in kept:
            await one
        found = [await self.responses.find("li", str(number), 20.0) is not None for number in (0, 1, 2, count - 1)]
        self.assertEqual(found, [False, False, True, True])
