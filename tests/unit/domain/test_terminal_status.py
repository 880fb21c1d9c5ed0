"""Tests of voi.domain.terminal_status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.rollouts import Target, TargetState
from voi.domain.templates import PublishedLevel, Template
from voi.domain.terminal_status import TerminalState, VersionIndex
from voi.domain.terminals import ReportedLevel, Terminal
from voi.names import DiskName

OFFICE, LAB = "11111111-2222-4333-8444-555555555555", "21111111-2222-4333-8444-555555555555"
DISK, OTHER_DISK = "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b", "1f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"
TERMINAL = Terminal("AA:BB:CC:DD:EE:01", "10.0.0.1", 1, None, 1.0, 1.0, "k")


def template(uuid: str, disk: str, levels: int) -> Template:
    """A template with one disk, each level of which was a version."""
    published = tuple(
        PublishedLevel(uuid, DiskName(disk, n), 0, min(n, 1), b"", 1, 1, 1, 1.0, None) for n in range(levels)
    )
    return Template(uuid, "x", 1, "", f"group of {uuid}", "x", False, levels, 1.0, 1.0, published)


def held(*names: tuple[str, int, int | None], template: str = OFFICE) -> list[ReportedLevel]:
    """What a terminal has: disk, level, count of changes."""
    return [ReportedLevel(template, DiskName(disk, level), operate_id=count) for disk, level, count in names]


def target(state: TargetState, template: str = OFFICE) -> Target:
    """Its part in its newest rollout."""
    return Target(7, template, TERMINAL.mac, state, "a reason", 0, 0.0, 1.0)


class StatusCase(SynchronousTestCase):
    """Two templates: the office has versions 1 and 2, the lab has version 1."""

    def setUp(self) -> None:
        """A catalogue."""
        levels = [(DiskName(DISK, 0), 0), (DiskName(DISK, 1), 1)]
        self.catalogue = VersionIndex(
            [template(OFFICE, DISK, 2), template(LAB, OTHER_DISK, 1)],
            {
                OFFICE: [(2, frozenset(levels)), (1, frozenset(levels[:1]))],
                LAB: [(1, frozenset([(DiskName(OTHER_DISK, 0), 0)]))],
            },
        )

    def state(
        self,
        levels: list[ReportedLevel],
        rollout: Target | None = None,
        *,
        online: bool = True,
        terminal: Terminal = TERMINAL,
    ) -> tuple[str, int | None]:
        """State and version."""
        found = self.catalogue.status_of(terminal, levels, rollout, online=online)
        return found.state.value, found.version


class StandingTests(StatusCase):
    """What has which version, and what becomes of it."""

    def test_versions(self) -> None:
        """A version is there when all its levels are, with the right counts, or without any."""
        for levels, expected in (
            (held((DISK, 0, 0), (DISK, 1, 1)), ("current", 2)),
            (held((DISK, 0, None), (DISK, 1, None)), ("current", 2)),
            (held((DISK, 0, 0), (DISK, 1, 0)), ("outdated", 1)),
            (held((DISK, 0, 0)), ("outdated", 1)),
            (held((DISK, 1, 1)), ("outdated", 0)),
            (held((DISK, 0, 5)), ("outdated", 0)),
            (held((DISK, 0, 0), (DISK, 1, 1), (DISK, 3, None)), ("current", 2)),
            (held(), ("unreported", 0)),
            (held((OTHER_DISK, 0, 0), template="unheard-of"), ("unreported", 0)),
        ):
            self.assertEqual(self.state(levels), expected)

    def test_rollouts(self) -> None:
        """An open rollout says what becomes of a terminal; one that failed counts until it has the disks after all."""
        old, new = held((DISK, 0, 0)), held((DISK, 0, 0), (DISK, 1, 1))
        self.assertEqual(self.state(old, target(TargetState.WAITING)), ("waiting", 1))
        self.assertEqual(self.state(new, target(TargetState.DOWNLOADING)), ("downloading", 2))
        self.assertEqual(self.state(old, target(TargetState.FAILED)), ("failed", 1))
        self.assertEqual(self.state([], target(TargetState.FAILED)), ("failed", 0))
        self.assertEqual(self.state(new, target(TargetState.FAILED)), ("current", 2))
        self.assertEqual(self.state(old, target(TargetState.DONE)), ("outdated", 1))
        self.assertEqual(self.state([], target(TargetState.CANCELLED)), ("unreported", 0))

    def test_failed_with_another_template(self) -> None:
        """A terminal whose own template is current, and to which another one could not be sent, has failed."""
        booted = replace(TERMINAL, boot_disk=f"voi_1_{DISK}")
        levels = held((DISK, 0, 0), (DISK, 1, 1))
        self.assertEqual(self.state(levels, target(TargetState.FAILED, LAB), terminal=booted), ("failed", 2))

    def test_offline(self) -> None:
        """A terminal that is off is off, whatever else; what its rollout says of it is kept."""
        found = self.catalogue.status_of(TERMINAL, held((DISK, 0, 0)), target(TargetState.WAITING), online=False)
        self.assertEqual((found.state, found.version, found.newest), (TerminalState.OFFLINE, 1, 2))
        self.assertIsNotNone(found.target)
        found = self.catalogue.status_of(TERMINAL, [], target(TargetState.DONE), online=False)
        self.assertIsNone(found.target)

    def test_which_template(self) -> None:
        """What it booted counts first, then what was sent to it last, then what it has."""
        both = held((OTHER_DISK, 0, 0), template=LAB) + held((DISK, 0, 0))

        def found(boot_disk: str | None, rollout: Target | None) -> str | None:
            return self.catalogue.template_of(replace(TERMINAL, boot_disk=boot_disk), both, rollout)

        self.assertEqual(found(f"voi_1_{DISK}", target(TargetState.DONE, LAB)), OFFICE)
        self.assertEqual(found("windows", target(TargetState.DONE)), OFFICE)
        self.assertEqual(found(None, target(TargetState.CANCELLED)), LAB)
        self.assertEqual(found(f"voi_0_{OFFICE}", None), LAB)


class SinceLoginTests(StatusCase):
    """What a terminal has is what it said since this login, and what it runs what it started from since then."""

    def test_not_said_is_not_known(self) -> None:
        """What it said before its login is unknown, never outdated or current; enough that was said since counts."""
        base, diff = held((DISK, 0, 0), (DISK, 1, 1))
        old_base, old_diff = (replace(level, confirmed=False) for level in (base, diff))
        self.assertEqual(self.state([old_base, old_diff]), ("unknown", None))
        self.assertEqual(self.state([old_base]), ("unknown", None))
        self.assertEqual(self.state([base, old_diff]), ("unknown", None))
        self.assertEqual(self.state([base, diff]), ("current", 2))
        self.assertEqual(
            self.state([base, diff, *(replace(x, confirmed=False) for x in held((DISK, 3, None)))]), ("current", 2)
        )
        self.assertEqual(self.state([old_base], target(TargetState.DONE)), ("unknown", None))
        self.assertEqual(self.state([old_base], target(TargetState.WAITING)), ("waiting", None))
        self.assertEqual(self.state([old_base], online=False), ("offline", None))

    def test_booted_and_never_said(self) -> None:
        """A terminal that started from a disk of ours, and never said what it has: not known, not outdated."""
        booted = replace(TERMINAL, boot_disk=f"voi_0_{DISK}", boot_now=True)
        self.assertEqual(self.state([], terminal=booted), ("unknown", None))
        self.assertEqual(self.state([], terminal=replace(booted, boot_now=False)), ("outdated", 0))

    def running(self, levels: list[ReportedLevel], level: int, **changes: Any) -> int | None:
        """The version that runs, started from this level."""
        terminal = replace(TERMINAL, boot_disk=f"voi_{level}_{DISK}", **{"boot_now": True, **changes})
        return self.catalogue.status_of(terminal, levels, None, online=True).running

    def test_running(self) -> None:
        """It runs what it started from since its login, not what it has; and nothing of ours with another hash."""
        both = held((DISK, 0, 0), (DISK, 1, 1))
        self.assertEqual(self.running(both, 1), 2)
        self.assertEqual(self.running(both, 0), 1)
        self.assertEqual(self.running([], 1), 2)
        self.assertEqual(self.running(both, 1, boot_hash=b""), 2)
        self.assertIsNone(self.running(both, 1, boot_hash=b"other"))
        self.assertIsNone(self.running(both, 1, boot_now=False))
        self.assertIsNone(self.running(both, 2))
        self.assertIsNone(self.catalogue.status_of(TERMINAL, both, None, online=True).running)

    def test_running_one_of_several(self) -> None:
        """Versions that differ in another disk have the same on top: it is the newest that the terminal can have."""
        first, second = (DiskName(DISK, 0), 0), (DiskName(OTHER_DISK, 0), 0)
        versions = {OFFICE: [(2, frozenset([first, second])), (1, frozenset([first]))]}
        self.catalogue = VersionIndex([template(OFFICE, DISK, 2)], versions)
        both = held((DISK, 0, 0), (OTHER_DISK, 0, 0))
        self.assertEqual(self.running(both, 0), 2)
        self.assertEqual(self.running(both[:1], 0), 1)
        self.assertIsNone(self.running([], 0))
