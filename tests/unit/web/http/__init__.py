"""Tests of voi.web.http."""
