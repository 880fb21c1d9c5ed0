"""Routes of rollouts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from voi.errors import BadMac, Conflict, NotFound, UnknownTemplate, UnknownTerminal
from voi.names import canonical_uuid
from voi.store.journal import Notes
from voi.store.rollouts import Rollouts
from voi.store.templates import Templates
from voi.web.actor import Actor
from voi.web.requests import RolloutRequest, macs_of
from voi.web.resources import RolloutAccepted, RolloutList, RolloutView
from voi.web.routing import Route
from voi.web.seams import Coordinator
from voi.web.views import rollout_summary, rollout_view

_EXAMPLE: Final = {"template": "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11", "macs": "all"}


class RolloutRoutes:
    """Templates on their way to terminals."""

    def __init__(self, *, rollouts: Rollouts, templates: Templates, coordinator: Coordinator, journal: Notes) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._coordinator = coordinator
        self._journal = journal

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/rollouts",
                handler=self.all,
                summary="All rollouts in short, newest first",
                answer=RolloutList,
            ),
            Route(
                method="POST",
                path="/api/v1/rollouts",
                handler=self.begin,
                summary="Send a template's newest version to terminals",
                body=RolloutRequest,
                example=_EXAMPLE,
                answer=RolloutAccepted,
                status=HTTPStatus.CREATED,
                location="/api/v1/rollouts/{id}",
                errors=(BadMac, UnknownTemplate, UnknownTerminal, Conflict),
            ),
            Route(
                method="GET",
                path="/api/v1/rollouts/<number:rollout_id>",
                handler=self.one,
                summary="How far a rollout is, terminal by terminal",
                answer=RolloutView,
                errors=(NotFound,),
            ),
            Route(
                method="DELETE",
                path="/api/v1/rollouts/<number:rollout_id>",
                handler=self.cancel,
                summary="Cancel a rollout",
                answer=RolloutView,
                errors=(NotFound, Conflict),
            ),
        )

    async def all(self) -> RolloutList:
        """GET rollouts."""
        return RolloutList([rollout_summary(rollout) for rollout in await self._rollouts.all()])

    async def begin(self, body: RolloutRequest, actor: Actor) -> RolloutAccepted:
        """POST rollouts."""
        template = canonical_uuid(body.template, "template")
        rollout = await self._coordinator.begin(template, macs_of(body.macs))
        found = await self._templates.get(template)
        await self._journal.note(
            "rollout.begun",
            actor,
            macs=[target.mac for target in rollout.targets],
            rollout=rollout.id,
            template=template,
            name=found.name if found else template,
            version=rollout.version,
        )
        return RolloutAccepted(rollout.id)

    async def one(self, rollout_id: int) -> RolloutView:
        """GET rollouts/{id}."""
        rollout = await self._rollouts.get(rollout_id)
        if rollout is None:
            raise NotFound(f"no rollout {rollout_id}")
        return rollout_view(rollout, self._coordinator.progress)

    async def cancel(self, rollout_id: int, actor: Actor) -> RolloutView:
        """DELETE rollouts/{id}."""
        await self._coordinator.cancel(rollout_id)
        await self._journal.note("rollout.cancelled", actor, rollout=rollout_id)
        return await self.one(rollout_id)
