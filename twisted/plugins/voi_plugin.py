"""Gives twistd the commands `voi` and `voi-terminal`."""

from twisted.application.service import ServiceMaker

voi = ServiceMaker("voi", "voi.app.twistd", "The VOI server.", "voi")
terminal = ServiceMaker("voi-terminal", "voi.agent.twistd", "The VOI reference terminal.", "voi-terminal")
