"""What may stand after the question mark of each list: how it is searched, filtered, sorted, and given in pages.

All have `q`, `sort`, `limit` and `offset`; what else there is narrows one list alone. A name that a list does not have
is refused, so that a mistyped one does not silently show everything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from voi.web.api.schemas.requests import MOST_LISTED, Mac, Number, Offset, Search, Uuid

MOST_READ: Final = 1000
"""Entries of a list that grows for years; each costs some rows of the database."""

All = Annotated[int, Meta(ge=1, le=MOST_LISTED)]
Some = Annotated[int, Meta(ge=1, le=MOST_READ)]


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of a list: `q` is a part of an entry's texts in any case, `offset` how many are left out first."""

    q: Search = ""
    limit: All = MOST_LISTED
    offset: Offset = 0


class TemplateQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Templates: `q` is a part of name or remark."""

    state: Literal["ready", "importing", "uploading", "failed"] | None = None
    sort: Literal[
        "name", "state", "version", "created", "updated", "-name", "-state", "-version", "-created", "-updated"
    ] = "name"


class VersionQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Versions of a template: `q` is a part of the uploader's MAC or of a disk's name."""

    sort: Literal["number", "size", "terminals", "-number", "-size", "-terminals"] = "-number"


class RoomQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Rooms: `q` is a part of the name or of a subnet."""

    sort: Literal["name", "total", "online", "-name", "-total", "-online"] = "name"


class AccountQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Accounts: `q` is a part of the name."""

    sort: Literal["name", "role", "created", "last_login", "-name", "-role", "-created", "-last_login"] = "name"


class TokenQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Tokens: `q` is a part of the name."""

    sort: Literal["id", "name", "role", "created", "last_used", "-id", "-name", "-role", "-created", "-last_used"] = (
        "id"
    )


class SwarmQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Torrents: `q` is a part of the disk's name, the info-hash or the template's uuid."""

    sort: Literal[
        "name", "size", "seeds", "leeches", "server_sent", "-name", "-size", "-seeds", "-leeches", "-server_sent"
    ] = "name"


class RolloutFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Rollouts: `q` is a part of the template's name, or the rollout's number."""

    q: Search = ""
    state: Literal["running", "done", "failed", "cancelled"] | None = None
    template: Uuid | None = None
    sort: Literal["created", "template_name", "version", "-created", "-template_name", "-version"] = "-created"
    limit: All = MOST_READ
    offset: Offset = 0


class UploadFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Uploads and imports: `q` is a part of the template's name or of the MAC; `open` are those under way."""

    q: Search = ""
    state: Literal["open", "published", "failed"] | None = None
    template: Uuid | None = None
    mac: Mac | None = None
    sort: Literal["created", "name", "-created", "-name"] = "-created"
    limit: Some = 100
    offset: Offset = 0


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
