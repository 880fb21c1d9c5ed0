"""Tests of voi.wire."""
