"""Tests of voi.rollouts."""
