"""Tests of voi.store."""
