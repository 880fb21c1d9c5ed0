"""Tests of voi.web.api."""
