"""Tests of voi.web.http.csv."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.web.http.csv import FORMULAS, cell, csv_rows


class TableTests(SynchronousTestCase):
    """Tables for spreadsheets."""

    @given(st.lists(st.text(), min_size=1, max_size=4))
    def test_texts_stay_texts(self, values: list[str]) -> None:
        """Whatever a cell says, it comes back as it was, but for an apostrophe before what would be calculated."""
        (row,) = csv.reader(io.StringIO(csv_rows([values]).decode("utf-8", "surrogatepass"), newline=""))
        for value, read in zip(values, row, strict=True):
            self.assertIn(read, (value, f"'{value}"))
            self.assertFalse(read.lstrip(" ").startswith(FORMULAS), read)

    def test_other_values(self) -> None:
        """Numbers are numbers, negative ones too; None is an empty cell; lines end as RFC 4180 has it."""
        self.assertEqual(csv_rows([(1, -2, None, 'a "b"')], first=True), '\ufeff1,-2,,"a ""b"""\r\n'.encode())

    def test_formulas(self) -> None:
        """Each of the ways to begin one, behind blanks too, and in the wide letters of Chinese keyboards."""
        for text in ("=1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "＝1"):
            self.assertEqual(cell(text), f"'{text}")
        for text in ("x=1", "", "教室"):
            self.assertEqual(cell(text), text)
