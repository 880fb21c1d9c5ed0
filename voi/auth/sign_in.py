"""Signing in: at a browser, or as an administrator at a terminal (9008); and out again."""

from __future__ import annotations

import time
from collections.abc import Callable

from voi.audit.log import AuditLog
from voi.auth.passwords import PasswordChecker
from voi.domain.accounts import Session, checked_password
from voi.domain.actors import Actor
from voi.domain.audit import make_entry
from voi.errors import Conflict, Malformed, TooManyAttempts, Unauthorized, VoiError
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import Accounts, Sessions


class Authenticator:
    """Lets people in and out; `now` is the time since the epoch, `steady` the same for sessions, which nobody sets."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        sessions: Sessions,
        passwords: PasswordChecker,
        audit_log: AuditLog,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._audit_log = audit_log
        self._now = now
        self._steady = steady or now

    async def begin(self, caller: Actor, name: str, password: str) -> tuple[str, Session]:
        """Sign somebody in at a browser: what its cookie is to have, and the session.

        :param caller: the one who signs in, of whom the address is known.
        :raises TooManyAttempts: too many wrong passwords from their address; no entry, for a guesser must not fill
            the audit log.
        :raises Unauthorized: no such name and password.
        """
        try:
            await self._passwords.check(name, password, caller.address)
        except TooManyAttempts:
            raise
        except Unauthorized as error:
            await self._audit_log.note("account.refused", caller, name=name, reason=error.reason)
            raise
        person, now = Actor("account", name, caller.address), self._now()
        return await self._sessions.begin(
            name,
            self._steady(),
            signed_in=now,
            audit=lambda _: make_entry("account.signed_in", person, now, data={"name": name}),
        )

    async def end(self, actor: Actor, cookie: str) -> None:
        """Sign out; a session that is gone is no error."""
        await self._sessions.end(
            cookie, audit=lambda _: make_entry("account.signed_out", actor, self._now(), data={"name": actor.name})
        )

    async def change_password(self, actor: Actor, old: str, new: str) -> tuple[str, Session]:
        """Take another password: what the browser's cookie is to have now, and its session; all others end.

        :raises Conflict: a token has no password.
        :raises Malformed: the old one is wrong, or the new one too short or too long.
        :raises TooManyAttempts: too many wrong passwords from their address.
        """
        if actor.kind != "account":
            raise Conflict(Reason("token_has_no_password"))
        checked = checked_password(new, "new")
        try:
            await self._passwords.check(actor.name, old, actor.address)
        except TooManyAttempts:
            raise
        except Unauthorized as error:  # that would mean that the session has ended
            raise Malformed(Reason("wrong_old_password"), field="old") from error
        stored = await self._passwords.hash(checked)
        await self._accounts.change(
            actor.name,
            stored=stored,
            audit=lambda _: make_entry("account.password", actor, self._now(), data={"name": actor.name}),
        )
        return await self._sessions.begin(actor.name, self._steady(), signed_in=self._now())

    async def at_terminal(self, terminal: Actor, name: str, password: str) -> Actor:
        """Let an administrator in at a terminal (9008): who that is from now on, from there.

        :raises TooManyAttempts: too many wrong passwords from its address; no entry, as above.
        :raises Unauthorized: no such name and password.
        :raises Forbidden: an account that is no administrator's.
        """
        try:
            await self._passwords.check_administrator(name, password, terminal.address)
        except TooManyAttempts:
            raise
        except VoiError as error:
            await self._audit_log.note("admin.refused", terminal, mac=terminal.name, name=name, reason=error.reason)
            raise
        person = Actor("account", name, terminal.address)
        await self._audit_log.write("admin.signed_in", person, mac=terminal.name, name=name)
        return person
