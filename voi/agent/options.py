"""The options of a terminal: the command line over a TOML file, as one frozen TerminalConfig."""

from __future__ import annotations

import ipaddress
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from twisted.python import usage

from voi.agent.machine import own_mac
from voi.domain.commands import COMMANDS
from voi.domain.metainfo import LARGEST_PIECE, SMALLEST_PIECE
from voi.errors import VoiError
from voi.names import DiskName, canonical_mac

DEFAULT_PORT: Final = 50007
"""The usual port (protocol section 1, "session")."""

MOST_TERMINALS: Final = 200
"""Terminals in one process: each has a BitTorrent session of several threads, and an address in 127.0.0.x."""

FIRST_LOOPBACK: Final = ipaddress.IPv4Address("127.0.0.10")

PROGRAMS: Final = tuple(sorted(kind.name for kind in COMMANDS.given if not kind.needs))
"""Commands of the server that a program can be configured for; the others the terminal does itself."""

_KEYS: Final = (
    "server",
    "mac",
    "address",
    "disks",
    "count",
    "bittorrent-port",
    "link",
    "upload-limit",
    "download-limit",
    "piece-length",
    "boot-disk",
    "encryption",
)


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """One terminal. `link` and limits are bytes a second, 0 is not configured, and none; `address` is the one it works
    from, None is any. `encryption`: connections to peers are opened encrypted, where the peer can. `piece_length` is
    that of the torrents of its uploads in bytes, 0 is by the size of the disk.

    `commands` has the program and its arguments for each of `COMMANDS` that is to do something.
    """

    server_host: str
    server_port: int
    mac: str
    disks: Path
    address: str | None = None
    count: int = 1
    bittorrent_port: int = 0
    link: int = 0
    upload_limit: int = 0
    download_limit: int = 0
    piece_length: int = 0
    boot_disk: str | None = None
    encryption: bool = False
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def each(self) -> list[TerminalConfig]:
        """The configuration of each of `count` terminals: own directory, MAC address and loopback address."""
        if self.count == 1:
            return [self]
        base = ipaddress.ip_address(self.address) if self.address else FIRST_LOOPBACK
        mac = int(self.mac.replace(":", ""), 16)
        return [
            replace(
                self,
                count=1,
                mac=canonical_mac(f"{(mac + index) % (1 << 48):012X}"),
                disks=self.disks / f"{index + 1:02}",
                address=str(base + index),
            )
            for index in range(self.count)
        ]


class TerminalOptions(usage.Options):
    """The command line of `twistd voi-terminal`; `config` is what it and the file amount to."""

    synopsis = "[options]"
    longdesc = "A terminal: logs in to a voi server; downloads, keeps and seeds disks, and uploads them on request."
    optParameters = [  # noqa: RUF012, N815 - Twisted's own form
        ["server", "s", None, f"HOST or HOST:PORT of the server (port {DEFAULT_PORT} if not given)"],
        ["mac", "m", None, "MAC address to log in with [default: this machine's]"],
        ["address", "a", None, "IP address to work from [default: any of this machine's]"],
        ["disks", "d", None, "Directory for the disks"],
        ["config", "c", None, f"TOML file with these options, and a table [commands]: {', '.join(PROGRAMS)}"],
        ["count", "n", None, "Run this many terminals, each with its own directory, MAC and loopback address"],
        ["bittorrent-port", None, None, "TCP port for BitTorrent peers [default: any]"],
        [
            "link",
            None,
            None,
            "Speed of this machine's link, bytes per second [default: as reported by its network card]",
        ],
        ["upload-limit", None, None, "Most sent to other peers, bytes per second [default: no limit]"],
        ["download-limit", None, None, "Most received from other peers, bytes per second [default: no limit]"],
        ["piece-length", None, None, "Bytes in each piece of the torrents of uploads [default: by the disk's size]"],
        ["boot-disk", "b", None, "voi_<level>_<uuid> this terminal started from [default: the top of its system disk]"],
    ]
    optFlags = [  # noqa: RUF012, N815 - Twisted's own form
        ["encryption", None, "Encrypt the BitTorrent connections that it opens, where the peer can"],
    ]

    def postOptions(self) -> None:  # noqa: N802 - Twisted's
        """Check everything.

        :raises usage.UsageError: with what is wrong.
        """
        given = {key: self[key] for key in _KEYS if self[key] is not None}
        if given.pop("encryption"):  # a flag that is not given says nothing against the file
            given["encryption"] = True
        path = self["config"]
        values: dict[str, Any] = (read_file(Path(path)) if path else {}) | given
        self.config = make_config(values)


