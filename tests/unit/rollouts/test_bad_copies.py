"""Which terminal is at the other end, and what is made of reports of pieces that did not match."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.rollouts.case import FakePeer, FakeSwarm
from voi.domain.rollouts import Target, TargetState, Task
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.rollouts.bad_copies import KNOWN_SECONDS, MOST_ACCUSED, BadCopies
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.peer_terminals import terminals_of
from voi.tracker.tracker import Tracker
from voi.wire.messages import TaskState, encode_reason

DISK = DiskName("11111111-2222-3333-4444-555555555555", 0)
HASH = b"h" * 20
REPORTER, BAD, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"


class PeerTerminalsTests(SynchronousTestCase):
    """`terminals_of`."""

    def test_listening(self) -> None:
        """A connection to a port that was announced is its terminal's, of however many at that address."""
        peers = [FakePeer(BAD, "10.0.0.2", 1), FakePeer(OTHER, "10.0.0.2", 2)]
        self.assertEqual(terminals_of([("10.0.0.2", 2)], peers), {("10.0.0.2", 2): OTHER})

    def test_incoming(self) -> None:
        """A connection from any port is of the one terminal at its address."""
        peers = [FakePeer(BAD, "10.0.0.2", 1), FakePeer(OTHER, "10.0.0.3", 2)]
        self.assertEqual(terminals_of([("10.0.0.3", 50_000)], peers), {("10.0.0.3", 50_000): OTHER})

    def test_several_behind_one_address(self) -> None:
        """Where several terminals have one address, nobody is taken for another."""
        peers = [FakePeer(BAD, "10.0.0.2", 1), FakePeer(OTHER, "10.0.0.2", 2)]
        self.assertEqual(terminals_of([("10.0.0.2", 50_000), ("10.9.9.9", 1)], peers), {})


class BadCopiesTests(SynchronousTestCase):
    """One terminal that downloads, and others at their addresses."""

    def setUp(self) -> None:
        self.clock, self.swarm, targets = Clock(), FakeSwarm(), OpenTargets()
        self.swarm.known = [FakePeer(REPORTER, "10.0.0.1"), FakePeer(BAD, "10.0.0.2"), FakePeer(OTHER, "10.0.0.3")]
        target = targets.put(Target(1, "", REPORTER, TargetState.DOWNLOADING, "", 0, 0.0, 0.0))
        task = Task("1", 1, REPORTER, DISK, 0, HASH, 1, TargetState.DOWNLOADING, True, "")
        target.take(target.target, [task], 0.0)
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.suspected: list[bytes] = []
        self.copies = BadCopies(
            open_targets=targets,
            tracker=cast("Tracker", self.swarm),
            note=self.note,
            suspect=self.suspected.append,
            seconds=self.clock.seconds,
        )

    def note(self, kind: str, _actor: object, **data: Any) -> Deferred[None]:
        self.noted.append((kind, data))
        return succeed(None)

    def say(self, why: str, mac: str = REPORTER) -> None:
        body = encode_reason(why)
        self.copies.reported(mac, TaskState(torrent_name=str(DISK), progress=50, state="downloading", reason=body))

    def test_named(self) -> None:
        """A terminal whose pieces do not match is known with its disk and their count, and written down once."""
        for count in (3, 2):
            self.say(Reason("pieces_wrong", peers=f"10.0.0.2 ({count}), 10.9.9.9 (1)", count=count + 1))
        self.assertEqual(
            [(x.mac, x.disk, x.pieces, x.reporter) for x in self.copies.known()], [(BAD, DISK, 3, REPORTER)]
        )
        said = {"mac": BAD, "disk": str(DISK), "pieces": 3, "at": REPORTER}
        self.assertEqual(self.noted, [("terminal.damaged_copy", said)])

    def test_mended(self) -> None:
        """A terminal that is complete again is damaged no more."""
        self.say(Reason("pieces_wrong", peers="10.0.0.2 (1)", count=1))
        self.copies.reported(BAD, TaskState(torrent_name=str(DISK), progress=100, state="finished"))
        self.assertEqual(self.copies.known(), [])

    def test_old_news(self) -> None:
        """What nobody has said for a day is shown no more."""
        self.say(Reason("pieces_wrong", peers="10.0.0.2 (1)", count=1))
        self.clock.advance(KNOWN_SECONDS + 1)
        self.assertEqual(self.copies.known(), [])

    def test_server(self) -> None:
        """Wrong pieces of the server's own make its file a suspect."""
        self.say(Reason("server_pieces_wrong", count=1))
        self.assertEqual((self.suspected, self.copies.known()), ([HASH], []))

    def test_strange_reports(self) -> None:
        """What is not a list of peers, another disk, or the reporter itself accuses nobody."""
        self.say(Reason("pieces_wrong", peers="all of them (many)", count=1))
        self.say(Reason("pieces_wrong", peers="10.0.0.1 (1)", count=1))
        self.say(Reason("pieces_wrong", peers="10.0.0.2 (1)", count=1), OTHER)
        self.say("10.0.0.2 (1)")
        self.assertEqual((self.copies.known(), self.noted), ([], []))

    def accuse(self, *numbers: int) -> None:
        """The reporter accuses the terminals at these addresses."""
        self.say(Reason("pieces_wrong", peers=", ".join(f"10.0.1.{n} (1)" for n in numbers), count=len(numbers)))

    def test_one_who_accuses_everybody(self) -> None:
        """A terminal whose own memory is bad, or who lies, finds wrong pieces at all others: few are believed of it,
        and a few entries are written, however often it says so.
        """
        self.swarm.known += [FakePeer(f"02:00:00:00:01:{n:02X}", f"10.0.1.{n}") for n in range(200)]
        for _ in range(3):
            for n in range(0, 200, 20):
                self.accuse(*range(n, n + 20))
        self.assertEqual((len(self.copies.known()), len(self.noted)), (MOST_ACCUSED, MOST_ACCUSED))

    def test_accused_and_mended_in_turn(self) -> None:
        """Two who say by turns that a copy is damaged, and that it is not, do not fill the audit log."""
        for _ in range(200):
            self.say(Reason("pieces_wrong", peers="10.0.0.2 (1)", count=1))
            self.copies.reported(BAD, TaskState(torrent_name=str(DISK), progress=100, state="finished"))
        self.assertLessEqual(len(self.noted), MOST_ACCUSED)
        self.clock.advance(KNOWN_SECONDS)
        before = len(self.noted)
        self.say(Reason("pieces_wrong", peers="10.0.0.2 (1)", count=1))
        self.assertEqual(len(self.noted), before + 1, "a day later it is news again")
