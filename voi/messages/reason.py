"""Sentences that can be said in other languages: each knows its code and what was filled into it.

A `Reason` is a text like any other, in English, made from the one catalogue in :mod:`voi.messages.english`. Who only
reads or logs it takes it for the text that it is; who shows it to people can say the same in their language by its
code and data. Where it is kept, its code and data are kept beside the text. A program that must tell one reason from
another asks `code_of` and `same`: words are for people, and change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Any, Final, Self

from voi.messages.english import SENTENCES, SYSTEM

LONGEST_VALUE: Final = 500
"""Characters of a text that is filled in: terminals, files and the operating system write those, and as they like."""


class _Speaker(Formatter):
    """Python's formats, and two of ours: ``size`` for bytes with their unit, ``span`` for seconds as days and hours."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value as it stands in a sentence."""
        if format_spec == "size":
            return _size(value)
        if format_spec == "span":
            return _span(value)
        text: str = super().format_field(value, format_spec)
        return text


_SPEAKER: Final = _Speaker()


class Reason(str):
    """A sentence of the catalogue, by its code and the values in it: texts, numbers, other reasons.

    :raises KeyError: there is no such sentence, or it needs a value that is not given.
    """

    __slots__ = ("code", "data")

    code: str
    data: Mapping[str, str | float]

    def __new__(cls, code: str, /, **data: str | float) -> Self:
        """Say it."""
        bounded = {name: _bounded(value) for name, value in data.items()}
        return cls._of(_SPEAKER.vformat(SENTENCES[code], (), bounded), code, bounded)

    @classmethod
    def _of(cls, text: str, code: str, data: Mapping[str, str | float]) -> Self:
        made = super().__new__(cls, text)
        made.code = code
        made.data = data
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is copied: as it is kept."""
        return recall, (str(self), kept(self))


_SYSTEM: Final = {text: Reason(code) for code, text in SYSTEM.items()}


def of_system(text: str | None) -> str:
    """What the operating system said, to be filled into a sentence: a reason where it is one of the usual things."""
    return _SYSTEM.get(text or "", str(text))


def plain(reason: str) -> dict[str, Any]:
    """Code and data of a reason, and of those in it, as JSON takes them; nothing for any other text."""
    if not isinstance(reason, Reason):
        return {}
    data = {name: plain(value) if isinstance(value, Reason) else value for name, value in reason.data.items()}
    return {"code": reason.code, "data": data}


def code_of(reason: str) -> str:
    """The code of a reason, by which programs tell it from others; empty for any other text."""
    return reason.code if isinstance(reason, Reason) else ""


def same(one: str, other: str) -> bool:
    """Whether two reasons have the same code and values, in whatever words; other texts have their words alone."""
    if isinstance(one, Reason) != isinstance(other, Reason):
        return False
    return plain(one) == plain(other) if isinstance(one, Reason) else one == other


def kept(reason: str) -> str:
    """What is kept beside the text, so that `recall` makes a reason of both; empty for any other text."""
    return json.dumps(plain(reason), ensure_ascii=False) if isinstance(reason, Reason) else ""


@lru_cache(maxsize=1024)  # thousands of terminals wait for the same
def recall(text: str, beside: str) -> str:
    """A reason as it was kept; the text alone where nothing is beside it, or what no sentence of today is made of."""
    if not beside:
        return text
    try:
        made = _read(json.loads(beside))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return text
    return Reason._of(text, made.code, made.data)  # noqa: SLF001 - of this very module


def _read(found: Mapping[str, Any]) -> Reason:
    data = {name: _read(value) if isinstance(value, dict) else value for name, value in found["data"].items()}
    return Reason(found["code"], **data)


def _bounded(value: str | float) -> str | float:
    if isinstance(value, str) and not isinstance(value, Reason) and len(value) > LONGEST_VALUE:
        return value[: LONGEST_VALUE - 1] + "…"
    return value


def _size(count: int) -> str:
    """In the units of the console and of the command: thousands, as disks are sold."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit returns")


def _span(seconds: float) -> str:
    """In the units of the console: the two largest that matter."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest} s" if minutes < 10 else f"{minutes} min"
    days, hours_left = divmod(hours, 24)
    return f"{days} d {hours_left} h" if days else f"{hours} h {minutes_left} min"
