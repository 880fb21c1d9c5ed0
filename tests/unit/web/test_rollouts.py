"""Tests of rollouts over HTTP."""

from __future__ import annotations

from tests.unit.web.api_case import MAC, OTHER, TEMPLATE, ApiCase, level


class RolloutTests(ApiCase):
    """Two terminals and a published template."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.terminal(MAC)
        await self.terminal(OTHER)
        await self.publish(level())

    async def test_rollout(self) -> None:
        """A rollout is answered with its number, and shown target by target."""
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE.upper(), "macs": [MAC.lower()]})
        self.assertEqual((answer.status, answer.json), (201, {"id": 1}))
        self.assertEqual(answer.headers["location"], "/api/v1/rollouts/1")
        view = (await self.ask("GET", "/api/v1/rollouts/1")).json
        self.assertEqual((view["id"], view["template"], view["version"], view["state"]), (1, TEMPLATE, 1, "running"))
        target = view["targets"][0]
        self.assertEqual(
            {key: target[key] for key in ("mac", "state", "progress", "reason", "attempts", "next_try")},
            {"mac": MAC, "state": "waiting", "progress": 0.25, "reason": "", "attempts": 0, "next_try": None},
        )

    async def test_all(self) -> None:
        """`all` is every terminal; the list counts them by state."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        listed = (await self.ask("GET", "/api/v1/rollouts")).json["rollouts"]
        self.assertEqual(listed[0]["counts"], {"waiting": 2, "downloading": 0, "done": 0, "failed": 0, "cancelled": 0})
        self.assertNotIn("targets", listed[0])

    async def test_cancel(self) -> None:
        """A cancelled rollout is shown as it then is."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})
        answer = await self.ask("DELETE", "/api/v1/rollouts/1")
        self.assertEqual((answer.status, answer.json["state"]), (200, "cancelled"))
        self.assertEqual({target["state"] for target in answer.json["targets"]}, {"cancelled"})

    async def test_failure_is_explained(self) -> None:
        """A target that is tried again says when and why."""
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        work = await self.rollouts.plan(1, MAC, 1.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], "no space left", 1, 1_700_000_000.0, 2.0)
        target = (await self.ask("GET", "/api/v1/rollouts/1")).json["targets"][0]
        self.assertEqual((target["reason"], target["attempts"]), ("no space left", 1))
        self.assertEqual(target["next_try"], "2023-11-14T22:13:20Z")

    async def test_unknown_things(self) -> None:
        """A template or terminal that nobody knows is 404 with the field, and nothing begins."""
        unknown = TEMPLATE[:-1] + "0"
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": unknown, "macs": "all"})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_template", "template"))
        answer = await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": ["020000000099"]})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_terminal", "macs"))
        self.assertEqual((await self.ask("GET", "/api/v1/rollouts")).json, {"rollouts": []})

    async def test_bad_bodies(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        for body, field in (
            ({"macs": "all"}, "template"),
            ({"template": "x", "macs": "all"}, "template"),
            ({"template": TEMPLATE}, "macs"),
            ({"template": TEMPLATE, "macs": ["x"]}, "macs[0]"),
            ({"template": TEMPLATE, "macs": [MAC] * 10_001}, "macs"),
        ):
            answer = await self.ask("POST", "/api/v1/rollouts", body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
