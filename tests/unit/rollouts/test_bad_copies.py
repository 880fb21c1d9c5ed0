"""Which terminal is at the other end, and what is made of reports of pieces that did not match."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.fakes import FakeConnections
from tests.unit.rollouts.case import FakePeer, FakeSwarm
from voi.domain.rollouts import Target, TargetState, Task
from voi.errors import NoAnswer
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.rollouts import bad_copies
from voi.rollouts.bad_copies import CHECK_PAUSE, KNOWN_SECONDS, MOST_ACCUSED, RIGHT_PAUSE, BadCopies, CopyState
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.peer_terminals import terminals_of
from voi.tracker.tracker import Tracker
from voi.wire.codes import CAN_CHECK_DISKS, Code
from voi.wire.messages import DiskChecked, Reply, TaskState, encode_reason

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
        self.registry = FakeConnections([REPORTER, BAD, OTHER])
        self.swarm.known = [FakePeer(REPORTER, "10.0.0.1"), FakePeer(BAD, "10.0.0.2"), FakePeer(OTHER, "10.0.0.3")]
        target = targets.put(Target(1, "", REPORTER, TargetState.DOWNLOADING, "", 0, 0.0, 0.0))
        task = Task("1", 1, REPORTER, DISK, 0, HASH, 1, TargetState.DOWNLOADING, True, "")
        target.take(target.target, [task], 0.0)
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.suspected: list[bytes] = []
        self.copies = BadCopies(
            open_targets=targets,
            tracker=cast("Tracker", self.swarm),
            registry=self.registry,
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

    def accuse_many(self, *numbers: int) -> None:
        """The reporter accuses the terminals at these addresses."""
        self.say(Reason("pieces_wrong", peers=", ".join(f"10.0.1.{n} (1)" for n in numbers), count=len(numbers)))

    def test_one_who_accuses_everybody(self) -> None:
        """A terminal whose own memory is bad, or who lies, finds wrong pieces at all others: few are believed of it,
        and a few entries are written, however often it says so.
        """
        self.swarm.known += [FakePeer(f"02:00:00:00:01:{n:02X}", f"10.0.1.{n}") for n in range(200)]
        for _ in range(3):
            for n in range(0, 200, 20):
                self.accuse_many(*range(n, n + 20))
        self.assertEqual((len(self.copies.known()), len(self.noted)), (MOST_ACCUSED, MOST_ACCUSED))

    def test_accused_and_mended_in_turn(self) -> None:
        """Two who say by turns that a copy is damaged, and that it is not, do not fill the audit log."""
        for number in range(1, 200):
            self.say(Reason("pieces_wrong", peers=f"10.0.0.2 ({number})", count=number))
            self.copies.reported(BAD, TaskState(torrent_name=str(DISK), progress=100, state="finished"))
        self.assertLessEqual(len(self.noted), MOST_ACCUSED)
        self.clock.advance(KNOWN_SECONDS)
        before = len(self.noted)
        self.say(Reason("pieces_wrong", peers="10.0.0.2 (300)", count=300))
        self.assertEqual(len(self.noted), before + 1, "a day later it is news again")

    def accuse(self, pieces: int, host: str = "10.0.0.2", mac: str = REPORTER) -> None:
        """Pieces from an address did not match."""
        self.say(Reason("pieces_wrong", peers=f"{host} ({pieces})", count=pieces), mac)

    def able(self, mac: str = BAD) -> None:
        """Its login says that it reads its disks when it is told to."""
        self.registry.able[mac] = {CAN_CHECK_DISKS}

    def tick(self, seconds: float) -> None:
        """Later."""
        self.clock.advance(seconds)
        self.successResultOf(Deferred.fromCoroutine(self.copies.tick()))

    def found(self, **found: Any) -> None:
        """The terminal read it."""
        self.copies.checked(BAD, DISK, DiskChecked(disk=str(DISK), info_hash=HASH.hex(), **found))

    def states(self) -> list[CopyState]:
        return [copy.state for copy in self.copies.known()]

    def test_told_to_check(self) -> None:
        """A terminal that can is told once to read what is wrong there, and again after a pause where it goes on."""
        self.able()
        self.accuse(1)
        asked = [(Code.CHECK_DISKS, {"disk": str(DISK), "info_hash": HASH.hex()})]
        self.assertEqual((self.registry.requests, self.states()), (asked, [CopyState.TOLD]))
        self.accuse(2)
        self.tick(CHECK_PAUSE - 1)
        self.assertEqual(self.registry.requests, asked)
        self.tick(1)
        self.assertEqual(self.registry.requests, asked * 2)

    def test_cannot_check(self) -> None:
        """One that does not say that it can is not told, and somebody has to see to it."""
        self.accuse(1)
        self.tick(60)
        self.assertEqual((self.registry.requests, self.states()), ([], [CopyState.FOUND]))

    def test_off(self) -> None:
        """One that was off is told when it is there again."""
        self.able()
        self.registry.go(BAD)
        self.accuse(1)
        self.registry.come(BAD)
        self.tick(60)
        self.assertEqual((len(self.registry.requests), self.states()), (1, [CopyState.TOLD]))

    def test_no_answer_to_a_check(self) -> None:
        """One that does not answer, or refuses, is not said to see to it, and is told again after the pause."""
        self.able()
        for answer in (fail(NoAnswer("silence")), succeed(Reply(code=60030, msg="not here"))):
            self.registry.answer = lambda answer=answer: answer  # type: ignore[misc]  # bound now
            self.accuse(1)
            self.tick(CHECK_PAUSE)
            self.assertEqual(self.states(), [CopyState.FOUND])
        self.assertEqual(len(self.registry.requests), 3)

    def test_bound_in_sum(self) -> None:
        """However many copies are complained of, no more are checked at once than are remembered; the rest later."""
        self.patch(bad_copies, "MOST_COPIES", 1)
        self.able(BAD)
        self.able(OTHER)
        self.accuse(1)
        self.accuse(1, "10.0.0.3")
        self.tick(CHECK_PAUSE - 1)
        self.assertEqual(len(self.registry.requests), 1)
        self.tick(1)
        self.assertEqual(len(self.registry.requests), 2)

    def test_found_right(self) -> None:
        """A copy that is right is not the fault: that is said, and it is not read again for long."""
        self.able()
        self.accuse(1)
        self.found()
        self.tick(CHECK_PAUSE)
        self.assertEqual((self.states(), len(self.registry.requests)), ([CopyState.RIGHT], 1))
        self.tick(RIGHT_PAUSE)
        self.assertEqual(len(self.registry.requests), 2)

    def test_found_damaged(self) -> None:
        """One that is damaged is known as such until it is whole again; what was said of it before is no news."""
        self.able()
        self.accuse(2)
        self.found(wrong=2)
        self.assertEqual(self.states(), [CopyState.TOLD])
        self.copies.reported(BAD, TaskState(torrent_name=str(DISK), progress=100, state="finished"))
        self.accuse(2)
        self.assertEqual((self.states(), len(self.registry.requests)), ([], 1))
        self.accuse(3)
        self.assertEqual((self.states(), len(self.registry.requests)), ([CopyState.FOUND], 1))

    def test_cannot_be_read(self) -> None:
        """One that cannot be read says why."""
        self.able()
        self.accuse(1)
        self.found(reason=encode_reason(Reason("os_io")))
        (copy,) = self.copies.known()
        self.assertEqual((copy.state, code_of(copy.why)), (CopyState.UNREADABLE, "os_io"))

    def test_of_another_content(self) -> None:
        """What was read of another content, or of a copy that nobody complained of, changes nothing."""
        self.able()
        self.accuse(1)
        for mac, content in ((BAD, b"x" * 20), (OTHER, HASH)):
            self.copies.checked(mac, DISK, DiskChecked(disk=str(DISK), info_hash=content.hex()))
        self.assertEqual(self.states(), [CopyState.TOLD])

    def test_said_by_one_that_mends(self) -> None:
        """A terminal that fetches what was wrong with its own copy tells of others too, outside of a rollout."""
        self.able()
        self.accuse(1)
        self.accuse(1, "10.0.0.3", BAD)
        self.assertEqual({copy.mac for copy in self.copies.known()}, {BAD, OTHER})
