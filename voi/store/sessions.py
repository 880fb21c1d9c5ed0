"""Who is signed in at a browser."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.accounts import Role, Session
from voi.domain.audit import Audit
from voi.errors import UnknownAccount
from voi.messages.reason import Reason
from voi.store.database import Store

IDLE_SECONDS: Final = 12 * 3600.0
"""A session that nobody used for so long has ended: a working day, so that a page on the wall stays."""
LONGEST_SECONDS: Final = 7 * 86400.0
"""And one ends after so long in any case."""
MOST_SESSIONS: Final = 32
"""Sessions of one account; the one used least recently gives way."""
_NOTED_SECONDS: Final = 60.0
"""How exactly it is noted when a session was used: a write for each request would be many."""


class Sessions:
    """Sessions by what their cookie has; times are seconds since the epoch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, account: str, now: float, *, audit: Audit[tuple[str, Session]] | None = None
    ) -> Deferred[tuple[str, Session]]:
        """Sign somebody in: what the cookie is to have, and the session.

        :raises UnknownAccount: the account was deleted meanwhile.
        """
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
        """The session of a cookie, None if there is none, or none any more."""

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

    async def used(self, cookie: str, session: Session, now: float) -> None:
        """Note that a session was used, not more often than once a minute."""
        if now - session.seen >= _NOTED_SECONDS:
            await self._store.write(
                lambda db: db.execute("UPDATE sessions SET seen = ? WHERE id = ?", (now, _digest(cookie)))
            )

    def end(self, cookie: str, *, audit: Audit[None] | None = None) -> Deferred[None]:
        """Sign out; a session that is gone is no error."""

        def job(db: Database) -> None:
            db.execute("DELETE FROM sessions WHERE id = ?", (_digest(cookie),))

        return self._store.write(job, audit)


def _digest(cookie: str) -> bytes:
    """What is kept of a cookie: whoever reads the database can sign in with none of them."""
    return sha256(cookie.encode()).digest()
