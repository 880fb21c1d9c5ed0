"""The tests of VOI."""
