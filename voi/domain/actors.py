"""Who does something: a person, a program, a terminal, or the server itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ActorKind = Literal["account", "token", "terminal", "server", "stranger"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: an `account` or `token` by its name, a `terminal` by its MAC, the `server`, or a `stranger`,
    of whom nothing is known. `address` is where from, empty for the server itself and where nobody noted it.
    """

    kind: ActorKind
    name: str = ""
    address: str = ""

    @property
    def text(self) -> str:
        """An actor in one text, as it is kept: ``admin``, ``token backup``, ``terminal MAC``, ``server``."""
        if self.kind == "account":
            return self.name
        return f"{self.kind} {self.name}".strip()


SERVER: Final = Actor("server")


def actor_of(text: str, address: str = "") -> Actor:
    """The actor whose `text` this is; names of accounts have no space in them."""
    kind, _, name = text.partition(" ")
    if name and kind == "token":
        return Actor("token", name, address)
    if name and kind == "terminal":
        return Actor("terminal", name, address)
    if text == "server":
        return Actor("server", "", address)
    if text == "stranger":
        return Actor("stranger", "", address)
    return Actor("account", text, address)
