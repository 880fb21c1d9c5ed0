"""Beside each sentence that says why: what it is made of, so that it can be said in other languages."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from voi.messages.reason import Reason


class Why(Struct, frozen=True):
    """The code of a sentence, which keeps its meaning, and the values in it: texts, numbers, other sentences."""

    code: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{1,39}$")]
    data: dict[str, str | int | float | Why]


def why_of(reason: str) -> Why | None:
    """What a sentence is made of, where that is known."""
    if not isinstance(reason, Reason):
        return None
    data: dict[str, str | int | float | Why] = {}
    for name, value in reason.data.items():
        data[name] = (why_of(value) or "") if isinstance(value, Reason) else value
    return Why(reason.code, data)
