"""Tests of voi.demo."""
