"""Routes of people and programs that use the server: signing in, accounts, tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

from voi import __version__
from voi.auth.administration import AccountAdministration
from voi.auth.sign_in import Authenticator
from voi.domain.accounts import Account, Role, Session, Token
from voi.domain.actors import Actor
from voi.errors import Conflict, Forbidden, Malformed, TooManyAttempts, Unauthorized, UnknownAccount, UnknownToken
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import Accounts, Tokens
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

    def __init__(self, sign_in: Authenticator) -> None:
        self._sign_in = sign_in

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

    async def begin(self, body: SignIn, actor: Actor) -> WithCookie:
        """POST session."""
        return _signed_in(await self._sign_in.begin(actor, body.name, body.password))

    async def current(self, caller: Caller) -> SessionView:
        """GET session."""
        kind: Literal["account", "token"] = "account" if caller.actor.kind == "account" else "token"
        return SessionView(caller.actor.name, caller.role.value, caller.csrf, kind, __version__)

    async def end(self, caller: Caller) -> WithCookie:
        """DELETE session; with a token there is nothing to end."""
        if caller.cookie:
            await self._sign_in.end(caller.actor, caller.cookie)
        return WithCookie("", Done())

    async def change_password(self, body: PasswordChange, actor: Actor) -> WithCookie:
        """PUT session/password."""
        return _signed_in(await self._sign_in.change_password(actor, body.old, body.new))


class AccountRoutes:
    """Accounts of people, tokens of programs: for administrators."""

    def __init__(self, *, accounts: Accounts, tokens: Tokens, administration: AccountAdministration) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._administration = administration

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
                repeatable=False,  # what is kept to know a request again would be a fast hash of a password
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
                repeatable=False,  # what is kept to know a request again would be a fast hash of a password
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

    async def add(self, body: AccountRequest, actor: Actor) -> AccountView:
        """POST accounts."""
        return _account_view(await self._administration.add(actor, body.name, body.password, Role(body.role)))

    async def change(self, name: str, body: AccountChange, actor: Actor) -> AccountView:
        """PATCH accounts/{name}."""
        if body.role is None and body.password is None:
            raise Malformed(Reason("role_or_password"))
        role = None if body.role is None else Role(body.role)
        return _account_view(await self._administration.change(actor, name, role=role, password=body.password))

    async def delete(self, name: str, actor: Actor) -> AccountView:
        """DELETE accounts/{name}."""
        return _account_view(await self._administration.remove(actor, name))

    async def tokens(self, query: TokenQuery) -> TokenList:
        """GET tokens."""
        views = [_token_view(token) for token in await self._tokens.all()]
        found, total = page(views, query, texts=lambda view: (view.name,), columns=_TOKEN_COLUMNS)
        return TokenList(found, total, query.offset)

    async def make_token(self, body: TokenRequest, actor: Actor) -> NewToken:
        """POST tokens."""
        secret, token = await self._administration.make_token(actor, body.name, Role(body.role))
        return NewToken(token.id, token.name, token.role.value, moment(token.created), secret)

    async def revoke(self, number: int, actor: Actor) -> TokenView:
        """DELETE tokens/{id}."""
        return _token_view(await self._administration.revoke_token(actor, number))


def _signed_in(begun: tuple[str, Session]) -> WithCookie:
    cookie, session = begun
    return WithCookie(cookie, SessionView(session.account, session.role.value, session.csrf, "account", __version__))


def _account_view(account: Account) -> AccountView:
    last = None if account.last_login is None else moment(account.last_login)
    return AccountView(account.name, account.role.value, moment(account.created), last)


def _token_view(token: Token) -> TokenView:
    last = None if token.last_used is None else moment(token.last_used)
    return TokenView(token.id, token.name, token.role.value, moment(token.created), last)
