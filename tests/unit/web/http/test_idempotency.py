"""Tests of changes that are asked for twice."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, TEMPLATE, level
from voi.store.idempotency import SqlStoredResponses
from voi.store.interfaces.idempotency import KEPT_SECONDS, StoredResponse

KEY = {"Idempotency-Key": "a-key-of-the-tests"}
BODY = {"template": TEMPLATE, "macs": [MAC]}


class RepeatTests(ApiCase):
    """A rollout, asked for more than once."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.publish(level())
        await self.terminal()

    async def test_made_once(self) -> None:
        """The same key gives the same answer, and nothing happens again."""
        first = await self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY)
        second = await self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY)
        self.assertEqual((first.status, first.json), (second.status, second.json))
        self.assertEqual(first.headers["location"], second.headers["location"])
        self.assertEqual(self.coordinator.begun, 1)

    async def test_without(self) -> None:
        """Without a key, or with another, it is another change."""
        for headers in ({}, {}, KEY, {"Idempotency-Key": "another-key"}):
            await self.ask("POST", "/api/v1/rollouts", BODY, headers=headers)
        self.assertEqual(self.coordinator.begun, 4)

    async def test_at_the_same_time(self) -> None:
        """The second waits for the first."""
        self.coordinator.hold = Deferred()
        both = gatherResults(
            [Deferred.fromCoroutine(self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY)) for _ in range(2)]
        )
        hold, self.coordinator.hold = self.coordinator.hold, None
        hold.callback(None)
        answers = await both
        self.assertEqual([answer.json for answer in answers], [{"id": 1}] * 2)
        self.assertEqual(self.coordinator.begun, 1)

    async def test_another_request(self) -> None:
        """The key of one request is none for another."""
        await self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY)
        answer = await self.ask("POST", "/api/v1/rollouts", {**BODY, "macs": "all"}, headers=KEY)
        self.assertEqual((answer.status, answer.error_field), (409, "Idempotency-Key"))

    async def test_another_asker(self) -> None:
        """Keys are each caller's own."""
        token = (await self.ask("POST", "/api/v1/tokens", {"name": "x"})).json["token"]
        await self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY)
        await self.ask("POST", "/api/v1/rollouts", BODY, headers=KEY, token=token)
        self.assertEqual(self.coordinator.begun, 2)

    async def test_refusals(self) -> None:
        """A refusal is given again; a fault of ours is not, for the next time may be better."""
        await self.ask("POST", "/api/v1/rollouts", {**BODY, "macs": ["02:00:00:00:00:99"]}, headers=KEY)
        again = await self.ask("POST", "/api/v1/rollouts", {**BODY, "macs": ["02:00:00:00:00:99"]}, headers=KEY)
        self.assertEqual((again.status, again.code), (404, "unknown_terminal"))
        self.assertEqual(self.coordinator.begun, 0)
        key = {"Idempotency-Key": "one-more-key"}
        start = self.coordinator.start
        self.coordinator.start = lambda *_, **_named: 1 / 0  # type: ignore[method-assign,assignment]  # it fails
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts", BODY, headers=key)).status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.coordinator.start = start  # type: ignore[method-assign]  # and works again
        self.assertEqual((await self.ask("POST", "/api/v1/rollouts", BODY, headers=key)).status, 201)

    async def test_no_key(self) -> None:
        """A key that is none is refused before anything happens."""
        for key in ("short", "x" * 65, "with space", "<script>!"):
            answer = await self.ask("POST", "/api/v1/rollouts", BODY, headers={"Idempotency-Key": key})
            self.assertEqual((answer.status, answer.error_field), (400, "Idempotency-Key"), key)
        self.assertEqual(self.coordinator.begun, 0)

    async def test_where_nothing_is_kept(self) -> None:
        """A key is refused, before anything is done, where no answer is kept: it would promise what does not hold."""
        token = {"name": "backup"}
        answer = await self.ask("POST", "/api/v1/tokens", token, headers=KEY)
        self.assertEqual((answer.status, answer.error_field), (400, "Idempotency-Key"))
        self.assertEqual((await self.ask("GET", "/api/v1/tokens")).json["tokens"], [])
        changes = [route for route in self.api.routes if route.changes and not route.keeps]
        self.assertEqual(
            {(route.method, route.path.removeprefix("/api/v1/")) for route in changes},
            {
                ("POST", "session"),
                ("DELETE", "session"),
                ("PUT", "session/password"),
                ("POST", "accounts"),
                ("PATCH", "accounts/<name:name>"),
                ("POST", "tokens"),
                ("POST", "rollouts/preview"),
            },
        )
        for route in changes:
            path = route.template.replace("{name}", "somebody")
            answer = await self.ask(route.method, path, route.example, headers=KEY)
            self.assertEqual((answer.status, answer.error_field), (400, "Idempotency-Key"), route.path)
            self.assertEqual(answer.json["error"]["why"]["code"], "key_not_kept")

    async def test_forgotten(self) -> None:
        """After a day an answer is forgotten."""
        answers = SqlStoredResponses(self.store)
        await answers.keep("who", "key", StoredResponse(b"x", 200, "", b"{}"), 1000.0)
        self.assertIsNotNone(await answers.find("who", "key", 1000.0 + KEPT_SECONDS - 1))
        self.assertIsNone(await answers.find("who", "key", 1000.0 + KEPT_SECONDS))
