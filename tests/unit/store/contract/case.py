"""What the tests of all contracts share."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.unit.store.values import DISK, MAC, TEMPLATE, level, upload
from voi.domain.rollouts import Rollout, Target, Task
from voi.domain.room_directory import RoomDirectory
from voi.domain.templates import PublishedLevel, Template
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Terminal
from voi.domain.uploads import UploadDisk
from voi.errors import Conflict
from voi.messages.reason import plain
from voi.names import DiskName
from voi.store.interfaces.repositories import Repositories

T = TypeVar("T")

BASE, DIFF = DiskName(DISK, 0), DiskName(DISK, 1)
THIRD = "AA:BB:CC:DD:EE:03"
UNKNOWN = "AA:BB:CC:DD:EE:99"
"""A terminal that never logged in."""


def held(name: DiskName, operate_id: int | None = None) -> ReportedLevel:
    """A level as a terminal reports it."""
    return ReportedLevel(TEMPLATE, name, operate_id=operate_id)


def there(found: T | None) -> T:
    """What must have been found."""
    assert found is not None
    return found


class Contract(TestCase):
    """Tests of one interface; whoever implements it derives a class from each."""

    def open_repositories(self, room_directory: RoomDirectory, started: float = 0.0) -> Repositories:
        """Open this test's own database, which is empty at first; called again, it is another start of the server.

        They keep `room_directory` current. `started` is when the server started. What is open is closed when the test
        is over, or at the next start.
        """
        raise NotImplementedError

    def setUp(self) -> None:
        """An empty database."""
        self.start(0.0)

    def start(self, now: float) -> None:
        """A server starts."""
        self.room_directory = RoomDirectory()
        self.repositories = repositories = self.open_repositories(self.room_directory, now)
        self.terminals, self.templates = repositories.terminals, repositories.templates
        self.uploads, self.rollouts = repositories.uploads, repositories.rollouts
        self.commands, self.rooms = repositories.commands, repositories.rooms
        self.entries, self.accounts = repositories.audit_entries, repositories.accounts

    async def publish(self, *levels: PublishedLevel, name: str = "Office") -> Template:
        """Put levels into the catalogue, as imports do."""
        for one in levels:
            asked = upload(one.name, mac=None, template=one.template_uuid, name=name)
            written = await self.uploads.begin(asked)
            template = await self.templates.publish(one, written.disks[0], written)
        return template

    async def terminal(self, mac: str = MAC) -> str:
        """Make a terminal's row; its tracker key."""
        return (await self.terminals.touch(mac, "10.0.0.1", 1, 1.0)).tracker_key

    async def known(self, mac: str = MAC) -> Terminal:
        """A terminal's row."""
        return there(await self.terminals.get(mac))

    async def report(self, mac: str, *levels: ReportedLevel) -> None:
        """A terminal says what it has of the template."""
        await self.terminals.report(mac, ReportedTemplate(TEMPLATE, "Office", 1, ""), levels)

    async def rollout(self, number: int) -> Rollout:
        """A rollout as it is on disk."""
        return there(await self.rollouts.get(number))

    async def target(self, number: int, mac: str = MAC) -> Target:
        """A terminal's part in it."""
        return next(x for x in (await self.rollout(number)).targets if x.mac == mac)

    async def planned(self, number: int, mac: str = MAC) -> tuple[Task, ...]:
        """A terminal's tasks in it."""
        return there(await self.rollouts.plan(number, mac, 2.0)).tasks

    async def begun(self) -> int:
        """A rollout to one terminal."""
        await self.terminal(MAC)
        await self.publish(level())
        return (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id

    async def reason(self, number: int) -> str:
        """The reason of its target."""
        rollout = await self.rollouts.get(number)
        assert rollout is not None
        return rollout.targets[0].reason

    async def disk(self, disk: UploadDisk) -> UploadDisk:
        """A disk of an upload as it is on disk."""
        return there(await self.uploads.disk(disk.id))

    async def refused(self, work: Deferred[Any], code: str, field: str | None = None, **data: Any) -> None:
        """Something is refused as a conflict, for this reason with these values, and because of this field."""
        error: Any = await self.assertFailure(work, Conflict)
        self.assertEqual((error.field, plain(error.reason)["code"]), (field, code))
        self.assertLessEqual(data.items(), plain(error.reason)["data"].items())
