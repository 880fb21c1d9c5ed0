"""What a simulated run came to."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from tests.bench.simulate.scenario import Scenario, bound
from tests.bench.simulate.swarm import Swarm


@dataclass(frozen=True)
class Result:
    """Ratios, seconds, and bytes in copies of the image."""

    bound: float
    last: float
    """The last terminal's seconds (dead, slow and late ones aside) over the bound."""
    median: float
    server: float
    """Copies that the server sent."""
    uplink: float
    """Copies that came into a room, over the mean of the rooms."""
    uplink_most: float
    wasted: float
    """Copies that terminals received in vain, for each terminal."""
    announces: float
    """In a second, the mean until the last terminal was done."""
    announces_peak: float
    others: float
    """The last of the slow and late ones, seconds after its start over the bound; 0 if there are none."""
    curve: tuple[float, ...]
    """When each of the terminals was done, over the bound."""
    wall: float

    @property
    def line(self) -> str:
        """All of it in one line."""
        return (
            f"bound {self.bound:.1f} s  last {self.last:.3f}  median {self.median:.3f}  server {self.server:.3f}  "
            f"uplink {self.uplink:.3f} (most {self.uplink_most:.3f})  wasted {self.wasted:.4f}  "
            f"announces/s {self.announces:.1f} (peak {self.announces_peak:.0f})  others {self.others:.2f}  "
            f"[{self.wall:.1f} s]"
        )


def simulate(scenario: Scenario) -> Result:
    """Run a scenario."""
    begun = time.process_time()
    swarm = Swarm(scenario)
    swarm.run()
    least, size = bound(scenario), scenario.size
    living = [peer for peer in swarm.terminals if not peer.dead]
    ordinary = sorted(peer.done for peer in living if not peer.slow and peer.starts <= scenario.spread)
    others = [peer.done - peer.starts for peer in living if peer.slow or peer.starts > scenario.spread]
    entered = [link.carried / size for link in swarm.enter]
    announces = swarm.authority.by_second
    return Result(
        bound=least,
        last=ordinary[-1] / least,
        median=statistics.median(ordinary) / least,
        server=swarm.server.up.carried / size,
        uplink=statistics.mean(entered),
        uplink_most=max(entered),
        wasted=sum(peer.wasted for peer in living) / size / len(living),
        announces=sum(announces.values()) / max(swarm.clock.now, 1.0),
        announces_peak=max(announces.values()),
        others=max(others, default=0.0) / least,
        curve=tuple(done / least for done in ordinary),
        wall=time.process_time() - begun,
    )
