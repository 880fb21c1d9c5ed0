"""Imports point one way: which room may import which, held against the code."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi

ROOT = Path(voi.__file__).parent
GROUND = {"names", "errors", "reasons", "__init__"}
MAY: dict[str, set[str]] = {
    "sentences": set(),
    "reasons": {"sentences"},
    "errors": set(),
    "names": {"errors", "reasons"},
    "wire": GROUND,
    "domain": GROUND,
    "files": set(),
    "store": GROUND | {"domain", "files"},
    "tracker": GROUND,
    "seeding": GROUND | {"domain", "files"},
    "terminals": GROUND | {"domain", "store", "wire"},
    "publishing": GROUND | {"domain", "files", "store", "wire", "seeding"},
    "rollouts": GROUND | {"domain", "store", "wire"},
    "web": GROUND | {"domain", "store", "wire"},
    "agent": GROUND | {"domain", "files", "wire", "seeding"},
    "config": GROUND,
    "doors": GROUND | {"config", "startup", "tracker"},
    "health": GROUND | {"lag", "publishing", "store"},
    "garbage": GROUND,
    "lag": GROUND,
    "metering": GROUND | {"lag", "seeding", "store", "terminals", "tracker", "web"},
    "startup": GROUND | {"files", "store"},
    "threads": set(),
    "cli": GROUND | {"store"},
    "demo": GROUND | {"seeding", "store"},
    "server": {"config", "service"},
    "terminal": {"agent"},
}
"""Room to the rooms it may import; `assembly` and `service` may import all. A room that is not here is not allowed."""


def room(path: Path) -> str:
    """The room of a file."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"voi.{alias.name}" for alias in node.names] if node.module == "voi" else [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("voi.")}
    return found


class ArrowTests(SynchronousTestCase):
    """Who may know whom."""

    def test_arrows(self) -> None:
        """No room reaches up, or across to a room that it should meet through values and small protocols."""
        wrong = []
        for path in sorted(ROOT.rglob("*.py")):
            own = room(path)
            if own in ("assembly", "service", "__init__"):
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
