"""What the README says in figures, against the code and the pages that it takes them from."""

from __future__ import annotations

import re
from pathlib import Path

import click
from twisted.trial.unittest import SynchronousTestCase

from voi.config import Config
from voi.demo import __main__ as demo

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.rst").read_text("utf-8")
NUMBERS = {4: "four", 8: "eight", 9: "nine"}


class ReadmeTests(SynchronousTestCase):
    """The README."""

    def test_is_short(self) -> None:
        """It stays what one reads in two minutes."""
        self.assertLessEqual(len(README.splitlines()), 130)

    def test_ports(self) -> None:
        """The ports that are to be opened are those that the server takes unless it is told otherwise."""
        config = Config()
        terminals, http, bittorrent = (
            re.findall(r"\d+$", said)[0] for said in (config.terminals, config.http, config.bittorrent)
        )
        self.assertIn(f"TCP\n{terminals}, {bittorrent} and {http}, and UDP {http}, towards the terminals", README)
        self.assertIn(f"http://SERVER:{http}/", README)

    def test_demo(self) -> None:
        """What the demo runs: the size of the image, how many receive it, how many sums are equal, how many wait."""
        options = {one.name: one.default for one in demo.main.params if isinstance(one, click.Option)}
        receivers = int(str(options["terminals"]))
        told = " ".join(README.split())
        self.assertIn(f"a disk image of {options['megabytes']} MiB, {NUMBERS[receivers]} that receive it", told)
        self.assertIn(f"{NUMBERS[receivers + 1]} equal SHA-256 sums", told)
        self.assertIn(f"{NUMBERS[demo.WAITING]} more terminals wait there", told)

    def test_figures(self) -> None:
        """Each measured figure stands in the page about speed too."""
        speed = (ROOT / "docs" / "speed.rst").read_text("utf-8")
        figures = re.findall(r"\b\d+\.\d\d\b", README[README.index("How fast") : README.index("Documentation\n---")])
        self.assertGreater(len(figures), 10)
        self.assertEqual([figure for figure in figures if figure not in speed], [])
