"""Names in the code are the field's words: a newcomer knows them from Twisted, BitTorrent, HTTP and operations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi

ROOT = Path(voi.__file__).parent

WORDS = {
    "asker": "peer, client, or caller",
    "board": "open targets",
    "census": "metric counts",
    "chronicle": "audit log",
    "course": "rollout history",
    "crowd": "pool, or terminals",
    "desk": "intake, dispatcher, or requests",
    "door": "listener, factory, or protocol",
    "fleet": "connections, or registry",
    "hear": "receive, or handle",
    "hearing": "registry, or receiver",
    "heard": "received, or reported",
    "house": "architecture",
    "introduce": "select",
    "journal": "audit log",
    "ledger": "verification store",
    "meeting": "bridge",
    "notice": "notification",
    "observer": "recorder",
    "office": "owner",
    "pace": "rate",
    "quick": "fast",
    "roster": "snapshot",
    "seam": "interface",
    "shelf": "pool, or the peers of a room",
    "standing": "status",
    "stranger": "unknown",
    "survey": "scan",
    "visitor": "protocol, or connection",
}
"""A word that once meant something in this project alone, to those that say it in the field's."""

KEPT = {
    "BY_STRANGERS": "the kind of actor that the database has",
    "by_strangers": "the kind of actor that the database has",
    "MOST_BY_STRANGERS": "the kind of actor that the database has",
    "m004_census": "a migration, whose name is in databases",
    "m005_courses": "a migration, whose name is in databases",
    "m008_askers": "a migration, whose name is in databases",
    "ASKERS": "the SQL of that migration",
}
"""Names that stay, each with its reason."""


def parts(name: str) -> set[str]:
    """The words of a name, as they are and in the singular: of ``FoundPeers`` found, peers and peer."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("shelves", "shelf")
    plain = [part.rstrip("0123456789") for part in apart.split("_")]
    return {*plain, *(part.removesuffix("s") for part in plain)}


def names(tree: ast.AST) -> Iterator[str]:
    """What a module defines: classes, functions, arguments, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def private(name: str) -> list[str]:
    """The words of a name that the field does not know in this meaning."""
    return [] if name in KEPT else sorted(parts(name) & WORDS.keys())


class VocabularyTests(SynchronousTestCase):
    """Every module of the package."""

    def test_names(self) -> None:
        """No package, module, class, function, argument, variable or attribute has a private word in its name."""
        found = set()
        for path in sorted(ROOT.rglob("*.py")):
            place = path.relative_to(ROOT)
            for name in {*place.with_suffix("").parts, *names(ast.parse(path.read_text("utf-8")))}:
                found |= {f"{place}: {name}: say {WORDS[word]}" for word in private(name)}
        self.assertEqual(sorted(found), [])

    def test_kept_names_are_there(self) -> None:
        """A name that is excused is still in the code."""
        there = {name for path in ROOT.rglob("*.py") for name in names(ast.parse(path.read_text("utf-8")))}
        self.assertEqual(sorted(set(KEPT) - there), [])

    def test_words_of_a_name(self) -> None:
        """Words are found in every spelling of a name, and only where they are whole."""
        for name in ("UploadDesk", "_upload_desks", "DESK_SECONDS", "shelves", "AnnounceDoor2"):
            self.assertEqual(len(private(name)), 1, name)
        for name in ("doorway", "clipboard", "space", "ahead", "spaces"):
            self.assertEqual(private(name), [], name)

    def test_classes_are_named_once(self) -> None:
        """A class name is one class: a search for it finds one place."""
        places: dict[str, set[str]] = {}
        for path in ROOT.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, set()).add(str(path.relative_to(ROOT)))
        twice = {name: sorted(found) for name, found in places.items() if len(found) > 1}
        self.assertEqual(twice, {})
