"""Tests of voi.domain.uploads."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DISK, upload
from voi.domain.uploads import UploadState
from voi.names import DiskName

BASE, DIFF, SECOND, THIRD = (DiskName(DISK, number) for number in range(4))


class UploadTests(SynchronousTestCase):
    """The state of an upload by those of its disks."""

    def test_states(self) -> None:
        """Open while any disk is, failed if any failed, else published."""
        for states, expected in (
            ((UploadState.PUBLISHED, UploadState.RECEIVING), "open"),
            ((UploadState.PUBLISHED, UploadState.FAILED), "failed"),
            ((UploadState.PUBLISHED,), "published"),
        ):
            disks = tuple(upload(BASE, state=state).disks[0] for state in states)
            self.assertEqual(replace(upload(BASE), disks=disks).state, expected)
