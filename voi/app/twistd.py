"""`twistd voi`: options in, service out."""

from __future__ import annotations

from twisted.application.service import IService

from voi.app.options import Options
from voi.clock import use_monotonic_time

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """The server for these options, on the installed reactor."""
    from twisted.internet import reactor

    from voi.app.service import VoiService

    use_monotonic_time(reactor)
    return VoiService(options.config, reactor)
