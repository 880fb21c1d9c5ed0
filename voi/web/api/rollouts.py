"""Routes of rollouts."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from voi.domain.actors import Actor
from voi.domain.rollout_demand import LinkRates
from voi.domain.rollouts import Summary, Target
from voi.errors import BadMac, Conflict, Malformed, NotFound, UnknownTemplate, UnknownTerminal
from voi.messages.reason import Reason
from voi.names import canonical_uuid
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.throughput import ThroughputRecorder
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.snapshots import TerminalSnapshots
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.tasks import made_in_turns
from voi.terminals.interfaces import Connections
from voi.web.api.rollout_views import rollout_preview, rollout_summary, rollout_view, target_view
from voi.web.api.schemas.fields import macs_of
from voi.web.api.schemas.rollouts import (
    RolloutAccepted,
    RolloutList,
    RolloutPreview,
    RolloutQuery,
    RolloutRequest,
    RolloutRetried,
    RolloutSummary,
    RolloutView,
    TargetsCancelled,
    TargetsRequest,
    TargetView,
)
from voi.web.api.terminal_rows import row_maker
from voi.web.http.routing import Route

_EXAMPLE: Final = {"template": "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11", "macs": "all"}


class RolloutRoutes:
    """Templates on their way to terminals."""

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        templates: Templates,
        terminals: Terminals,
        snapshots: TerminalSnapshots,
        registry: Connections,
        coordinator: RolloutCoordinator,
        recorder: ThroughputRecorder,
        links: LinkRates,
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._terminals = terminals
        self._snapshots = snapshots
        self._registry = registry
        self._coordinator = coordinator
        self._recorder = recorder
        self._links = links

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/rollouts",
                handler=self.all,
                summary="List rollouts, by default newest first",
                query=RolloutQuery,
                answer=RolloutList,
            ),
            Route(
                method="POST",
                path="/api/v1/rollouts",
                handler=self.begin,
                summary="Send a version of a template to terminals",
                body=RolloutRequest,
                example=_EXAMPLE,
                answer=RolloutAccepted,
                status=HTTPStatus.CREATED,
                location="/api/v1/rollouts/{id}",
                errors=(BadMac, UnknownTemplate, UnknownTerminal, NotFound, Conflict),
            ),
            Route(
                method="POST",
                path="/api/v1/rollouts/preview",
                handler=self.preview,
                summary="Preview a rollout: how many bytes each terminal would download. Changes nothing",
                body=RolloutRequest,
                example=_EXAMPLE,
                answer=RolloutPreview,
                errors=(BadMac, UnknownTemplate, UnknownTerminal, NotFound, Conflict),
                repeatable=False,
            ),
            Route(
                method="GET",
                path="/api/v1/rollouts/<number:rollout_id>",
                handler=self.one,
                summary="One rollout and the progress of each terminal",
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
            Route(
                method="POST",
                path="/api/v1/rollouts/<number:rollout_id>/cancel",
                handler=self.take_out,
                summary="Take terminals out of a rollout; it goes on for the others",
                body=TargetsRequest,
                example={"macs": ["AA:BB:CC:DD:EE:01"]},
                answer=TargetsCancelled,
                errors=(BadMac, NotFound, Conflict),
            ),
            Route(
                method="POST",
                path="/api/v1/rollouts/<number:rollout_id>/retry",
                handler=self.retry,
                summary="Retry now the terminals that failed or are waiting after a failure",
                answer=RolloutRetried,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/rollouts/{id}",
                errors=(NotFound, Conflict),
            ),
        )

    async def all(self, query: RolloutQuery) -> RolloutList:
        """GET rollouts."""
        template = None if query.template is None else canonical_uuid(query.template, "template")
        summaries, total = await self._rollouts.summaries(
            q=query.q.strip(),
            template_uuid=template,
            state=query.state,
            sort=query.sort,
            limit=query.limit,
            offset=query.offset,
        )
        names = {template.uuid: template.name for template in await self._templates.all()}
        views = [await self.summary(one, names.get(one.template_uuid, "")) for one in summaries]
        return RolloutList(views, total, query.offset)

    async def summary(self, summary: Summary, name: str) -> RolloutSummary:
        """One of them, as far as it is now."""
        return rollout_summary(summary, name, self._progress(summary), self._recorder.now(summary.id))

    def _progress(self, summary: Summary) -> float:
        """How far a rollout is, on every page and for every program."""
        return summary.progress(self._coordinator.open_progress(summary.id) if summary.state == "running" else 0.0)

    async def named(self, summary: Summary) -> RolloutSummary:
        """The same with its template's name looked up."""
        template = await self._templates.get(summary.template_uuid)
        return await self.summary(summary, template.name if template is not None else "")

    async def begin(self, body: RolloutRequest, actor: Actor) -> RolloutAccepted:
        """POST rollouts."""
        template = canonical_uuid(body.template, "template")
        rollout = await self._coordinator.start(actor, template, await self._macs(body), body.version, again=body.again)
        return RolloutAccepted(rollout.id)

    async def _macs(self, body: RolloutRequest) -> list[str] | None:
        """For whom it is; None for all."""
        if (body.macs is None) == (body.room is None):
            raise Malformed(Reason("macs_or_room"), field="macs")
        if body.room is None:
            assert body.macs is not None
            return macs_of(body.macs)
        snapshot = await self._snapshots.read()
        if all(room.id != body.room for room in snapshot.rooms):
            raise NotFound(Reason("no_room", number=body.room), field="room")
        rows = await made_in_turns(row_maker(snapshot, self._registry), snapshot.terminals)
        found = [row.terminal.mac for row in rows if row.room == body.room]
        if not found:
            raise Conflict(Reason("room_is_empty"), field="room")
        return found

    async def preview(self, body: RolloutRequest) -> RolloutPreview:
        """POST rollouts/preview."""
        uuid = canonical_uuid(body.template, "template")
        template = await self._templates.get(uuid)
        if template is None:
            raise UnknownTemplate(Reason("no_template", uuid=uuid), field="template")
        if not template.levels:
            raise Conflict(Reason("nothing_published", name=template.name))
        version = template.version if body.version is None else body.version
        levels = await self._templates.levels_of(template, version)
        macs = await self._macs(body)
        known = [terminal.mac for terminal in await self._terminals.some(macs)]
        unknown = sorted(set(macs or ()) - set(known))
        if unknown:
            raise UnknownTerminal(Reason("never_logged_in", mac=unknown[0]), field="macs")
        chosen = known if macs is None else macs
        online = [mac for mac in chosen if mac in self._registry]
        held = await self._terminals.all_disks(macs)
        return rollout_preview(uuid, version, levels, chosen, held, online, self._registry.disk_free, again=body.again)

    async def one(self, rollout_id: int) -> RolloutView:
        """GET rollouts/{id}."""
        rollout, summary = await self._rollouts.get(rollout_id), await self._rollouts.summary(rollout_id)
        if rollout is None or summary is None:
            raise NotFound(Reason("no_rollout", number=rollout_id))
        macs = [target.mac for target in rollout.targets]
        terminals = {terminal.mac: terminal for terminal in await self._terminals.some(macs)}

        def view(target: Target) -> TargetView:
            return target_view(
                target,
                self._coordinator.progress(target),
                terminal=terminals.get(target.mac),
                online=target.mac in self._registry,
                transfer=self._recorder.transfer(rollout_id, target.mac),
            )

        now = self._recorder.now(rollout_id)
        return rollout_view(
            rollout,
            await made_in_turns(view, rollout.targets),
            summary=summary,
            progress=self._progress(summary),
            template=await self._templates.get(rollout.template_uuid),
            demand=await self._rollouts.demand(rollout_id),
            links=self._links,
            now=now,
            history=None if now is not None else await self._recorder.history(rollout_id),
            time=time.time(),
        )

    async def cancel(self, rollout_id: int, actor: Actor) -> RolloutView:
        """DELETE rollouts/{id}."""
        await self._coordinator.cancel(actor, rollout_id)
        return await self.one(rollout_id)

    async def take_out(self, rollout_id: int, body: TargetsRequest, actor: Actor) -> TargetsCancelled:
        """POST rollouts/{id}/cancel."""
        macs = await self._coordinator.cancel(actor, rollout_id, macs_of(body.macs) or [])
        return TargetsCancelled(rollout_id, len(macs))

    async def retry(self, rollout_id: int, actor: Actor) -> RolloutRetried:
        """POST rollouts/{id}/retry."""
        retried = await self._coordinator.retry(actor, rollout_id)
        return RolloutRetried(rollout_id, len(retried))
