"""Tests of the swarm table and of the choice of peers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, OTHER_HASH, peer_id, request
from tests.unit.tracker.plain import Told, announce
from voi.errors import TorrentRefused
from voi.tracker.address import AnnounceError
from voi.tracker.announce import AnnounceEvent, Counts
from voi.tracker.peers import PeerState
from voi.tracker.policy import Policy
from voi.tracker.steering import ServerState
from voi.tracker.swarm import SwarmTable

CALM = Policy(jitter=0.0)


def mac(number: int) -> str:
    """The MAC of terminal `number`."""
    return f"52:54:00:00:00:{number:02X}"


class TableCase(SynchronousTestCase):
    """A table with one torrent."""

    policy = CALM

    def setUp(self) -> None:
        self.table = SwarmTable(Random(1), self.policy)
        self.table.admit(HASH)

    def announce(
        self,
        number: int,
        host: str = "",
        *,
        now: float = 0.0,
        left: int = 100,
        event: AnnounceEvent = AnnounceEvent.NONE,
        numwant: int | None = None,
        port: int = 6881,
        client: int = 0,
        info_hash: bytes = HASH,
    ) -> Told:
        """Terminal `number` announces, at 10.0.0.<number> unless told otherwise."""
        asked = request(client or number, info_hash=info_hash, port=port, left=left, event=event, numwant=numwant)
        return announce(self.table, now, mac(number), host or f"10.0.0.{number}", asked)

    def hosts(self, answer: Told) -> list[str]:
        return [peer.host for peer in answer.peers]


class AdmissionTests(TableCase):
    """Which torrents the table holds."""

    def test_only_admitted(self) -> None:
        """A torrent that was not admitted is refused for now: it may be on its way."""
        refused = self.assertRaises(AnnounceError, self.announce, 1, info_hash=OTHER_HASH)
        self.assertEqual((refused.field, refused.retry_in), ("info_hash", 1))

    def test_v2(self) -> None:
        """BEP 52: a v2 info-hash is announced by its first 20 bytes."""
        self.table.admit(bytes(range(100, 132)))
        self.announce(1, info_hash=bytes(range(100, 120)))
        self.assertEqual(self.table.counts(bytes(range(100, 132))).leeches, 1)
        self.assertTrue(self.table.known(bytes(range(100, 120))))

    def test_no_hash(self) -> None:
        """Anything but 20 or 32 bytes is a mistake of ours."""
        self.assertRaises(ValueError, self.table.admit, b"short")

    def test_admitted_twice(self) -> None:
        """Admitting again keeps the peers."""
        self.announce(1)
        self.table.admit(HASH)
        self.assertEqual(self.table.counts(HASH).leeches, 1)

    def test_retired(self) -> None:
        """Retiring forgets the peers, and the torrent is refused from then on."""
        self.announce(1)
        self.table.retire(HASH)
        self.table.retire(HASH)
        self.assertEqual((len(self.table), self.table.peers(HASH)), (0, []))
        self.assertEqual(self.table.expire(1e9), 0)
        self.assertRaises(AnnounceError, self.announce, 1)

    def test_too_many_torrents(self) -> None:
        """The number of torrents has a bound."""
        table = SwarmTable(Random(1), Policy(most_swarms=1))
        table.admit(HASH)
        self.assertRaises(TorrentRefused, table.admit, OTHER_HASH)


class IdentityTests(TableCase):
    """Who is the same peer."""

    policy = Policy(jitter=0.0, most_peers_of_terminal=2, most_peers_in_swarm=3, most_peers=4)

    def ports(self) -> list[int]:
        return sorted(peer.port for peer in self.table.peers(HASH))

    def test_changed_port(self) -> None:
        """A client that listens on another port replaces its old entry."""
        self.announce(1, port=6881)
        self.announce(1, port=6882)
        self.assertEqual(self.ports(), [6882])

    def test_changed_address(self) -> None:
        """A terminal that got another address has the new one only, in the new room."""
        self.announce(1, "10.0.1.1")
        self.announce(1, "10.0.0.1")
        self.announce(2)
        self.assertEqual(self.hosts(self.announce(2)), ["10.0.0.1"])

    def test_restarted(self) -> None:
        """A client that came back under a new peer id at the same address replaces its old entry."""
        self.announce(1, client=1)
        self.announce(1, client=2)
        self.assertEqual(self.ports(), [6881])

    def test_both_families(self) -> None:
        """A client that announces over IPv4 and IPv6 is listed with both, and is not told of itself."""
        self.announce(1)
        own = self.announce(1, "fd00::1")
        self.assertEqual(own.peers, ())
        self.announce(2)
        stuck = self.announce(2, now=20.0)  # such a one is told of everybody
        self.assertEqual(set(self.hosts(stuck)), {"10.0.0.1", "fd00::1"})

    def test_bound_for_a_terminal(self) -> None:
        """A terminal that restarts again and again keeps only its latest peers."""
        for number in range(5):
            self.announce(1, port=6881 + number, client=number + 1, now=number)
        self.assertEqual(self.ports(), [6884, 6885])

    def test_bound_for_a_swarm(self) -> None:
        """A full swarm takes no more peers, goes on with those it has, and says when to come back."""
        for number in (1, 2, 3):
            self.announce(number)
        refused = self.assertRaises(AnnounceError, self.announce, 4)
        self.assertEqual(refused.retry_in, 5)
        self.announce(3)
        self.assertEqual(len(self.table), 3)

    def test_bound_for_the_table(self) -> None:
        """All swarms together have a bound."""
        self.table.admit(OTHER_HASH)
        for number, info_hash in [(1, HASH), (2, HASH), (3, OTHER_HASH), (4, OTHER_HASH)]:
            self.announce(number, info_hash=info_hash)
        self.assertRaises(AnnounceError, self.announce, 5)


class StateTests(TableCase):
    """What is known of a swarm."""

    def test_events(self) -> None:
        """started, completed, stopped: in, counted, out."""
        self.announce(1, event=AnnounceEvent.STARTED)
        self.assertEqual(self.table.counts(HASH), Counts(0, 1, 0))
        self.announce(1, left=0, event=AnnounceEvent.COMPLETED)
        self.assertEqual(self.table.counts(HASH), Counts(1, 0, 1))
        answer = self.announce(1, left=0, event=AnnounceEvent.STOPPED)
        self.assertEqual((self.table.counts(HASH), answer.peers), (Counts(0, 0, 1), ()))

    def test_completed_once(self) -> None:
        """A repeated `completed`, or one over the other family, is one download; one with bytes left is none."""
        self.announce(1, left=1, event=AnnounceEvent.COMPLETED)
        self.announce(1, left=0, event=AnnounceEvent.COMPLETED)
        self.announce(1, left=0, event=AnnounceEvent.COMPLETED)
        self.announce(1, "fd00::1", left=0, event=AnnounceEvent.COMPLETED)
        self.assertEqual(self.table.counts(HASH).completed, 1)

    def test_completed_by_another_client(self) -> None:
        """A terminal that downloads again with a fresh client counts again."""
        self.announce(1, left=0, event=AnnounceEvent.COMPLETED, client=1)
        self.announce(1, left=0, event=AnnounceEvent.COMPLETED, client=2)
        self.assertEqual(self.table.counts(HASH).completed, 2)

    def test_stopped_stranger(self) -> None:
        """Who was never there may still stop."""
        self.announce(1, event=AnnounceEvent.STOPPED)
        self.assertEqual(self.table.counts(HASH), Counts())

    def test_paused(self) -> None:
        """BEP 21: who pauses is incomplete, yet no downloader; with nothing left it is a seed."""
        self.announce(1, event=AnnounceEvent.PAUSED)
        self.announce(2, event=AnnounceEvent.PAUSED, left=0)
        self.assertEqual(self.table.counts(HASH), Counts(1, 1, 0, 1))
        self.announce(1)
        self.assertEqual(self.table.counts(HASH), Counts(1, 1, 0, 0))

    def test_states(self) -> None:
        """Each peer is reported as it last announced itself."""
        self.announce(1, now=1.0)
        self.announce(1, now=2.0, left=40, event=AnnounceEvent.PAUSED)
        self.assertEqual(self.table.peers(HASH), [PeerState(mac(1), "10.0.0.1", 6881, 40, 0, 0, 2.0, True)])

    def test_scrape(self) -> None:
        """Scraping tells of the admitted ones among those asked for, in their order."""
        self.table.admit(OTHER_HASH)
        self.announce(1)
        found = self.table.scrape([OTHER_HASH, bytes(20), HASH])
        self.assertEqual(found, [(OTHER_HASH, Counts()), (HASH, Counts(0, 1, 0))])

    def test_intervals(self) -> None:
        """Downloaders come back soon, seeds late."""
        self.announce(1)
        self.assertEqual(self.announce(1, now=1.0).interval, 20)
        self.assertEqual(self.announce(2, left=0).interval, 120)
        self.assertEqual(self.announce(3, event=AnnounceEvent.PAUSED).interval, 120)
        self.assertEqual(self.announce(1, now=2.0).min_interval, 5)

    def test_first_interval(self) -> None:
        """After its first announce a downloader comes back sooner: it may have been the first of its room. So does
        a client that was restarted, and no seed.
        """
        self.assertEqual(self.announce(1).interval, 5)
        self.assertEqual(self.announce(1, now=5.0).interval, 20)
        self.assertEqual(self.announce(1, now=6.0, client=2).interval, 5)
        self.assertEqual(self.announce(2, left=0).interval, 120)

    def test_first_interval_is_no_shorter_than_allowed(self) -> None:
        """Nobody is told to come back before the shortest interval that is allowed."""
        table = SwarmTable(Random(1), Policy(first_interval=1.0))
        table.admit(HASH)
        self.assertEqual(announce(table, 0, mac(1), "10.0.0.1", request()).interval, 5)

    def test_jitter(self) -> None:
        """Intervals differ a little, so that a room does not come back as one."""
        table = SwarmTable(Random(1), Policy(seed_interval=100.0, jitter=0.1))
        table.admit(HASH)
        found = {announce(table, 0, mac(1), "10.0.0.1", request(left=0)).interval for _ in range(200)}
        self.assertEqual((min(found), max(found)), (90, 110))

    def test_expiry(self) -> None:
        """A peer is forgotten a lease after its last announce, and no sooner."""
        self.announce(1, now=0.0)
        self.announce(2, now=0.0)
        self.announce(1, now=10.0)
        self.assertEqual(self.table.expire(CALM.lease - 0.1), 0)
        self.assertEqual(self.table.expire(CALM.lease), 1)
        self.assertEqual([peer.terminal for peer in self.table.peers(HASH)], [mac(1)])
        self.assertEqual(self.table.expire(CALM.lease + 10.0), 1)
        self.assertEqual(self.table.counts(HASH), Counts())

    def test_expiry_in_steps(self) -> None:
        """One sweep forgets only so many: it must not stall the reactor."""
        table = SwarmTable(Random(1), Policy(sweep_most=2))
        table.admit(HASH)
        for number in range(3):
            announce(table, 0, mac(number), f"10.0.0.{number}", request(number))
        self.assertEqual([table.expire(1e9), table.expire(1e9)], [2, 1])


class ChoiceTests(TableCase):
    """Whom a peer is told of."""

    def fill(self, room: int, count: int, *, left: int = 100) -> None:
        """Terminals 10.0.<room>.1 and up, all downloading unless told otherwise."""
        for number in range(1, count + 1):
            asked = request(room * 1000 + number, left=left)
            announce(self.table, 0, f"{room}/{number}", f"10.0.{room}.{number}", asked)

    def rooms(self, answer: Told) -> list[str]:
        return [host.rsplit(".", 1)[0] for host in self.hosts(answer)]

    def test_not_itself(self) -> None:
        """A peer is alone in its own swarm."""
        self.announce(1)
        self.assertEqual(self.announce(1).peers, ())

    def test_not_its_own_address(self) -> None:
        """Nor is it told of another at its very address and port."""
        self.announce(1, "10.0.0.9")
        self.assertEqual(self.announce(2, "10.0.0.9").peers, ())

    def test_same_peer_id_elsewhere(self) -> None:
        """Cloned PCs may share a peer id; they are still told of each other."""
        self.announce(1, client=5)
        self.assertEqual(self.hosts(self.announce(2, client=5)), ["10.0.0.1"])

    def test_own_room(self) -> None:
        """Most are told of their own room, a bridge of one of another too."""
        for number in (200, 201):
            self.announce(number, "10.0.1.200")
        self.announce(202, "10.0.1.202")
        self.fill(1, 60)
        self.fill(2, 60)
        self.assertEqual(self.rooms(self.announce(203, "10.0.1.203")), ["10.0.1"] * 30)
        self.assertEqual(self.rooms(self.announce(202, "10.0.1.202")), ["10.0.1"] * 29 + ["10.0.2"])

    def test_small_room(self) -> None:
        """A room of one is told of one more of another room at each announce, and not filled up from them."""
        self.fill(2, 60)
        for told in (1, 2, 3, 3):
            self.assertEqual(self.rooms(self.announce(200, "10.0.1.200")), ["10.0.2"] * told)

    def test_seeds_get_no_seeds(self) -> None:
        """A peer that downloads nothing is told only of downloaders, and only of those in its room."""
        self.fill(1, 5, left=0)
        self.announce(9, "10.0.1.9")
        self.announce(8, "10.0.2.8", left=0)
        self.announce(7, "10.0.2.7")
        for event in (AnnounceEvent.NONE, AnnounceEvent.PAUSED):
            left = 0 if event is AnnounceEvent.NONE else 5
            answer = self.announce(200, "10.0.1.200", left=left, event=event)
            self.assertEqual(self.hosts(answer), ["10.0.1.9"])

    def test_one_seed_among_many(self) -> None:
        """A downloader is always told of a seed of its room if there is one: the others may lack a piece."""
        self.fill(1, 100)
        self.announce(150, "10.0.1.150", left=0)
        for _ in range(20):
            self.assertIn("10.0.1.150", self.hosts(self.announce(200, "10.0.1.200", numwant=5)))

    def test_numwant(self) -> None:
        """As many as asked for, up to the bound; the usual number if not asked; none for 0."""
        self.fill(1, 200)
        asked = [(0, 0), (1, 1), (7, 7), (None, 30), (2**40, 50)]
        for numwant, expected in asked:
            hosts = self.hosts(self.announce(250, "10.0.1.250", numwant=numwant))
            self.assertEqual((len(hosts), len(set(hosts))), (expected, expected))

    def test_numwant_beside_itself(self) -> None:
        """A peer itself is not counted among the others of its room."""
        self.fill(1, 5)
        for _ in range(20):
            self.assertEqual(len(self.announce(250, "10.0.1.250", numwant=5).peers), 5)

    def test_place_for_the_server(self) -> None:
        """Where the server's own peer is in the answer, a place is left for it."""
        asked = request(9, numwant=10)
        announce(self.table, 0, mac(9), "10.0.1.99", asked)  # as the first of its room it leads
        self.fill(1, 50)
        answer = announce(self.table, 0, mac(9), "10.0.1.99", asked, server=ServerState.WHOLE)
        self.assertEqual((len(answer.peers), answer.own), (9, True))

    def test_both_families_in_an_answer(self) -> None:
        """BEP 7: a peer is told of peers of either family."""
        self.announce(1, "fd00::1")
        self.announce(2, "10.0.0.2")
        self.announce(3, "10.0.1.3")
        self.assertEqual(set(self.hosts(self.announce(3, "10.0.1.3"))), {"fd00::1", "10.0.0.2"})

    def test_defined_rooms(self) -> None:
        """Where rooms are defined, they and not the addresses say who is near."""
        table = SwarmTable(
            Random(1), Policy(bridges=0, bridging=0.0), room_of=lambda _terminal, host: host.endswith(".7")
        )
        table.admit(HASH)
        for number, host in enumerate(["10.0.0.7", "10.0.1.7", "10.0.0.8", "10.0.1.8"]):
            announce(table, 0, mac(number), host, request(number))
        answer = announce(table, 0, mac(9), "10.0.2.7", request(9))
        self.assertEqual(set(self.hosts(answer)), {"10.0.0.7", "10.0.1.7"})


