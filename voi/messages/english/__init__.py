"""The catalogue: every sentence with which the server tells people why, by its code.

In braces stand the values, with Python's formats and those of :mod:`voi.messages.reason`. A console says
``reason.<code>`` in its own language from the same values; so a code never gets another meaning, and a value keeps its
name.
"""

from __future__ import annotations

from typing import Final

from voi.messages.english.files import FILES, SYSTEM, TORRENTS
from voi.messages.english.health import HEALTH
from voi.messages.english.images import IMAGES
from voi.messages.english.people import INPUT, PEOPLE
from voi.messages.english.rollouts import ROLLOUTS
from voi.messages.english.templates import CONTENTS, TEMPLATES
from voi.messages.english.terminals import PROTOCOL, REFERENCE_TERMINAL, TERMINALS

__all__ = ["SENTENCES", "SYSTEM"]

SENTENCES: Final[dict[str, str]] = {
    code: sentence
    for part in (
        INPUT,
        PEOPLE,
        TERMINALS,
        ROLLOUTS,
        TEMPLATES,
        FILES,
        CONTENTS,
        IMAGES,
        HEALTH,
        SYSTEM,
        TORRENTS,
        PROTOCOL,
        REFERENCE_TERMINAL,
    )
    for code, sentence in part.items()
}
"""All of them."""
