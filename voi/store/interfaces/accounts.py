"""Who may use the console and the API: accounts, their sessions at browsers, and tokens of programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from voi.domain.accounts import Account, Role, Session, Token
from voi.domain.audit import Audit

MOST_ACCOUNTS: Final = 1000
"""Far more than a site has people who look after its PCs."""
IDLE_SECONDS: Final = 12 * 3600.0
"""A session that nobody used for so long has ended: a working day, so that a page on the wall stays."""
LONGEST_SECONDS: Final = 7 * 86400.0
"""And one ends after so long in any case."""
MOST_SESSIONS: Final = 32
"""Sessions of one account; the one used least recently gives way."""
MOST_TOKENS: Final = 1000
"""Tokens of all programs together."""
NOTED_SECONDS: Final = 60.0
"""How exactly it is noted when a session or a token was used: a write for each request would be many."""


class Accounts(Protocol):
    """The accounts that the console and 9008 know. Passwords are kept as `voi.auth.hashing` makes them, never plain."""

    def add(
        self, name: str, stored: str, role: Role = Role.ADMINISTRATOR, *, audit: Audit[Account] | None = None
    ) -> Deferred[Account]:
        """Make an account that never signed in, with a password in its stored form.

        :raises Conflict: the name is taken (field `name`), or there are `MOST_ACCOUNTS` already.
        """

    def there_are(self) -> Deferred[bool]:
        """Whether there is an account at all."""

    def add_first(self, name: str, stored: str, tell: Callable[[], None]) -> Deferred[None]:
        """Make the first account, an administrator's; nothing, and nobody is told, where there is one already.

        `tell` is called in the thread that writes, after the account is written and before it is committed: where it
        fails, or the process ends, there is no account that nobody was told of.
        """

    def all(self) -> Deferred[list[Account]]:
        """All accounts, by name."""

    def get(self, name: str) -> Deferred[Account | None]:
        """One account, or None."""

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        stored: str | None = None,
        audit: Audit[Account] | None = None,
    ) -> Deferred[Account]:
        """Give an account another role or password; None leaves a value as it is.

        A new password ends the account's sessions; a new role holds for them at once.

        :raises UnknownAccount: none has this name.
        :raises Conflict: it is the last administrator, and would be none any more.
        """

    def delete(self, name: str, *, audit: Audit[Account] | None = None) -> Deferred[Account]:
        """Delete an account with its sessions; the account as it was.

        :raises UnknownAccount: none has this name.
        :raises Conflict: it is the last administrator.
        """

    def password(self, name: str) -> Deferred[str | None]:
        """The stored password of an account, None of an unknown one."""


class Sessions(Protocol):
    """Who is signed in at a browser. Of a cookie only its hash is kept: reading the database signs nobody in."""

    def begin(
        self,
        account: str,
        now: float,
        *,
        signed_in: float | None = None,
        audit: Audit[tuple[str, Session]] | None = None,
    ) -> Deferred[tuple[str, Session]]:
        """Sign an account in: what the cookie is to have, and the session.

        `signed_in` is what is noted as its last login, where the clock was set since `now`'s began.

        Of more than `MOST_SESSIONS` of one account, the one used least recently ends.

        :raises UnknownAccount: there is no such account (any more).
        """

    def find(self, cookie: str, now: float) -> Deferred[Session | None]:
        """The session of a cookie, with the account's role as it is now.

        None where there is none, where it was idle for `IDLE_SECONDS`, or is older than `LONGEST_SECONDS`; and where
        its times lie further ahead than that, so that a clock that was ahead lets nobody in for longer.
        """

    def used(self, cookie: str, session: Session, now: float) -> Deferred[None]:
        """Note that a session was used; written once in `NOTED_SECONDS` at most."""

    def end(self, cookie: str, *, audit: Audit[None] | None = None) -> Deferred[None]:
        """Sign out; a session that is gone is no error."""


class Tokens(Protocol):
    """Tokens of programs that use the API. Only their hashes are kept."""

    def make(
        self, name: str, role: Role, now: float, *, audit: Audit[tuple[str, Token]] | None = None
    ) -> Deferred[tuple[str, Token]]:
        """A new token, told this once, and what is kept of it.

        :raises Conflict: there are `MOST_TOKENS`, or one of this name (field `name`): the audit log knows them by it.
        """

    def all(self) -> Deferred[list[Token]]:
        """All tokens, oldest first."""

    def find(self, secret: str) -> Deferred[Token | None]:
        """Whose token this is, None if nobody's."""

    def used(self, token: Token, now: float) -> Deferred[None]:
        """Note that a token was used; written once in `NOTED_SECONDS` at most."""

    def revoke(self, number: int, *, audit: Audit[Token] | None = None) -> Deferred[Token]:
        """Take a token back; the token as it was.

        :raises UnknownToken: none has this number.
        """
