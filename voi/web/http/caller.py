"""Who asks something of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from voi.domain.accounts import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in, and from where; handlers that name `actor` are told.

    `name` is an account's or a token's. `csrf` and `cookie` are those of a browser's session, `token` is what a program
    showed; each is empty for the other.
    """

    kind: Literal["account", "token", "stranger"]
    name: str
    role: Role
    address: str
    csrf: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """How the journal calls them."""
        return f"token {self.name}" if self.kind == "token" else self.name


def unknown_caller(address: str) -> Caller:
    """Somebody of whom nothing is known, at a route that is open to all; `role` then means nothing."""
    return Caller("stranger", "", Role.OPERATOR, address)
