"""What people read is plain: phrases that were once met on a page or a terminal and must not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
from twisted.trial.unittest import SynchronousTestCase

import voi
from tests.unit.web.console.test_files import forms, texts
from voi.cli.failures import STATUSES
from voi.cli.root import main
from voi.domain.audit import KINDS
from voi.messages.english import SENTENCES

ROOT = Path(voi.__file__).parent
CHINESE = r"[\u3400-\u9fff]"
PRIVATE = re.compile(
    r"\bwants? somebody|\bno more: |\bsigned in no more|\bis wanted\b|\bis said to be\b|\bdoes not fit now\b|"
    r"\bis tried again\b|\bchoose none\b|\bnot well\b|\bstrangers?\b|\bcalled off\b|\bunless said\b|\bis so no more\b|"
    r"\bare none\b|\bis none\b|\btold this once\b|\bknows nobody\b|\bJournal\b",
    re.IGNORECASE,
)
"""English that is private or out of use."""

_KEYWORDS = ("summary", "help", "none", "short_help")
"""Arguments by which code says things to people: descriptions of the API, help of the command."""


def chinese() -> list[str]:
    """Everything that the console says in Chinese."""
    return [form for text in texts("zh-CN").values() for form in forms(text).values()]


def said_in_code() -> Iterator[tuple[str, str]]:
    """Constant texts that are given as a summary or as help, with where that is."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in _KEYWORDS:
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{path.name}:{part.lineno}", part.value


def helps(command: click.Command) -> Iterator[str]:
    """The help of a command and of all below it."""
    yield command.help or ""
    for further in getattr(command, "commands", {}).values():
        yield from helps(further)


class EnglishTests(SynchronousTestCase):
    """English, wherever it is said."""

    def refuse(self, place: str, text: str) -> None:
        """No private phrase in a text."""
        self.assertIsNone(PRIVATE.search(text), f"{place}: {text}")

    def test_sentences_of_the_server(self) -> None:
        """Why something is as it is, and what happened."""
        for code, text in (SENTENCES | KINDS).items():
            self.refuse(code, text)

    def test_console(self) -> None:
        """Every text of the console."""
        for key, text in texts("en").items():
            for form in forms(text).values():
                self.refuse(key, form)

    def test_command_and_api(self) -> None:
        """Help of the command, exit statuses, summaries of routes."""
        for place, text in said_in_code():
            self.refuse(place, text)
        for text in (*helps(main), *STATUSES.values()):
            self.refuse("voi --help", text)

    def test_finds_what_it_looks_for(self) -> None:
        """The phrases themselves are found: a pattern that matches nothing would hold nothing."""
        for text in (
            "The overview, and what wants somebody",
            "you are signed in no more",
            "Choose none",
            "It is tried again",
        ):
            self.assertIsNotNone(PRIVATE.search(text), text)


class ChineseTests(SynchronousTestCase):
    """Simplified Chinese of the console."""

    def test_own_commas(self) -> None:
        """No western comma, semicolon, colon or bracket beside a Chinese character."""
        western = re.compile(rf"{CHINESE}\s*[,;:!?()]|[,;!?()]\s*{CHINESE}")
        self.assertEqual([text for text in chinese() if western.search(text)], [])

    def test_one_word_for_one_thing(self) -> None:
        """A rollout is 下发任务 and a difference 差异盘; whom a role allows is 操作员, who did something 操作者."""
        for text in chinese():
            self.assertNotIn("差分", text)
            self.assertNotRegex(text, r"下发 \{|(?:取消|新建|此次|该|任何)下发(?!任务)", text)
        said = texts("zh-CN")
        for key in ("nav.rollouts", "column.rollout", "kind.rollout"):
            self.assertEqual(said[key], "下发任务", key)
        self.assertEqual((said["role.operator"], said["column.who"]), ("操作员", "操作者"))

    def test_leaving_a_question(self) -> None:
        """The way out of a question is not called as what it asks about: 返回 beside 取消 …"""
        for language, word in (("zh-CN", "取消"), ("en", "Cancel")):
            said = texts(language)
            self.assertNotIn(word, str(said["action.back"]))
            self.assertIn(word, str(said["ask.rollout_cancel.yes"]))

    def test_nothing_left_in_english(self) -> None:
        """A text has Chinese in it, unless it is a name, a unit or a pattern that every language writes so."""
        names = re.compile(r"[^a-zA-Z]*|v?\{\w+\}.*|BitTorrent|UDP Tracker|MAC|UEFI|Windows.*")
        left = [text for text in chinese() if not re.search(CHINESE, text) and not names.fullmatch(text)]
        self.assertEqual(left, [])
