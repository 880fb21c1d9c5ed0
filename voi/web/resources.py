"""What the API answers: times in UTC, sizes in bytes, rates in bytes a second, progress from 0 to 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field


class TerminalDisk(Struct, frozen=True):
    """A level that a terminal says it has; not `published` means that only the terminal has it."""

    uuid: str
    level: int
    name: str
    type: int
    template: str
    operate_id: int | None
    published: bool


class TerminalView(Struct, frozen=True):
    """A terminal; `boot_disk` is what it last started from.

    `version` is the newest of its `template` that it has all of, 0 where that is not known, and `newest` the newest
    there is. `state` says what becomes of it now; where that comes from a rollout, `rollout`, `progress` and `reason`
    are that rollout's.
    """

    mac: str
    name: str
    ip: str
    room: int | None
    online: bool
    online_since: datetime | None
    client_type: int
    boot_disk: str | None
    template: str | None
    version: int
    newest: int
    state: Literal["offline", "current", "outdated", "waiting", "downloading", "failed", "empty"]
    progress: float
    rollout: int | None
    reason: str
    first_seen: datetime
    last_seen: datetime
    disks: list[TerminalDisk]


class TerminalList(Struct, frozen=True):
    """Terminals; `total` is how many were asked for, `offset` how many of them were left out first."""

    terminals: list[TerminalView]
    total: int
    offset: int


class Changed(Struct, frozen=True):
    """How many were changed; those that were as wanted before are not counted."""

    changed: int


class Forgotten(Struct, frozen=True):
    """How many terminals were forgotten."""

    forgotten: int


class Woken(Struct, frozen=True):
    """How many magic packets went out."""

    sent: int


class TerminalCommand(Struct, frozen=True):
    """A command and what became of it at one terminal."""

    batch_no: int
    command: str
    switch: int | None
    created: datetime
    state: str
    reason: str
    updated: datetime


class TerminalCommands(Struct, frozen=True):
    """The last commands for a terminal, newest first."""

    commands: list[TerminalCommand]


class RoomView(Struct, frozen=True):
    """A room, and how many terminals stand in it."""

    id: int
    name: str
    subnets: list[str]
    online: int
    total: int


class ProposalView(Struct, frozen=True):
    """A network in which `count` terminals were seen that stand in no room."""

    name: str
    subnet: str
    count: int


class RoomList(Struct, frozen=True):
    """All rooms by name; how many terminals stand in none; rooms that their addresses propose."""

    rooms: list[RoomView]
    unassigned: int
    proposals: list[ProposalView]


class EventView(Struct, frozen=True):
    """An entry of the journal: `text` in English, `kind` and `data` for any other language.

    `who` is an account, "token NAME", "terminal MAC" or "server"; `from` is the address it came from.
    """

    id: int
    time: datetime
    kind: str
    who: str
    origin: str = field(name="from")
    text: str
    mac: str | None
    rollout: int | None
    template: str | None
    data: dict[str, Any]


class EventList(Struct, frozen=True):
    """Entries of the journal, newest first; `total` is how many there are of the kind that was asked for."""

    events: list[EventView]
    total: int


class TerminalTotals(Struct, frozen=True):
    """How many terminals: online, all, and those in two states that want somebody."""

    online: int
    total: int
    outdated: int
    failed: int


class RoomTotals(Struct, frozen=True):
    """How many terminals of a room are online; `id` is null for those in no room."""

    id: int | None
    name: str
    online: int
    total: int


class TrafficView(Struct, frozen=True):
    """Bytes a second now: what the server sends and receives, and what terminals fetch altogether."""

    server_out: int
    server_in: int
    swarm: int


class DiskRoom(Struct, frozen=True):
    """Bytes of the server's disk."""

    free: int
    total: int


class Attention(Struct, frozen=True):
    """Something that wants somebody: how many of it, and the page of the console where one can act."""

    kind: Literal["failed", "stuck", "outdated", "disk", "upload", "health"]
    count: int
    text: str
    link: str


class Overview(Struct, frozen=True):
    """What an administrator sees first."""

    terminals: TerminalTotals
    rooms: list[RoomTotals]
    rollouts: list[RolloutSummary]
    traffic: TrafficView
    disk: DiskRoom
    attention: list[Attention]


