"""The `voi` command: what an administrator asks of a running server, over its HTTP API."""

from voi.cli.root import main

__all__ = ["main"]
