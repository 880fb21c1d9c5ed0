"""Passwords of accounts, checked off the reactor and not too often."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from voi.auth.hashing import NOBODY, hash_password, matches, wire_form
from voi.domain.accounts import Role
from voi.errors import Forbidden, TooManyAttempts, Unauthorized
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import Accounts

ATTEMPTS: Final = 5
WINDOW_SECONDS: Final = 60.0
"""Wrong passwords from one address: five a minute leave a person room and a guesser none."""

_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")
_AT_ONCE: Final = 2  # each check takes a core and 16 MiB
_MAX_ADDRESSES: Final = 10_000


class PasswordChecker:
    """Checks names and passwords."""

    def __init__(self, accounts: Accounts, reactor: IReactorTime, pool: ThreadPool) -> None:
        self._accounts = accounts
        self._reactor = reactor
        self._pool = pool
        self._limiter = DeferredSemaphore(_AT_ONCE)
        self._failures: dict[str, deque[float]] = {}

    async def check(self, name: str, password: str, address: str) -> None:
        """Check a password as a person types it: never its MD5, which everybody who sees a 9008 knows.

        :raises TooManyAttempts: too many wrong ones from `address`; says how long to wait.
        :raises Unauthorized: no such name and password.
        """
        await self._check_forms(name, [wire_form(password)], address)

    async def _check_forms(self, name: str, forms: list[str], address: str) -> None:
        """Whether one of these wire forms is that of the account's password; errors as of :meth:`check`."""
        self._refuse_guessers(address)
        self._note_failure(address)  # taken back when it is right: attempts side by side count too
        stored = await self._accounts.password(name) or NOBODY
        for form in forms:
            if await self._limiter.run(self._in_thread, matches, stored, form):
                self._failures.pop(address, None)
                return
        raise Unauthorized(Reason("wrong_password"))

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        hashed: str = await self._limiter.run(self._in_thread, hash_password, wire_form(password))
        return hashed

    async def check_administrator(self, name: str, password: str, address: str) -> None:
        """Check a password as 9008 brings it, its MD5 in hex or itself (protocol section 2), of an administrator.

        :raises TooManyAttempts: too many wrong ones from `address`; says how long to wait.
        :raises Unauthorized: no such name and password.
        :raises Forbidden: the account's role is another.
        """
        forms = [wire_form(password)]
        if _MD5.fullmatch(password):
            forms.insert(0, password.lower())
        await self._check_forms(name, forms, address)
        account = await self._accounts.get(name)
        if account is None or not account.role.may(Role.ADMINISTRATOR):
            raise Forbidden(Reason("operator_uploads", name=name))

    def _in_thread(self, function, *args):  # type: ignore[no-untyped-def]  # a Deferred of what it gives
        threads: IReactorFromThreads = self._reactor  # type: ignore[assignment]  # a reactor has both
        return deferToThreadPool(threads, self._pool, function, *args)

    def _refuse_guessers(self, address: str) -> None:
        failures = self._failures.get(address)
        if failures is None:
            return
        now = self._reactor.seconds()
        while failures and failures[0] <= now - WINDOW_SECONDS:
            failures.popleft()
        if len(failures) >= ATTEMPTS:
            wait = failures[0] + WINDOW_SECONDS - now
            raise TooManyAttempts(Reason("too_many_passwords", address=address, seconds=wait))

    def _note_failure(self, address: str) -> None:
        if len(self._failures) >= _MAX_ADDRESSES:
            self._failures.clear()
        self._failures.setdefault(address, deque(maxlen=ATTEMPTS)).append(self._reactor.seconds())
