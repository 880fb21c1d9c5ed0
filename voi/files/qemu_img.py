"""``qemu-img check`` on an image that a stranger made, as a child process that can do nothing else; blocks.

It is started after our own reader found no fault (:mod:`voi.files.image_walk`), and gets the image as an open file:
no name of a file is ever told to it, and no backing file is opened, because it is told that there is none. It may
write nowhere, has no descriptors but the image and two pipes, an empty environment, and limits on processor time,
address space and time (:mod:`voi.files.confined`).

Errors and corruptions are refused. Leaks alone (clusters that are counted and not used) cost room and harm nothing.
A check that does not come to its end is refused as well: what QEMU cannot check within many times what an image of its
size takes is not for a thousand PCs, and who has it can convert it with ``qemu-img convert``. Where the program cannot
be *begun*, that says nothing of the image, and our own reader's word counts.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from voi.domain.image import ImageHeader
from voi.errors import BadImage
from voi.files import confined
from voi.files.hashing import Cancelled, IsCancelled
from voi.files.opening import explained, regular
from voi.messages.reason import Reason

_KEPT: Final = 64 << 10  # bytes of its answer, which is some 300, and of its complaints, which may be millions of lines
_LONGEST_TEXT: Final = 200  # characters of a complaint that are told
_POLL: Final = 0.1  # seconds between two questions whether to go on
_LEAST_MEMORY, _MOST_MEMORY = 1 << 30, 8 << 30  # bytes of address space: what it takes to begin, and the end of it
_LEAST_SECONDS: Final = 60
_CLUSTERS_IN_SECOND: Final = 20_000  # of processor time: a fiftieth of what an old PC does
_SMALLEST_CACHE, _LARGEST_CACHE = 1 << 20, 256 << 20  # bytes of reference counts that it keeps
_WALL: Final = 4  # seconds for each of processor time: a busy disk
_PROBE_SECONDS: Final = 20

Tell = Callable[[str], object]


class CannotStart(Exception):
    """The program could not be begun."""


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may use: seconds of the processor, bytes of address space, seconds."""

    cpu: int
    memory: int
    wall: float

    @classmethod
    def of(cls, clusters: int, refcount_bits: int) -> Self:
        """Many times what checking a file of so many clusters takes."""
        cpu = _LEAST_SECONDS + clusters // _CLUSTERS_IN_SECOND
        counts = clusters * max(1, refcount_bits // 8)  # it counts in memory, in a table that it grows by copying
        return cls(cpu, min(_LEAST_MEMORY + _LARGEST_CACHE + 2 * counts, _MOST_MEMORY), _WALL * cpu)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended; `status` as :mod:`subprocess` says it, None when it was killed for its time."""

    status: int | None
    out: str
    complaint: str


@dataclass(frozen=True, slots=True)
class QemuImg:
    """A ``qemu-img`` that runs here."""

    program: str
    version: str

    @classmethod
    def find(cls, tell: Tell) -> Self | None:
        """The one on the PATH; None, and `tell` is told why, where there is none that runs."""
        program = shutil.which("qemu-img")
        if program is None:
            tell("qemu-img is not installed")
            return None
        limits = ChildLimits(_PROBE_SECONDS, _LEAST_MEMORY, _PROBE_SECONDS)
        try:
            ended = run_confined(limits, str(Path(program).absolute()), "--version")
        except CannotStart as error:
            tell(f"qemu-img cannot be started: {error}")
            return None
        version = re.search(r"version (\S+)", ended.out)
        if ended.status != 0 or version is None:
            tell(f"qemu-img does not run: {ended.complaint or ended.out or ended.status}")
            return None
        return cls(str(Path(program).absolute()), version[1])

    def check(self, path: Path, header: ImageHeader, cancelled: IsCancelled | None = None) -> None:
        """Let QEMU check an image whose header our own reader has taken.

        :raises BadImage: it finds errors, or does not come to an end; the message says which.
        :raises CannotStart: it could not be begun, which says nothing of the image.
        :raises StorageMissing: the file cannot be read.
        :raises Cancelled: `cancelled` returned True.
        """
        with explained(path), regular(path) as image:
            clusters = -(-os.fstat(image).st_size // header.cluster_size)
            limits = ChildLimits.of(clusters, header.refcount_bits)
            options = _options(clusters * header.refcount_bits // 8)
            ended = run_confined(
                limits, self.program, "check", "--output=json", options, image=image, cancelled=cancelled
            )
        refuse(ended, limits)


def _options(counts: int) -> str:
    """How the image is opened, for its so many bytes of reference counts.

    All of them are kept: else the check of an image whose clusters lie in no order reads a block of them for each.
    """
    options = {
        "driver": "qcow2",
        "backing": None,
        "read-only": True,
        "refcount-cache-size": min(max(2 * counts, _SMALLEST_CACHE), _LARGEST_CACHE),
        # The child's standard input is the image. No lock: it is our own, and nobody writes to it.
        "file": {"driver": "file", "filename": "/proc/self/fd/0", "locking": "off", "read-only": True},
    }
    return f"json:{json.dumps(options)}"


def refuse(ended: Ended, limits: ChildLimits) -> None:
    """What a check that ended means for its image.

    :raises BadImage: it is refused.
    """
    if ended.status is None or ended.status == -signal.SIGXCPU:
        raise BadImage(Reason("qemu_late", seconds=limits.wall if ended.status is None else limits.cpu))
    if ended.status < 0:
        raise BadImage(Reason("qemu_crashed", signal=-ended.status))
    found = _answer(ended.out)
    if found is None:
        raise BadImage(Reason("qemu_cannot_open", text=ended.complaint or str(ended.status)))
    errors = found.get("corruptions", 0) + found.get("check-errors", 0)
    if errors or ended.status not in (0, 3):  # 3: nothing but leaks
        raise BadImage(Reason("qemu_errors", count=errors, text=ended.complaint))


def run_confined(
    limits: ChildLimits, program: str, *arguments: str, image: int | None = None, cancelled: IsCancelled | None = None
) -> Ended:
    """Run a program within limits, its standard input an open file that it may read, until it ends or is killed.

    :raises CannotStart: it could not be begun.
    :raises Cancelled: `cancelled` returned True; the program is killed.
    """
    command = [
        *(sys.executable, "-I", "-S", confined.__file__),
        *(str(limits.cpu), str(limits.memory), program, *arguments),
    ]
    try:
        child = subprocess.Popen(  # noqa: S603 - no shell, and no argument that a stranger chose
            command,
            stdin=subprocess.DEVNULL if image is None else image,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            # One arena: else the C library reserves 64 MiB of address space for each of up to 64 threads.
            env={"LC_ALL": "C", "MALLOC_ARENA_MAX": "1"},
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStart(str(error)) from error
    with child:
        try:
            out, complaints, in_time = _read(child, time.monotonic() + limits.wall, cancelled)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        status = child.wait()
    if status == confined.CANNOT:
        raise CannotStart(_first_line(complaints))
    return Ended(status if in_time else None, out.decode("utf-8", "replace"), _first_line(complaints))


def _read(child: subprocess.Popen[bytes], until: float, cancelled: IsCancelled | None) -> tuple[bytes, bytes, bool]:
    """The first bytes of what a child says on its two pipes, all of which is read; and whether it ended in time."""
    assert child.stdout is not None
    assert child.stderr is not None
    said = {child.stdout: bytearray(), child.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in said:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < until:
            if cancelled is not None and cancelled():
                raise Cancelled(Reason("called_off"))
            for key, _ in selector.select(_POLL):
                data = os.read(key.fd, _KEPT)
                if not data:
                    selector.unregister(key.fileobj)
                kept: Any = said[key.fileobj]  # type: ignore[index]  # one of the two pipes
                kept += data[: _KEPT - len(kept)]
        in_time = not selector.get_map()
    # Its pipes are closed when it has ended, or is about to.
    with suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, until - time.monotonic()) if in_time else 0)
    return bytes(said[child.stdout]), bytes(said[child.stderr]), in_time


def _answer(out: str) -> dict[str, int] | None:
    """The numbers in what it found; None where it could not even open the image."""
    try:
        found = json.loads(out)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if isinstance(value, int)}


def _first_line(complaints: bytes) -> str:
    """The first complaint, without the name that we gave the image."""
    lines = complaints.decode("utf-8", "replace").strip().splitlines()
    text = re.sub(r"'?json:\{.*\}\}?'?:? ?", "", lines[0] if lines else "").removeprefix("qemu-img: ")
    return "".join(char if char.isprintable() else "?" for char in text)[:_LONGEST_TEXT]