class CommandAccepted(Struct, frozen=True):
    """A command was written down and is being sent."""

    batch_no: int


class OutcomeView(Struct, frozen=True):
    """What became of a command at one terminal."""

    mac: str
    state: str
    reason: str
    updated: datetime


class CommandView(Struct, frozen=True):
    """A command and what became of it."""

    batch_no: int
    command: str
    switch: int | None
    created: datetime
    outcomes: list[OutcomeView]


class UploadDiskView(Struct, frozen=True):
    """One disk of an upload; `torrent_id` is the id that its terminal knows."""

    torrent_id: str
    name: str
    type: int
    state: str
    progress: float
    rate: int
    size: int
    reason: str


class UploadView(Struct, frozen=True):
    """Disks on their way to being published: from a terminal, or, without `mac`, from files on the server."""

    id: int
    state: str
    template: str
    name: str
    mac: str | None
    progress: float
    created: datetime
    disks: list[UploadDiskView]


class GroupView(Struct, frozen=True):
    """What terminals call a desktop group."""

    uuid: str
    name: str


class TemplateDisk(Struct, frozen=True):
    """A published level; `uploader` is the MAC it came from, null for an import."""

    uuid: str
    level: int
    name: str
    type: int
    operate_id: int
    info_hash: str
    size: int
    virtual_size: int
    published: datetime
    uploader: str | None


class TemplateView(Struct, frozen=True):
    """A template with its published levels.

    `progress` and `reason` belong to `state`: how far an import or upload is, and why one failed. One that
    has nothing published yet has version 0 and no group. `terminals_current` and `terminals_outdated` are how many
    terminals have the newest version, and another.
    """

    uuid: str
    name: str
    sys_type: int
    desc: str
    state: Literal["ready", "importing", "uploading", "failed"]
    progress: float
    reason: str
    version: int
    auto_update: bool
    group: GroupView | None
    created: datetime
    updated: datetime
    disks: list[TemplateDisk]
    uploads: list[UploadView]
    terminals_current: int = 0
    terminals_outdated: int = 0


class VersionDisk(Struct, frozen=True):
    """A level of a version, with the count of its changes."""

    name: str
    operate_id: int


class VersionView(Struct, frozen=True):
    """One version: when it came, from whom (a MAC, null for an import), its bytes and levels, how many have it."""

    number: int
    created: datetime
    uploader: str | None
    size: int
    disks: list[VersionDisk]
    terminals: int


class VersionList(Struct, frozen=True):
    """The versions of a template, newest first."""

    versions: list[VersionView]


class Addresses(Struct, frozen=True):
    """Where the server listens; `udp` is empty where there is no UDP tracker."""

    terminals: str
    http: str
    udp: str
    bittorrent: str


class Limits(Struct, frozen=True):
    """Bounds that an administrator may meet."""

    body_bytes: int
    macs: int
    session_days: int
    sign_in_attempts: int


class SettingsView(Struct, frozen=True):
    """What the server was started with, and what can be set while it runs (`retention_days`).

    `link` and `upload_limit` are bytes a second; 0 is what the network card says, and no limit.
    """

    version: str
    addresses: Addresses
    data: str
    token_file: str
    link: int
    upload_limit: int
    encryption: bool
    limits: Limits
    retention_days: int


class TemplateList(Struct, frozen=True):
    """All templates by name, with those that are being imported or uploaded for the first time."""

    templates: list[TemplateView]


class TargetView(Struct, frozen=True):
    """One terminal of a rollout; `next_try` is when it is tried again after a failure.

    `rate` is what it fetches now. `from_server` is the part of what it has that the server sent it, null where that
    is not known; the rest came from other terminals. `eta` is in seconds, null while it gets nothing.
    """

    mac: str
    name: str
    ip: str
    online: bool
    rate: float
    from_server: float | None
    eta: float | None
    state: Literal["waiting", "downloading", "done", "failed", "cancelled"]
    progress: float
    reason: str
    attempts: int
    next_try: datetime | None
    updated: datetime


