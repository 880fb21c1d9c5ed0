"""Tests of voi.web.console."""
