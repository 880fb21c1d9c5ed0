"""Commands for terminals, put together."""

from __future__ import annotations

from voi.app.foundation import Foundation
from voi.terminals.commands import CommandDispatcher


def make_commands(base: Foundation) -> CommandDispatcher:
    """Nothing is sent yet."""
    return CommandDispatcher(base.repositories.commands, base.repositories.terminals, base.registry, base.reactor)
