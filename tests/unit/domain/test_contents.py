"""Tests of voi.domain.contents."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.contents import READY, ContentState, ContentStatus, Fault, is_mostly_right, status_of
from voi.messages.reason import Reason


def status(
    fault: Fault | None = None,
    *,
    offered: bool = False,
    reading: float | None = None,
    fetching: float | None = None,
    holders: int = 0,
    hindrance: str = "",
) -> ContentStatus:
    """A copy's status; what is not said is not so."""
    return status_of(fault, offered=offered, reading=reading, fetching=fetching, holders=holders, hindrance=hindrance)


class StatusTests(SynchronousTestCase):
    """Which state a copy is in, and how it is said."""

    def test_whole(self) -> None:
        """One that is offered is ready; being read changes nothing for terminals, and is no complaint."""
        self.assertEqual(status(offered=True), READY)
        read = status(offered=True, reading=0.5)
        self.assertEqual(
            (read.state, read.offered, read.progress, read.reason), (ContentState.CHECKING, True, 0.5, None)
        )

    def test_not_known_to_be_whole(self) -> None:
        """One that must be read before it is offered says why it is not."""
        for found in (status(), status(reading=0.25)):
            self.assertEqual((found.state, found.offered), (ContentState.CHECKING, False))
            self.assertIn("until then the server does not offer it", str(found.reason))

    def test_fetched(self) -> None:
        """What is wrong, then what is done about it: how far it is, or that nobody has it."""
        found = status(Fault.damaged(2, 16), fetching=0.79, holders=4)
        self.assertEqual((found.state, found.progress), (ContentState.FETCHING, 0.79))
        self.assertEqual(
            found.reason,
            "the file on the server is damaged: 2 of 16 pieces; "
            "terminals that have all of it: 4; it is being fetched back, 70% done",
        )
        alone = status(Fault.missing(), fetching=0.5)
        self.assertEqual((alone.state, alone.progress), (ContentState.MISSING, None))
        self.assertIn("start one that has it", str(alone.reason))

    def test_hindered(self) -> None:
        """What is wrong, then what prevents that anything is done; the fault alone where nothing is known to."""
        room = Reason("no_space", needed=2_000_000, available=1_000_000)
        found = status(Fault.missing(), hindrance=room)
        self.assertEqual(found.state, ContentState.MISSING)
        self.assertIn("is missing; the server needs 2.0 MB", str(found.reason))
        alone = status(Fault.unreadable("Permission denied"))
        self.assertEqual((alone.state, str(alone.reason)[-17:]), (ContentState.UNREADABLE, "Permission denied"))

    def test_read_again(self) -> None:
        """One with a fault that is read once more says both."""
        found = status(Fault.missing(), reading=0.1)
        self.assertEqual((found.state, found.progress), (ContentState.CHECKING, 0.1))
        self.assertIn("is missing; it is being read, 10% done", str(found.reason))

    def test_mostly_right(self) -> None:
        """Half of a file's own pieces make it the level's file; an empty one is nobody's."""
        self.assertEqual([is_mostly_right(right, 10) for right in (0, 4, 5, 10)], [False, False, True, True])
        self.assertFalse(is_mostly_right(0, 0))
