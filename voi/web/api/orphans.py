"""Routes of files to which nothing refers: for administrators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from voi.catalogue.orphans import Orphan
from voi.catalogue.sweep import Sweeper
from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.errors import Conflict, StorageMissing
from voi.web.api.schemas.orphans import OrphanKind, OrphanList, OrphanQuery, OrphanView, RefusedView, SweptView
from voi.web.http.lists import page
from voi.web.http.reasons import why_of
from voi.web.http.routing import Route

_COLUMNS: Final[Mapping[str, Callable[[OrphanView], Any]]] = {
    "path": lambda view: view.path,
    "size": lambda view: view.size,
    "kind": lambda view: view.kind,
}


class OrphanRoutes:
    """What a crash, or a database that was put back, left in the data directory."""

    def __init__(self, sweeper: Sweeper) -> None:
        self._sweeper = sweeper

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/orphans",
                handler=self.all,
                summary="List files in the data directory to which nothing refers, all or those that match",
                query=OrphanQuery,
                answer=OrphanList,
                errors=(Conflict, StorageMissing),
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="DELETE",
                path="/api/v1/orphans",
                handler=self.sweep,
                summary="Delete the files in the data directory to which nothing refers, for good",
                answer=SweptView,
                errors=(Conflict, StorageMissing),
                role=Role.ADMINISTRATOR,
            ),
        )

    async def all(self, query: OrphanQuery) -> OrphanList:
        """GET orphans."""
        orphans = await self._sweeper.find()
        found, total = page(_views(orphans), query, texts=lambda view: (view.path,), columns=_COLUMNS)
        return OrphanList(found, total, query.offset, _size(orphans))

    async def sweep(self, actor: Actor) -> SweptView:
        """DELETE orphans."""
        swept = await self._sweeper.sweep(actor)
        refused = [RefusedView(str(orphan.path), str(why), why_of(why)) for orphan, why in swept.refused]
        return SweptView(_views(swept.removed), _size(swept.removed), refused)


def _views(orphans: Iterable[Orphan]) -> list[OrphanView]:
    return [OrphanView(str(orphan.path), orphan.size, _kind(orphan)) for orphan in orphans]


def _kind(orphan: Orphan) -> OrphanKind:
    kind: OrphanKind = orphan.what.value  # type: ignore[assignment]  # what somebody else put there is not among them
    return kind


def _size(orphans: Iterable[Orphan]) -> int:
    return sum(orphan.size for orphan in orphans)
