"""Frames and errors on terminals' connections, counted: plain numbers, read when metrics are scraped."""

from __future__ import annotations

from typing import Final

from voi.errors import VoiError
from voi.wire.codes import Code

OTHER: Final = 0
"""Stands for every unknown code: anybody can choose it, and there are four thousand million."""


class FrameCounters:
    """Counts since the server's start, of all connections together.

    `received` and `sent` go by service code, `errors` by the code in the answers, each with OTHER; `broken` counts
    connections whose framing could not be followed.
    """

    def __init__(self) -> None:
        codes = (*(int(code) for code in Code), OTHER)
        self.received = dict.fromkeys(codes, 0)
        self.sent = dict.fromkeys(codes, 0)
        self.errors = dict.fromkeys((*sorted(wire_codes()), OTHER), 0)
        self.broken = 0

    def take(self, code: int) -> None:
        """A frame came."""
        received = self.received
        received[code if code in received else OTHER] += 1

    def send(self, code: int) -> None:
        """A frame goes out."""
        sent = self.sent
        sent[code if code in sent else OTHER] += 1

    def refuse(self, code: int) -> None:
        """An answer says that something went wrong."""
        errors = self.errors
        errors[code if code in errors else OTHER] += 1


def wire_codes(kind: type[VoiError] = VoiError) -> set[int]:
    """What the errors that there are say on the wire."""
    return {kind.wire_code}.union(*(wire_codes(sub) for sub in kind.__subclasses__()))
