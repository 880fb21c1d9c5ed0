"""The server itself, as the API takes and answers it: its settings, swarms, lag and health."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from voi.web.api.schemas.fields import ListQuery
from voi.web.http.reasons import Why


class SettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set while the server runs: for how many days events are kept."""

    retention_days: Annotated[int, Meta(ge=1, le=3650)]


class SwarmQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Torrents: `q` is a part of the disk's name, the info-hash or the template's uuid."""

    sort: Literal[
        "name", "size", "seeds", "leeches", "server_sent", "-name", "-size", "-seeds", "-leeches", "-server_sent"
    ] = "name"


class Welcome(Struct, frozen=True):
    """Where to read on."""

    name: str
    version: str
    openapi: str


class Done(Struct, frozen=True):
    """Done."""


class Health(Struct, frozen=True):
    """Whether the server works; each check says `ok` or what is wrong."""

    status: Literal["ok", "failing"]
    version: str
    checks: dict[str, str]


class CheckView(Struct, frozen=True):
    """One check of the server: whether all is well, else a sentence for an administrator."""

    name: str
    ok: bool
    text: str
    why: Why | None


class HealthView(Struct, frozen=True):
    """The server's checks, and the bytes of its disk, free and in total."""

    checks: list[CheckView]
    disk_free: int
    disk_total: int


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
    """Torrents that are published or being uploaded; `total` is how many were asked for, `offset` how many of them were
    left out first.
    """

    swarms: list[SwarmView]
    total: int
    offset: int


class Addresses(Struct, frozen=True):
    """Where the server listens: as it was told, and the TCP ports that came of it, the same at each of its addresses.

    `udp` is empty where there is no UDP tracker.
    """

    terminals: str
    http: str
    udp: str
    bittorrent: str
    terminals_port: int
    http_port: int


class SettingLimits(Struct, frozen=True):
    """Bounds that an administrator may meet."""

    body_bytes: int
    macs: int
    session_days: int
    sign_in_attempts: int


class SettingsView(Struct, frozen=True):
    """What the server was started with, and what can be set while it runs (`retention_days`).

    `link`, `terminal_link` and `upload_limit` are bytes a second; 0 is what the network card says, the same as the
    server's, and no limit.
    """

    version: str
    addresses: Addresses
    data: str
    token_file: str
    link: int
    terminal_link: int
    upload_limit: int
    encryption: bool
    limits: SettingLimits
    retention_days: int
