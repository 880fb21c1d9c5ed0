"""Tests of voi.web."""
