"""Tests of voi.domain.actors."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.actors import SERVER, Actor, actor_of


class ActorTests(SynchronousTestCase):
    """Who does something."""

    def test_text(self) -> None:
        """People by their names, all others with what they are; and back."""
        for actor, text in (
            (Actor("account", "li", "192.0.2.1"), "li"),
            (Actor("token", "backup", "192.0.2.1"), "token backup"),
            (Actor("terminal", "02:00:00:00:00:01", "192.0.2.1"), "terminal 02:00:00:00:00:01"),
            (Actor("stranger", "", "192.0.2.1"), "stranger"),
            (SERVER, "server"),
        ):
            self.assertEqual(actor.text, text)
            self.assertEqual(actor_of(text, actor.address), actor)

    def test_text_stays(self) -> None:
        """Whatever was written down is shown as it was."""
        for text in ("li", "token", "terminal", "token a b", "nobody knows", ""):
            self.assertEqual(actor_of(text).text, text)
