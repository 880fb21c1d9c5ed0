"""Benches and soak tests use the server's database through its repositories, so that a new schema breaks none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import tests

ROOT = Path(tests.__file__).parent
DATABASES = {"sqlite3", "sqlite_utils"}


def imported(path: Path) -> Iterator[str]:
    """The top-level modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


class DatabaseTests(SynchronousTestCase):
    """Who may speak to the database itself."""

    def test_no_sql_of_their_own(self) -> None:
        """No bench and no soak test opens the database by itself."""
        files = [path for package in ("bench", "soak") for path in (ROOT / package).rglob("*.py")]
        self.assertGreater(len(files), 30)
        found = {str(path.relative_to(ROOT)) for path in files if DATABASES & set(imported(path))}
        self.assertEqual(found, set())
