"""Tests of voi.web.live."""
