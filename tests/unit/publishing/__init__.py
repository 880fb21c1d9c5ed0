"""Tests of voi.publishing."""
