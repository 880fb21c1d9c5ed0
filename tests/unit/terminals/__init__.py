"""Tests of voi.terminals."""
