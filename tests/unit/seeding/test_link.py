"""How fast the link is taken to be."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.seeding.link import GIGABIT, link_rate


class LinkTests(SynchronousTestCase):
    """Cards in a directory that looks like the kernel's."""

    def setUp(self) -> None:
        self.cards = Path(self.mktemp())
        self.cards.mkdir()

    def card(self, name: str, speed: str, *, real: bool = True) -> None:
        (self.cards / name).mkdir()
        (self.cards / name / "speed").write_text(speed)
        if real:
            (self.cards / name / "device").touch()

    def test_fastest_card(self) -> None:
        """The fastest card with a cable counts; a bridge, and a card that says nothing, do not."""
        self.card("eth0", "100\n")
        self.card("eth1", "2500\n")
        self.card("eth2", "-1\n")
        self.card("eth3", "")
        self.card("br0", "10000\n", real=False)
        self.assertEqual(link_rate(0, cards=self.cards), 312_500_000)

    def test_no_card(self) -> None:
        """Where no card says anything, it is a gigabit."""
        self.assertEqual(link_rate(0, cards=self.cards), GIGABIT)

    def test_said(self) -> None:
        """What the administrator says counts more than the card, and no limit is exceeded."""
        self.card("eth0", "1000\n")
        self.assertEqual(link_rate(5_000, cards=self.cards), 5_000)
        self.assertEqual(link_rate(5_000, 0, 3_000, cards=self.cards), 3_000)
