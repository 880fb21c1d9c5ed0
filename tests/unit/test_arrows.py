"""Imports point one way: which package may import which, held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi

ROOT = Path(voi.__file__).parent
GROUND = {"names", "errors", "messages", "tasks", "__init__"}
USE_CASES = {"audit", "auth", "catalogue", "publishing", "terminals"}
"""Where what people do is checked, written down and told; routes only translate."""
OFFERING = {("seeder", "seed"), ("seeder", "mark_verified"), ("tracker", "retire")}
"""Whose methods offer and retire what is published: what a part of the server calls them, and the method."""
MAY: dict[str, set[str]] = {
    "messages": set(),
    "errors": {"messages"},
    "names": {"errors", "messages"},
    "config": set(),
    "tasks": set(),
    "wire": GROUND,
    "domain": GROUND,
    "files": GROUND | {"domain"},
    "store": GROUND | {"domain"},
    "audit": GROUND | {"domain", "store"},
    "auth": GROUND | {"audit", "domain", "store"},
    "catalogue": GROUND | {"domain", "files", "store"},
    "tracker": GROUND,
    "seeding": GROUND | {"domain", "files"},
    "publishing": GROUND | {"catalogue", "domain", "files", "store", "wire"},
    "terminals": GROUND | {"audit", "auth", "domain", "store", "wire"},
    "rollouts": GROUND | {"domain", "files", "store", "wire"},
    "web.console": GROUND,
    "web.http": GROUND | {"domain", "store"},
    "web.api": GROUND | USE_CASES | {"domain", "store", "web.http"},
    "web.live": GROUND | {"domain", "store", "web.api", "web.http"},
    "web.metrics": GROUND | {"domain", "store", "web.api", "web.http"},
    "web": GROUND | USE_CASES | {"domain", "store", "web.api", "web.console", "web.http", "web.live", "web.metrics"},
    "agent": GROUND | {"domain", "files", "seeding", "wire"},
    "cli": GROUND | {"domain", "files"},
    "demo": GROUND | {"files"},
}
"""Package to the packages it may import; `app` may import all. A package that is not here is not allowed."""


def package(parts: Sequence[str]) -> str:
    """The package of a module by the parts of its path below `voi`; those of web count each for itself."""
    inner = len(parts) > 1 and parts[0] == "web" and f"web.{parts[1]}" in MAY
    return f"web.{parts[1]}" if inner else parts[0]


def package_of(path: Path) -> str:
    """The package of a file."""
    return package(path.relative_to(ROOT).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    """The packages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"voi.{alias.name}" for alias in node.names] if node.module == "voi" else [node.module]
        found |= {package(name.split(".")[1:]) for name in names if name.startswith("voi.")}
    return found


class ArrowTests(SynchronousTestCase):
    """Who may know whom."""

    def test_arrows(self) -> None:
        """No package reaches up, or across to one that it should meet through values and small protocols."""
        wrong = []
        for path in sorted(ROOT.rglob("*.py")):
            own = package_of(path)
            if own in ("app", "__init__"):
                continue
            self.assertIn(own, MAY, path)
            strange = {x for x in imported(path) - MAY[own] - {own} if x != "__version__"}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(strange)]
        self.assertEqual(wrong, [])

    def test_no_reactor_at_the_top(self) -> None:
        """Importing a module installs no reactor: only functions of the composition roots ask for it."""
        for path in sorted(ROOT.rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ImportFrom) and node.module == "twisted.internet":
                    self.assertNotIn("reactor", [alias.name for alias in node.names], path)


class CatalogueTests(SynchronousTestCase):
    """Who may change what is published."""

    def test_one_place_writes(self) -> None:
        """The tables of the catalogue are written by its own repository alone, but for what brings them up to date."""
        writes = re.compile(r"(INSERT INTO|INSERT OR \w+ INTO|UPDATE|DELETE FROM) (templates|levels|versions)\b")
        found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if writes.search(path.read_text("utf-8"))}
        self.assertLessEqual(found, {"store/templates.py", "store/migrations.py"})
        self.assertIn("store/templates.py", found)

    def test_one_place_asks(self) -> None:
        """Only the catalogue asks that repository for a change."""
        changing = {"publish", "change"}
        callers = set()
        for path in ROOT.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Attribute) or node.attr not in changing:
                    continue
                owner = node.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if name.strip("_") == "templates":
                    callers.add(str(path.relative_to(ROOT)))
        self.assertEqual(callers, {"catalogue/catalogue.py"})

    def test_one_place_offers(self) -> None:
        """Only the catalogue offers a level to the seed, and takes a torrent from tracker and seed."""
        callers: dict[str, set[str]] = {}
        for path in ROOT.rglob("*.py"):
            if package_of(path) == "agent":
                continue  # a program of its own, with a seed of its own
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                owner = node.func.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if (name.strip("_"), node.func.attr) in OFFERING:
                    callers.setdefault(node.func.attr, set()).add(str(path.relative_to(ROOT)))
        self.assertEqual(set(callers), {method for _, method in OFFERING})
        self.assertEqual({place for places in callers.values() for place in places}, {"catalogue/catalogue.py"})
