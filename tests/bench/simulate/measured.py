"""What the simulator is checked against: swarms of real libtorrent peers, in network namespaces behind equal links.

libtorrent 2.1.1, one seed, every tracker answer names all peers unless said otherwise, links of 4 or 2 MB/s. Two runs
of the same swarm differ by about 0.04 in the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.bench.simulate.scenario import BLOCK, Scenario
from voi.tracker.policy import Policy

_MB: Final = 1_000_000
_KIB: Final = 1024
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Measured:
    """A real swarm: terminals, bytes a second of each link, bytes of the image and of a piece; what came of it."""

    terminals: int
    rate: int
    size: int
    piece: int
    queue: int
    last: float
    """The last terminal over the bound."""
    server: float
    """Copies that the seed sent."""
    numwant: int = 0
    """Peers in an answer, 0: all."""

    @property
    def text(self) -> str:
        """The swarm in short."""
        numwant = f", {self.numwant} named" if self.numwant else ""
        return (
            f"N = {self.terminals}, {self.rate / _MB:g} MB/s, {self.size // _MIB} MiB, "
            f"pieces of {self.piece // _KIB} KiB, queue {self.queue}{numwant}"
        )

    def scenario(self, seed: int = 1) -> Scenario:
        """The same swarm, to be simulated as it was measured: the tracker told everybody of the server then."""
        policy = Policy()
        named = self.numwant or policy.numwant_most
        return Scenario(
            terminals=self.terminals,
            rate=self.rate,
            server=self.rate,
            pieces=self.size // self.piece,
            blocks=self.piece // BLOCK,
            queue=self.queue,
            policy=replace(
                policy,
                numwant_default=named,
                numwant_most=named,
                leaders_alone=self.terminals,
                first_interval=policy.leech_interval,
            ),
            seed=seed,
        )


def _short(terminals: int, piece: int, queue: int, last: float, server: float, numwant: int = 0) -> Measured:
    return Measured(terminals, 4 * _MB, 64 * _MIB, piece * _KIB, queue, last, server, numwant)


MEASURED: Final[Sequence[Measured]] = (
    _short(8, 64, 8, 1.11, 1.10),
    _short(8, 128, 8, 1.17, 1.16),
    _short(8, 256, 8, 1.20, 1.18),
    _short(16, 64, 4, 1.15, 1.14),
    _short(16, 64, 8, 1.20, 1.19),
    _short(16, 64, 16, 1.30, 1.31),
    _short(16, 64, 32, 1.44, 1.45),
    _short(16, 64, 8, 1.16, 1.15, numwant=6),
    _short(16, 64, 8, 1.18, 1.18, numwant=10),
    _short(16, 256, 4, 1.34, 1.33),
    _short(16, 256, 8, 1.34, 1.33),
    _short(16, 256, 16, 1.43, 1.44),
    _short(16, 256, 32, 1.60, 1.59),
    Measured(16, 4 * _MB, 256 * _MIB, 256 * _KIB, 8, 1.14, 1.13),
    Measured(16, 4 * _MB, 256 * _MIB, 256 * _KIB, 4, 1.08, 1.07),
    Measured(32, 2 * _MB, 64 * _MIB, 64 * _KIB, 16, 1.38, 1.38),
    Measured(32, 2 * _MB, 64 * _MIB, 64 * _KIB, 8, 1.32, 1.32),
    Measured(32, 2 * _MB, 64 * _MIB, 64 * _KIB, 4, 1.24, 1.23),
    Measured(32, 2 * _MB, 64 * _MIB, 64 * _KIB, 4, 1.19, 1.19, numwant=10),
)
