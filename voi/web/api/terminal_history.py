"""The route of a terminal's history: which rollouts it was in and what became of each, and when it was online.

Neither is in the audit log, where a rollout to 5,000 terminals would push everything else out.
"""

from __future__ import annotations

from typing import Final

from voi.domain.rollouts import Participation
from voi.domain.terminals import Visit
from voi.errors import UnknownTerminal
from voi.messages.reason import Reason
from voi.rollouts.coordinator import RolloutCoordinator
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.web.api.schemas.terminals import PartView, TerminalHistory, VisitView
from voi.web.api.views import moment
from voi.web.http.reasons import why_of
from voi.web.http.routing import Route

MOST_PARTS: Final = 50
"""Rollouts that are told of: more than a year of them."""


class HistoryRoutes:
    """What was with one terminal."""

    def __init__(
        self, *, terminals: Terminals, rollouts: Rollouts, templates: Templates, coordinator: RolloutCoordinator
    ) -> None:
        self._terminals = terminals
        self._rollouts = rollouts
        self._templates = templates
        self._coordinator = coordinator

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>/history",
                handler=self.one,
                summary="The versions sent to a terminal with their results, and when it was online",
                answer=TerminalHistory,
                errors=(UnknownTerminal,),
            ),
        )

    async def one(self, mac: str) -> TerminalHistory:
        """GET terminals/{mac}/history."""
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        names = {template.uuid: template.name for template in await self._templates.all()}

        def part_view(part: Participation) -> PartView:
            target = part.target
            return PartView(
                rollout=target.rollout_id,
                template=target.template_uuid,
                name=names.get(target.template_uuid, ""),
                version=part.version,
                state=target.state.value,
                progress=self._coordinator.progress(target),
                reason=str(target.reason),
                why=why_of(target.reason),
                begun=moment(part.begun),
                updated=moment(target.updated),
            )

        return TerminalHistory(
            rollouts=[part_view(part) for part in await self._rollouts.of_terminal(mac, MOST_PARTS)],
            online=[_visit_view(visit) for visit in await self._terminals.visits(mac)],
        )


def _visit_view(visit: Visit) -> VisitView:
    return VisitView(moment(visit.came), moment(visit.went) if visit.went else None)
