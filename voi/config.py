"""What the server is configured to do: one frozen value, and the TOML file that it may come from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from voi.errors import StartupError


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of the server, whose names the command line and the file share; endpoints are Twisted's endpoint
    strings, `bittorrent` is HOST:PORT.
    """

    data: str = "data"
    terminals: str = "tcp:50007"
    http: str = "tcp:50021"
    bittorrent: str = "0.0.0.0:50020"
    link: int = 0
    terminal_link: int = 0
    upload_limit: int = 0
    encryption: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any], source: str) -> Self:
        """The configuration of some options by name.

        :param source: where they come from, for the message.
        :raises StartupError: an unknown option, or a value of the wrong type; says which.
        """
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise StartupError(f"{source}: {error}") from error

    @property
    def data_path(self) -> Path:
        """The data directory, absolute."""
        return Path(self.data).absolute()

    @property
    def bittorrent_address(self) -> tuple[str, int]:
        """Host and port of the BitTorrent session; IPv6 hosts are in brackets.

        :raises StartupError: the text is no address.
        """
        host, colon, port = self.bittorrent.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise StartupError(f"--bittorrent: {self.bittorrent!r} is not HOST:PORT")
        return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - all addresses is what an empty host means


def read_toml(path: str) -> dict[str, Any]:
    """The keys of a TOML file, dashes as underscores.

    :raises StartupError: it cannot be read; says why.
    """
    try:
        with Path(path).open("rb") as file:
            return {key.replace("-", "_"): value for key, value in tomllib.load(file).items()}
    except OSError as error:
        raise StartupError(f"--config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"--config {path}: {error}") from error
