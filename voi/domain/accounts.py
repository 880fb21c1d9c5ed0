"""Who may use the server: people with accounts, programs with tokens, and what each role may."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voi.errors import Malformed
from voi.messages.reason import Reason


class Role(StrEnum):
    """What somebody may do."""

    ADMINISTRATOR = "administrator"
    """Everything."""
    OPERATOR = "operator"
    """Act on terminals, but change neither accounts nor tokens nor templates."""

    def may(self, needed: Role) -> bool:
        """Whether this role is enough where `needed` is asked for."""
        return self is Role.ADMINISTRATOR or needed is Role.OPERATOR


@dataclass(frozen=True, slots=True)
class Account:
    """A person; times are seconds since the epoch."""

    name: str
    role: Role
    created: float
    last_login: float | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at a browser. `csrf` is what each change must show beside the cookie."""

    account: str
    role: Role
    csrf: str
    created: float
    seen: float


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows; of the token itself only a hash is kept."""

    id: int
    name: str
    role: Role
    created: float
    last_used: float | None


SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 256
"""Characters. The lower bound is NIST's (SP 800-63B), the upper one spares the hash a book."""

_NAME: Final = re.compile(r"[^\W_][\w.@-]{0,63}")
"""Letters and digits of any script, for people are called so; nothing that a table or a log would obey."""


def checked_name(name: str) -> str:
    """The name of an account or a token.

    :raises Malformed: it is not one.
    """
    if not _NAME.fullmatch(name):
        raise Malformed(Reason("not_account_name"), field="name")
    return name


def checked_password(password: str, field: str = "password") -> str:
    """A new password.

    :raises Malformed: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Malformed(
            Reason("password_length", field=field, least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD), field=field
        )
    return password
