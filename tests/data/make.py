"""Makes the data directory that a release leaves behind, small, with something of everything in it.

Run once for each release, with the code of that release, and keep what it writes beside this file::

    python -m tests.data.make

`tests/e2e/test_older_versions.py` opens each of them with the code of today.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.e2e.site import PlainTerminal
from voi import __version__
from voi.demo.image import write_image
from voi.demo.processes import ServerProcess, TerminalProcesses, all_stopped, wait_until, write_template

HERE: Final = Path(__file__).parent
KIB: Final = 1 << 10
UPLOADER: Final = "02:00:00:00:00:01"
RECEIVER: Final = "02:00:00:00:01:01"
OFF: Final = "02:00:00:00:02:01"
"""A terminal that is off while everybody else gets something."""
TEMPLATE: Final = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
DISK: Final = "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"
CANCELLED: Final = "11111111-2222-4333-8444-555555555555"
REFUSED: Final = "22222222-3333-4444-8555-666666666666"
PATIENCE: Final = 60.0
LEFT_OUT: Final = ("lock", "api-token")


def make(place: Path) -> Path:
    """Run a server through a day, stop it, and pack its data directory; where the archive is."""
    server = ServerProcess(place / "server")
    uploader = TerminalProcesses(place / "uploader", server.address, UPLOADER, address="127.0.0.9")
    receiver = TerminalProcesses(place / "receiver", server.address, RECEIVER, address="127.0.0.10")
    with all_stopped([server, uploader, receiver]):
        server.up()
        _import(server, place / "lab.qcow2")
        _upload(server, uploader)
        _people_and_rooms(server)
        _roll_out(server, receiver)
        _what_does_not_work(server)
    archive = HERE / f"voi-{__version__}.tar.xz"
    with tarfile.open(archive, "w:xz") as packed:
        packed.add(server.data, "data", filter=_plain)
    return archive


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Owned by nobody in particular, and without the lock and the token, which are made anew."""
    if Path(member.name).name in LEFT_OUT:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _import(server: ServerProcess, image: Path) -> None:
    write_image(image, 1024 * KIB, data_bytes=64 * KIB, seed=1)
    made = server.api("POST", "templates", {"name": "Lab", "disks": [{"type": 0, "path": str(image)}]})
    wait_until(lambda: server.api("GET", f"templates/{made['uuid']}")["state"] == "ready", PATIENCE, "the import")


def _upload(server: ServerProcess, uploader: TerminalProcesses) -> None:
    """A base and a difference from a terminal: two versions of one template."""
    write_template(uploader.directory, TEMPLATE, "Office")
    base = uploader.directory / f"voi_0_{DISK}"
    write_image(base, 1024 * KIB, data_bytes=64 * KIB, seed=2)
    write_image(uploader.directory / f"voi_1_{DISK}", 1024 * KIB, data_bytes=64 * KIB, seed=3, backing=base.name)
    uploader.start()
    wait_until(lambda: _terminal(server, UPLOADER).get("disks"), PATIENCE, "the uploader")
    upload = server.api("POST", "uploads", {"mac": UPLOADER, "template": TEMPLATE})["id"]
    wait_until(lambda: server.api("GET", f"uploads/{upload}")["state"] == "published", PATIENCE, "the upload")


def _people_and_rooms(server: ServerProcess) -> None:
    server.api("POST", "accounts", {"name": "li", "password": "correct horse", "role": "operator"})
    server.api("POST", "tokens", {"name": "backup", "role": "operator"})
    server.api("PATCH", "settings", {"retention_days": 100})
    server.api("POST", "rooms", {"name": "Physics", "subnets": ["127.0.0.8/30"]})
    by_hand = server.api("POST", "rooms", {"name": "Library", "subnets": []})["id"]
    absent = PlainTerminal(server, OFF)
    absent.log_in()
    absent.close()
    server.api("PATCH", "terminals", {"macs": [OFF], "room": by_hand, "name": "PC 7"})
    server.api("PATCH", f"templates/{TEMPLATE}", {"name": "Office 2", "desc": "with a remark"})


def _roll_out(server: ServerProcess, receiver: TerminalProcesses) -> None:
    """One that is done, one that waits for a terminal that is off, and one that was cancelled."""
    receiver.start()
    wait_until(lambda: _terminal(server, RECEIVER).get("online"), PATIENCE, "the receiver")
    done = server.api("POST", "rollouts", {"template": TEMPLATE, "macs": [RECEIVER]})["id"]
    wait_until(lambda: server.api("GET", f"rollouts/{done}")["state"] == "done", PATIENCE, "the rollout")
    lab = next(one["uuid"] for one in server.api("GET", "templates")["templates"] if one["name"] == "Lab")
    cancelled = server.api("POST", "rollouts", {"template": lab, "macs": [OFF]})["id"]
    server.api("DELETE", f"rollouts/{cancelled}")
    server.api("POST", "rollouts", {"template": TEMPLATE, "macs": [OFF]})


def _what_does_not_work(server: ServerProcess) -> None:
    """An upload that was cancelled, one whose torrent is refused, and a watermark that waits for a login."""
    asked = {"mac": OFF, "template": {"name": "Old"}, "disks": [f"voi_0_{CANCELLED}"]}
    cancelled = server.api("POST", "uploads", asked)["id"]
    server.api("DELETE", f"uploads/{cancelled}")
    server.api("POST", "uploads", {"mac": OFF, "template": {"name": "New"}, "disks": [f"voi_0_{REFUSED}"]})
    absent = PlainTerminal(server, OFF)
    absent.log_in()
    refused = absent.ask(9014, {"uuid": REFUSED, "type": 0, "dif_level": 0, "data": "not base64", "data_len": 3})
    absent.close()
    wait_until(lambda: not _terminal(server, OFF)["online"], PATIENCE, "the terminal to be off")
    if refused["code"] == 0:
        raise RuntimeError(f"a torrent that is none was taken: {refused}")
    server.api("POST", "commands", {"command": "watermark", "switch": 1, "macs": [OFF, RECEIVER]})


def _terminal(server: ServerProcess, mac: str) -> dict[str, Any]:
    status, found = server.call("GET", f"/api/v1/terminals/{mac}")
    return found if status == 200 else {}


def main() -> None:
    """Make it in a directory of its own, which is not kept."""
    place = Path(tempfile.gettempdir()) / "voi-sample"  # its name is in what is made: the source of the import
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        archive = make(place)
    finally:
        shutil.rmtree(place)
    print(json.dumps({"made": archive.name, "bytes": archive.stat().st_size}))


if __name__ == "__main__":
    main()
