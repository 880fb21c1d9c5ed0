"""Events, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field


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
