"""Tests of voi.cli.api."""

from __future__ import annotations

from tests.unit.cli.scripted import Cut, ScriptedCase
from voi.cli.api import ApiClient
from voi.cli.failures import AccessDenied, Failed, Unreachable


class ApiTests(ScriptedCase):
    """Questions and changes over real connections."""

    def test_change_whose_answer_is_lost(self) -> None:
        """It is asked for once more, with the same key."""
        self.script.say("POST", "/x", Cut(), {"id": 1})
        self.assertEqual(self.api.change("POST", "/x", {"a": 1}), {"id": 1})
        first, second = self.script.asked
        self.assertEqual((first.key, first.body), (second.key, second.body))
        self.assertRegex(first.key or "", "^[A-Za-z0-9_-]{8,64}$")

    def test_answer_that_is_lost_twice(self) -> None:
        """Then it is given up, as lost."""
        self.script.say("POST", "/x", Cut())
        with self.assertRaises(Unreachable) as caught:
            self.api.change("POST", "/x")
        self.assertTrue(caught.exception.lost)
        self.assertEqual(len(self.script.asked), 2)

    def test_secrets_are_asked_for_once(self) -> None:
        """The server keeps no answer with a secret in it, so a lost one is not asked for again."""
        self.script.say("POST", "/x", Cut())
        with self.assertRaises(Unreachable):
            self.api.change("POST", "/x", again=False)
        self.assertEqual([one.key for one in self.script.asked], [None])

    def test_each_change_has_its_own_key(self) -> None:
        """Two changes are two, also where they are alike."""
        self.script.say("POST", "/x", {})
        self.api.change("POST", "/x")
        self.api.change("POST", "/x")
        self.assertEqual(len({one.key for one in self.script.asked}), 2)

    def test_refusals(self) -> None:
        """Each refusal is of its own kind, with the server's sentence."""
        for status, kind in ((401, AccessDenied), (403, AccessDenied), (409, Failed), (503, Failed)):
            self.refuse("GET", "/x", "because", status)
            with self.assertRaises(kind) as caught:
                self.api.get("/x")
            self.assertIn("because", caught.exception.message)

    def test_other_answers(self) -> None:
        """What is no answer of ours is reported as what it is."""
        self.script.say("GET", "/x", b"<html>", status=502)
        with self.assertRaisesRegex(Failed, "502"):
            self.api.get("/x")
        self.script.say("GET", "/x", b"<html>")
        with self.assertRaisesRegex(Unreachable, "not from a voi server"):
            self.api.get("/x")

    def test_no_redirects(self) -> None:
        """The token is carried nowhere else."""
        self.script.say("GET", "/x", {}, status=302)
        with self.assertRaisesRegex(Failed, "302"):
            self.api.get("/x")
        self.assertEqual([one.path for one in self.script.asked], ["/api/v1/x"])

    def test_no_server(self) -> None:
        """Where nothing listens, the request cannot have arrived."""
        with self.assertRaises(Unreachable) as caught:
            ApiClient("http://127.0.0.1:1", "secret").change("POST", "/x")
        self.assertFalse(caught.exception.lost)

    def test_pages(self) -> None:
        """Terminals come in as many pages as there are."""
        pages = [{"terminals": [number], "total": 2, "offset": number} for number in (0, 1)]
        self.script.say("GET", "/terminals", *pages)
        self.assertEqual(self.api.terminals(room=3), [0, 1])
        self.assertEqual([one.query["offset"] for one in self.script.asked], ["0", "1"])
        self.assertEqual(self.script.asked[1].query["room"], "3")

    def test_stream(self) -> None:
        """News come with their names; comments and what has no name are passed over."""
        text = b'retry: 2000\n\nevent: hello\ndata: {"version": "1"}\n\n:\n\nevent: gone\ndata: ["a"]\n\nevent: half'
        self.script.say("GET", "/events/stream", text)
        self.assertEqual(list(self.api.stream()), [("hello", {"version": "1"}), ("gone", ["a"])])
