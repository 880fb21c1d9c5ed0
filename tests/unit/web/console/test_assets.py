"""Tests of how the console's files are served."""

from __future__ import annotations

import gzip

from tests.unit.web.api_case import ASSETS
from tests.unit.web.http.test_routing import RawCase
from voi.web.console.assets import asset


class AssetTests(RawCase):
    """Files by their names."""

    async def test_page_and_files(self) -> None:
        """The page is at the root, its files below; all under a policy that lets nothing in from elsewhere."""
        for path, name in (
            ("/", "index.html"),
            ("/console", "index.html"),
            ("/console/parts/main.js", "parts/main.js"),
        ):
            answer = await self.ask("GET", path, token=None)
            self.assertEqual((answer.status, answer.text), (200, ASSETS[name].plain.decode()), path)
            self.assertEqual(answer.headers["content-type"], ASSETS[name].kind)
            policy = answer.headers["content-security-policy"]
            self.assertIn("default-src 'self'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    async def test_not_there(self) -> None:
        """Nothing else is found: a path is a name, not a way through directories."""
        for path in ("/console/nothing.js", "/console/../api.py", "/console/%2e%2e/site.py", "/console/LICENCE",
                     "/console//etc/passwd", "/console/parts", "/console/%ff"):  # fmt: skip
            self.assertEqual((await self.ask("GET", path, token=None)).status, 404, path)

    async def test_not_modified(self) -> None:
        """A browser that has the file is told so, and is not sent it again."""
        tag = (await self.ask("GET", "/", token=None)).headers["etag"]
        answer = await self.ask("GET", "/", token=None, headers={"If-None-Match": tag})
        self.assertEqual((answer.status, answer.text), (304, ""))

    async def test_packed(self) -> None:
        """Who takes gzip gets it, who does not does not."""
        for accepted in (b"", b"Accept-Encoding: gzip, br\r\n"):
            client = await self.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + accepted + b"\r\n")
            head, _, body = client.received.partition(b"\r\n\r\n")
            self.assertEqual(b"content-encoding: gzip" in head.lower(), bool(accepted))
            self.assertEqual(gzip.decompress(body) if accepted else body, ASSETS["index.html"].plain)

    def test_kinds(self) -> None:
        """Only kinds of files that a page has are served, packed to the same content."""
        self.assertIsNone(asset("secret.py", b"x"))
        made = asset("a.css", b"body {}")
        assert made is not None
        self.assertEqual(gzip.decompress(made.packed), made.plain)
