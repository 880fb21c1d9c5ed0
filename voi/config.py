"""The server's options: from the command line, or from a TOML file with the same names; one frozen value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from twisted.python import usage


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server is told; endpoints are Twisted's endpoint strings, `bittorrent` is HOST:PORT."""

    data: str = "data"
    terminals: str = "tcp:50007"
    http: str = "tcp:50021"
    bittorrent: str = "0.0.0.0:50020"
    link: int = 0
    terminal_link: int = 0
    upload_limit: int = 0
    encryption: bool = False

    @property
    def data_path(self) -> Path:
        """The data directory, absolute."""
        return Path(self.data).absolute()

    @property
    def bittorrent_address(self) -> tuple[str, int]:
        """Host and port of the BitTorrent session; IPv6 hosts stand in brackets.

        :raises usage.UsageError: the text is no address.
        """
        host, colon, port = self.bittorrent.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise usage.UsageError(f"--bittorrent: {self.bittorrent!r} is not HOST:PORT")
        return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - all addresses is what an empty host means


class Options(usage.Options):
    """What `twistd voi` understands."""

    synopsis = "[options]"
    longdesc = "The VOI server: terminal sessions, BitTorrent tracker and seed, HTTP API."
    optParameters: ClassVar[list[list[Any]]] = [  # noqa: N815 - Twisted's name
        ["config", "c", None, "TOML file with these options; the command line takes precedence"],
        ["data", "d", None, "data directory [default: data]"],
        ["terminals", "t", None, "endpoint of the terminals [default: tcp:50007]"],
        ["http", None, None, "endpoint of the tracker and the API [default: tcp:50021]"],
        ["bittorrent", "b", None, "HOST:PORT of the BitTorrent session [default: 0.0.0.0:50020]"],
        [
            "link",
            None,
            None,
            "speed of this machine's link, bytes per second [default: as reported by its network card]",
            int,
        ],
        [
            "terminal-link",
            None,
            None,
            "speed of a terminal's link, bytes per second [default: same as this machine's]",
            int,
        ],
        ["upload-limit", None, None, "most that the server's seed sends, bytes per second [default: 0, no limit]", int],
    ]
    optFlags: ClassVar[list[list[Any]]] = [  # noqa: N815 - Twisted's name
        ["encryption", None, "encrypt the BitTorrent connections that the server opens, where the peer can"],
    ]

    config: Config

    def postOptions(self) -> None:  # noqa: N802 - Twisted's name
        """Put command line and file together."""
        file = self.pop("config")
        flag = bool(self.pop("encryption"))
        given = {name.replace("-", "_"): value for name, value in self.items() if value is not None}
        if flag:
            given["encryption"] = True
        values = {**(read_toml(file) if file else {}), **given}
        try:
            self.config = msgspec.convert(values, Config)
        except msgspec.ValidationError as error:
            raise usage.UsageError(f"{file or 'options'}: {error}") from error
        _ = self.config.bittorrent_address


def read_toml(path: str) -> dict[str, Any]:
    """The keys of a TOML file, dashes as underscores.

    :raises usage.UsageError: it cannot be read; says why.
    """
    try:
        with Path(path).open("rb") as file:
            return {key.replace("-", "_"): value for key, value in tomllib.load(file).items()}
    except OSError as error:
        raise usage.UsageError(f"--config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise usage.UsageError(f"--config {path}: {error}") from error
