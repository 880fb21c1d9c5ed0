"""Imports point one way: which package may import which, held against the code."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi

ROOT = Path(voi.__file__).parent
GROUND = {"clock", "names", "errors", "messages", "metrics", "signals", "tasks", "units", "__init__"}
EDGES = {"catalogue.interfaces", "store.interfaces", "seeding.interfaces", "terminals.interfaces"}
"""What a second implementation stands behind, or will: others know it by these and never by its classes."""
USE_CASES = {"audit", "auth", "catalogue", "publishing", "rollouts", "terminals"}
"""Where what people do is checked, written down and told; routes only translate."""
OFFERING = {("seeder", "seed"), ("seeder", "mark_verified"), ("tracker", "retire")}
"""Whose methods offer and retire what is published: what a part of the server calls them, and the method."""
MAY: dict[str, set[str]] = {
    "messages": set(),
    "errors": {"messages"},
    "names": {"errors", "messages"},
    "clock": set(),
    "config": {"errors", "messages"},
    "metrics": set(),
    "signals": set(),
    "tasks": set(),
    "units": set(),
    "wire": GROUND,
    "domain": GROUND,
    "files": GROUND | {"domain"},
    "store.interfaces": GROUND | {"domain"},
    "store": GROUND | {"domain", "files", "store.interfaces"},
    "seeding.interfaces": GROUND | {"domain"},
    "seeding": GROUND | {"domain", "files", "seeding.interfaces"},
    "terminals.interfaces": GROUND | {"wire"},
    "catalogue.interfaces": GROUND | {"domain"},
    "audit": GROUND | {"domain", "store.interfaces"},
    "auth": GROUND | {"audit", "domain", "store.interfaces"},
    "tracker": GROUND,
    "catalogue": GROUND
    | {"catalogue.interfaces", "domain", "files", "seeding.interfaces", "store.interfaces", "tracker"},
    "publishing": GROUND | EDGES | {"catalogue", "domain", "files", "tracker", "wire"},
    "rollouts": GROUND | EDGES | {"domain", "files", "tracker", "wire"},
    "terminals": GROUND
    | {"audit", "auth", "domain", "publishing", "rollouts", "store.interfaces", "terminals.interfaces", "wire"},
    "web.console": GROUND,
    "web.http": GROUND | {"domain", "store.interfaces"},
    "web.api": GROUND | EDGES | USE_CASES | {"domain", "tracker", "web.http"},
    "web.live": GROUND | {"domain", "rollouts", "store.interfaces", "web.api", "web.http"},
    "web.metrics": GROUND | {"domain", "seeding.interfaces", "store.interfaces", "web.http"},
    "web": GROUND | EDGES | USE_CASES | {"domain", "tracker", "web.api", "web.console", "web.http", "web.live"},
    "agent": GROUND | {"domain", "files", "seeding", "seeding.interfaces", "wire"},
    "cli": GROUND | {"domain", "files"},
    "demo": GROUND | {"files"},
}
"""Package to the packages it may import; `app` may import all. A package that is not here is not allowed."""

THIRD_PARTY: dict[str, set[str]] = {
    "bencodepy": {"domain", "tracker"},
    "click": {"cli", "demo"},
    "klein": {"tracker", "web"},
    "libtorrent": {"seeding"},
    "msgspec": {"agent", "cli", "config", "demo", "seeding", "web", "wire"},
    "prometheus_client": {"app", "catalogue", "metrics", "seeding", "store", "terminals", "tracker", "web.metrics"},
    "rich": {"cli", "demo"},
    "sqlite3": {"store"},
    "sqlite_utils": {"store"},
    "twisted": {
        "agent",
        "app",
        "audit",
        "auth",
        "catalogue",
        "files",
        "publishing",
        "rollouts",
        "seeding",
        "signals",
        "store",
        "tasks",
        "terminals",
        "tracker",
        "web",
    },
    "werkzeug": {"tracker", "web"},
    "zope": {"seeding", "terminals", "tracker", "web"},
}
"""What others wrote, by its top-level module, to the packages (or parts of them) that import it. What is not here is
imported nowhere.

`sqlite3` counts as well, though Python brings it: nobody but the store knows what database it is.
"""


def package(parts: Sequence[str]) -> str:
    """The package of a module by the parts of its path below `voi`; those of web, and interfaces, count each."""
    inner = ".".join(parts[:2])
    return inner if inner in MAY else parts[0]


def package_of(path: Path) -> str:
    """The package of a file."""
    return package(path.relative_to(ROOT).with_suffix("").parts)


def lies_in(path: Path, place: str) -> bool:
    """Whether a file is a package, or a part of one as ``package.part``, or lies below it."""
    own = path.relative_to(ROOT).with_suffix("").parts
    parts = tuple(place.split("."))
    return own[: len(parts)] == parts


def modules(path: Path) -> list[str]:
    """What a file imports, in full, with the module that it is taken from before it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A package may be named, and its module imported from it.
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def imported(path: Path) -> set[str]:
    """The packages that a file imports."""
    return {package(name.split(".")[1:]) for name in modules(path) if name.startswith("voi.")}


def foreign(path: Path) -> set[str]:
    """The top-level modules that a file imports and that neither we nor Python brings; and `sqlite3`."""
    tops = {name.split(".")[0] for name in modules(path)} - {"voi"}
    return {top for top in tops if top == "sqlite3" or top not in sys.stdlib_module_names}


def _dotted(path: Path) -> str:
    """The name by which a file is imported."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _modules(path: Path) -> set[str]:
    """The modules that a file imports as it is read itself, not later in a function, nor for types alone."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found - {_dotted(path), "voi"}


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

    def test_one_place_chooses_the_database(self) -> None:
        """Which database there is, one module says; everybody else knows it by its interfaces."""
        outside = [path for path in ROOT.rglob("*.py") if package_of(path) not in ("store", "store.interfaces")]
        self.assertEqual(
            [str(path.relative_to(ROOT)) for path in outside if "store" in imported(path)], ["app/database.py"]
        )

    def test_no_circle(self) -> None:
        """The packages, with what they import, can be put in one order; so can what they may import."""
        found: dict[str, set[str]] = {}
        for path in sorted(ROOT.rglob("*.py")):
            own = package_of(path)
            found.setdefault(own, set()).update(imported(path) - {own, "__version__"})
        for graph in (found, MAY):
            TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle

    def test_no_circle_of_modules(self) -> None:
        """No module needs, over others, itself: each can be read after those that it imports."""
        known = {_dotted(path) for path in ROOT.rglob("*.py")}
        graph = {_dotted(path): {name for name in _modules(path) if name in known} for path in ROOT.rglob("*.py")}
        TopologicalSorter(graph).prepare()

    def test_third_parties(self) -> None:
        """Each library is known to the packages that it is for, and to nobody else."""
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

    def test_one_place_connects(self) -> None:
        """Signals are connected in one module: whoever looks for what follows from an event reads that."""
        signals: set[str] = set()
        callers: dict[str, set[str]] = {}
        for path in ROOT.rglob("*.py"):
            text = path.read_text("utf-8")
            signals |= set(re.findall(r"(\w+): Signal\[", text))
            for name in re.findall(r"\b(\w+)\.connect\(", text):
                callers.setdefault(name, set()).add(str(path.relative_to(ROOT)))
        found = {name: callers.get(name, set()) - {"app/connections.py"} for name in signals}
        self.assertGreater(len(signals), 5)
        self.assertEqual({name: places for name, places in found.items() if places}, {})

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
        self.assertEqual({place for places in callers.values() for place in places}, {"catalogue/offering.py"})
