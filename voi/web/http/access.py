"""Who may come in: the token of the server's file, tokens that were made, and browsers that are signed in.

A browser sends its cookie with every request to this server, whoever's page made it. So a change needs a proof that it
comes from the console: the value that only the console's own pages can read, and the browser's own word (`Origin`)
where it gives one.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from twisted.web.iweb import IRequest

from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.errors import Forbidden, Unauthorized
from voi.messages.reason import Reason
from voi.store.interfaces.accounts import LONGEST_SECONDS, Sessions, Tokens
from voi.web.http.caller import Caller

COOKIE: Final = "voi_session"
CSRF_HEADER: Final = "x-csrf-token"
FILE_TOKEN: Final = "api-token"  # noqa: S105 - the name of the token in the data directory, not the token
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{20,128}")
"""What tokens and cookies look like; nothing else is looked up."""


class Authentication:
    """Lets in who shows something that is known; `steady` is the time by which sessions end, `now` that of the day.

    :raises ValueError: the token is empty, which would let everybody in.
    """

    def __init__(
        self,
        *,
        token: str,
        sessions: Sessions,
        tokens: Tokens,
        steady: Callable[[], float] = time.time,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not token:
            raise ValueError("the API needs a token")
        self._token = token.encode()
        self._sessions = sessions
        self._tokens = tokens
        self._steady = steady
        self._now = now

    async def caller(self, request: IRequest, *, changes: bool) -> Caller:
        """Who asks.

        :param changes: whether it is more than a question; then a browser must prove that the console asks.
        :raises Unauthorized: nobody whom we know.
        :raises Forbidden: the proof is missing or wrong.
        """
        given = request.requestHeaders.getRawHeaders(b"authorization", [])
        if given:
            return await self._by_token(given, address_of(request))
        return await self._by_cookie(request, changes=changes)

    async def still(self, caller: Caller) -> bool:
        """Whether somebody who was let in still would be."""
        if caller.actor.kind == "account":
            return await self._sessions.find(caller.cookie, self._steady()) is not None
        return not caller.token or await self._tokens.find(caller.token) is not None

    async def _by_token(self, given: list[bytes], address: str) -> Caller:
        scheme, _, shown = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        shown = shown.strip()
        if scheme.lower() == b"bearer":
            if hmac.compare_digest(shown, self._token):
                return Caller(Actor("token", FILE_TOKEN, address), Role.ADMINISTRATOR)
            text = shown.decode("ascii", "replace")
            token = await self._tokens.find(text) if _SECRET.fullmatch(text) else None
            if token is not None:
                await self._tokens.used(token, self._now())
                return Caller(Actor("token", token.name, address), token.role, token=text)
        raise Unauthorized(Reason("token_needed"))

    async def _by_cookie(self, request: IRequest, *, changes: bool) -> Caller:
        cookie = cookie_of(request)
        if not cookie:
            raise Unauthorized(Reason("sign_in"))
        now = self._steady()
        session = await self._sessions.find(cookie, now)
        if session is None:
            raise Unauthorized(Reason("signed_in_no_more"))
        if changes:
            check_origin(request)
            shown = request.requestHeaders.getRawHeaders(CSRF_HEADER.encode(), [b""])[0]
            if not hmac.compare_digest(shown, session.csrf.encode()):
                raise Forbidden(Reason("proof_needed", header=CSRF_HEADER))
        await self._sessions.used(cookie, session, now)
        person = Actor("account", session.account, address_of(request))
        return Caller(person, session.role, session.csrf, cookie)


def address_of(request: IRequest) -> str:
    """From where somebody asks."""
    host = getattr(request.getClientAddress(), "host", "")
    return str(host)


def cookie_of(request: IRequest) -> str:
    """What the session's cookie has; empty where there is none that could be ours."""
    for header in request.requestHeaders.getRawHeaders(b"cookie", []):
        try:
            found = SimpleCookie(header.decode("ascii", "replace")).get(COOKIE)
        except CookieError:  # another program's, on the same host
            continue
        if found is not None and _SECRET.fullmatch(found.value):
            return str(found.value)
    return ""


def set_cookie(request: IRequest, value: str) -> None:
    """Give a browser its cookie; an empty value takes it back."""
    parts = [f"{COOKIE}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
    parts.append(f"Max-Age={LONGEST_SECONDS:.0f}" if value else "Max-Age=0")
    if request.isSecure():
        parts.append("Secure")
    request.responseHeaders.addRawHeader(b"set-cookie", "; ".join(parts).encode())


def check_origin(request: IRequest) -> None:
    """Whether a browser says that a page of this very server asks.

    Behind TLS a browser says so itself (`Sec-Fetch-Site`), which holds too where a proxy calls us by another name.
    Elsewhere it says whose page asks (`Origin`). One that says neither is no browser of today.

    :raises Forbidden: another site's page asks.
    """
    headers = request.requestHeaders
    site = headers.getRawHeaders(b"sec-fetch-site", [b""])[0]
    if site:
        same = site in (b"same-origin", b"none")
    else:
        origin = headers.getRawHeaders(b"origin", [b""])[0]
        try:
            same = not origin or urlsplit(origin).netloc == headers.getRawHeaders(b"host", [b""])[0]
        except ValueError:  # no URL at all
            same = False
    if not same:
        raise Forbidden(Reason("other_site"))
