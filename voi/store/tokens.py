"""Tokens of programs that use the API."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.accounts import Role, Token
from voi.domain.audit import Audit
from voi.errors import Conflict, UnknownToken
from voi.messages.reason import Reason
from voi.store.database import Store

MOST_TOKENS: Final = 1000
_NOTED_SECONDS: Final = 60.0
"""How exactly it is noted when a token was used: a write for each request would be many."""

_COLUMNS: Final = "id, name, role, created, last_used"


def _token(row: Sequence[Any]) -> Token:
    return Token(row[0], row[1], Role(row[2]), row[3], row[4])


class Tokens:
    """Tokens by their hash; times are seconds since the epoch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(
        self, name: str, role: Role, now: float, *, audit: Audit[tuple[str, Token]] | None = None
    ) -> Deferred[tuple[str, Token]]:
        """A new token, told this once, and what is kept of it.

        :raises Conflict: there are too many, or one of this name: the journal knows them by it.
        """
        secret = secrets.token_urlsafe(32)

        def job(db: Database) -> tuple[str, Token]:
            if db.execute("SELECT count(*) FROM tokens").fetchone()[0] >= MOST_TOKENS:
                raise Conflict(Reason("tokens_full", most=MOST_TOKENS))
            if db.execute("SELECT 1 FROM tokens WHERE name = ?", (name,)).fetchone():
                raise Conflict(Reason("token_exists", name=name), field="name")
            number = db.execute(
                "INSERT INTO tokens (name, role, hash, created) VALUES (?, ?, ?, ?) RETURNING id",
                (name, role, _digest(secret), now),
            ).fetchone()[0]
            return secret, Token(number, name, role, now, None)

        return self._store.write(job, audit)

    def all(self) -> Deferred[list[Token]]:
        """All tokens, oldest first."""
        return self._store.read(lambda db: [_token(row) for row in db.execute(f"SELECT {_COLUMNS} FROM tokens")])

    def find(self, secret: str) -> Deferred[Token | None]:
        """Whose token this is, None if nobody's."""

        def job(db: Database) -> Token | None:
            row = db.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (_digest(secret),)).fetchone()
            return _token(row) if row else None

        return self._store.read(job)

    async def used(self, token: Token, now: float) -> None:
        """Note that a token was used, not more often than once a minute."""
        if token.last_used is None or now - token.last_used >= _NOTED_SECONDS:
            await self._store.write(
                lambda db: db.execute("UPDATE tokens SET last_used = ? WHERE id = ?", (now, token.id))
            )

    def revoke(self, number: int, *, audit: Audit[Token] | None = None) -> Deferred[Token]:
        """Take a token back.

        :raises UnknownToken: there is none of this number.
        """

        def job(db: Database) -> Token:
            row = db.execute(f"DELETE FROM tokens WHERE id = ? RETURNING {_COLUMNS}", (number,)).fetchone()
            if row is None:
                raise UnknownToken(Reason("no_token", number=number))
            return _token(row)

        return self._store.write(job, audit)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