@dataclass
class _Naive:
    """A peer as the naive model keeps it."""

    client: int
    host: str
    port: int
    left: int
    paused: bool
    seen: float


_OPERATION = st.tuples(
    st.integers(1, 4),  # terminal
    st.integers(1, 3),  # client
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "fd00::1"]),
    st.sampled_from([6881, 6882]),
    st.sampled_from([0, 0, 5, 9]),
    st.sampled_from(list(AnnounceEvent)),
    st.sampled_from([0.0, 1.0, 30.0]),  # time that passes before
)


class ModelTests(SynchronousTestCase):
    """The table against a list that is searched."""

    @given(st.lists(_OPERATION, max_size=40))
    def test_counts_of_a_naive_model(
        self, operations: list[tuple[int, int, str, int, int, AnnounceEvent, float]]
    ) -> None:
        """Whatever is announced, the table counts, lists and answers as a plain list would."""
        policy = Policy(jitter=0.0, seed_interval=20.0, expiry_factor=3.0, most_peers_of_terminal=3)
        table, model, now = SwarmTable(Random(7), policy), dict[int, list[_Naive]](), 0.0
        table.admit(HASH)
        for terminal, client, host, port, left, event, passed in operations:
            now += passed
            table.expire(now)
            for peers in model.values():
                peers[:] = [peer for peer in peers if peer.seen + policy.lease > now]
            answer = announce(
                table, now, mac(terminal), host, request(client, port=port, left=left, event=event, numwant=50)
            )
            self._announce(model.setdefault(terminal, []), client, host, port, left, event, now)
            self._compare(table, model)
            known = {(peer.host, peer.port) for peers in model.values() for peer in peers}
            told = {(peer.host, peer.port) for peer in answer.peers}
            self.assertLessEqual(told, known - {(host, port)})

    def _announce(
        self, peers: list[_Naive], client: int, host: str, port: int, left: int, event: AnnounceEvent, now: float
    ) -> None:
        same = [
            peer
            for peer in peers
            if (peer.client == client and (":" in peer.host) == (":" in host)) or (peer.host, peer.port) == (host, port)
        ][:1]
        if event is AnnounceEvent.STOPPED:
            peers[:] = [peer for peer in peers if peer not in same]
            return
        if not same and len(peers) == 3:
            peers.remove(min(peers, key=lambda peer: peer.seen))
        if not same:
            peers.append(_Naive(client, host, port, left, paused=False, seen=now))
            same = peers[-1:]
        peer = same[0]
        peer.client, peer.host, peer.port, peer.left, peer.seen = client, host, port, left, now
        peer.paused = event is AnnounceEvent.PAUSED and left > 0

    def _compare(self, table: SwarmTable, model: dict[int, list[_Naive]]) -> None:
        everyone = [(terminal, peer) for terminal, peers in model.items() for peer in peers]
        counts = table.counts(HASH)
        self.assertEqual(counts.seeds, sum(peer.left == 0 for _, peer in everyone))
        self.assertEqual(counts.leeches, sum(peer.left > 0 for _, peer in everyone))
        self.assertEqual(counts.paused, sum(peer.paused for _, peer in everyone))
        self.assertEqual(len(table), len(everyone))
        self.assertEqual(
            sorted((peer.terminal, peer.host, peer.port, peer.left) for peer in table.peers(HASH)),
            sorted((mac(terminal), peer.host, peer.port, peer.left) for terminal, peer in everyone),
        )


class PeerIdTests(TableCase):
    """What is answered beside an address."""

    def test_peer_id(self) -> None:
        """An answer knows the peer id under which each announced itself."""
        self.announce(1)
        self.assertEqual([peer.peer_id for peer in self.announce(2).peers], [peer_id(1)])
