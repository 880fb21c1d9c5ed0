"""The settings of the libtorrent session, for a server and for a terminal, each with its reason.

The figures are those measured for swarms on one local network; the names are libtorrent's
(its manual, "settings_pack").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from contextlib import suppress
from typing import Final

import libtorrent as lt

from voi.seeding.link import GIGABIT

_BLOCK = 16 * 1024  # what BitTorrent peers ask for at a time (BEP 3)
_QUEUE_SECONDS = 0.015  # of link time on order at one peer: enough to keep the link busy, no more
_SHORTEST_QUEUE = 2  # one under way and one behind it
_LONGEST_QUEUE = 2000  # libtorrent's own default for what a peer may have on order
_FILTERED = 1  # libtorrent's flag of an address without connections
_SERVER_TIMES = 4  # as long a queue at the server: what only it has is fetched by few, whose own links are full

_CATEGORIES = (
    lt.alert_category.error
    | lt.alert_category.status
    | lt.alert_category.storage
    | lt.alert_category.tracker
    | lt.alert_category.piece_progress  # see voi.seeding.pacing
    | lt.alert_category.peer  # who was banned; else as rare
)
"""Alerts of torrents, announces, finished pieces and bans: nothing that comes once for each connection or block."""

BLOCKS_CAME: Final = lt.alert_category.block_progress
"""Two more for each block that comes: only while it must be known who sends what is wrong (`voi.seeding.blocks`)."""

BLOCKS_SENT: Final = lt.alert_category.upload
"""One for each block that is sent: the only way to know what a peer got whose connection has ended."""


def request_queue(link_rate: int) -> int:
    """How many blocks of 16 KiB a peer takes orders for from another, for a link of `link_rate` bytes a second.

    Long queues are what makes a swarm slow: data ordered at the seed can no longer come from a neighbour. It is the
    uploader's number that counts: it is in its first message (BEP 10, `reqq`), and libtorrent orders so much.
    """
    return max(_SHORTEST_QUEUE, min(_LONGEST_QUEUE, round(link_rate * _QUEUE_SECONDS / _BLOCK)))


def server_settings(
    listen: tuple[str, int],
    *,
    link_rate: int = GIGABIT,
    encryption: bool = False,
    upload_limit: int = 0,
    download_limit: int = 0,
    connections: int = 2000,
    unchoke_slots: int = 32,
    threads: int = 4,
    several_per_address: bool = True,
    watch_interfaces: bool = False,
) -> lt.settings_pack:
    """What the server's session runs with.

    `listen` is an IP address and a port; port 0 takes a free one. A wildcard address is opened as one socket
    for each interface there is at that moment, so with port 0 each gets a port of its own.
    `link_rate`, `upload_limit` and `download_limit` are bytes a second, a limit of 0 is none.
    `connections` is a bound for all swarms together; each is a file descriptor. `unchoke_slots` is how many
    peers are served at a time, in all swarms together: 8 to 16 for each busy swarm.
    `encryption` encrypts the connections that are opened here, where the peer can; those that peers open are taken
    as they come. `threads` read and write the disk: 2 for a hard disk. `several_per_address` allows more than one
    peer of one address (a branch behind NAT, tests). `watch_interfaces` listens on addresses that appear later.
    """
    queue = min(_LONGEST_QUEUE, _SERVER_TIMES * request_queue(link_rate))
    return {
        **_common(listen, queue, encryption, upload_limit, download_limit, several_per_address),
        "enable_ip_notifier": watch_interfaces,
        "alert_mask": _CATEGORIES | BLOCKS_SENT,
        # As many blocks go out in half a second on the fastest link that there is one network thread for.
        "alert_queue_size": 40_000,
        "connections_limit": connections,
        # What lies ready for a peer: half as much again as goes out to it in a second, up to 3 MiB. A fast link
        # otherwise waits for the disk after each half mebibyte. For all peers together that is a second and a half of
        # the link, however many they are.
        "send_buffer_watermark": 3 << 20,
        "send_buffer_watermark_factor": 150,
        "max_peerlist_size": 6000,  # 5,000 terminals of one swarm, and some that changed their address
        "unchoke_slots_limit": unchoke_slots,
        "aio_threads": threads,
        "hashing_threads": max(1, threads // 2),
        "file_pool_size": 128,  # open files: a catalogue in use, and far from the limit of a process
    }


def terminal_settings(
    listen: tuple[str, int],
    *,
    link_rate: int = GIGABIT,
    encryption: bool = False,
    upload_limit: int = 0,
    download_limit: int = 0,
    connections: int = 50,
    threads: int = 2,
    several_per_address: bool = True,
    watch_interfaces: bool = False,
) -> lt.settings_pack:
    """What a terminal's session runs with; arguments as of `server_settings`.

    A terminal serves every peer that asks (no limit on unchoked peers): its few connections are the bound.
    """
    return {
        **_common(listen, request_queue(link_rate), encryption, upload_limit, download_limit, several_per_address),
        # A terminal that works under one address is known to others by it, whichever of the two connects.
        "outgoing_interfaces": "" if ipaddress.ip_address(listen[0]).is_unspecified else listen[0],
        "enable_ip_notifier": watch_interfaces,
        "connections_limit": connections,
        "unchoke_slots_limit": -1,
        "aio_threads": threads,
        "hashing_threads": 1,
        "file_pool_size": 32,
    }


def _common(
    listen: tuple[str, int],
    queue: int,
    encryption: bool,
    upload_limit: int,
    download_limit: int,
    several_per_address: bool,
) -> lt.settings_pack:
    host, port = listen
    return {
        "user_agent": "voi",
        "alert_mask": _CATEGORIES,
        # One turn of the reactor may come late; 20,000 alerts of a few hundred bytes wait for it.
        "alert_queue_size": 20_000,
        # A busy port is an error for a person, not a reason to listen elsewhere.
        "listen_interfaces": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "max_retry_port_bind": 0,
        "listen_system_port_fallback": False,
        "listen_queue_size": 3000,  # a whole site that starts at once (the kernel's somaxconn may be less)
        # Peers come from our tracker alone; nobody else is told of torrents.
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "webtorrent_stun_server": "",
        # TCP only: uTP yields to other traffic by delay, and costs more CPU than a LAN leaves.
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        # A connection that a peer opens is taken as it comes, plain or encrypted. One that is opened here is encrypted
        # only where that is switched on, and opened again in plain where the peer does not understand it. RC4 for every
        # byte carries less than half as much as plain data: without the switch only a peer that insists gets it.
        "in_enc_policy": lt.enc_policy.pe_enabled,
        "out_enc_policy": lt.enc_policy.pe_enabled if encryption else lt.enc_policy.pe_disabled,
        "allowed_enc_level": lt.enc_level.pe_rc4 if encryption else lt.enc_level.pe_both,
        "prefer_rc4": False,
        # The tracker's path is /<key>/announce, and in a demo it is on loopback: both look like an attack.
        "ssrf_mitigation": False,
        "prefer_udp_trackers": False,  # the server's order is HTTP, UDP: one that answers, the other in reserve
        "min_announce_interval": 5,  # the tracker says how often; this is only a floor
        "tracker_backoff": 20,  # after a restart of the server everybody is back in seconds, not minutes
        "stop_tracker_timeout": 2,  # a dead tracker must not hold a PC that shuts down
        "allow_multiple_connections_per_ip": several_per_address,
        # Join fast, and try again fast: a LAN answers at once or not at all.
        "connection_speed": 500,
        "torrent_connect_boost": 200,
        "peer_connect_timeout": 3,
        "min_reconnect_time": 1,
        "max_failcount": 30,
        # Short queues, no whole pieces from one peer, no herding: these decide how near the bound a swarm is.
        "max_allowed_in_request_queue": queue,
        "max_out_request_queue": queue,
        "whole_pieces_threshold": 0,
        "allowed_fast_set_size": 0,
        "piece_extent_affinity": False,
        "suggest_mode": 0,
        "prioritize_partial_pieces": False,
        "choking_algorithm": lt.choking_algorithm_t.fixed_slots_choker,
        "seed_choking_algorithm": lt.seed_choking_algorithm_t.round_robin,
        "upload_rate_limit": upload_limit,
        "download_rate_limit": download_limit,
    }


def address_filter(hosts: Collection[str]) -> lt.ip_filter:
    """A filter that takes every address but these; what is no IP address is passed over."""
    made = lt.ip_filter()
    for host in hosts:
        with suppress(ValueError):
            address = str(ipaddress.ip_address(host))
            made.add_rule(address, address, _FILTERED)
    return made


def limit_every_address(session: lt.session) -> None:
    """Put every peer, of whatever address, into the class that the rate limits are for.

    libtorrent's own filter puts private addresses into a class without limits, and those are all we have.
    Blocks until the session answered: call it in a thread.
    """
    everyone = lt.ip_filter()
    limited = 1 << lt.session.global_peer_class_id
    everyone.add_rule("0.0.0.0", "255.255.255.255", limited)  # noqa: S104 - a range of peers, not a socket
    everyone.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", limited)
    session.set_peer_class_filter(everyone)
