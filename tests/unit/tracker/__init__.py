"""Tests of the BitTorrent tracker."""
