"""Tests of voi.files."""
