"""Who is signed in at a browser."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred, succeed

from voi.domain.accounts import Role, Session
from voi.domain.audit import Audit
from voi.errors import UnknownAccount
from voi.messages.reason import Reason
from voi.store.database import Store
from voi.store.interfaces.accounts import IDLE_SECONDS, LONGEST_SECONDS, MOST_SESSIONS, NOTED_SECONDS, Sessions


class SqlSessions(Sessions):
    """`Sessions` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self,
        account: str,
        now: float,
        *,
        signed_in: float | None = None,
        audit: Audit[tuple[str, Session]] | None = None,
    ) -> Deferred[tuple[str, Session]]:
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)

        def job(db: Database) -> tuple[str, Session]:
            row = db.execute("SELECT role FROM accounts WHERE name = ?", (account,)).fetchone()
            if row is None:
                raise UnknownAccount(Reason("no_account", name=account))
            db.execute(f"DELETE FROM sessions WHERE NOT ({_GOES_ON})", _times(now))
            db.execute(
                "DELETE FROM sessions WHERE account = ? AND id NOT IN "
                "(SELECT id FROM sessions WHERE account = ? ORDER BY seen DESC LIMIT ?)",
                (account, account, MOST_SESSIONS - 1),
            )
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (_digest(cookie), account, csrf, now, now))
            last_login = now if signed_in is None else signed_in
            db.execute("UPDATE accounts SET last_login = ? WHERE name = ?", (last_login, account))
            return cookie, Session(account, Role(row[0]), csrf, now, now)

        return self._store.write(job, audit)

    def find(self, cookie: str, now: float) -> Deferred[Session | None]:
        def job(db: Database) -> Session | None:
            row = db.execute(
                "SELECT account, role, csrf, sessions.created, seen FROM sessions "
                "JOIN accounts ON accounts.name = account "
                f"WHERE id = ? AND {_GOES_ON}",
                (_digest(cookie), *_times(now)),
            ).fetchone()
            return Session(row[0], Role(row[1]), row[2], row[3], row[4]) if row else None

        return self._store.read(job)

    def used(self, cookie: str, session: Session, now: float) -> Deferred[None]:
        if abs(now - session.seen) < NOTED_SECONDS:
            return succeed(None)

        def job(db: Database) -> None:
            db.execute("UPDATE sessions SET seen = ? WHERE id = ?", (now, _digest(cookie)))

        return self._store.write(job)

    def end(self, cookie: str, *, audit: Audit[None] | None = None) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("DELETE FROM sessions WHERE id = ?", (_digest(cookie),))

        return self._store.write(job, audit)


_GOES_ON: Final = "seen > ? AND seen < ? AND sessions.created > ? AND sessions.created < ?"


def _times(now: float) -> tuple[float, float, float, float]:
    """For _GOES_ON. Times of a session lie ahead by no more than they may lie back: what a clock that was ahead wrote
    down must not hold for years.
    """
    return now - IDLE_SECONDS, now + IDLE_SECONDS, now - LONGEST_SECONDS, now + LONGEST_SECONDS


def _digest(cookie: str) -> bytes:
    """What is kept of a cookie: whoever reads the database can sign in with none of them."""
    return sha256(cookie.encode()).digest()
