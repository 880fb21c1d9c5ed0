"""Routes of people and programs that use the server: signing in, accounts, tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from voi import __version__
from voi.audit.log import AuditWriter
from voi.auth.passwords import PasswordChecker
from voi.domain.accounts import Account, Role, Session, Token, checked_name, checked_password
from voi.domain.audit import Author
from voi.errors import Conflict, Forbidden, Malformed, TooManyAttempts, Unauthorized, UnknownAccount, UnknownToken
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import Accounts, Sessions, Tokens
from voi.web.api.schemas.accounts import AccountList, AccountView, NewToken, SessionView, TokenList, TokenView
from voi.web.api.schemas.queries import AccountQuery, TokenQuery
from voi.web.api.schemas.requests import AccountChange, AccountRequest, PasswordChange, SignIn, TokenRequest
from voi.web.api.schemas.server import Done
from voi.web.api.views import moment
from voi.web.http.caller import Caller
from voi.web.http.lists import natural, page
from voi.web.http.routing import Route, WithCookie

_PASSWORD: Final = "correct horse battery"  # noqa: S105 - an example in the API's description

_ACCOUNT_COLUMNS: Final[Mapping[str, Callable[[AccountView], Any]]] = {
    "name": lambda view: natural(view.name),
    "role": lambda view: view.role,
    "created": lambda view: view.created,
    "last_login": lambda view: view.last_login,
}
_TOKEN_COLUMNS: Final[Mapping[str, Callable[[TokenView], Any]]] = {
    "id": lambda view: view.id,
    "name": lambda view: natural(view.name),
    "role": lambda view: view.role,
    "created": lambda view: view.created,
    "last_used": lambda view: view.last_used,
}


class SessionRoutes:
    """Signing in and out."""

    def __init__(
        self, *, accounts: Accounts, sessions: Sessions, passwords: PasswordChecker, audit_log: AuditWriter
    ) -> None:
        self._accounts = accounts
        self._audit_log = audit_log
        self._sessions = sessions
        self._passwords = passwords

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="POST",
                path="/api/v1/session",
                handler=self.begin,
                summary="Sign in with a name and a password: a cookie for this browser",
                body=SignIn,
                example={"name": "admin", "password": _PASSWORD},
                answer=SessionView,
                errors=(Unauthorized, TooManyAttempts, Forbidden),
                token=False,
            ),
            Route(
                method="GET",
                path="/api/v1/session",
                handler=self.current,
                summary="Who is signed in, and the proof that a change needs beside the cookie",
                answer=SessionView,
            ),
            Route(
                method="DELETE",
                path="/api/v1/session",
                handler=self.end,
                summary="Sign out",
                answer=Done,
                repeatable=False,
            ),
            Route(
                method="PUT",
                path="/api/v1/session/password",
                handler=self.change_password,
                summary="Change your own password; anyone else signed in with this account is signed out",
                body=PasswordChange,
                example={"old": _PASSWORD, "new": "battery horse correct"},
                answer=SessionView,
                errors=(TooManyAttempts, Conflict),
                repeatable=False,
            ),
        )

    async def begin(self, body: SignIn, actor: Caller) -> WithCookie:
        """POST session."""
        try:
            await self._passwords.check(body.name, body.password, actor.address)
        except TooManyAttempts:
            raise  # a guesser must not fill the journal
        except Unauthorized as error:
            await self._audit_log.note("account.refused", actor, name=body.name, reason=error.reason)
            raise
        answered = await self._begin(body.name)
        await self._audit_log.note("account.signed_in", _person(body.name, actor), name=body.name)
        return answered

    async def _begin(self, name: str) -> WithCookie:
        cookie, session = await self._sessions.begin(name, time.time())
        return WithCookie(cookie, _session_view(session))

    async def current(self, actor: Caller) -> SessionView:
        """GET session."""
        is_account = actor.kind == "account"
        return SessionView(actor.name, actor.role.value, actor.csrf, "account" if is_account else "token", __version__)

    async def end(self, actor: Caller) -> WithCookie:
        """DELETE session; with a token there is nothing to end."""
        if actor.cookie:
            await self._sessions.end(actor.cookie)
            await self._audit_log.note("account.signed_out", actor, name=actor.name)
        return WithCookie("", Done())

    async def change_password(self, body: PasswordChange, actor: Caller) -> WithCookie:
        """PUT session/password."""
        if actor.kind != "account":
            raise Conflict(Reason("token_has_no_password"))
        new = checked_password(body.new, "new")
        try:
            await self._passwords.check(actor.name, body.old, actor.address)
        except TooManyAttempts:
            raise
        except Unauthorized as error:  # that would mean that the session has ended
            raise Malformed(Reason("wrong_old_password"), field="old") from error
        await self._accounts.change(actor.name, stored=await self._passwords.hash(new))
        await self._audit_log.note("account.password", actor, name=actor.name)
        return await self._begin(actor.name)


class AccountRoutes:
    """Accounts of people, tokens of programs: for administrators."""

    def __init__(
        self, *, accounts: Accounts, tokens: Tokens, passwords: PasswordChecker, audit_log: AuditWriter
    ) -> None:
        self._accounts = accounts
        self._audit_log = audit_log
        self._tokens = tokens
        self._passwords = passwords

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/accounts",
                handler=self.all,
                summary="List accounts, all or those that match",
                query=AccountQuery,
                answer=AccountList,
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="POST",
                path="/api/v1/accounts",
                handler=self.add,
                repeatable=False,  # what is kept to know a request again would be a quick hash of a password
                summary="Create an account",
                body=AccountRequest,
                example={"name": "li.wei", "password": _PASSWORD, "role": "operator"},
                answer=AccountView,
                status=HTTPStatus.CREATED,
                location="/api/v1/accounts/{name}",
                errors=(Conflict,),
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="PATCH",
                path="/api/v1/accounts/<name:name>",
                handler=self.change,
                repeatable=False,  # what is kept to know a request again would be a quick hash of a password
                summary="Change the role or password of an account",
                body=AccountChange,
                example={"role": "administrator"},
                answer=AccountView,
                errors=(UnknownAccount, Conflict),
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="DELETE",
                path="/api/v1/accounts/<name:name>",
                handler=self.delete,
                summary="Delete an account; anyone signed in with it is signed out",
                answer=AccountView,
                errors=(UnknownAccount, Conflict),
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="GET",
                path="/api/v1/tokens",
                handler=self.tokens,
                summary="List tokens without their secrets, all or those that match",
                query=TokenQuery,
                answer=TokenList,
                role=Role.ADMINISTRATOR,
            ),
            Route(
                method="POST",
                path="/api/v1/tokens",
                handler=self.make_token,
                summary="Create a token for a program; it is shown only once",
                body=TokenRequest,
                example={"name": "monitoring", "role": "operator"},
                answer=NewToken,
                status=HTTPStatus.CREATED,
                errors=(Conflict,),
                role=Role.ADMINISTRATOR,
                repeatable=False,
            ),
            Route(
                method="DELETE",
                path="/api/v1/tokens/<number:number>",
                handler=self.revoke,
                summary="Revoke a token",
                answer=TokenView,
                errors=(UnknownToken,),
                role=Role.ADMINISTRATOR,
            ),
        )

    async def all(self, query: AccountQuery) -> AccountList:
        """GET accounts."""
        views = [_account_view(account) for account in await self._accounts.all()]
        found, total = page(views, query, texts=lambda view: (view.name,), columns=_ACCOUNT_COLUMNS)
        return AccountList(found, total, query.offset)

    async def add(self, body: AccountRequest, actor: Caller) -> AccountView:
        """POST accounts."""
        name, password = checked_name(body.name), checked_password(body.password)
        stored = await self._passwords.hash(password)
        account = await self._accounts.add(name, stored, Role(body.role))
        await self._audit_log.note("account.made", actor, name=name, role=account.role.value)
        return _account_view(account)

    async def change(self, name: str, body: AccountChange, actor: Caller) -> AccountView:
        """PATCH accounts/{name}."""
        if body.role is None and body.password is None:
            raise Malformed(Reason("role_or_password"))
        if body.password is not None and actor.kind == "account" and actor.name == name:
            raise Conflict(Reason("own_password"))
        stored = None if body.password is None else await self._passwords.hash(checked_password(body.password))
        role = None if body.role is None else Role(body.role)
        account = await self._accounts.change(name, role=role, stored=stored)
        if role is not None:
            await self._audit_log.note("account.changed", actor, name=name, role=role.value)
        if stored is not None:
            await self._audit_log.note("account.password", actor, name=name)
        return _account_view(account)

    async def delete(self, name: str, actor: Caller) -> AccountView:
        """DELETE accounts/{name}."""
        if actor.kind == "account" and actor.name == name:
            raise Conflict(Reason("own_account"))
        account = await self._accounts.delete(name)
        await self._audit_log.note("account.removed", actor, name=name)
        return _account_view(account)

    async def tokens(self, query: TokenQuery) -> TokenList:
        """GET tokens."""
        views = [_token_view(token) for token in await self._tokens.all()]
        found, total = page(views, query, texts=lambda view: (view.name,), columns=_TOKEN_COLUMNS)
        return TokenList(found, total, query.offset)

    async def make_token(self, body: TokenRequest, actor: Caller) -> NewToken:
        """POST tokens."""
        secret, token = await self._tokens.make(checked_name(body.name), Role(body.role), time.time())
        await self._audit_log.note("token.made", actor, name=token.name, role=token.role.value)
        return NewToken(token.id, token.name, token.role.value, moment(token.created), secret)

    async def revoke(self, number: int, actor: Caller) -> TokenView:
        """DELETE tokens/{id}."""
        token = await self._tokens.revoke(number)
        await self._audit_log.note("token.revoked", actor, name=token.name)
        return _token_view(token)


def _person(name: str, actor: Caller) -> Author:
    """Whoever has just signed in, from where."""
    return Author("account", name, actor.address)


def _session_view(session: Session) -> SessionView:
    return SessionView(session.account, session.role.value, session.csrf, "account", __version__)


def _account_view(account: Account) -> AccountView:
    last = None if account.last_login is None else moment(account.last_login)
    return AccountView(account.name, account.role.value, moment(account.created), last)


def _token_view(token: Token) -> TokenView:
    last = None if token.last_used is None else moment(token.last_used)
    return TokenView(token.id, token.name, token.role.value, moment(token.created), last)
