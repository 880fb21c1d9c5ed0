"""One libtorrent peer in a process of its own, and nothing else: it fetches a torrent, or offers it.

A child of the benches `seed` and `lag`; speaks JSON lines (`tests.bench.processes`). Its settings are libtorrent's own
preset for a fast seed, with what a peer of ours needs on top: no discovery, no limits, private addresses not exempt
from anything because there are no limits.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import libtorrent as lt

from voi.demo.processes import LOOPBACK

_LOOK_SECONDS: Final = 0.002
PRESETS: Final = ("high performance", "defaults")


def settings(preset: str) -> Any:
    """A settings pack for a peer on loopback; `preset` is one of PRESETS."""
    base = lt.high_performance_seed() if preset == "high performance" else lt.default_settings()
    return {
        **base,
        "listen_interfaces": f"{LOOPBACK}:0",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "out_enc_policy": lt.enc_policy.pe_disabled,
        "in_enc_policy": lt.enc_policy.pe_disabled,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert_category.error | lt.alert_category.status,
    }


class Peer:
    """The session."""

    def __init__(self, preset: str) -> None:
        self._session = lt.session(lt.session_params(settings(preset)))

    def seed(self, torrent: str, directory: str) -> dict[str, object]:
        """Offer a file that is whole; the port."""
        parameters = self._parameters(torrent, directory)
        parameters.flags |= lt.torrent_flags.seed_mode
        self._session.add_torrent(parameters)
        while not self._session.listen_port():
            time.sleep(0.01)
        return {"port": self._session.listen_port()}

    def fetch(self, torrent: str, directory: str, port: int) -> dict[str, object]:
        """Fetch from the peer at a port of this machine: bytes, seconds from the first of them to the last piece, and
        before that from the command to the first (who calls whom when is not the rate).
        """
        Path(directory).mkdir()
        parameters = self._parameters(torrent, directory)
        parameters.peers = [(LOOPBACK, port)]
        started = time.monotonic()
        handle = self._session.add_torrent(parameters)
        while not handle.status().total_payload_download:
            time.sleep(_LOOK_SECONDS)
        begun = time.monotonic()
        while not handle.status().is_seeding:
            time.sleep(_LOOK_SECONDS)
        seconds = time.monotonic() - begun
        size = handle.status().total_wanted
        self._session.remove_torrent(handle)
        shutil.rmtree(directory)
        return {"bytes": size, "seconds": seconds, "before": begun - started}

    def _parameters(self, torrent: str, directory: str) -> Any:
        parameters = lt.load_torrent_file(torrent)
        parameters.save_path = directory
        parameters.trackers = []
        parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        return parameters


def main() -> None:
    """Carry out commands until standard input ends."""
    peer = Peer(sys.argv[1])
    commands: dict[str, Callable[..., object]] = {"seed": peer.seed, "fetch": peer.fetch}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)


if __name__ == "__main__":
    main()
