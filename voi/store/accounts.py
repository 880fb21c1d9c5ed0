"""Accounts."""

from __future__ import annotations

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
from voi.store.interfaces.accounts import MOST_ACCOUNTS, Accounts

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


class SqlAccounts(Accounts):
    """`Accounts` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, name: str, stored: str, role: Role = Role.ADMINISTRATOR, *, audit: Audit[Account] | None = None
    ) -> Deferred[Account]:
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
        return self._store.read(_there_are)

    def add_first(self, name: str, stored: str, tell: Callable[[], None]) -> Deferred[None]:
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
        def job(db: Database) -> list[Account]:
            return [_account(row) for row in db.execute(f"SELECT {_COLUMNS} FROM accounts ORDER BY name")]

        return self._store.read(job)

    def get(self, name: str) -> Deferred[Account | None]:
        return self._store.read(lambda db: _find(db, name))

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        stored: str | None = None,
        audit: Audit[Account] | None = None,
    ) -> Deferred[Account]:
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
        def job(db: Database) -> Account:
            account = _find(db, name)
            if account is None:
                raise UnknownAccount(Reason("no_account", name=name))
            _keep_one_administrator(db, account)
            db.execute("DELETE FROM accounts WHERE name = ?", (name,))
            return account

        return self._store.write(job, audit)

    def password(self, name: str) -> Deferred[str | None]:
        def job(db: Database) -> str | None:
            row = db.execute("SELECT password FROM accounts WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else None

        return self._store.read(job)
