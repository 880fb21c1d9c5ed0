"""The options of `twistd voi` on the command line, put together with those of the TOML file."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.python import usage

from voi.config import Config, read_toml
from voi.errors import StartupError


class Options(usage.Options):
    """The options of `twistd voi`."""

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
        try:
            values = {**(read_toml(file) if file else {}), **given}
            self.config = Config.of(values, file or "options")
            _ = self.config.bittorrent_address
        except StartupError as error:
            raise usage.UsageError(error.message) from error
