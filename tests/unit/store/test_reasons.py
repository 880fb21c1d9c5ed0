"""Reasons in a database of a version before they were kept with what they are made of."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.store.migrations import migrations
from voi.store.preparation import connect, prepare


class UpgradeTests(SynchronousTestCase):
    """A database from before."""

    def test_older_reasons(self) -> None:
        """Reasons of a database from before stay as texts."""
        path = Path(self.mktemp())
        db = connect(path)
        migrations.apply(db, stop_before="m006_whys")
        db.execute("INSERT INTO commands (code, body, waits, created) VALUES (1, '{}', 0, 1)")
        db.execute("INSERT INTO command_outcomes VALUES (1, 'M', 'failed', 'it was off', 1)")
        prepare(path)
        self.assertEqual(db.execute("SELECT reason, why FROM command_outcomes").fetchall(), [("it was off", "")])
        db.close()
