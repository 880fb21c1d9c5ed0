"""How fast this machine's link is: what its administrator configured, else what its network card negotiated."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

GIGABIT: Final = 125_000_000
"""Bytes a second of the link that is assumed when nothing else is known."""

_CARDS: Final = Path("/sys/class/net")
_MEGABIT: Final = 125_000


def link_rate(configured: int, *limits: int, cards: Path = _CARDS) -> int:
    """Bytes a second of the link: what is `configured`, else the fastest card's, else a gigabit; no more than any
    limit.

    0 is not configured, and no limit. Reads a few small files of the kernel.
    """
    return min([configured or card_rate(cards) or GIGABIT, *(limit for limit in limits if limit)])


def card_rate(cards: Path = _CARDS) -> int:
    """Bytes a second that the fastest card with a cable in it negotiated; 0 where that is unknown."""
    found = [0]
    for card in cards.glob("*"):
        # Bridges and tunnels have no device behind them, and report speeds that nothing has.
        if (card / "device").exists():
            with suppress(OSError, ValueError):  # no cable, or a kind of card that does not report it
                found.append(int((card / "speed").read_text()) * _MEGABIT)
    return max(found)
