"""The main job on one machine: a terminal uploads a template, the server publishes it, eight others get it.

Run with `tox -e demo` or `python -m voi.demo`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from voi.demo.image import write_image
from voi.demo.processes import (
    ChildProcess,
    ServerProcess,
    StageError,
    TerminalProcesses,
    all_stopped,
    wait_until,
    write_template,
)
from voi.files.atomic import write_atomically
from voi.files.hashing import sha256_file
from voi.names import DiskName

UPLOADER = "02:56:4F:49:00:01"
RECEIVERS = "02:56:4F:49:01:01"
NEWCOMERS = "02:56:4F:49:02:01"
WAITING = 4  # terminals without an image that are left for whoever wants to try the console
PATIENCE = 600.0  # seconds for each part; slower is broken


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was measured: seconds, bytes, and the SHA-256 of each copy by its owner."""

    size: int
    upload_seconds: float
    rollout_seconds: float
    server_sent: int
    sums: dict[str, str]


class DemoPlan(msgspec.Struct, frozen=True):
    """What a demo is about; kept in its directory, so that one that was killed goes on when it is started again.

    `link` is bytes a second of each machine's link, 0 for as fast as this machine can.
    """

    template: str
    disk: str
    content: int
    terminals: int
    link: int

    @classmethod
    def load(cls, directory: Path, content: int, terminals: int, link: int) -> DemoPlan:
        """The plan in a directory, or a new one for it."""
        path = directory / "demo.json"
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=cls)
        directory.mkdir(parents=True, exist_ok=True)
        plan = cls(str(uuid.uuid4()), str(uuid.uuid4()), content, terminals, link)
        write_atomically(path, msgspec.json.encode(plan))
        return plan


class Demo:
    """A server, an uploading terminal and receiving ones below one directory.

    With `keep` there are some more, which nothing is sent to: they wait for whoever tries the console.
    """

    def __init__(self, directory: Path, plan: DemoPlan, console: Console, *, keep: bool = False) -> None:
        self.console = console
        self.plan = plan
        self.name = DiskName(plan.disk, 0)
        up = [f"--upload-limit={plan.link}"] if plan.link else []
        both = [*up, f"--download-limit={plan.link}"] if plan.link else []
        link = [f"--link={plan.link}"] if plan.link else []
        self.server = ServerProcess(directory / "server", *up, *link)
        address = self.server.address
        self.uploader = TerminalProcesses(directory / "uploader", address, UPLOADER, *both, address="127.0.0.9")
        self.receivers = TerminalProcesses(
            directory / "receivers", address, RECEIVERS, *both, count=plan.terminals, address="127.0.0.10"
        )
        self.children: list[ChildProcess] = [self.server, self.uploader, self.receivers]
        self.keep = keep
        if keep:
            newcomers = directory / "newcomers"
            self.children.append(
                TerminalProcesses(newcomers, address, NEWCOMERS, *both, count=WAITING, address="127.0.0.40")
            )

    def prepare(self) -> int:
        """Make the image, start everything; the image's size in bytes."""
        write_template(self.uploader.directory, self.plan.template, "Demo")
        image = self.uploader.directory / str(self.name)
        content = self.plan.content
        with self.console.status(f"Making a disk image with {content >> 20} MiB of content"):
            if not image.exists():
                draft = image.with_name("image.new")
                draft.unlink(missing_ok=True)
                write_image(draft, 4 * content, data_bytes=content)
                draft.rename(image)
        with self.console.status("Starting the server and the terminals"):
            for child in self.children:
                child.end_leftover()
            self.server.up()
            for child in self.children:
                if child is not self.server:
                    child.start()
            wait_until(self._all_there, PATIENCE, "the terminals to log in")
        if self.keep:
            signing_in = f"sign in as admin with {self.server.admin_password}"
            self.console.print(f"Console: {self.server.url}/  {signing_in}", highlight=False, soft_wrap=True)
            self.console.print(f"Until Ctrl-C. {WAITING} terminals without an image wait there for a rollout of yours.")
        return image.stat().st_size

    def _all_there(self) -> bool:
        for child in self.children:
            if not child.running:
                raise StageError(f"a process ended:\n{child.tail()}")
        terminals = {x["mac"]: x for x in self.server.api("GET", "terminals")["terminals"]}
        wanted = [*self.uploader.macs, *self.receivers.macs]
        online = all(mac in terminals and terminals[mac]["online"] for mac in wanted)
        return online and bool(terminals[UPLOADER]["disks"])

    def _begun(self) -> Any:
        """The template if an earlier run began to upload it, else None."""
        status, template = self.server.call("GET", f"/api/v1/templates/{self.plan.template}")
        return template if status == 200 and template["state"] != "failed" else None

    def upload(self, bars: Progress, size: int) -> float:
        """Let the server fetch the image and publish it; seconds."""
        begun = time.monotonic()
        bar = bars.add_task("upload to the server", total=size)
        if self._begun() is None:
            self.server.api("POST", "uploads", {"mac": UPLOADER, "template": self.plan.template})

        def published() -> bool:
            found = self.server.api("GET", f"templates/{self.plan.template}")
            bars.update(bar, completed=round(found["progress"] * size))
            if found["state"] == "failed":
                raise StageError(f"the upload failed: {found['reason']}")
            return bool(found["state"] == "ready")

        wait_until(published, PATIENCE, "the upload")
        bars.update(bar, completed=size)
        return time.monotonic() - begun

    def roll_out(self, bars: Progress, size: int) -> float:
        """Send the template to every receiver; seconds."""
        begun = time.monotonic()
        tasks = {mac: bars.add_task(f"terminal {mac}", total=size) for mac in self.receivers.macs}
        earlier = self.server.api("GET", "rollouts")["rollouts"]
        if earlier:
            rollout = earlier[0]["id"]
        else:
            body = {"template": self.plan.template, "macs": self.receivers.macs}
            rollout = self.server.api("POST", "rollouts", body)["id"]
        wait_until(lambda: self._done(rollout, bars, tasks, size), PATIENCE, "the rollout")
        return time.monotonic() - begun

    def _done(self, rollout: int, bars: Progress, tasks: dict[str, TaskID], size: int) -> bool:
        found = self.server.api("GET", f"rollouts/{rollout}")
        if found["state"] == "superseded":  # a rollout begun at the console has taken it over
            newest = self.server.api("GET", "rollouts")["rollouts"][0]["id"]
            found = self.server.api("GET", f"rollouts/{newest}")
        for target in found["targets"]:
            if target["mac"] not in tasks:
                continue
            bars.update(tasks[target["mac"]], completed=round(target["progress"] * size))
            if target["state"] == "failed":
                raise StageError(f"{target['mac']} failed: {target['reason']}")
        return bool(found["state"] == "done")

    def run(self) -> DemoResult:
        """The whole job."""
        size = self.prepare()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as bars:
            upload_seconds = self.upload(bars, size)
            rollout_seconds = self.roll_out(bars, size)
        swarms = self.server.api("GET", "swarms")["swarms"]
        sent = next(swarm["server_sent"] for swarm in swarms if swarm["name"] == str(self.name))
        with self.console.status("Comparing"), ThreadPoolExecutor() as pool:
            owners = dict(zip([*self.uploader.macs, *self.receivers.macs], self._copies(), strict=True))
            sums = dict(zip(owners, pool.map(sha256_file, owners.values()), strict=True))
        return DemoResult(size, upload_seconds, rollout_seconds, sent, sums)

    def _copies(self) -> list[Path]:
        directories = [*self.uploader.directories, *self.receivers.directories]
        return [directory / str(self.name) for directory in directories]


