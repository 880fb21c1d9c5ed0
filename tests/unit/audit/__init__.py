"""Tests of voi.audit."""
