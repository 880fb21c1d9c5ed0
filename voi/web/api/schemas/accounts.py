"""Who asks, who may sign in, and tokens of programs, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class SessionView(Struct, frozen=True):
    """Who asks: an account that is signed in, or a token. `csrf` goes into the header X-CSRF-Token of each change;
    it is empty for a token, which needs none.
    """

    name: str
    role: Literal["administrator", "operator"]
    csrf: str
    kind: Literal["account", "token"]
    version: str


class AccountView(Struct, frozen=True):
    """An account that may sign in."""

    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    last_login: datetime | None


class AccountList(Struct, frozen=True):
    """Accounts; `total` is how many were asked for, `offset` how many of them were left out first."""

    accounts: list[AccountView]
    total: int
    offset: int


class TokenView(Struct, frozen=True):
    """A program that may use the API."""

    id: int
    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    last_used: datetime | None


class TokenList(Struct, frozen=True):
    """Tokens, without the one in the data directory; `total` is how many were asked for, `offset` how many of them were
    left out first.
    """

    tokens: list[TokenView]
    total: int
    offset: int


class NewToken(Struct, frozen=True):
    """A new token; `token` is shown only this once."""

    id: int
    name: str
    role: Literal["administrator", "operator"]
    created: datetime
    token: str
