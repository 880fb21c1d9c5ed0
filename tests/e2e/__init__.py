"""Tests with real processes, real TCP and real disks."""
