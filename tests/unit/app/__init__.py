"""Tests of voi.app."""
