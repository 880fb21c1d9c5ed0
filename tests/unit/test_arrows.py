"""Imports point one way: which room may import which, held against the code."""

from __future__ import annotations

import ast
import sys
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
    "signals": set(),
    "startup": GROUND | {"files", "store"},
    "threads": set(),
    "cli": GROUND | {"store"},
    "demo": GROUND | {"seeding", "store"},
    "server": {"config", "service"},
    "terminal": {"agent"},
}
"""Room to the rooms it may import; `assembly` and `service` may import all. A room that is not here is not allowed."""

THIRD_PARTY: dict[str, set[str]] = {
    "bencodepy": {"domain", "tracker"},
    "click": {"cli", "demo"},
    "klein": {"tracker", "web"},
    "libtorrent": {"seeding"},
    "msgspec": {"agent", "cli", "config", "demo", "seeding", "web", "wire"},
    "prometheus_client": {"web.exposition"},
    "rich": {"cli", "demo"},
    "sqlite3": {"store"},
    "sqlite_utils": {"store"},
    "twisted": {
        "agent",
        "assembly",
        "config",
        "doors",
        "files",
        "health",
        "lag",
        "publishing",
        "rollouts",
        "seeding",
        "server",
        "service",
        "signals",
        "startup",
        "store",
        "terminal",
        "terminals",
        "threads",
        "tracker",
        "web",
    },
    "werkzeug": {"tracker", "web"},
    "zope": {"seeding", "terminals", "tracker", "web"},
}
"""What others wrote, by its top-level module, to the rooms (or modules of them) that import it. What is not here is
imported nowhere.

`sqlite3` counts as well, though Python brings it: nobody but the store knows what database it is.
"""


def room(path: Path) -> str:
    """The room of a file."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def lies_in(path: Path, place: str) -> bool:
    """Whether a file is a room, or a module of one as ``room.module``, or lies below it."""
    own = path.relative_to(ROOT).with_suffix("").parts
    parts = tuple(place.split("."))
    return own[: len(parts)] == parts


def modules(path: Path) -> list[str]:
    """The modules that a file imports, in full; what it takes from `voi` itself as modules of it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"voi.{alias.name}" for alias in node.names] if node.module == "voi" else [node.module]
    return found


def imported(path: Path) -> set[str]:
    """The rooms that a file imports."""
    return {name.split(".")[1] for name in modules(path) if name.startswith("voi.")}


def foreign(path: Path) -> set[str]:
    """The top-level modules that a file imports and that neither we nor Python brings; and `sqlite3`."""
    tops = {name.split(".")[0] for name in modules(path)} - {"voi"}
    return {top for top in tops if top == "sqlite3" or top not in sys.stdlib_module_names}


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

    def test_third_parties(self) -> None:
        """Each library is known to the rooms that it is for, and to nobody else."""
        wrong = []
        for path in sorted(ROOT.rglob("*.py")):
            strange = [name for name in foreign(path) if not any(lies_in(path, x) for x in THIRD_PARTY.get(name, ()))]
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(strange)]
        self.assertEqual(wrong, [])

    def test_third_parties_are_used(self) -> None:
        """An arrow that nobody needs any more is not left open."""
        uses = [(name, path) for path in ROOT.rglob("*.py") for name in foreign(path)]
        idle = [
            f"{place} no longer imports {name}"
            for name, places in THIRD_PARTY.items()
            for place in sorted(places)
            if not any(name == used and lies_in(path, place) for used, path in uses)
        ]
        self.assertEqual(idle, [])

    def test_no_reactor_at_the_top(self) -> None:
        """Importing a module installs no reactor: only functions of the composition roots ask for it."""
        for path in sorted(ROOT.rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ImportFrom) and node.module == "twisted.internet":
                    self.assertNotIn("reactor", [alias.name for alias in node.names], path)
