"""What the package uses is what its own dependencies bring, however much more the tests have installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from twisted.trial.unittest import SynchronousTestCase

import voi
from tests.certificate import write_certificate

ROOT = Path(voi.__file__).parent
PROJECT = ROOT.parent / "pyproject.toml"
LAZY = {"OpenSSL", "service_identity", "idna"}
"""What Twisted imports itself when a port speaks TLS (``ssl:`` endpoints), and warns or fails without."""
BARE = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}: no dependency brings it", name=name)

refused = set(sys.argv[2].split(","))
sys.meta_path.insert(0, Refuse())

import voi
for module in pkgutil.walk_packages(voi.__path__, "voi."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

pem = sys.argv[1]
listening = serverFromString(reactor, f"ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}").listen(Factory())
print(listening.result.getHost().type)
"""
"""Imports every module and opens a port with TLS, where nothing can be imported but what the dependencies bring."""


def declared() -> list[Requirement]:
    """The dependencies of pyproject.toml, without the extras."""
    project: dict[str, Any] = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def brought() -> set[str]:
    """The distributions that the dependencies bring, theirs and so on included, by their canonical names."""
    waiting = declared()
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in distribution(name).requires or ():
                further = Requirement(line)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    waiting.append(further)
    return {name for name, _ in seen}


def imported() -> Iterator[tuple[str, str]]:
    """Every import of another's module in the package, in functions too: the file, and the top-level module."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"voi"}:
                yield str(path.relative_to(ROOT)), name


class DependencyTests(SynchronousTestCase):
    """The dependencies of pyproject.toml."""

    def test_imports(self) -> None:
        """Each module that the package or Twisted's TLS imports belongs to a distribution that a dependency brings."""
        bringing, owners = brought(), packages_distributions()
        wanted = {name: file for file, name in imported()} | dict.fromkeys(LAZY, "an ssl: endpoint")
        self.assertLessEqual({"twisted", "klein", "libtorrent", "sqlite_utils"}, wanted.keys())
        foreign = {
            name: file
            for name, file in wanted.items()
            if not bringing & {canonicalize_name(owner) for owner in owners.get(name, ())}
        }
        self.assertEqual(foreign, {})

    def test_nothing_else_is_needed(self) -> None:
        """Every module can be imported, and a port opened with TLS, without what only the extras have installed."""
        bringing = brought() | {"voi"}
        refused = {
            name
            for name, owners in packages_distributions().items()
            if not bringing & {canonicalize_name(owner) for owner in owners}
        }
        self.assertIn("hypothesis", refused)
        pem = Path(self.mktemp())
        write_certificate(pem)
        child = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", BARE, str(pem), ",".join(refused)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((child.stdout.strip(), child.returncode), ("TCP", 0), child.stderr)

    def test_upper_bounds(self) -> None:
        """What was measured with one version of the stack has a bound above it: a new major one is measured first."""
        bounded = {canonicalize_name(one.name) for one in declared() if re.search("<[0-9]", str(one.specifier))}
        self.assertLessEqual({"twisted", "klein", "libtorrent", "sqlite-utils"}, bounded)
