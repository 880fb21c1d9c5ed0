"""The HTTP API of a server, as the command uses it: questions, changes that are made once, the live stream."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlencode

from voi import __version__
from voi.cli.failures import AccessDenied, Failed, Unreachable
from voi.cli.transport import unreachable

REQUEST_SECONDS: Final = 30.0
"""How long one answer may take: everything long goes on in the server after its answer."""

SILENCE_SECONDS: Final = 45.0
"""How long a live stream may be silent: the server sends a comment each 15 seconds."""

LONGEST_LINE: Final = 8 << 20
"""Bytes of one line of the live stream; a row for each of 10,000 terminals has less."""

PAGE: Final = 10_000
"""Terminals in one answer: as many as the server gives at once."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for this server, not for one it redirects to."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Follow none."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The HTTP API of a server; `timeout` is in seconds."""

    server: str
    token: str
    timeout: float = REQUEST_SECONDS

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """What is at a path below /api/v1; values of the query that are None are left out.

        :raises Failed: the server's own reason.
        :raises Unreachable: there is no server, or what answers is no voi server.
        """
        return self._twice("GET", path + _query(query), None, {})

    def change(self, method: str, path: str, body: Any = None, *, again: bool = True) -> Any:
        """Change something, once: where the connection is lost it is asked for a second time with the same key.

        :param again: False where the server keeps no answer to know it again by: there is a secret in it, or nothing is
            changed. Such a request takes no key.
        :raises Failed: as `get` does.
        """
        if not again:
            return self._ask(method, path, body, {})
        return self._twice(method, path, body, {"Idempotency-Key": secrets.token_urlsafe(24)})

    def terminals(self, **query: Any) -> list[dict[str, Any]]:
        """All terminals that are asked for, without their disks."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get("/terminals", {"disks": "0", **query, "offset": len(found), "limit": PAGE})
            found += page["terminals"]
            if not page["terminals"] or len(found) >= page["total"]:
                return found

    def stream(self) -> Iterator[tuple[str, Any]]:
        """Live news, each with its name, until the connection ends.

        :raises Failed: as `get` does.
        """
        with closing(self._open("GET", "/events/stream", None, {}, SILENCE_SECONDS)) as response:
            name, data = "", ""
            try:
                while line := response.readline(LONGEST_LINE).decode("utf-8", "replace"):
                    field, _, value = line.rstrip("\r\n").partition(":")
                    if field == "event":
                        name = value.strip()
                    elif field == "data":
                        data += value.strip()
                    elif not line.strip():
                        if name:
                            yield name, json.loads(data)
                        name, data = "", ""
            except (OSError, HTTPException, ValueError) as error:
                raise Unreachable(f"the stream from {self.server} was cut off: {error}", lost=True) from error

    def _twice(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        try:
            return self._ask(method, path, body, headers)
        except Unreachable as error:
            if not error.lost:
                raise
        return self._ask(method, path, body, headers)

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        with closing(self._open(method, path, body, headers, self.timeout)) as response:
            try:
                return json.load(response)
            except (OSError, HTTPException) as error:
                raise Unreachable(f"the answer from {self.server} was cut off: {error}", lost=True) from error
            except ValueError as error:
                raise Unreachable(f"the answer from {self.server} is not from a voi server: check --server") from error

    def _open(self, method: str, path: str, body: Any, headers: Mapping[str, str], timeout: float) -> HTTPResponse:
        request = urllib.request.Request(  # noqa: S310 - the settings took http and https alone
            f"{self.server}/api/v1{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": f"voi/{__version__}",
                **headers,
            },
            method=method,
        )
        # No proxy: the server is here or on this network, and the token is for it alone.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        try:
            response: HTTPResponse = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, HTTPException) as error:
            raise unreachable(self.server, error) from error
        return response


def _query(query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def _refusal(error: urllib.error.HTTPError) -> Failed:
    try:
        message = str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        message = f"the server answered {error.code} {error.reason}"
    if error.code == 401:
        return AccessDenied(
            f"the server does not accept this token ({message}): see --token, VOI_TOKEN, `voi token make`"
        )
    if error.code == 403:
        return AccessDenied(message)
    return Failed(message)
