"""What the terminals of a rollout have to fetch, and the least time in which they can."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """What the terminals of a rollout have to fetch, in bytes.

    `image` counts each level once that any of them lacks, `most` is what the neediest lacks, `total` what all lack
    together; `terminals` is how many lack anything.
    """

    image: int
    most: int
    total: int
    terminals: int


@dataclass(frozen=True, slots=True)
class LinkRates:
    """How much the links carry, in bytes a second, up as well as down: the server's, and each terminal's."""

    server: float
    terminal: float

    def least_seconds(self, demand: Demand) -> float:
        """The least time in which all can have what they lack, however it is shared: the bound of Kumar and Ross.

        The server must send each byte once, the neediest terminal receive all that it lacks, and all links together
        send what all terminals receive.
        """
        together = self.server + demand.terminals * self.terminal
        return max(demand.image / self.server, demand.most / self.terminal, demand.total / together)
