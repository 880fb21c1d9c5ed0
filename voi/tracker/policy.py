"""The tracker's numbers, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How often peers announce, how many they are told, and how much is remembered. Times in seconds."""

    leech_interval: float = 20.0
    """Short: `left` is how progress is seen, and newcomers of a room must learn of one another soon after they start.
    5,000 of them are 250 announces a second."""

    seed_interval: float = 120.0
    """A seed has nothing to ask for; it only has to be remembered."""

    min_interval: float = 5.0
    """A client that lost its peers may ask again after this."""

    jitter: float = 0.1
    """The part of an interval by which it is made longer or shorter, so that a room which
    was switched on as one does not announce as one for ever."""

    expiry_factor: float = 3.0
    """A peer is forgotten after so many seed intervals without an announce; two may be lost. The seed's
    interval holds for leeches too: clients built on libtorrent announce every 300 s unless told otherwise,
    whatever we answer."""

    sweep: float = 10.0
    """How often forgotten peers are looked for; a sweep costs only what it removes."""

    sweep_most: int = 2000
    """Peers removed by one sweep, so that a clock that was set forward does not stall the reactor."""

    first_interval: float = 5.0
    """After a client's first announce: a room is switched on within seconds, and who came first knows no other yet."""

    numwant_default: int = 30
    """Peers in an answer when the client does not say. Six did as well as all in the measured swarms;
    the rest makes up for PCs that were switched off since."""

    numwant_most: int = 50
    """Peers in an answer, whatever the client says: libtorrent asks for 200, and a terminal connects to 50."""

    leaders_alone: int = 4
    """Terminals that are told of the server where one room is all there is. Each fetches other pieces from it, so
    it sends few of them twice; one would be as good as its own link, and a pause of it would be everybody's."""

    leaders: int = 2
    """The same for each of several rooms: what crosses a room's uplink is fetched by few, who see in time what
    the other fetches."""

    bridges: int = 3
    """Terminals of a small room that are told of one of another room each, and as many of other rooms are told of one
    here. A terminal shares its upload among its room and these, so with eight in a room six ways of an eighth of a link
    each fill most of an uplink that is as fast as one terminal's. One terminal that was told of all of them spent its
    own upload on other rooms."""

    bridging: float = 0.13
    """The part of a room's terminals that are its bridges where that are more: the bigger the room, the smaller a
    terminal's share for each, and the more ways it takes. 1,000 terminals in 17 rooms are done in 4.2 bounds with 6
    bridges a room, in 3.5 with 8, in 2.5 with 11 in the simulation, but then 2.3 copies cross each uplink, not 1.4."""

    far_most: int = 16
    """Peers of other rooms that one without progress is told of: far above ln N for 84 rooms, some off."""

    lost: float = 45.0
    """A leader that reports no progress for so long gives its place to the next that announces: two announces and
    some. It stays what it is, so this costs a copy of what both fetch and nothing more."""

    stuck: float = 15.0
    """A peer that got nothing for so long by its own account is told of everybody, the server too: its neighbours may
    be switched off, or may not reach it."""

    most_swarms: int = 4096
    """Torrents admitted at once: 1,000 templates of a few disks, three levels each, do not reach it."""

    most_peers_in_swarm: int = 20_000
    """Four times the biggest site, for peers of both address families and restarted clients."""

    most_peers: int = 100_000
    """Peers of all swarms together, about 1.7 kB each with what they are recognised by: 170 MB at worst."""

    most_peers_of_terminal: int = 4
    """Peers of one terminal in one swarm: IPv4 and IPv6, and those of its client before a restart.
    The oldest gives way."""

    unknown_retry: int = 1
    """Minutes (BEP 31) until an unknown torrent is asked for again: an uploader's client may announce
    a moment before its torrent is admitted."""

    full_retry: int = 5
    """Minutes (BEP 31) until a peer that found the table full asks again: some will be forgotten by then."""

    @property
    def lease(self) -> float:
        """Seconds without an announce after which a peer is forgotten."""
        return self.expiry_factor * self.seed_interval
