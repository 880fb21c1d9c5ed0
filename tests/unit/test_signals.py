"""Tests of voi.signals."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from voi.signals import Signal


class SignalTests(SynchronousTestCase):
    """A signal with listeners; `heard` is what they were called with."""

    def setUp(self) -> None:
        """Nobody listens yet."""
        self.heard: list[tuple[str, str]] = []
        self.signal: Signal[str] = Signal("terminal online")

    def listener(self, name: str) -> None:
        """Connect one that remembers what it is told."""
        self.signal.connect(lambda mac: self.heard.append((name, mac)))

    def test_nobody(self) -> None:
        """An event that nobody wants to know of is no error."""
        self.signal("A")

    def test_in_order(self) -> None:
        """Each listener is told each time, in the order in which they were connected."""
        self.listener("one")
        self.listener("two")
        self.signal("A")
        self.signal("B")
        self.assertEqual(self.heard, [("one", "A"), ("two", "A"), ("one", "B"), ("two", "B")])

    def test_a_fault_stays_with_its_listener(self) -> None:
        """A listener that fails is in the log, with the event and its trace; the others and the teller hear nothing."""

        def broken(mac: str) -> None:
            raise ValueError(f"no {mac}")

        self.listener("before")
        self.signal.connect(broken)
        self.listener("after")
        with capturedLogs() as events:
            self.signal("A")
        self.assertEqual(self.heard, [("before", "A"), ("after", "A")])
        (event,) = events
        self.assertIn("'terminal online'", str(formatEvent(event)))
        self.assertIn("no A", event["log_failure"].getErrorMessage())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_exit_is_no_fault(self) -> None:
        """What ends the process is not held up."""

        def leave(_mac: str) -> None:
            raise SystemExit

        self.signal.connect(leave)
        self.assertRaises(SystemExit, self.signal, "A")

    def test_connected_meanwhile(self) -> None:
        """A listener that connects another one does not make it hear of the event that is being told."""
        self.signal.connect(lambda _mac: self.listener("late"))
        self.signal("A")
        self.assertEqual(self.heard, [])
        self.signal("B")
        self.assertEqual(self.heard, [("late", "B")])

    def test_arguments(self) -> None:
        """Events carry what they have, by place and by name; one may carry nothing."""
        told: list[object] = []
        pair: Signal[int, str] = Signal("pair")
        pair.connect(lambda number, text: told.append((number, text)))
        pair(1, "x")
        empty: Signal[[]] = Signal("empty")
        empty.connect(lambda: told.append("nothing"))
        empty()
        self.assertEqual(told, [(1, "x"), "nothing"])