def show(outcome: DemoResult, link: int, console: Console) -> bool:
    """Print what was measured; whether all copies are equal."""
    if link:
        best = outcome.size / link
        console.print(f"Each link carries {link >> 20} MiB/s: {best:.1f} s is the best that any way of copying can do.")
    equal = len(set(outcome.sums.values())) == 1
    receivers = len(outcome.sums) - 1
    mib = outcome.size / (1 << 20)
    table = Table()
    for heading in ("step", "time", "rate", "sent by the server"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    table.add_row(
        f"upload of {mib:.0f} MiB and publishing", f"{outcome.upload_seconds:.1f} s",
        f"{mib / outcome.upload_seconds:.0f} MiB/s", "",
    )  # fmt: skip
    table.add_row(
        f"rollout to {receivers} terminals", f"{outcome.rollout_seconds:.1f} s",
        f"{mib * receivers / outcome.rollout_seconds:.0f} MiB/s together",
        f"{outcome.server_sent / outcome.size:.2f} times the image",
    )  # fmt: skip
    console.print(table)
    for owner, digest in outcome.sums.items():
        console.print(f"[dim]{owner}[/dim] {digest}", highlight=False, soft_wrap=True)
    verdict = f"SHA-256 equal on all {len(outcome.sums)}" if equal else "SHA-256 NOT EQUAL"
    console.print(f"[bold {'green' if equal else 'red'}]{verdict}[/]")
    return equal


@click.command(help=__doc__)
@click.option("--keep", is_flag=True, help="Tell where the console is, and leave everything running until Ctrl-C.")
@click.option("--megabytes", default=256, show_default=True, help="Content of the image.")
@click.option("--terminals", default=8, show_default=True, help="Terminals that receive it.")
@click.option("--link", default=16, show_default=True, help="MiB/s of each machine's link; 0: no limit.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path(tempfile.gettempdir()) / "voi-demo",
    show_default=True,
    help="Where to work. A demo that was killed there goes on; one that is over leaves nothing.",
)
def main(keep: bool, megabytes: int, terminals: int, link: int, directory: Path) -> None:
    """Run the demo."""
    console = Console()
    place = directory.absolute()
    plan = DemoPlan.load(place, megabytes << 20, terminals, link << 20)
    demo = Demo(place, plan, console, keep=keep)
    equal = False
    with all_stopped(demo.children):
        try:
            equal = show(demo.run(), plan.link, console)
        except (StageError, OSError) as error:
            console.print(f"{error}\nLogs are below {place}", style="red", markup=False)
        if keep and equal:
            _stay(demo, console, place)
    if equal and not keep:
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(0 if equal else 1)


def _stay(demo: Demo, console: Console, place: Path) -> None:
    signing_in = f"sign in as admin with {demo.server.admin_password}"
    console.print(f"Console: {demo.server.url}/  {signing_in}", highlight=False, soft_wrap=True)
    console.print(f"API: {demo.server.url}/api/v1/  token: {demo.server.token}", highlight=False, soft_wrap=True)
    console.print(f"Files: {place}  (Ctrl-C ends it)", highlight=False, soft_wrap=True)
    try:
        demo.server.wait(seconds=None)
    except KeyboardInterrupt:
        console.print("Stopping")


if __name__ == "__main__":
    main()
