"""Tests of voi.messages.reason, and of the catalogue against the code that uses it."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from twisted.trial.unittest import SynchronousTestCase

import voi
from voi.errors import Conflict, VoiError
from voi.messages.english import SENTENCES, SYSTEM
from voi.messages.reason import LONGEST_VALUE, Reason, code_of, kept, of_system, plain, recall, same

ROOT = Path(voi.__file__).parent
OTHERS = {"AnnounceError": "the words of the tracker's protocol", "StartupError": "for whoever starts it, at a shell"}
"""Errors that nobody meets in the console, with what their sentences are."""


def values(sentence: str) -> set[str]:
    """The names of the values in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def files(*places: str) -> Iterator[Path]:
    """The modules at these places of the package."""
    for place in places:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call of a plain name in a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node


def name_of(call: ast.Call) -> str:
    """What is called."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


class ReasonTests(SynchronousTestCase):
    """One sentence."""

    def test_is_its_text(self) -> None:
        """A reason is the English text, and knows of what it is made."""
        reason = Reason("no_answer", seconds=30)
        self.assertEqual(reason, "the terminal did not answer within 30 seconds")
        self.assertEqual((reason.code, reason.data), ("no_answer", {"seconds": 30}))

    def test_within_another(self) -> None:
        """A reason within a reason keeps what it is made of."""
        inner = Reason("offline", mac="M")
        self.assertEqual(
            plain(Reason("tried_again", disk="d", why=inner, seconds=15.2)),
            {
                "code": "tried_again",
                "data": {"disk": "d", "why": {"code": "offline", "data": {"mac": "M"}}, "seconds": 15.2},
            },
        )

    def test_kept_and_recalled(self) -> None:
        """What is kept beside the text makes the same reason again."""
        reason = Reason("waits_for_login", why=Reason("no_answer", seconds=30.5))
        again = recall(str(reason), kept(reason))
        assert isinstance(again, Reason)
        self.assertEqual((again, plain(again)), (reason, plain(reason)))

    def test_copied(self) -> None:
        """A copy of a value with a reason in it still knows."""
        reason = Reason("disk_failed", disk="d", why=Reason("download_failed"))
        self.assertEqual(plain(copy.deepcopy([reason])[0]), plain(reason))

    def test_told_apart(self) -> None:
        """Programs tell reasons apart by code and values, in whatever words they were kept; other texts by words."""
        one, other = Reason("offline", mac="M"), Reason("offline", mac="N")
        older = recall("M has no connection", kept(one))
        self.assertEqual([code_of(text) for text in (one, older, "no", "")], ["offline", "offline", "", ""])
        pairs = ((one, older), (one, other), (one, str(one)), ("no", "no"), ("no", "yes"), ("", one))
        self.assertEqual([same(*pair) for pair in pairs], [True, False, False, True, False, False])

    def test_plain_text(self) -> None:
        """A text that is no reason stays one, with nothing beside it."""
        self.assertEqual((kept("no"), plain("no"), recall("no", "")), ("", {}, "no"))

    def test_what_nobody_says_any_more(self) -> None:
        """A code that is not in the catalogue, and what is damaged, leave the text as it was kept."""
        for beside in ('{"code": "gone", "data": {}}', '{"code": "offline", "data": {}}', "[]", "{", '{"code": 1}'):
            again = recall("it was so", beside)
            self.assertEqual((again, isinstance(again, Reason)), ("it was so", False), beside)

    def test_older_words(self) -> None:
        """A sentence that was put in other words since is shown as it was, with its code."""
        again = recall("M has no connection", json.dumps(plain(Reason("offline", mac="M"))))
        assert isinstance(again, Reason)
        self.assertEqual((again, again.code), ("M has no connection", "offline"))

    def test_long_texts_are_cut(self) -> None:
        """What comes from outside is bounded, in the text and in the data."""
        reason = Reason("terminal_answered", code=7, text="x" * 10_000)
        self.assertEqual(len(str(reason.data["text"])), LONGEST_VALUE)
        self.assertLess(len(reason), LONGEST_VALUE + 50)

    def test_braces_are_text(self) -> None:
        """Braces in what is filled in mean nothing."""
        self.assertEqual(Reason("unfit", field="a", text="{mac} {0}"), "a: {mac} {0}")

    def test_sizes(self) -> None:
        """Bytes get the unit in which people count them."""
        reason = Reason("no_space", needed=3_000_000_000, available=10)
        self.assertTrue(reason.startswith("the server needs 3.0 GB, but only 10 bytes are free: "), reason)

    def test_of_the_system(self) -> None:
        """The usual words of the operating system are sentences of their own, others stay as they are."""
        usual = (1, 2, 5, 12, 13, 16, 20, 21, 24, 27, 28, 30, 36, 116, 122)  # Linux's numbers, in the list's order
        self.assertEqual([os.strerror(number) for number in usual], list(SYSTEM.values()))
        self.assertEqual(plain(of_system("No space left on device")), {"code": "os_disk_full", "data": {}})
        for said in ("Bad things", None):
            self.assertEqual((of_system(said), plain(of_system(said))), (str(said), {}))

    def test_errors(self) -> None:
        """An error has the reason, and its text as a plain one."""
        error = Conflict(Reason("no_room", number=3))
        self.assertIsInstance(error.reason, Reason)
        self.assertEqual((error.message, type(error.message)), ("there is no room 3", str))


class CatalogueTests(SynchronousTestCase):
    """All sentences."""

    def test_codes(self) -> None:
        """Each code is a word as programs like them, and each part of the catalogue has its own."""
        self.assertEqual([code for code in SENTENCES if not re.fullmatch("[a-z][a-z0-9_]{1,39}", code)], [])
        text = "".join(path.read_text("utf-8") for path in (ROOT / "messages" / "english").glob("*.py"))
        self.assertEqual(len(re.findall(r'^    "\w+": ', text, re.MULTILINE)), len(SENTENCES))

    def test_used_as_they_are(self) -> None:
        """Each reason in the code has a code of the catalogue and exactly the values of its sentence."""
        for path in files("."):
            for call in calls(path):
                if name_of(call) != "Reason" or path.parent.name == "messages":
                    continue
                code = str(ast.literal_eval(call.args[0]))
                given = {keyword.arg for keyword in call.keywords}
                self.assertEqual(given, values(SENTENCES[code]), f"{path.name}:{call.lineno} {code}")

    def test_none_left_over(self) -> None:
        """Each sentence is said somewhere."""
        said = "".join(path.read_text("utf-8") for path in files(".") if path.parent.name != "english")
        left = [code for code in SENTENCES if f'Reason("{code}"' not in said]
        self.assertEqual(left, list(SYSTEM))  # those are found by what the system says

    def test_advice_that_can_be_followed(self) -> None:
        """Nothing advises to delete templates, in any language, while no route deletes one."""
        routes = (ROOT / "web" / "api" / "templates.py").read_text("utf-8")
        self.assertNotIn('method="DELETE"', routes, "now it may be advised: this test has had its day")
        places = [
            *(path for path in files(".") if path.name != "spellings.py"),
            *(ROOT / "web" / "console" / "languages").glob("*.js"),
        ]
        places += [*(ROOT.parent / "docs").rglob("*.rst"), *ROOT.parent.glob("README.rst")]
        advice = re.compile(r"(?i)(delete|remove) (unused|old|other) templates|删除[^，。；”\"]{0,8}模板")
        self.assertEqual([path.name for path in places if advice.search(path.read_text("utf-8"))], [])

    def test_space_says_what_helps(self) -> None:
        """Each sentence about a disk or a table that is full says what can be done about it."""
        for code in ("no_space", "no_space_beside", "disk_full", "disk_nearly_full", "torrents_full"):
            self.assertRegex(SENTENCES[code], "cancel|larger", code)

    def test_errors_that_people_meet(self) -> None:
        """No error has a sentence from elsewhere than the catalogue, nor one that forgot where it came from."""
        errors = kinds_of_errors()
        for path in files("."):
            for call in calls(path):
                if name_of(call) in errors and call.args:
                    self.assertFalse(forgetful(call.args[0]), f"{path.name}:{call.lineno} {ast.unparse(call)}")
            for kind in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(kind, ast.ClassDef) and kind.name in errors:
                    given = [x.args[0] for x in ast.walk(kind) if isinstance(x, ast.Call) and is_super(x) and x.args]
                    self.assertFalse(any(map(forgetful, given)), f"{path.name}:{kind.lineno} {kind.name}")

    def test_kinds_of_errors(self) -> None:
        """Errors that other modules derive from ours are looked at too."""
        self.assertLessEqual({"VoiError", "Conflict", "Cancelled", "BeingMade", "TorrentUnusable"}, kinds_of_errors())

    def test_forgetful(self) -> None:
        """Literals, texts put together, and the plain text of another error are found."""
        found = ("'x'", "f'{x}'", "'a' + x", "error.message", "str(error)", "'a' if x else y", "'{}'.format(x)")
        for text in found:
            self.assertTrue(forgetful(ast.parse(text, mode="eval").body), text)
        for text in ("Reason('x')", "error.reason", "Reason('x') if y else Reason('z')", "reason"):
            self.assertFalse(forgetful(ast.parse(text, mode="eval").body), text)


def kinds_of_errors() -> set[str]:
    """The names of all errors of ours that people meet, those of other modules too."""
    found = {VoiError.__name__}
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for path in files(".")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    while more := {name for name, above in bases.items() if above & found and name not in {*found, *OTHERS}}:
        found |= more
    return found


def is_super(call: ast.Call) -> bool:
    """Whether an error is made by its own class."""
    return ast.unparse(call.func) == "super().__init__"


def forgetful(said: ast.expr) -> bool:
    """Whether what an error is given is a text of its own making, or one that has lost its code."""
    if isinstance(said, ast.IfExp):
        return forgetful(said.body) or forgetful(said.orelse)
    if isinstance(said, ast.Call):
        method = isinstance(said.func, ast.Attribute) and said.func.attr in ("format", "join")
        return method or name_of(said) == "str"
    plain_text = isinstance(said, ast.Attribute) and said.attr == "message"
    return plain_text or isinstance(said, ast.Constant | ast.JoinedStr | ast.BinOp)
