"""What the API needs of the other rooms, as small protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from voi.domain.audit import Actor
from voi.domain.commands import Command
from voi.domain.rollout_history import RolloutHistory
from voi.domain.rollouts import Rollout, Target
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import ImportDisk, Upload, UploadDisk
from voi.names import DiskName
from voi.web.http.routing import Route
from voi.wire.codes import Code

DiskUsage = Callable[[], Awaitable[tuple[int, int]]]
"""Free and all bytes of the server's disk."""


class RouteTable(Protocol):
    """Routes that belong together."""

    def routes(self) -> Sequence[Route]:
        """All of them."""


class Fleet(Protocol):
    """The terminals that are online."""

    def __contains__(self, mac: object) -> bool:
        """Whether a terminal is online."""

    def since(self, mac: str) -> float | None:
        """When a terminal logged in; None while it is offline."""


class Waker(Protocol):
    """Wakes terminals."""

    def wake(self, macs: Sequence[str]) -> Awaitable[int]:
        """Send them the packet that wakes them; how many went out."""


class Traffic(Protocol):
    """Knows how much goes over the network now, in bytes a second."""

    @property
    def server_out(self) -> int:
        """What the server's BitTorrent session sends."""

    @property
    def server_in(self) -> int:
        """What it receives."""

    @property
    def swarm(self) -> int:
        """What terminals fetch altogether, from the server and from one another."""


class Passwords(Protocol):
    """Checks and hashes passwords, off the reactor."""

    def check(self, name: str, password: str, address: str) -> Awaitable[None]:
        """Whether it is this account's; raises Unauthorized, or TooManyAttempts for who guesses from this address."""

    def hash(self, password: str) -> Awaitable[str]:
        """What is kept of a password."""


class CommandDesk(Protocol):
    """Gives commands."""

    def give(self, code: Code, fields: Mapping[str, Any], macs: Sequence[str]) -> Awaitable[Command]:
        """Write a command down and send it."""


class UploadDesk(Protocol):
    """Begins and ends uploads and imports."""

    def request(
        self,
        mac: str,
        template: ReportedTemplate,
        names: Sequence[tuple[DiskName, int]],
        *,
        actor: Actor,
        remark: str,
    ) -> Awaitable[Upload]:
        """Write down that these disks, each with its type, are wanted from a terminal."""

    def import_files(
        self, name: str, sys_type: int, desc: str, disks: Sequence[ImportDisk], *, actor: Actor
    ) -> Awaitable[Upload]:
        """Make a template of image files on the server."""

    def retry(self, upload_id: int, *, actor: Actor) -> Awaitable[Upload]:
        """Begin what failed of an upload again, as a new one."""

    def cancel(self, upload_id: int) -> Awaitable[Upload]:
        """End an upload."""


class Publisher(Protocol):
    """Knows how far uploads are."""

    def progress(self, disk: UploadDisk) -> float:
        """How much is here, 0 to 1."""

    def rate(self, disk: UploadDisk) -> int:
        """Bytes a second that arrive."""


class Notices(Protocol):
    """Speaks to uploaders."""

    def request(self, upload_id: int, mac: str) -> None:
        """Ask a terminal for the disks of an upload, now or at its login."""


class RolloutWatch(Protocol):
    """Knows which terminals do not get on."""

    def standing_still(self) -> Mapping[int, int]:
        """For each open rollout in which terminals get nothing, though they are online: how many."""

    def failing(self) -> Mapping[int, int]:
        """For each open rollout in which terminals failed and wait for their next try: how many."""


class Coordinator(Protocol):
    """Begins and ends rollouts."""

    @property
    def stall_monitor(self) -> RolloutWatch:
        """Who looks after what is open."""

    def begin(self, template_uuid: str, macs: Sequence[str] | None, version: int | None) -> Awaitable[Rollout]:
        """Roll a version, or a template's newest, out to terminals, or to all."""

    def cancel(self, rollout_id: int, macs: Sequence[str] | None = None) -> Awaitable[list[str]]:
        """End a rollout, or take terminals out of it; the MACs of those for which it had not ended."""

    def open_targets(self) -> Iterable[tuple[int, str, str, float, str]]:
        """Whom a rollout still wants something of: rollout, MAC, state, progress from 0 to 1, what it waits for."""

    def open_progress(self, rollout_id: int) -> float:
        """The sum of the progress of a rollout's open targets, each from 0 to 1."""

    def retry(self, rollout_id: int) -> Awaitable[list[str]]:
        """Let the terminals that failed, or wait after a failure, try again; their MACs."""

    def progress(self, target: Target) -> float:
        """How far a target is, 0 to 1."""


class Pace(Protocol):
    """How one terminal gets on; bytes, and bytes a second."""

    @property
    def rate(self) -> float:
        """What it fetches now."""

    @property
    def part_from_server(self) -> float | None:
        """How much of what it has the server sent it, 0 to 1; None while it has nothing."""

    @property
    def eta(self) -> float | None:
        """Seconds until it has all; None while it gets nothing."""


class Now(Protocol):
    """How a rollout goes at the moment."""

    @property
    def rate(self) -> float:
        """What all terminals fetch, in bytes a second."""

    @property
    def eta(self) -> float | None:
        """Seconds until the last has all; None while nobody gets anything."""

    @property
    def course(self) -> RolloutHistory:
        """How it went so far."""


class Observer(Protocol):
    """Watches how rollouts go."""

    def pace(self, rollout_id: int, mac: str) -> Pace | None:
        """How one terminal gets on; None where nothing is known (any more)."""

    def now(self, rollout_id: int) -> Now | None:
        """How a rollout goes; None for one that has ended."""

    def course(self, rollout_id: int) -> Awaitable[RolloutHistory | None]:
        """How a rollout went that has ended."""


class SwarmCounts(Protocol):
    """How many terminals are in a swarm."""

    @property
    def seeds(self) -> int:
        """Those that have all."""

    @property
    def leeches(self) -> int:
        """Those that do not."""


class Tracker(Protocol):
    """Knows the swarms."""

    def counts(self, info_hash: bytes) -> SwarmCounts:
        """How many terminals are in a swarm; none in one that is not known."""


class TorrentStatus(Protocol):
    """Where the server's own peer stands with a torrent; bytes, and bytes a second."""

    @property
    def state(self) -> str:
        """checking, downloading, finished or seeding."""

    @property
    def uploaded(self) -> int:
        """Payload sent since the torrent was added."""

    @property
    def downloaded(self) -> int:
        """Payload received since the torrent was added."""

    @property
    def upload_rate(self) -> int:
        """Payload sent now."""

    @property
    def download_rate(self) -> int:
        """Payload received now."""


class Seeding(Protocol):
    """The server's BitTorrent session."""

    def statuses(self) -> Mapping[bytes, TorrentStatus]:
        """Where every torrent stands, by info-hash."""


class Lag(Protocol):
    """How late the reactor came, in seconds."""

    @property
    def longest(self) -> float:
        """The longest standstill."""

    @property
    def interval(self) -> float:
        """Between two looks."""

    @property
    def counts(self) -> Sequence[int]:
        """How many looks came so late, for each upper bound."""

    @property
    def upper_bounds(self) -> Sequence[float]:
        """What each count reaches up to."""

    def quantile(self, part: float) -> float:
        """What that part of all looks did not exceed."""
