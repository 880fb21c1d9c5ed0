"""Tests of voi.cli.output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.cli.output import cell, counted, duration, moment, printable


class TextTests(SynchronousTestCase):
    """How values look."""

    @given(st.text())
    def test_cells(self, text: str) -> None:
        """Whatever a name is, a cell has nothing that a terminal would act on, and is one line."""
        self.assertTrue(cell(text).plain.isprintable())
        self.assertEqual(len(cell(text).plain), len(text))
        self.assertTrue(printable(text).replace("\n", "").isprintable())

    def test_values(self) -> None:
        """Times, durations and numbers of things."""
        self.assertEqual([duration(x) for x in (None, 0.4, 65, 3600 * 30)], ["-", "0:00:00", "0:01:05", "30:00:00"])
        self.assertEqual((counted(1, "terminal"), counted(0, "terminal")), ("1 terminal", "0 terminals"))
        self.assertRegex(moment("2026-01-31T12:00:00.5Z"), r"^2026-\d\d-\d\d \d\d:00:00$|^2026-.*:\d\d:00$")
        self.assertEqual(moment(None), "-")
