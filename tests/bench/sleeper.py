"""How late a process comes that does nothing but sleep: what of a reactor's lag is the machine's.

A child of the `lag` bench. Looks as `voi.app.lag` does, each order being a number of seconds to look for.
"""

from __future__ import annotations

import json
import sys
import time

from voi.app.lag import INTERVAL, UPPER_BOUNDS, bucket


def look(seconds: float) -> list[int]:
    """Counts of lateness, as those of the probe."""
    counts = [0] * len(UPPER_BOUNDS)
    due = time.monotonic() + INTERVAL
    end = due + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        while due <= now:
            counts[bucket(now - due)] += 1
            due += INTERVAL
    return counts


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(look(**json.loads(line))), flush=True)
