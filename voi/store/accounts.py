"""Accounts; passwords are stored as scrypt over the MD5 form that the wire brings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.accounts import Account, Role
from voi.domain.audit import Audit
from voi.errors import Conflict, UnknownAccount
from voi.messages.reason import Reason
from voi.store.database import Store

MOST_ACCOUNTS: Final = 1000
"""Far more than a site has people who look after its PCs."""

_N, _R, _P = 1 << 14, 8, 1
_SALT: Final = 16


def wire_form(password: str) -> str:
    """A password as seed clients send it: its MD5 in lower-case hex. Not a protection, only a form."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def hash_password(form: str) -> str:
    """The stored form of a password in its wire form; takes about 50 ms and 16 MiB: never on the reactor."""
    salt = os.urandom(_SALT)
    digest = hashlib.scrypt(form.encode(), salt=salt, n=_N, r=_R, p=_P)
    return "$".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def matches(stored: str, form: str) -> bool:
    """Whether a password in its wire form is the stored one; as slow as `hash_password`."""
    _, salt, digest = stored.split("$")
    actual = hashlib.scrypt(form.encode(), salt=base64.b64decode(salt), n=_N, r=_R, p=_P)
    return hmac.compare_digest(actual, base64.b64decode(digest))


_COLUMNS: Final = "name, role, created, last_login"


def _account(row: Sequence[Any]) -> Account:
    return Account(row[0], Role(row[1]), row[2], row[3])


def _find(db: Database, name: str) -> Account | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM accounts WHERE name = ?", (name,)).fetchone()
    return _account(row) if row else None


def _there_are(db: Database) -> bool:
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM accounts)").fetchone()[0])


def _keep_one_administrator(db: Database, account: Account) -> None:
    others = db.execute(
        "SELECT count(*) FROM accounts WHERE role = ? AND name != ?", (Role.ADMINISTRATOR, account.name)
    )
    if account.role is Role.ADMINISTRATOR and not others.fetchone()[0]:
        raise Conflict(Reason("last_administrator", name=account.name))


_NOBODY: Final = "scrypt$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"
"""Checked for unknown names, so that the time taken does not tell which names exist."""


class Accounts:
    """The accounts that the console knows, and 9008."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, name: str, stored: str, role: Role = Role.ADMINISTRATOR, *, audit: Audit[Account] | None = None
    ) -> Deferred[Account]:
        """Make an account with a password as `hash_password` gives it.

        :raises Conflict: the name is taken, or there are too many.
        """
        account = Account(name, role, time.time(), None)

        def job(db: Database) -> Account:
            if _find(db, name) is not None:
                raise Conflict(Reason("account_exists", name=name), field="name")
            if db.execute("SELECT count(*) FROM accounts").fetchone()[0] >= MOST_ACCOUNTS:
                raise Conflict(Reason("accounts_full", most=MOST_ACCOUNTS))
            db.execute(
                "INSERT INTO accounts (name, password, created, role) VALUES (?, ?, ?, ?)",
                (name, stored, account.created, role),
            )
            return account

        return self._store.write(job, audit)

    def there_are(self) -> Deferred[bool]:
        """Whether there is an account at all."""
        return self._store.read(_there_are)

    def add_first(self, name: str, stored: str, tell: Callable[[], None]) -> Deferred[None]:
        """Make the first account, an administrator's; nothing where there is one already.

        `tell` is called in the thread that writes, after the account is written and before it is committed: where it
        fails, or the process ends, there is no account that nobody was told of.
        """

        def job(db: Database) -> None:
            if _there_are(db):
                return
            db.execute(
                "INSERT INTO accounts (name, password, created, role) VALUES (?, ?, ?, ?)",
                (name, stored, time.time(), Role.ADMINISTRATOR),
            )
            tell()

        return self._store.write(job)

    def all(self) -> Deferred[list[Account]]:
        """All accounts, by name."""

        def job(db: Database) -> list[Account]:
            return [_account(row) for row in db.execute(f"SELECT {_COLUMNS} FROM accounts ORDER BY name")]

        return self._store.read(job)

    def get(self, name: str) -> Deferred[Account | None]:
        """One account, or None."""
        return self._store.read(lambda db: _find(db, name))

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        stored: str | None = None,
        audit: Audit[Account] | None = None,
    ) -> Deferred[Account]:
        """Give an account another role or password; a new password ends its sessions.

        :raises UnknownAccount: there is none of this name.
        :raises Conflict: it is the last administrator.
        """

        def job(db: Database) -> Account:
            account = _find(db, name)
            if account is None:
                raise UnknownAccount(Reason("no_account", name=name))
            if role is not None and role is not Role.ADMINISTRATOR:
                _keep_one_administrator(db, account)
            if role is not None:
                db.execute("UPDATE accounts SET role = ? WHERE name = ?", (role, name))
            if stored is not None:
                db.execute("UPDATE accounts SET password = ? WHERE name = ?", (stored, name))
                db.execute("DELETE FROM sessions WHERE account = ?", (name,))
            return replace(account, role=role or account.role)

        return self._store.write(job, audit)

    def delete(self, name: str, *, audit: Audit[Account] | None = None) -> Deferred[Account]:
        """Delete an account with its sessions.

        :raises UnknownAccount: there is none of this name.
        :raises Conflict: it is the last administrator.
        """

        def job(db: Database) -> Account:
            account = _find(db, name)
            if account is None:
                raise UnknownAccount(Reason("no_account", name=name))
            _keep_one_administrator(db, account)
            db.execute("DELETE FROM accounts WHERE name = ?", (name,))
            return account

        return self._store.write(job, audit)

    def password(self, name: str) -> Deferred[str]:
        """The stored password of an account; of an unknown one, a value that matches nothing."""

        def job(db: Database) -> str:
            row = db.execute("SELECT password FROM accounts WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else _NOBODY

        return self._store.read(job)
