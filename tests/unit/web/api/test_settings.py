"""Tests of settings over HTTP."""

from __future__ import annotations

from tests.unit.web.api_case import ApiCase


class SettingsTests(ApiCase):
    """What was set at the start, and what can be set now."""

    async def test_retention(self) -> None:
        """For how many days the audit log is kept can be set, and that it was is in the audit log."""
        before = (await self.ask("GET", "/api/v1/settings")).json
        answer = await self.ask("PATCH", "/api/v1/settings", {"retention_days": 30})
        self.assertEqual(answer.json, {**before, "retention_days": 30})
        self.assertEqual((await self.ask("GET", "/api/v1/settings")).json["retention_days"], 30)
        (event,) = (await self.ask("GET", "/api/v1/events?kind=settings.retention")).json["events"]
        self.assertEqual(event["text"], "Events are now kept for 30 days")

    async def test_bad(self) -> None:
        """A time that is none is refused."""
        for days in (0, -1, 4000, "x", None):
            answer = await self.ask("PATCH", "/api/v1/settings", {"retention_days": days})
            self.assertEqual((answer.status, answer.error_field), (400, "retention_days"), days)
