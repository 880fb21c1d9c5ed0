"""Tests that need no process but their own and no network but loopback."""
