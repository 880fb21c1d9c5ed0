"""Who asks, who may sign in, and tokens of programs, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from voi.web.api.schemas.fields import ListQuery, Name

RoleText = Literal["administrator", "operator"]
Password = Annotated[str, Meta(max_length=1024)]
"""Bounded for the hash's sake; what a new one must be is a rule of the accounts."""


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Name and password of an account."""

    name: Name
    password: Password

    def __repr__(self) -> str:
        return f"SignIn({self.name!r})"


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The current password and the new one: 8 to 256 characters."""

    old: Password
    new: Password

    def __repr__(self) -> str:
        return "PasswordChange()"


class AccountRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new account."""

    name: Name
    password: Password
    role: RoleText = "operator"

    def __repr__(self) -> str:
        return f"AccountRequest({self.name!r}, {self.role!r})"


class AccountChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of an account; what is left out stays."""

    role: RoleText | None = None
    password: Password | None = None

    def __repr__(self) -> str:
        return f"AccountChange({self.role!r})"


class TokenRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new token, named for the program that is to have it."""

    name: Name
    role: RoleText = "operator"


class AccountQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Accounts: `q` is a part of the name."""

    sort: Literal["name", "role", "created", "last_login", "-name", "-role", "-created", "-last_login"] = "name"


class TokenQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Tokens: `q` is a part of the name."""

    sort: Literal["id", "name", "role", "created", "last_used", "-id", "-name", "-role", "-created", "-last_used"] = (
        "id"
    )


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
