"""The console's files, as they are in the package: read once, answered from memory, each under a strict policy."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from twisted.web.resource import Resource
from twisted.web.server import Request

PREFIX: Final = b"console"
"""The first segment of the path of every file but the page itself, which is at ``/``."""
PAGE: Final = "index.html"

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
"""Kinds of files that are served; others in the directory, such as licences, are for people who look there."""

_HEADERS: Final = {
    # Nothing from elsewhere, nothing inline, in nobody's frame; names of terminals are never code.
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    # Asked for again each time, answered "not modified": a page of one version never runs a script of another.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: plain and compressed, its type, and a tag that changes with what it has."""

    plain: bytes
    packed: bytes
    kind: str
    tag: str


def asset(name: str, content: bytes) -> Asset | None:
    """A file to be served, None if it is of no kind that is."""
    kind = _TYPES.get("." + name.rpartition(".")[2])
    if kind is None:
        return None
    return Asset(content, gzip.compress(content, 9, mtime=0), kind, f'"{sha256(content).hexdigest()[:24]}"')


def console_assets() -> dict[str, Asset]:
    """The console's files, by their paths below its directory."""
    found: dict[str, Asset] = {}

    def walk(directory: Traversable, prefix: str) -> None:
        for entry in directory.iterdir():
            path = prefix + entry.name
            if entry.is_dir():
                walk(entry, path + "/")
            elif (made := asset(entry.name, entry.read_bytes())) is not None:
                found[path] = made

    root = files("voi.web.console") / "static"
    if root.is_dir():
        walk(root, "")
    return found


class AssetResource(Resource):
    """Answers ``/`` with the page and ``/console/...`` with its files; a path is only ever looked up by name."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        super().__init__()
        self._assets = assets

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """A file, or the words that there is none."""
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        # The whole path, as `site` gives it: the page at "/" or "/console", its files below.
        segments = [part for part in request.postpath or () if part]
        if segments[:1] == [PREFIX]:
            del segments[0]
        found = self._assets.get(b"/".join(segments).decode("utf-8", "replace") or PAGE)
        if found is None:
            request.setResponseCode(404)
            request.setHeader("content-type", "text/plain; charset=utf-8")
            return b"there is nothing at this path\n"
        if request.setETag(found.tag.encode()):
            return b""
        request.setHeader("content-type", found.kind)
        request.setHeader("vary", "accept-encoding")
        if b"gzip" in request.requestHeaders.getRawHeaders(b"accept-encoding", [b""])[0]:
            request.setHeader("content-encoding", "gzip")
            return found.packed
        return found.plain
