"""`twistd voi-terminal`: options in, service out."""

from __future__ import annotations

from twisted.application.service import IService

from voi.agent.options import TerminalOptions as Options

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """The terminal for these options, on the installed reactor."""
    from voi.agent.service import make_service

    return make_service(options)
