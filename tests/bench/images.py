"""Published templates for benches: images imported through the API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from voi.demo.image import write_image
from voi.demo.processes import ServerProcess, StageError, wait_until

PATIENCE: Final = 300.0


def publish(server: ServerProcess, directory: Path, sizes: Sequence[int]) -> list[str]:
    """Import one template with so many bytes of content for each of `sizes`; their uuids.

    :raises StageError: one was not imported.
    """
    uuids: list[str] = []
    for number, size in enumerate(sizes):
        image = directory / f"{number}.qcow2"
        write_image(image, 4 * size, data_bytes=size, seed=number)
        body = {"name": f"Bench {number}", "disks": [{"type": "system", "path": str(image)}]}
        uuids.append(server.api("POST", "templates", body)["uuid"])

    def ready() -> bool:
        states = {one["uuid"]: (one["state"], one["reason"]) for one in server.api("GET", "templates")["templates"]}
        for uuid in uuids:
            if states[uuid][0] == "failed":
                raise StageError(f"the import failed: {states[uuid][1]}")
        return all(states[uuid][0] == "ready" for uuid in uuids)

    wait_until(ready, PATIENCE, "the imports")
    for number in range(len(sizes)):
        (directory / f"{number}.qcow2").unlink()
    return uuids


def seeded(server: ServerProcess) -> int:
    """How many torrents the server's peer offers whole now."""
    return sum(swarm["state"] == "seeding" for swarm in server.api("GET", "swarms")["swarms"])
