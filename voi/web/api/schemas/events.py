"""Events, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from voi.web.api.schemas.fields import Mac, Number, Offset, Search, Some


class EventExport(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events: `q` is a part of the text, `kind` may be its first word alone."""

    q: Search = ""
    who: Annotated[str, Meta(max_length=128)] = ""
    kind: Annotated[str, Meta(max_length=64)] = ""
    mac: Mac | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None


class TerminalEventQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries about a terminal; `before` an id, for a next page that nothing new moves."""

    q: Search = ""
    who: Annotated[str, Meta(max_length=128)] = ""
    kind: Annotated[str, Meta(max_length=64)] = ""
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    sort: Literal["time", "-time"] = "-time"
    limit: Some = 100
    offset: Offset = 0
    before: Number | None = None


class EventQuery(TerminalEventQuery, frozen=True, forbid_unknown_fields=True):
    """Which entries of the audit log: of all, or of those about the terminal `mac`."""

    mac: Mac | None = None


class EventView(Struct, frozen=True):
    """An event: `text` in English, `kind` and `data` for any other language.

    `who` is an account, "token NAME", "terminal MAC" or "server"; `from` is the address it came from.
    """

    id: int
    time: datetime
    kind: str
    who: str
    origin: str = field(name="from")
    text: str
    mac: str | None
    rollout: int | None
    template: str | None
    data: dict[str, Any]


class EventList(Struct, frozen=True):
    """Events; `total` is how many match, whatever `before` says, and `offset` how many of those before it were left out
    first.
    """

    events: list[EventView]
    total: int
    offset: int