def read_file(path: Path) -> dict[str, Any]:
    """The contents of a TOML file, underscores in keys as dashes; an unknown key is an error.

    :raises usage.UsageError: with what is wrong.
    """
    try:
        values = {key.replace("_", "-"): value for key, value in tomllib.loads(path.read_text()).items()}
    except (OSError, ValueError) as error:
        raise usage.UsageError(f"{path}: {error}") from error
    unknown = sorted(set(values) - {*_KEYS, "commands"})
    if unknown:
        raise usage.UsageError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)} and [commands]")
    return values


def make_config(values: Mapping[str, Any]) -> TerminalConfig:
    """The configuration of keys and values as they are on the command line or in the file.

    :raises usage.UsageError: with what is wrong.
    """
    for key in ("server", "disks"):
        if not values.get(key):
            raise usage.UsageError(f"--{key} is required")
    host, port = _server(str(values["server"]))
    count = _number(values, "count", 1, 1, MOST_TERMINALS)
    mac = values.get("mac") or own_mac()
    if mac is None:
        raise usage.UsageError("--mac is required: this machine has no network interface with a MAC address")
    try:
        boot_disk = values.get("boot-disk")
        config = TerminalConfig(
            server_host=host,
            server_port=port,
            mac=canonical_mac(str(mac)),
            disks=Path(str(values["disks"])).absolute(),
            address=str(ipaddress.ip_address(str(values["address"]))) if values.get("address") else None,
            count=count,
            bittorrent_port=_number(values, "bittorrent-port", 0, 0, 65535),
            link=_number(values, "link", 0, 0, 1 << 40),
            upload_limit=_number(values, "upload-limit", 0, 0, 1 << 40),
            download_limit=_number(values, "download-limit", 0, 0, 1 << 40),
            piece_length=_piece_length(values),
            boot_disk=str(DiskName.parse(str(boot_disk), "boot-disk")) if boot_disk else None,
            encryption=_switch(values, "encryption"),
            commands=_commands(values.get("commands", {})),
        )
        config.each()
    except (VoiError, ValueError) as error:
        raise usage.UsageError(str(error)) from error
    return config


def _server(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, DEFAULT_PORT
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise usage.UsageError(f"--server: {text!r} is not HOST:PORT")
    return host, int(port)


def _number(values: Mapping[str, Any], key: str, default: int, least: int, most: int) -> int:
    value = values.get(key, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise usage.UsageError(f"--{key}: {value!r} is not a number from {least} to {most}")
    return number


def _switch(values: Mapping[str, Any], key: str) -> bool:
    value = values.get(key, False)
    if not isinstance(value, bool):
        raise usage.UsageError(f"--{key}: {value!r} is not true or false")
    return value


def _piece_length(values: Mapping[str, Any]) -> int:
    length = _number(values, "piece-length", 0, 0, LARGEST_PIECE)
    if length and (length < SMALLEST_PIECE or length.bit_count() != 1):
        raise usage.UsageError(f"--piece-length: {length} is no power of two from {SMALLEST_PIECE} to {LARGEST_PIECE}")
    return length


def _commands(table: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise usage.UsageError("commands: a table is expected")
    result: dict[str, tuple[str, ...]] = {}
    for name, command in table.items():
        if name not in PROGRAMS:
            raise usage.UsageError(f"commands: unknown key {name!r}; known are {', '.join(PROGRAMS)}")
        arguments = shlex.split(command) if isinstance(command, str) else command
        if (
            not isinstance(arguments, list)
            or not arguments
            or not all(isinstance(word, str) and word for word in arguments)
        ):
            raise usage.UsageError(f"commands.{name}: a command line or a list of words is expected")
        result[name] = tuple(arguments)
    return result
