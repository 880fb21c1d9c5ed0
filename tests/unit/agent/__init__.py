"""Tests of voi.agent."""
