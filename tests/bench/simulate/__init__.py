"""A simulation of swarm and tracker policy, for rooms and sites that fit on no test machine.

Simulated are time, links and peers; the tracker is the project's own, asked by real announces. `scenario` says what a
run is and what no swarm can beat; `swarm` plays it: `authority` (the tracker), `exchange` (orders and blocks),
`picker` (what is asked for next), `slots` (whom the server serves), `links`, `clock`; `result` is what came of it.
`measured` has the real swarms that it is checked against, `scenarios` the runs of the bench, `bench` makes rows of
them, `plots` pictures.

What the model has: who connects to whom and with how many, refused and dead connections and their second tries; rarest
first with begun pieces before others, queues of requests, the end game; an upload link that its peers share block by
block, links that carry one block after the other; announces at the tracker's intervals. What it has not: TCP (a link
is shared by blocks in the order of their sending, not by windows), losses, disks, processors, hash checks, protocol
bytes, and the seconds that real peers take to start.
"""

from __future__ import annotations

from tests.bench.simulate.bench import run

__all__ = ["run"]
