"""Tests that need no process but their own and no network but loopback."""

from hypothesis import settings

# No test asserts how long something takes: on a busy machine an example may wait for a second.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
