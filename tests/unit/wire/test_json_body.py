"""Tests of voi.wire.json_body."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import MAC, fields
from voi.errors import BadMac, Malformed
from voi.wire.json_body import convert, decode_object
from voi.wire.messages import Login


class JsonBodyTests(SynchronousTestCase):
    """JSON as deployed terminals write it."""

    def test_pretty_printed(self) -> None:
        """Tabs, newlines and a trailing NUL do not matter; the MAC becomes canonical."""
        self.assertEqual(fields('{\n\t"mac":\t"aa-bb-cc-dd-ee-01"\n}\x00'), {"mac": MAC})

    def test_empty_body(self) -> None:
        """No body is an empty object."""
        self.assertEqual(decode_object(b""), {})

    def test_not_an_object(self) -> None:
        """Broken JSON, other values and impossible nesting are malformed."""
        for data in (b"{", b"[]", b"1", b"\xff\xfe", b"nul", b"[" * 100_000, b'{"a":' * 50_000):
            self.assertRaises(Malformed, decode_object, data)

    def test_size(self) -> None:
        """A body over the bound is not decoded, whatever type its frame claims."""
        self.assertRaises(Malformed, decode_object, b"[" + b"1," * (1 << 19) + b"1]")

    def test_bad_mac(self) -> None:
        """A MAC that is none has its own code."""
        error = self.assertRaises(BadMac, fields, '{"mac": "nobody"}')
        self.assertEqual(error.wire_code, 60005)

    def test_missing_field_is_named(self) -> None:
        """The message says which field is missing."""
        error = self.assertRaises(Malformed, convert, {"mac": MAC}, Login)
        self.assertIn("`ip`", error.message)
        self.assertEqual(error.wire_code, 88888)

    @given(st.binary())
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are an object or Malformed."""
        try:
            self.assertIsInstance(decode_object(data), dict)
        except Malformed:
            pass
