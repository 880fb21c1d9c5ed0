"""Tests of voi.cli.follow."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli.scripted import template, upload
from voi.cli.api import ApiClient
from voi.cli.failures import Failed, Unreachable
from voi.cli.follow import PATIENCE, follow, stage


class FollowTests(SynchronousTestCase):
    """Following an import, without a server."""

    def follow(self, answers: Sequence[Any]) -> Any:
        """Follow an import that is answered so."""
        left = list(answers)

        class FakeApi(ApiClient):
            def get(self, path: str, query: Any = None) -> Any:
                answer = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(answer, Exception):
                    raise answer
                return answer

        console = Console(file=StringIO())
        seen = template("importing")
        return follow(FakeApi("", ""), "/x", seen, console, running=("importing",), sleep=lambda _: None)

    def test_restart_of_the_server(self) -> None:
        """A server that does not answer for a while is waited for."""
        answers = [*[Unreachable("no answer")] * (PATIENCE - 1), template("importing"), Unreachable("no")]
        self.assertEqual(self.follow([*answers, template("ready")])["state"], "ready")

    def test_server_that_is_gone(self) -> None:
        """A server that does not come back is given up."""
        with self.assertRaises(Unreachable):
            self.follow([Unreachable("no answer")])

    def test_refusal_is_final(self) -> None:
        """What the server itself says ends the wait at once."""
        with self.assertRaises(Failed):
            self.follow([Failed("no template"), template("ready")])

    def test_stages(self) -> None:
        """The stage of the disk is what is shown."""
        self.assertEqual(stage(template("importing")), "copying and hashing")
        self.assertEqual(stage(template("importing", disk="publishing")), "publishing")
        self.assertEqual(stage(template("ready")), "importing")
        self.assertEqual(stage(upload("open", "requested")), "waiting for the terminal")
