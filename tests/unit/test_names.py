"""Tests of voi.names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.errors import BadMac, Malformed
from voi.names import DiskName, canonical_mac, canonical_uuid

UUID = "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"


class MacTests(SynchronousTestCase):
    """MAC addresses."""

    def test_spellings(self) -> None:
        """Any case and either separator become upper case with colons."""
        for text in ("aa:bb:cc:dd:ee:0f", "AA-BB-CC-DD-EE-0F", "aabbccddee0f"):
            self.assertEqual(canonical_mac(text), "AA:BB:CC:DD:EE:0F")

    def test_refused(self) -> None:
        """Anything else is refused, mixed separators, newlines and foreign digits included."""
        for text in ("", "aa:bb:cc:dd:ee", "aa:bb-cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff\n", "٠a:bb:cc:dd:ee:ff"):
            self.assertRaises(BadMac, canonical_mac, text)


class DiskNameTests(SynchronousTestCase):
    """Names of disk levels."""

    def test_round_trip(self) -> None:
        """A name is read into level and uuid and written the same."""
        name = DiskName.parse(f"voi_2_{UUID}.torrent")
        self.assertEqual((name.level, name.uuid, str(name)), (2, UUID, f"voi_2_{UUID}"))
        self.assertEqual(str(name.parent), f"voi_1_{UUID}")

    def test_base_has_no_parent(self) -> None:
        """Level 0 stands alone."""
        with self.assertRaises(ValueError):
            _ = DiskName(UUID, 0).parent

    def test_paths_are_refused(self) -> None:
        """A name never leads anywhere else in the file system."""
        for text in (f"../voi_0_{UUID}", f"voi_0_{UUID}/x", f"/voi_0_{UUID}", f"voi_6_{UUID}", f"voi_0_{UUID}\n"):
            self.assertRaises(Malformed, DiskName.parse, text)

    def test_uuid(self) -> None:
        """A uuid is lower-cased; what is none is refused with the field's name."""
        self.assertEqual(canonical_uuid(UUID.upper()), UUID)
        error = self.assertRaises(Malformed, canonical_uuid, "x", "group")
        self.assertIn("group", error.message)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is a disk name or Malformed."""
        try:
            DiskName.parse(text)
        except Malformed:
            pass
