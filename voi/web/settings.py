"""Routes of what the server was started with, and of what can be set while it runs."""

from __future__ import annotations

from collections.abc import Callable

from voi.domain.accounts import Role
from voi.store.events import Events
from voi.store.journal import Notes
from voi.web.actor import Actor
from voi.web.requests import SettingsChange
from voi.web.resources.server import SettingsView
from voi.web.routing import Route

Facts = Callable[[int], SettingsView]
"""Makes the answer of what is set: for how many days the journal is kept."""


class SettingsRoutes:
    """Settings."""

    def __init__(self, *, facts: Facts, events: Events, journal: Notes) -> None:
        self._facts = facts
        self._events = events
        self._journal = journal

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/settings",
                handler=self.all,
                summary="What the server was started with, and what can be set",
                answer=SettingsView,
            ),
            Route(
                method="PATCH",
                path="/api/v1/settings",
                handler=self.change,
                summary="Set for how many days the journal is kept",
                body=SettingsChange,
                example={"retention_days": 365},
                answer=SettingsView,
                role=Role.ADMINISTRATOR,
            ),
        )

    async def all(self) -> SettingsView:
        """GET settings."""
        return self._facts(await self._events.retention_days())

    async def change(self, body: SettingsChange, actor: Actor) -> SettingsView:
        """PATCH settings."""
        await self._events.set_retention_days(body.retention_days)
        await self._journal.note("settings.retention", actor, days=body.retention_days)
        return await self.all()
