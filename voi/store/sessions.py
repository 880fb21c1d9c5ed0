"""Who is signed in at a browser."""

from __future__ import annotations

import secrets
from hashlib import sha256

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
        self, account: str, now: float, *, audit: Audit[tuple[str, Session]] | None = None
    ) -> Deferred[tuple[str, Session]]:
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)

        def job(db: Database) -> tuple[str, Session]:
            row = db.execute("SELECT role FROM accounts WHERE name = ?", (account,)).fetchone()
            if row is None:
                raise UnknownAccount(Reason("no_account", name=account))
            db.execute(
                "DELETE FROM sessions WHERE seen <= ? OR created <= ?", (now - IDLE_SECONDS, now - LONGEST_SECONDS)
            )
            db.execute(
                "DELETE FROM sessions WHERE account = ? AND id NOT IN "
                "(SELECT id FROM sessions WHERE account = ? ORDER BY seen DESC LIMIT ?)",
                (account, account, MOST_SESSIONS - 1),
            )
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (_digest(cookie), account, csrf, now, now))
            db.execute("UPDATE accounts SET last_login = ? WHERE name = ?", (now, account))
            return cookie, Session(account, Role(row[0]), csrf, now, now)

        return self._store.write(job, audit)

    def find(self, cookie: str, now: float) -> Deferred[Session | None]:
        def job(db: Database) -> Session | None:
            row = db.execute(
                "SELECT account, role, csrf, sessions.created, seen FROM sessions "
                "JOIN accounts ON accounts.name = account WHERE id = ?",
                (_digest(cookie),),
            ).fetchone()
            if row is None or row[4] <= now - IDLE_SECONDS or row[3] <= now - LONGEST_SECONDS:
                return None
            return Session(row[0], Role(row[1]), row[2], row[3], row[4])

        return self._store.read(job)

    def used(self, cookie: str, session: Session, now: float) -> Deferred[None]:
        if now - session.seen < NOTED_SECONDS:
            return succeed(None)

        def job(db: Database) -> None:
            db.execute("UPDATE sessions SET seen = ? WHERE id = ?", (now, _digest(cookie)))

        return self._store.write(job)

    def end(self, cookie: str, *, audit: Audit[None] | None = None) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("DELETE FROM sessions WHERE id = ?", (_digest(cookie),))

        return self._store.write(job, audit)


def _digest(cookie: str) -> bytes:
    """What is kept of a cookie: whoever reads the database can sign in with none of them."""
    return sha256(cookie.encode()).digest()
