"""What administrators do with accounts of people and tokens of programs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

from voi.domain.accounts import Account, Role, Token, checked_name, checked_password
from voi.domain.actors import Actor
from voi.domain.audit import AuditEntry, make_entry
from voi.errors import Conflict
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import Accounts, Tokens


class AccountAdministration:
    """Changes of accounts and tokens; `hash_password` gives what is kept of one, `now` is the time since the epoch."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        tokens: Tokens,
        hash_password: Callable[[str], Awaitable[str]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._hash_password = hash_password
        self._now = now

    async def add(self, actor: Actor, name: str, password: str, role: Role) -> Account:
        """Make an account.

        :raises Malformed: that is no name or no password.
        :raises Conflict: the name is taken, or there are too many.
        """
        checked = checked_name(name), checked_password(password)
        stored = await self._hash_password(checked[1])
        data = {"name": name, "role": role.value}
        return await self._accounts.add(
            checked[0], stored, role, audit=lambda _: make_entry("account.made", actor, self._now(), data=data)
        )

    async def change(
        self, actor: Actor, name: str, *, role: Role | None = None, password: str | None = None
    ) -> Account:
        """Give an account another role or password; a new password ends its sessions.

        :raises Malformed: that is no password.
        :raises UnknownAccount: none has this name.
        :raises Conflict: it is the last administrator, or their own password.
        """
        if password is not None and actor.kind == "account" and actor.name == name:
            raise Conflict(Reason("own_password"))
        stored = None if password is None else await self._hash_password(checked_password(password))

        def entries(_account: Account) -> Iterator[AuditEntry]:
            if role is not None:
                data = {"name": name, "role": role.value}
                yield make_entry("account.changed", actor, self._now(), data=data)
            if stored is not None:
                yield make_entry("account.password", actor, self._now(), data={"name": name})

        return await self._accounts.change(name, role=role, stored=stored, audit=entries)

    async def remove(self, actor: Actor, name: str) -> Account:
        """Delete an account with its sessions.

        :raises UnknownAccount: none has this name.
        :raises Conflict: it is the last administrator, or their own.
        """
        if actor.kind == "account" and actor.name == name:
            raise Conflict(Reason("own_account"))
        return await self._accounts.delete(
            name, audit=lambda _: make_entry("account.removed", actor, self._now(), data={"name": name})
        )

    async def make_token(self, actor: Actor, name: str, role: Role) -> tuple[str, Token]:
        """A new token, told this once, and what is kept of it.

        :raises Malformed: that is no name.
        :raises Conflict: there are too many, or one of this name.
        """
        data = {"name": name, "role": role.value}
        return await self._tokens.make(
            checked_name(name),
            role,
            self._now(),
            audit=lambda _: make_entry("token.made", actor, self._now(), data=data),
        )

    async def revoke_token(self, actor: Actor, number: int) -> Token:
        """Take a token back.

        :raises UnknownToken: none has this number.
        """
        return await self._tokens.revoke(
            number, audit=lambda token: make_entry("token.revoked", actor, self._now(), data={"name": token.name})
        )
