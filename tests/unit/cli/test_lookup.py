"""Tests of voi.cli.lookup."""

from __future__ import annotations

from tests.unit.cli.scripted import MACS, OTHER_UUID, UUID, ScriptedCase
from voi.cli.failures import Failed
from voi.cli.lookup import Choice, room_named, template_named


class NamingTests(ScriptedCase):
    """Names for what has a uuid, a number or a MAC address."""

    def test_templates(self) -> None:
        """A uuid is one, a name goes by its letters first and then whatever its capitals."""
        self.templates((UUID, "Office"), (OTHER_UUID, "office"))
        self.assertEqual(template_named(self.api, "office"), OTHER_UUID)
        self.assertEqual(template_named(self.api, "Office"), UUID)
        self.script.asked.clear()
        self.assertEqual(template_named(self.api, UUID.upper()), UUID)
        self.assertEqual(self.script.asked, [])

    def test_ambiguous(self) -> None:
        """A name that several have is an error that lists them."""
        self.templates((UUID, "Office"), (OTHER_UUID, "Office"))
        with self.assertRaises(Failed) as caught:
            template_named(self.api, "Office")
        self.assertIn(UUID, caught.exception.message)
        self.assertIn(OTHER_UUID, caught.exception.message)

    def test_unknown(self) -> None:
        """An unknown name is an error that says what is near, or where to look."""
        self.templates((UUID, "Office"))
        with self.assertRaisesRegex(Failed, "did you mean 'Office'"):
            template_named(self.api, "Ofice")
        with self.assertRaisesRegex(Failed, "voi templates"):
            template_named(self.api, "zzz")

    def test_rooms(self) -> None:
        """A room goes by its name, then by its number; 0 is no room."""
        self.rooms((1, "Physics"), (2, "1"), (3, "Chemistry"))
        self.assertEqual([room_named(self.api, text) for text in ("physics", "1", "3", "0", "none")], [1, 2, 3, 0, 0])
        with self.assertRaises(Failed):
            room_named(self.api, "9")

    def test_terminals(self) -> None:
        """A terminal goes by its MAC in any writing, or by its name, and is meant once."""
        self.terminals("Teacher", "Seat 2")
        choice = Choice(every=False, room=None, terminals=("020000000001", "teacher", "02-00-00-00-00-02"))
        self.assertEqual([one["mac"] for one in choice.find(self.api)], list(MACS[:2]))
        with self.assertRaisesRegex(Failed, "never logged in"):
            Choice(every=False, room=None, terminals=(MACS[2],)).find(self.api)

    def test_empty_choices(self) -> None:
        """To choose none is an error."""
        self.terminals()
        self.rooms((1, "Physics"))
        with self.assertRaisesRegex(Failed, "has no terminals"):
            Choice(every=False, room="Physics", terminals=()).find(self.api)
        with self.assertRaisesRegex(Failed, "ever logged in"):
            Choice(every=True, room=None, terminals=()).find(self.api)

    def test_one_of_three(self) -> None:
        """All, a room, or some: exactly one is to be given."""
        for arguments in ((), ("--all", MACS[0]), ("--all", "--room", "x"), ("--room", "x", MACS[0])):
            result = self.voi("wake", *arguments)
            self.assertEqual(result.exit_code, 2)
            self.assertIn("--all, --room ROOM", result.stderr)
