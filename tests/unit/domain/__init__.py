"""Tests of voi.domain."""
