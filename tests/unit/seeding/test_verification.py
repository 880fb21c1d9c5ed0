"""What the verification store trusts, and that it survives what disks and crashes do to it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.seeding.interfaces import FileFacts, Trust
from voi.seeding.verification import VerificationEntry, VerificationStore, judge

HASH = bytes(range(20))
FACTS = FileFacts(1000, 5)
CHANGED = FileFacts(1000, 6)


class RulesTests(SynchronousTestCase):
    """The rules without a disk."""

    def test_verified_and_unchanged(self) -> None:
        """A verified file that has not changed is trusted whole."""
        self.assertIs(judge(VerificationEntry(0, verified=FACTS), FACTS, 1000, 0), Trust.WHOLE)

    def test_unclean_stop_since(self) -> None:
        """After an unclean stop a verified file is checked as it is sent."""
        self.assertIs(judge(VerificationEntry(0, verified=FACTS), FACTS, 1000, 1), Trust.LAZY)

    def test_changed(self) -> None:
        """A file with another time of change, or none at all, is checked."""
        self.assertIs(judge(VerificationEntry(0, verified=FACTS), CHANGED, 1000, 0), Trust.CHECK)
        self.assertIs(judge(VerificationEntry(0, verified=FACTS), None, 1000, 0), Trust.CHECK)

    def test_never_seen(self) -> None:
        """A file that nothing is noted of is checked."""
        self.assertIs(judge(None, FACTS, 1000, 0), Trust.CHECK)

    def test_wrong_size(self) -> None:
        """A note about a file of another size than the torrent's is worth nothing."""
        self.assertIs(judge(VerificationEntry(0, verified=FACTS), FACTS, 1001, 0), Trust.CHECK)

    def test_resume(self) -> None:
        """A download goes on from its resume data if the file is as it was and every stop was clean."""
        entry = VerificationEntry(3, resumable=FACTS)
        self.assertIs(judge(entry, FACTS, 5000, 3), Trust.RESUME)
        self.assertIs(judge(entry, CHANGED, 5000, 3), Trust.CHECK)
        self.assertIs(judge(entry, FACTS, 5000, 4), Trust.CHECK)


class LedgerTests(SynchronousTestCase):
    """The notes on disk."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir(parents=True)
        self.file = self.root / "disk"
        self.file.write_bytes(b"x" * 1000)
        self.state = self.root / "state"
        self.verification = VerificationStore(self.state)
        self.verification.open()

    def again(self) -> VerificationStore:
        """The store as the next start finds it."""
        verification = VerificationStore(self.state)
        verification.open()
        return verification

    def trust(self, verification: VerificationStore) -> Trust:
        """How far the file is trusted."""
        return verification.judge(HASH, self.file, 1000).trust

    def test_first_start(self) -> None:
        """A new directory is made, and is clean."""
        self.assertTrue(VerificationStore(self.root / "a" / "b").open())

    def test_emptied(self) -> None:
        """Notes whose directory somebody removed are written all the same; not where the one above is gone as well."""
        shutil.rmtree(self.state)
        self.verification.record_verified(HASH, self.file)
        self.assertIs(self.trust(self.verification), Trust.WHOLE)
        far = VerificationStore(self.root / "mount" / "state")
        far.open()
        shutil.rmtree(self.root / "mount")
        self.assertRaises(FileNotFoundError, far.record_verified, HASH, self.file)

    def test_clean_stop(self) -> None:
        """What was verified is trusted whole after a clean stop."""
        self.verification.record_verified(HASH, self.file)
        self.verification.close()
        self.assertIs(self.trust(self.again()), Trust.WHOLE)

    def test_unclean_stop_is_not_forgotten(self) -> None:
        """A clean stop after an unclean one does not make up for it; reading the file again does."""
        self.verification.record_verified(HASH, self.file)
        second = self.again()
        self.assertIs(self.trust(second), Trust.LAZY)
        second.close()
        third = self.again()
        self.assertIs(self.trust(third), Trust.LAZY)
        third.record_verified(HASH, self.file)
        self.assertIs(self.trust(third), Trust.WHOLE)

    def test_touched(self) -> None:
        """A file of the same size and another time of change is checked."""
        self.verification.record_verified(HASH, self.file)
        os.utime(self.file, ns=(1, 1))
        self.assertIs(self.trust(self.verification), Trust.CHECK)

    def test_changed_while_read(self) -> None:
        """A file that changed while it was read is not noted as verified."""
        before = FileFacts.of(self.file)
        os.utime(self.file, ns=(1, 1))
        self.assertFalse(self.verification.record_verified(HASH, self.file, before))
        self.assertIs(self.trust(self.verification), Trust.CHECK)

    def test_partial(self) -> None:
        """Resume data come back after a clean stop, and not after an unclean one."""
        self.verification.record_partial(HASH, self.file, b"resume")
        self.verification.close()
        second = self.again()
        self.assertEqual(second.judge(HASH, self.file, 5000).resume, b"resume")
        self.assertIs(self.again().judge(HASH, self.file, 5000).trust, Trust.CHECK)

    def test_lost_resume_data(self) -> None:
        """A note whose resume data are gone means a check."""
        self.verification.record_partial(HASH, self.file, b"resume")
        (self.state / f"{HASH.hex()}.resume").unlink()
        self.assertIs(self.verification.judge(HASH, self.file, 5000).trust, Trust.CHECK)

    def test_verified_drops_resume_data(self) -> None:
        """A file that was verified needs no resume data any more."""
        self.verification.record_partial(HASH, self.file, b"resume")
        self.verification.record_verified(HASH, self.file)
        self.assertFalse((self.state / f"{HASH.hex()}.resume").exists())
        self.assertIs(self.trust(self.verification), Trust.WHOLE)

    def test_partial_after_verified(self) -> None:
        """Resume data that come late do not undo that the same file was verified."""
        self.verification.record_verified(HASH, self.file)
        self.verification.record_partial(HASH, self.file, b"resume")
        self.assertIs(self.trust(self.verification), Trust.WHOLE)

    def test_forget(self) -> None:
        """Nothing is left of a torrent that is forgotten, and forgetting it twice is no error."""
        self.verification.record_partial(HASH, self.file, b"resume")
        self.verification.forget(HASH)
        self.verification.forget(HASH)
        self.assertEqual([path.name for path in self.state.iterdir()], ["running"])

    def test_broken_note(self) -> None:
        """A note that cannot be read is left out, and the others count."""
        self.verification.record_verified(HASH, self.file)
        (self.state / f"{'ab' * 20}.json").write_text("{")
        self.verification.close()
        self.assertIs(self.trust(self.again()), Trust.WHOLE)

    def test_broken_epoch(self) -> None:
        """When the count of unclean stops is lost, everything is doubted."""
        self.verification.record_verified(HASH, self.file)
        self.verification.close()
        (self.state / "epoch").write_text("?")
        self.assertIs(self.trust(self.again()), Trust.LAZY)

    def test_left_over_temporary(self) -> None:
        """What a crash left half written is removed at the next start."""
        (self.state / ".epoch.new").write_text("half")
        self.again()
        self.assertFalse((self.state / ".epoch.new").exists())

    def test_missing_file(self) -> None:
        """A file that is not there cannot be noted as verified."""
        self.assertRaises(FileNotFoundError, self.verification.record_verified, HASH, self.root / "none")
