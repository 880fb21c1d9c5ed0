"""Tests of voi.seeding."""
