"""Who asks something of the API."""

from __future__ import annotations

from dataclasses import dataclass, field

from voi.domain.accounts import Role
from voi.domain.actors import Actor


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in: who it is, what they may, and what they showed.

    Handlers that name `actor` are told who it is, those that name `caller` all of it. `csrf` and `cookie` are those of
    a browser's session, `token` is what a program showed; each is empty for the other.
    """

    actor: Actor
    role: Role
    csrf: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def unknown_caller(address: str) -> Caller:
    """Somebody of whom nothing is known, at a route that is open to all; `role` then means nothing."""
    return Caller(Actor("stranger", "", address), Role.OPERATOR)
