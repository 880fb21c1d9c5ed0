"""Tests of voi.catalogue."""
