"""What checks the console's JavaScript: pinned, from the one registry, and able to find something."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[3]
REGISTRY = "https://registry.npmjs.org/"


def read(name: str) -> dict[str, Any]:
    """A file of JSON at the top of the repository."""
    found = json.loads((ROOT / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


class PackageTests(SynchronousTestCase):
    """package.json and package-lock.json."""

    def test_pinned_exactly(self) -> None:
        """Each package is wanted in one version, the one that the lock file has."""
        wanted = read("package.json")["devDependencies"]
        locked = read("package-lock.json")["packages"]
        for name, version in wanted.items():
            self.assertRegex(version, r"^\d+\.\d+\.\d+$", name)
            self.assertEqual(locked[f"node_modules/{name}"]["version"], version, name)

    def test_from_the_public_registry(self) -> None:
        """The lock file names no other host, and has a checksum of everything."""
        for path, package in read("package-lock.json")["packages"].items():
            if path:
                self.assertTrue(package.get("resolved", REGISTRY).startswith(REGISTRY), path)
                self.assertRegex(package["integrity"], "^sha512-", path)
        hosts = re.findall(r"https?://[^/\"]+", (ROOT / "package-lock.json").read_text("utf-8"))
        strange = {host for host in hosts if not re.search(r"npmjs\.org|opencollective\.com|github\.com", host)}
        self.assertEqual(strange, set())

    def test_not_part_of_a_page(self) -> None:
        """These packages check; nothing of them is installed with the server or sent to a browser."""
        self.assertNotIn("dependencies", read("package.json"))
