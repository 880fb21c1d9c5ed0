"""Tests of voi.domain.audit."""

from __future__ import annotations

import string

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.actors import SERVER, Actor
from voi.domain.audit import KINDS, LONGEST_TEXT, make_entry
from voi.messages.reason import Reason

MAC, OTHER = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"


class WhoTests(SynchronousTestCase):
    """What the audit log calls an actor."""

    def test_kinds(self) -> None:
        """People by their names, all others with what they are."""
        actors = (Actor("account", "li"), Actor("token", "backup"), Actor("terminal", MAC), SERVER)
        self.assertEqual([actor.text for actor in actors], ["li", "token backup", f"terminal {MAC}", "server"])


class EventTests(SynchronousTestCase):
    """Entries."""

    def test_sentence(self) -> None:
        """The text is the kind's sentence with the data in it; the address is kept beside who it was."""
        event = make_entry("terminal.renamed", Actor("account", "li", "192.0.2.1"), 5.0, mac=MAC, data={"name": "PC1"})
        self.assertEqual(event.text, f"Terminal {MAC} was renamed to PC1")
        self.assertEqual((event.actor.text, event.actor.address, event.time), ("li", "192.0.2.1", 5.0))
        self.assertEqual(event.data, {"name": "PC1", "terminal": MAC, "count": 1})
        self.assertEqual((event.mac, event.macs), (MAC, (MAC,)))

    def test_one_or_many(self) -> None:
        """One terminal is called by its MAC, several by their number."""
        one = make_entry("command.restart", SERVER, 1.0, macs=(MAC,))
        two = make_entry("command.restart", SERVER, 1.0, macs=(MAC, OTHER))
        self.assertEqual((one.text, one.mac), (f"Restart requested: terminal {MAC}", MAC))
        self.assertEqual((two.text, two.mac, two.data), ("Restart requested: 2 terminals", None, {"count": 2}))

    def test_long_texts(self) -> None:
        """A terminal's novel is cut."""
        event = make_entry("room.made", SERVER, 1.0, data={"name": "x" * 9999, "subnets": ""})
        self.assertEqual(len(event.data["name"]), LONGEST_TEXT)
        self.assertLess(len(event.text), 2 * LONGEST_TEXT)

    def test_braces_are_text(self) -> None:
        """Names with braces are names."""
        event = make_entry("room.removed", SERVER, 1.0, data={"name": "{0.__class__} {x}"})
        self.assertEqual(event.text, "Room deleted: {0.__class__} {x}")

    def test_reason_in_other_languages(self) -> None:
        """Beside a reason in the data stands what it is made of, all of it as JSON takes it."""
        event = make_entry("account.refused", SERVER, 1.0, data={"name": "li", "reason": Reason("wrong_password")})
        self.assertEqual(event.text, "Sign-in as li was refused: user name or password is wrong")
        self.assertEqual(event.data["why"], {"code": "wrong_password", "data": {}})
        self.assertIs(type(event.data["reason"]), str)

    def test_sentences(self) -> None:
        """Every sentence can be filled, and has plain names alone in its braces."""
        for kind, sentence in KINDS.items():
            names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
            self.assertTrue(all(name.isidentifier() for name in names), kind)
            data = dict.fromkeys(names, "x")
            make_entry(kind, SERVER, 1.0, mac=MAC, rollout=1, data=data)
