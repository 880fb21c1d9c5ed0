"""Routes of what the server was started with, and of what can be set while it runs."""

from __future__ import annotations

from collections.abc import Callable

from voi.audit.log import AuditLog
from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.store.interfaces.audit import AuditEntries
from voi.web.api.schemas.requests import SettingsChange
from voi.web.api.schemas.server import SettingsView
from voi.web.http.routing import Route

Facts = Callable[[int], SettingsView]
"""Makes the answer of what is set: for how many days the audit log is kept."""


class SettingsRoutes:
    """Settings."""

    def __init__(self, *, facts: Facts, events: AuditEntries, audit_log: AuditLog) -> None:
        self._facts = facts
        self._events = events
        self._audit_log = audit_log

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/settings",
                handler=self.all,
                summary="The server's settings: those given at its start, and those that can be changed",
                answer=SettingsView,
            ),
            Route(
                method="PATCH",
                path="/api/v1/settings",
                handler=self.change,
                summary="Set for how many days events are kept",
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
        await self._audit_log.keep_for(actor, body.retention_days)
        return await self.all()
