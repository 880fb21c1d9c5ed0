"""Tokens of programs that use the API."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred, succeed

from voi.domain.accounts import Role, Token
from voi.domain.audit import Audit
from voi.errors import Conflict, UnknownToken
from voi.messages.reason import Reason
from voi.store.database import Store
from voi.store.interfaces.accounts import MOST_TOKENS, NOTED_SECONDS, Tokens

_COLUMNS: Final = "id, name, role, created, last_used"


def _token(row: Sequence[Any]) -> Token:
    return Token(row[0], row[1], Role(row[2]), row[3], row[4])


class SqlTokens(Tokens):
    """`Tokens` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(
        self, name: str, role: Role, now: float, *, audit: Audit[tuple[str, Token]] | None = None
    ) -> Deferred[tuple[str, Token]]:
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
        query = f"SELECT {_COLUMNS} FROM tokens ORDER BY id"
        return self._store.read(lambda db: [_token(row) for row in db.execute(query)])

    def find(self, secret: str) -> Deferred[Token | None]:
        def job(db: Database) -> Token | None:
            row = db.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (_digest(secret),)).fetchone()
            return _token(row) if row else None

        return self._store.read(job)

    def used(self, token: Token, now: float) -> Deferred[None]:
        if token.last_used is not None and abs(now - token.last_used) < NOTED_SECONDS:
            return succeed(None)

        def job(db: Database) -> None:
            db.execute("UPDATE tokens SET last_used = ? WHERE id = ?", (now, token.id))

        return self._store.write(job)

    def revoke(self, number: int, *, audit: Audit[Token] | None = None) -> Deferred[Token]:
        def job(db: Database) -> Token:
            row = db.execute(f"DELETE FROM tokens WHERE id = ? RETURNING {_COLUMNS}", (number,)).fetchone()
            if row is None:
                raise UnknownToken(Reason("no_token", number=number))
            return _token(row)

        return self._store.write(job, audit)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
