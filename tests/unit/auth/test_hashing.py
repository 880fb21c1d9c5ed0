"""Tests of voi.auth.hashing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voi.auth.hashing import NOBODY, hash_password, matches, wire_form


class PasswordTests(SynchronousTestCase):
    """Passwords at rest."""

    def test_matches(self) -> None:
        """Only the same password matches, and no two hashes are alike."""
        stored = hash_password(wire_form("secret"))
        self.assertTrue(matches(stored, wire_form("secret")))
        self.assertFalse(matches(stored, wire_form("Secret")))
        self.assertNotEqual(stored, hash_password(wire_form("secret")))

    def test_nobody(self) -> None:
        """What an unknown name is checked against is read like any other, and matches nothing."""
        self.assertFalse(matches(NOBODY, wire_form("")))
