"""Gives twistd the commands `voi` and `voi-terminal`."""

from twisted.application.service import ServiceMaker

voi = ServiceMaker("voi", "voi.server", "The VOI server.", "voi")
terminal = ServiceMaker("voi-terminal", "voi.terminal", "The VOI reference terminal.", "voi-terminal")
