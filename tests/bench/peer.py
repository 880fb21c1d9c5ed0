"""One libtorrent session with one torrent and nothing of voi: what the library does by itself. Run by its path.

In the directory it is started in, it makes a file ``ready`` when its session is up, begins when its standard input
ends, and makes a file ``done`` when all pieces are there and written. It goes on seeding until it is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import libtorrent as lt


@click.command(help=__doc__)
@click.argument("torrent", type=click.Path(path_type=Path, exists=True))
@click.option("--seed", is_flag=True, help="The file is here already; begin at once.")
def main(torrent: Path, seed: bool) -> None:
    """Download or seed one torrent."""
    session = lt.session(lt.session_params(settings()))
    parameters = lt.load_torrent_buffer(torrent.read_bytes())
    parameters.save_path = "."
    if seed:
        parameters.flags |= lt.torrent_flags.seed_mode
    Path("ready").touch()
    if not seed:
        sys.stdin.buffer.read()
    handle = session.add_torrent(parameters)
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.torrent_finished_alert):
                handle.flush_cache()
            elif isinstance(alert, lt.cache_flushed_alert):
                Path("done").touch()
            elif isinstance(alert, lt.torrent_error_alert | lt.listen_failed_alert):
                sys.exit(alert.message())


def settings() -> lt.settings_pack:
    """Libtorrent's defaults with one change: peers come from the tracker alone."""
    pack = lt.default_settings()
    for source in ("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"):
        pack[source] = False
    categories = lt.alert.category_t
    received = categories.error_notification | categories.status_notification | categories.storage_notification
    pack["alert_mask"] = int(received)
    return pack


if __name__ == "__main__":
    main()
