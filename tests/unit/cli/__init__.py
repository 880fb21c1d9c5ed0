"""Tests of the `voi` command."""