class RolloutView(Struct, frozen=True):
    """A version of a template on its way to terminals.

    `size` is the bytes of all its levels; `server_sent` is what the server sent of them, `copies` the same as a
    multiple of `size`. `elapsed` is the seconds from its beginning to its end, or until now. `best` is the least
    number of seconds it could take a terminal that has nothing, if every link were as fast as the server's. `eta` is
    in seconds, null while nobody gets anything. `rates` has points for a plot: seconds since the epoch, bytes a second
    that all terminals fetched, and that the server sent.
    """

    id: int
    template: str
    template_name: str
    version: int
    state: str
    created: datetime
    finished: datetime | None
    size: int
    server_sent: int
    copies: float
    elapsed: float
    best: float
    progress: float
    rate: float
    eta: float | None
    targets: list[TargetView]
    rates: list[tuple[float, int, int]]


class RolloutAccepted(Struct, frozen=True):
    """A rollout was written down and has begun."""

    id: int


class RolloutSummary(Struct, frozen=True):
    """A rollout in short: how many terminals are in each state, and how it goes now."""

    id: int
    template: str
    template_name: str
    version: int
    state: str
    created: datetime
    counts: dict[str, int]
    progress: float
    rate: float
    eta: float | None


class RolloutList(Struct, frozen=True):
    """Rollouts, newest first; `total` is how many there are, of which these begin at `offset`."""

    rollouts: list[RolloutSummary]
    total: int
    offset: int


class PreviewTarget(Struct, frozen=True):
    """What a terminal would fetch, by what it last said it has."""

    mac: str
    online: bool
    bytes: int


class RolloutPreview(Struct, frozen=True):
    """What a rollout would do: `nothing` is how many terminals lack nothing, `most_bytes` what the neediest lacks."""

    template: str
    version: int
    terminals: list[PreviewTarget]
    total_bytes: int
    most_bytes: int
    nothing: int


class RolloutRetried(Struct, frozen=True):
    """How many terminals try again."""

    id: int
    retried: int


class SwarmView(Struct, frozen=True):
    """A torrent: terminals that have all or a part of it, and what the server's own peer does in it.

    `server_sent` and `server_received` count since the server's start; `copies` is what it sent as a multiple
    of `size`. `state` is of the server's own copy: checking, downloading, finished, seeding, or absent.
    """

    name: str
    info_hash: str
    template: str
    size: int
    seeds: int
    leeches: int
    state: str
    server_sent: int
    server_received: int
    copies: float
    upload_rate: int
    download_rate: int


class SwarmList(Struct, frozen=True):
    """Every torrent that is published or being uploaded, by disk name."""

    swarms: list[SwarmView]


class LagView(Struct, frozen=True):
    """How late the server's reactor came since its start, in seconds.

    `p50`, `p99`, `p999` and `longest` sum it up; `counts` has, for each of `upper_bounds`, how many of its looks
    (one each `interval`) were that late and no less than the bound before. The difference of two answers is what
    happened between them.
    """

    interval: float
    p50: float
    p99: float
    p999: float
    longest: float
    upper_bounds: list[float]
    counts: list[int]


class Health(Struct, frozen=True):
    """Whether the server works; each check says `ok` or what is wrong."""

    status: Literal["ok", "failing"]
    version: str
    checks: dict[str, str]


class Welcome(Struct, frozen=True):
    """Where to read on."""

    name: str
    version: str
    openapi: str


class Done(Struct, frozen=True):
    """It is done, and there is nothing more to say."""


class SessionView(Struct, frozen=True):
    """Who asks: an account that is signed in, or a token. `csrf` goes into the header X-CSRF-Token of each change;
    it is empty for a token, which needs none.
    """

    name: str
    role: Literal["administrator", "operator"]
    csrf: str
    kind: Literal["account", "token"]
    version: str


class AccountView(Struct, frozen=True):
    """Somebody who may sign in."""

    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    last_login: datetime | None


class AccountList(Struct, frozen=True):
    """All accounts, by name."""

    accounts: list[AccountView]


class TokenView(Struct, frozen=True):
    """A program that may use the API."""

    id: int
    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    last_used: datetime | None


class TokenList(Struct, frozen=True):
    """All tokens, oldest first. The one in the data directory is not among them."""

    tokens: list[TokenView]


class NewToken(Struct, frozen=True):
    """A new token; `token` is told this once and never again."""

    id: int
    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    token: str
