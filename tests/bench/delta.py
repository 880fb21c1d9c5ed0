"""A new version of a disk: bytes that a terminal with an older one fetches, over the bytes that changed.

Real servers and terminals. An image is changed in scattered clusters of 64 KiB, 2 % of it for each version. A terminal
that has the version before, and one that has the one five before, get the new one by a rollout; each is alone with
the server, so that what the server sent is what it fetched. Bytes are payload of BitTorrent and the block table.

The table matters where pieces are long, as those of a disk of 40 GB are: so the uploader is told that piece length.
The product does not publish other content for a level that is published; what it has is an image that was put on the
terminals by hand (cloned) and is replaced by the server's of the same name, and that is what is done here.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.filetools import TOOLS
from tests.bench.versions import VERSIONS, Images, make_images
from voi.demo.processes import ChildProcess, ServerProcess, TerminalProcesses, all_stopped, wait_until, write_template
from voi.domain.metainfo import piece_length_for
from voi.files.hashing import sha256_file
from voi.names import DiskName

MIB: Final = 1 << 20
REAL_DISK: Final = 40 * 10**9
"""Bytes of the disk whose piece length is taken."""
PATIENCE: Final = 120.0
TOGETHER: Final = 8
TINY_TOGETHER: Final = 2
FETCH_SECONDS: Final = 12
TINY_FETCH_SECONDS: Final = 4
"""That a first download takes at the least which is killed half-way."""
SLOW_LINK: Final = 1_000_000
"""Bytes a second up and down of each terminal of a room, and of the server: slow, so that the cores are not full."""
UPLOADER: Final = "02:00:00:00:00:01"
RECEIVER: Final = "02:00:00:00:01:01"


@dataclass(frozen=True)
class Fetched:
    """What one terminal cost."""

    sent: int
    table: int
    seconds: float

    @property
    def all(self) -> int:
        """Bytes."""
        return self.sent + self.table


class Site:
    """A server to which the newest version was uploaded, in pieces of `piece_length` bytes (0: by its size)."""

    def __init__(
        self, directory: Path, images: Images, piece_length: int, children: list[ChildProcess], *server: str
    ) -> None:
        self.directory, self._children = directory, children
        self.name = DiskName(str(uuid.uuid4()), 0)
        self._template = str(uuid.uuid4())
        self.server = ServerProcess(directory / "server")
        children.append(self.server)
        self.server.up()
        self._sum = sha256_file(images.newest)
        options = (f"--piece-length={piece_length}",) if piece_length else ()
        uploader = self.terminals("uploader", UPLOADER, images.newest, "127.0.0.9", *options)
        upload = self.server.api("POST", "uploads", {"mac": UPLOADER, "template": self._template})["id"]
        self._wait(lambda: self._state(f"uploads/{upload}") == "published", "the upload")
        uploader.stop()

    def terminals(
        self, name: str, mac: str, image: Path | None, address: str, *options: str, count: int = 1
    ) -> TerminalProcesses:
        """Terminals that have the image as the disk, or have nothing, online."""
        found = TerminalProcesses(
            self.directory / name, self.server.address, mac, *options, count=count, address=address
        )
        self._children.append(found)
        for directory in found.directories:
            write_template(directory, self._template, "Office")
            if image is not None:
                shutil.copyfile(image, directory / str(self.name))
        found.start()
        self._wait(lambda: all(self._online(mac, image is not None) for mac in found.macs), f"{name} to log in")
        return found

    def restart(self, *options: str) -> None:
        """Give the server other options, and start it again: it counts from 0."""
        self.server.stop()
        self.server.options(*options)
        self.server.up()

    def update(self, terminals: TerminalProcesses) -> Fetched:
        """Roll the newest version out; what it cost until the last terminal had it."""
        before, begun = self.sent(), time.monotonic()
        self.finish(self.roll_out(terminals))
        seconds = time.monotonic() - begun
        self.check(terminals)
        return Fetched(self.settled() - before, self.table * terminals.count, seconds)

    def roll_out(self, terminals: TerminalProcesses) -> int:
        """Begin."""
        number: int = self.server.api("POST", "rollouts", {"template": self._template, "macs": terminals.macs})["id"]
        return number

    def finish(self, number: int) -> None:
        """Wait for the end of a rollout."""
        self._wait(lambda: self._state(f"rollouts/{number}") == "done", "the rollout")

    def check(self, terminals: TerminalProcesses) -> None:
        """Every terminal has the newest version, byte for byte."""
        for directory in terminals.directories:
            if sha256_file(directory / str(self.name)) != self._sum:
                raise AssertionError(f"{directory} has something else")

    def sent(self) -> int:
        """Payload that the server has sent, as its session counts it."""
        swarms = self.server.api("GET", "swarms")["swarms"]
        return int(next(swarm for swarm in swarms if swarm["name"] == str(self.name))["server_sent"])

    def settled(self) -> int:
        """The same when it is counted to the end: the count is taken once a second."""
        last, since = self.sent(), time.monotonic()
        while time.monotonic() - since < 2.5:
            time.sleep(0.2)
            now = self.sent()
            if now != last:
                last, since = now, time.monotonic()
        return last

    @property
    def table(self) -> int:
        """Bytes of the block table; 0 where there is none."""
        return sum(path.stat().st_size for path in (self.server.data / "torrents").glob("*.blocks"))

    def _online(self, mac: str, with_disk: bool) -> bool:
        status, found = self.server.call("GET", f"/api/v1/terminals/{mac}")
        return status == 200 and bool(found["online"]) and (bool(found["disks"]) or not with_disk)

    def _state(self, what: str) -> str:
        found = self.server.api("GET", what)
        if found["state"] == "failed":
            raise AssertionError(f"{what}: {found}")
        return str(found["state"])

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        wait_until(condition, PATIENCE, what)


def run(plan: Plan) -> Outcome:
    """One row for each way; figures at the piece length of a real disk."""
    size = plan.of(512, 96, 12) * MIB
    plan.say(f"images of {size // MIB} MiB, {VERSIONS + 1} versions")
    images = make_images(plan.directory, size)
    rows: list[Row] = []
    figures: dict[int, float] = {}
    lengths = [piece_length_for(REAL_DISK)] + ([] if plan.fast else [0])
    for piece_length in lengths:
        label = f"pieces of {(piece_length or piece_length_for(images.newest.stat().st_size)) >> 10} KiB"
        children: list[ChildProcess] = []
        with all_stopped(children):
            site = Site(plan.directory / f"site-{piece_length}", images, piece_length, children)
            for number, behind in enumerate(images.older):
                plan.say(f"{label}: {behind} behind")
                mac = f"{RECEIVER[:-2]}{number + 1:02X}"
                terminals = site.terminals(f"behind-{behind}", mac, images.older[behind], f"127.0.0.{10 + number}")
                fetched = site.update(terminals)
                terminals.stop()
                ratio = fetched.all / images.changed[behind]
                rows.append(
                    _row(f"voi, {behind} behind, {label}", fetched.all, images.changed[behind], fetched.seconds)
                )
                if piece_length:
                    figures[behind] = ratio
    if not plan.fast:
        rows += [_together(plan, images), _killed(plan, images)]
    others, skipped = _others(plan, images)
    rows.extend(row for row, _ in others.values())
    return Outcome(
        [
            Figure(
                f"delta.{word}",
                figures[behind],
                {who: ratio for (who, far), (_, ratio) in others.items() if far == behind},
            )
            for word, behind in (("one", 1), ("five", VERSIONS))
        ],
        rows,
        skipped,
    )


def _together(plan: Plan, images: Images) -> Row:
    """A room at once: the blocks that differ are shared out like any others."""
    count = plan.of(TOGETHER, TOGETHER, TINY_TOGETHER)
    plan.say(f"{count} at once, 1 behind, links of {SLOW_LINK // 1000} kB/s")
    children: list[ChildProcess] = []
    with all_stopped(children):
        limit = f"--upload-limit={SLOW_LINK}"
        site = Site(plan.directory / "together", images, piece_length_for(REAL_DISK), children)
        site.restart(limit)
        limits = (limit, f"--download-limit={SLOW_LINK}")
        room = site.terminals("room", RECEIVER, images.older[1], "127.0.0.10", *limits, count=count)
        fetched = site.update(room)
    changed = images.changed[1]
    bound = max(changed / SLOW_LINK, count * changed / (SLOW_LINK * (count + 1)))
    row = _row(f"voi, server's bytes for {count} at once, 1 behind", fetched.sent, changed, fetched.seconds)
    return Row(row.what, {**row.figures, "seconds / bound": fetched.seconds / bound})


def _killed(plan: Plan, images: Images) -> Row:
    """A terminal that is killed half-way through its first download, and started again."""
    plan.say("one killed half-way")
    size = images.newest.stat().st_size
    children: list[ChildProcess] = []
    with all_stopped(children):
        site = Site(plan.directory / "killed", images, piece_length_for(REAL_DISK), children)
        # The server is slow, not the terminal: what waits in a socket was not had.
        site.restart(f"--upload-limit={size // plan.of(FETCH_SECONDS, FETCH_SECONDS, TINY_FETCH_SECONDS)}")
        terminal = site.terminals("killed", RECEIVER, None, "127.0.0.10")
        begun = time.monotonic()
        number = site.roll_out(terminal)
        wait_until(lambda: site.sent() > size / 2, PATIENCE, "a half")
        terminal.kill()
        had = site.settled()
        terminal.start()
        site.finish(number)
        seconds = time.monotonic() - begun
        site.check(terminal)
        again = site.settled() - size
    return Row(
        f"voi, killed at {had / size:.0%} of a first download: fetched again",
        {"MiB": again / MIB, "of what it had": f"{again / had:.2%}", "seconds": seconds},
    )


def _row(what: str, fetched: int, changed: int, seconds: float) -> Row:
    figures = {"MiB": fetched / MIB, "changed MiB": changed / MIB, "fetched / changed": fetched / changed}
    return Row(what, {**figures, "seconds": seconds})


def _others(plan: Plan, images: Images) -> tuple[dict[tuple[str, int], tuple[Row, float]], Sequence[str]]:
    """The same files with rsync and casync, as far as they are installed."""
    found: dict[tuple[str, int], tuple[Row, float]] = {}
    skipped = ["desync: not in Debian"]
    for who, measure in TOOLS.items():
        if shutil.which(who) is None:
            skipped.append(f"{who}: not installed")
            continue
        for behind, older in images.older.items():
            plan.say(f"{who}: {behind} behind")
            begun = time.monotonic()
            fetched = measure(plan.directory / f"{who}-{behind}", older, images.newest)
            row = _row(f"{who}, {behind} behind", fetched, images.changed[behind], time.monotonic() - begun)
            found[who, behind] = (row, fetched / images.changed[behind])
    return found, skipped
