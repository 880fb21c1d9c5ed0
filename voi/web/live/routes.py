"""The route of live news."""

from __future__ import annotations

from msgspec import Struct
from twisted.web.server import Request

from voi.errors import Busy
from voi.web.http.caller import Caller
from voi.web.http.routing import Route
from voi.web.live.streams import LiveStreams


class StreamFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the terminals of one rollout are to be told of too, each with its rate."""

    rollout: int | None = None


class StreamRoutes:
    """Server-sent events."""

    def __init__(self, live: LiveStreams) -> None:
        self._live = live

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/events/stream",
                handler=self.stream,
                summary="Events as they happen: a stream of server-sent events",
                query=StreamFilter,
                answer=str,
                errors=(Busy,),
                raw=True,
                media="text/event-stream",
            ),
        )

    async def stream(self, request: Request, actor: Caller, query: StreamFilter) -> bytes:
        """GET events/stream."""
        mine = {f"{kind}:{query.rollout}" for kind in ("rollout", "stale")}
        return await self._live.open(request, actor, lambda name: ":" not in name or name in mine)
