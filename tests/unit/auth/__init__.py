"""Tests of voi.auth."""
