"""Tests of voi.messages."""
