"""The alternatives on the same network, with the same links and the same file, each as its users would run it.

libtorrent and aria2c have opentracker as their tracker, and the very torrent that ours would make, so that piece
size is no difference. HTTP is ``twisted.web``'s static files and curl. udpcast sends at the rate of the link.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen

import bencodepy

from tests.bench import peer
from tests.bench.network import Host, Network
from tests.bench.race import AT_ONCE, HELD, LISTENING, Race
from tests.bench.site import Finished
from voi.demo.processes import wait_until
from voi.domain import metainfo
from voi.files.hashing import hash_file
from voi.names import DiskName

_NAME: Final = DiskName("00000000-0000-4000-8000-000000000000", 0)
_TRACKER: Final = 6969
_HTTP: Final = 80
_COPY: Final = "copy"
_FRAMES: Final = 0.99
"""The part of a link's rate that udpcast is told: it counts bytes from the IP header on, the link the frame's too."""
_KNOWN_WITHIN: Final = 30.0  # seconds


def libtorrent(directory: Path, network: Network, server: Host, terminals: Sequence[Host], image: Path) -> Finished:
    """The library libtorrent with its defaults on every host, and opentracker."""
    command = [sys.executable, "-P", peer.__file__, "../torrent"]
    with Race(directory, network, server, terminals, image) as race:
        _seeded(race, [*command, "--seed"])
        race.enter(command, how=AT_ONCE)
        return race.run(str(_NAME), "done")


def aria2c(directory: Path, network: Network, server: Host, terminals: Sequence[Host], image: Path) -> Finished:
    """The client aria2c on every host, and opentracker."""
    command = [
        *("aria2c", "--no-conf=true", "--dir=.", "--enable-dht=false", "--enable-dht6=false"),
        *("--disable-ipv6=true", "--summary-interval=0", "--show-console-readout=false"),
        "--seed-ratio=0.0",  # never stop giving
        "--file-allocation=none",  # as the others: no zeros are written first
        "--on-bt-download-complete=touch",  # called with a number, 1 for the files, and a path: makes a file `1`
        "../torrent",
    ]
    with Race(directory, network, server, terminals, image) as race:
        _seeded(race, [*command, "--bt-seed-unverified=true"])
        race.enter(command, how=HELD)
        return race.run(str(_NAME), "1")


def http(directory: Path, network: Network, server: Host, terminals: Sequence[Host], image: Path) -> Finished:
    """One HTTP server, and curl on every terminal: each gets a copy of its own."""
    fetch = ["curl", "--silent", "--show-error", "--fail", "--output", _COPY]
    with Race(directory, network, server, terminals, image) as race:
        _link(image, directory / "server" / "image")
        race.serve("server", [sys.executable, "-m", "twisted", "web", "--path=.", f"--listen=tcp:{_HTTP}"])
        race.until_listening(_HTTP, "the HTTP server")
        race.enter([*fetch, f"http://{server.address}:{_HTTP}/image"], how=HELD)
        return race.run(_COPY, None)


def udpcast(directory: Path, network: Network, server: Host, terminals: Sequence[Host], image: Path) -> Finished:
    """Multicast: one copy for everybody, at the rate of the server's link."""
    common = ["--interface=eth0", "--nokbd", "--no-progress"]
    bits = int(network.limits(server).up * 8 * _FRAMES)
    send = [
        *("udp-sender", *common, "--full-duplex", f"--max-bitrate={bits}", f"--min-receivers={len(terminals)}"),
        "--rexmit-hello-interval=500",  # milliseconds; it calls once only, if nothing is said
    ]
    with Race(directory, network, server, terminals, image) as race:
        race.enter(["udp-receiver", *common, f"--file={_COPY}"], how=LISTENING)
        race.serve("server", [*send, f"--file={image}"], how=HELD)
        return race.run(_COPY, None)


@dataclass(frozen=True)
class Other:
    """An alternative: how it runs, and the programs it needs by name, with the Debian packages that have them.

    `unicast` is one whose time grows with the number of terminals.
    """

    run: Callable[[Path, Network, Host, Sequence[Host], Path], Finished]
    programs: Mapping[str, str]
    unicast: bool = False

    @property
    def missing(self) -> str:
        """Empty if all programs are here, else what is missing."""
        return ", ".join(
            f"{program} is missing (Debian: {package})"
            for program, package in self.programs.items()
            if shutil.which(program) is None
        )


OTHERS: Final[Mapping[str, Other]] = {
    "libtorrent": Other(libtorrent, {"opentracker": "opentracker"}),
    "aria2c": Other(aria2c, {"opentracker": "opentracker", "aria2c": "aria2"}),
    "http": Other(http, {"curl": "curl"}, unicast=True),
    "udpcast": Other(udpcast, {"udp-sender": "udpcast", "udp-receiver": "udpcast"}),
}
"""The alternatives by the names that tables show."""


def _seeded(race: Race, command: Sequence[str]) -> None:
    """Start opentracker and a seed on the server's host; return when the tracker knows the seed."""
    size = race.image.stat().st_size
    piece_length = metainfo.piece_length_for(size)
    url = f"http://{race.server.address}:{_TRACKER}/announce"
    torrent = metainfo.build(_NAME, size, piece_length, hash_file(race.image, piece_length), url)
    (race.directory / "torrent").write_bytes(torrent)
    info_hash = metainfo.parse(torrent).info_hash
    _opentracker(race, info_hash)
    _link(race.image, race.directory / "server" / str(_NAME))
    race.serve("server", command)
    scrape = f"http://{race.server.address}:{_TRACKER}/scrape?info_hash={quote(info_hash)}"

    def known() -> bool:
        race.check_servers()
        with urlopen(scrape, timeout=5) as answer:
            files: dict[bytes, Any] = bencodepy.decode(answer.read())[b"files"]
        return bool(files.get(info_hash, {}).get(b"complete"))

    wait_until(lambda: race.server.call(known), _KNOWN_WITHIN, "the seed's announce")


def _opentracker(race: Race, info_hash: bytes) -> None:
    """Start opentracker on the server's host. Debian builds it closed: it serves the hashes of a file only."""
    # It gives its rights away and confines itself to this directory, which must be one that anybody may read.
    root = race.directory / "opentracker"
    root.mkdir()
    (root / "whitelist").write_text(f"{info_hash.hex()}\n")
    (root / "whitelist").chmod(0o644)
    root.chmod(0o755)
    port = str(_TRACKER)
    options = ["-i", race.server.address, "-p", port, "-P", port, "-d", str(root), "-w", "whitelist"]
    race.serve("opentracker", ["opentracker", *options])
    race.until_listening(_TRACKER, "opentracker")


def _link(image: Path, name: Path) -> None:
    """The image under another name, without a copy."""
    name.parent.mkdir()
    name.hardlink_to(image)
