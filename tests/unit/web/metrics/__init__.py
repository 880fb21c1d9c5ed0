"""Tests of voi.web.metrics."""
