"""The server's part in BitTorrent, put together: session, own peer, tracker."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from voi.app.foundation import Foundation
from voi.seeding.alerts import Event
from voi.seeding.link import link_rate
from voi.seeding.own_peer import OwnPeer
from voi.seeding.session import TorrentSession
from voi.seeding.settings import server_settings
from voi.signals import Signal
from voi.tracker.announced import PeerAnnounced
from voi.tracker.tracker import Tracker

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmArea:
    """`session_event` tells what libtorrent says, `announced` each announce that was taken in; `link` is bytes a
    second.
    """

    session: TorrentSession
    own_peer: OwnPeer
    tracker: Tracker
    link: int
    session_event: Signal[[Event]]
    announced: Signal[[PeerAnnounced]]


def make_swarm(base: Foundation) -> SwarmArea:
    """Nothing listens or connects yet."""
    config = base.config
    host, port = config.bittorrent_address
    link = link_rate(config.link, config.upload_limit)
    session_event: Signal[[Event]] = Signal("the BitTorrent session")
    announced: Signal[[PeerAnnounced]] = Signal("a peer announced itself")
    session = TorrentSession(
        reactor=base.reactor,
        settings=server_settings(
            (host, port),
            link_rate=link,
            encryption=config.encryption,
            upload_limit=config.upload_limit,
            watch_interfaces=host in WILDCARDS,
        ),
        state_directory=base.directory.resume,
        on_event=session_event,
    )
    own_peer = OwnPeer(session)
    tracker = Tracker(
        keys=base.keys,
        own_peer=own_peer,
        clock=base.reactor,
        random=random.Random(),  # noqa: S311 - whom a peer meets is no secret
        on_announce=announced,
        rooms=base.room_directory,
    )
    return SwarmArea(
        session=session,
        own_peer=own_peer,
        tracker=tracker,
        link=link,
        session_event=session_event,
        announced=announced,
    )
