"""The contract of terminals."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.store.contract.case import BASE, DIFF, UNKNOWN, Contract, held, there
from tests.unit.store.values import DATA_DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Visit
from voi.errors import Conflict
from voi.names import DiskName
from voi.store.interfaces.terminals import MAX_TEMPLATES, MOST_VISITS


class TerminalsContract(Contract):
    """`Terminals`."""

    async def test_key_stays(self) -> None:
        """A terminal's tracker key is made at its first login and never changes."""
        first = await self.terminals.touch(MAC, "10.0.0.1", 1, 1.0)
        second = await self.terminals.touch(MAC, "10.0.0.2", 2, 9.0)
        self.assertEqual(first.tracker_key, second.tracker_key)
        self.assertEqual(
            (second.ip, second.client_type, second.first_seen, second.last_seen), ("10.0.0.2", 2, 1.0, 9.0)
        )

    async def test_visits(self) -> None:
        """Each time online is kept with its end; a login while it is there is no other time, and the oldest go."""
        for number in range(MOST_VISITS + 5):
            await self.terminals.touch(MAC, "10.0.0.1", 1, 10.0 * number)
            await self.terminals.touch(MAC, "10.0.0.1", 1, 10.0 * number + 1)
            await self.terminals.seen(MAC, 10.0 * number + 5)
        visits = await self.terminals.visits(MAC)
        first = 10.0 * (MOST_VISITS + 4)
        self.assertEqual(visits, [Visit(first - 10 * n, first - 10 * n + 5) for n in range(MOST_VISITS)])

    async def test_visit_that_a_crash_cut_off(self) -> None:
        """When a time online ended that was not over when the server was killed, nobody knows."""
        await self.terminals.touch(MAC, "10.0.0.1", 1, 1.0)
        self.start(5.0)
        await self.terminals.touch(MAC, "10.0.0.1", 1, 6.0)
        self.assertEqual(await self.terminals.visits(MAC), [Visit(6.0, None), Visit(1.0, 0.0)])

    async def test_report_replaces(self) -> None:
        """A report says all about one template and nothing about others."""
        await self.terminal()
        other = "22222222-2222-4333-8444-555555555555"
        await self.terminals.report(
            MAC, ReportedTemplate(other, "B", 0, ""), [ReportedLevel(other, DiskName(DATA_DISK, 0))]
        )
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "A", 1, "x"), [held(BASE), held(DIFF, 3)])
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "A", 1, "x"), [held(DIFF, 4)])
        disks = await self.terminals.disks(MAC)
        self.assertEqual({(d.name, d.operate_id) for d in disks}, {(DiskName(DATA_DISK, 0), None), (DIFF, 4)})
        self.assertEqual(await self.terminals.all_disks(), {MAC: disks})
        self.assertEqual(await self.terminals.reported_template(MAC, TEMPLATE), ReportedTemplate(TEMPLATE, "A", 1, "x"))

    async def test_too_many_templates(self) -> None:
        """A terminal that makes templates up cannot fill the database; those it has it may report again."""
        await self.terminal()
        reports = [ReportedTemplate(f"{index:08x}{TEMPLATE[8:]}", "", 0, "") for index in range(MAX_TEMPLATES + 1)]
        for report in reports[:-1]:
            await self.terminals.report(MAC, report, [])
        await self.assertFailure(self.terminals.report(MAC, reports[-1], []), Conflict)
        await self.terminals.report(MAC, reports[0], [held(BASE)])

    async def test_still_there(self) -> None:
        """A time online that goes on has no end yet; a login while it lasts begins no other."""
        await self.terminals.touch(MAC, "10.0.0.1", 1, 1.0)
        await self.terminals.touch(MAC, "10.0.0.1", 1, 2.0)
        self.assertEqual(await self.terminals.visits(MAC), [Visit(1.0, None)])
        await self.terminals.seen(MAC, 3.0)
        self.assertEqual((await self.terminals.visits(MAC), (await self.known()).last_seen), ([Visit(1.0, 3.0)], 3.0))

    async def test_known(self) -> None:
        """Terminals come by MAC, each with its own tracker key; one that never logged in is None."""
        keys = {await self.terminal(mac) for mac in (OTHER, MAC)}
        self.assertEqual(([x.mac for x in await self.terminals.all()], len(keys)), ([MAC, OTHER], 2))
        self.assertEqual(await self.terminals.get(MAC), (await self.terminals.all())[0])
        self.assertIsNone(await self.terminals.get(UNKNOWN))
        self.assertEqual([x.mac for x in await self.terminals.some([UNKNOWN, OTHER])], [OTHER])
        self.assertEqual(await self.terminals.some(None), await self.terminals.all())

    async def test_boot_disk(self) -> None:
        """What a terminal started from is noted, and stays through logins."""
        await self.terminal()
        await self.terminals.set_boot_disk(MAC, str(DIFF), None, 1.0)
        await self.terminal()
        self.assertEqual((await self.known()).boot_disk, str(DIFF))

    async def test_since_login(self) -> None:
        """A login leaves what was said as it was, and not confirmed; one on the same connection does not."""
        await self.terminal()
        await self.report(MAC, held(BASE, 0))
        await self.terminals.set_boot_disk(MAC, str(BASE), b"h" * 20, 1.0)
        self.assertEqual(((await self.known()).boot_hash, (await self.known()).boot_now), (b"h" * 20, True))
        await self.terminals.touch(MAC, "10.0.0.1", 1, 2.0, again=True)
        self.assertEqual(await self.terminals.disks(MAC), [held(BASE, 0)])
        await self.terminal()
        self.assertEqual(await self.terminals.disks(MAC), [replace(held(BASE, 0), confirmed=False)])
        self.assertFalse((await self.known()).boot_now)
        await self.terminals.add_level(MAC, held(BASE, 0))
        self.assertEqual(await self.terminals.disks(MAC), [held(BASE, 0)])

    async def test_ran(self) -> None:
        """That a terminal runs what it was sent is proved by the hash, or by the name in a later session."""
        await self.publish(level(0), level(1))
        await self.terminal()
        number = (await self.repositories.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        for task in await self.planned(number):
            await self.rollouts.done(task, held(task.name, task.operate_id), 2.0)
        for name, content, time in ((DIFF, None, 3.0), (BASE, level(0).info_hash, 4.0), (DIFF, b"?" * 20, 5.0)):
            self.assertIsNone(await self.terminals.set_boot_disk(MAC, str(name), content, time))
            self.assertIsNone((await self.target(number)).booted, time)
        self.assertEqual(await self.terminals.set_boot_disk(MAC, str(DIFF), level(1).info_hash, 6.0), number)
        self.assertEqual((await self.target(number)).booted, 6.0)
        self.assertEqual(there(await self.rollouts.summary(number)).ran, 1)

    async def test_strangers(self) -> None:
        """What is noted of a terminal that never logged in is passed over."""
        await self.terminals.seen(UNKNOWN, 1.0)
        await self.terminals.set_boot_disk(UNKNOWN, str(BASE), None, 1.0)
        await self.terminals.add_level(UNKNOWN, held(BASE))
        self.assertEqual((await self.terminals.all(), await self.terminals.disks(UNKNOWN)), ([], []))
        self.assertEqual(await self.terminals.visits(UNKNOWN), [])

    async def test_one_more_level(self) -> None:
        """A level is added to what is known, or takes the place of the same one; parents come first."""
        await self.terminal()
        for one in (held(DIFF, 1), held(BASE, 0), held(DIFF, 2)):
            await self.terminals.add_level(MAC, one)
        self.assertEqual(await self.terminals.all_disks([OTHER]), {})
        self.assertEqual(await self.terminals.all_disks([MAC]), await self.terminals.all_disks())
        self.assertEqual(await self.terminals.disks(MAC), [held(BASE, 0), held(DIFF, 2)])

    async def test_names(self) -> None:
        """What terminals call their templates, of all terminals or of some; None where one said nothing."""
        for mac, name in ((MAC, "Office"), (OTHER, "Lab")):
            await self.terminal(mac)
            await self.terminals.report(mac, ReportedTemplate(TEMPLATE, name, 1, ""), [])
        both = {(MAC, TEMPLATE): "Office", (OTHER, TEMPLATE): "Lab"}
        self.assertEqual(await self.terminals.reported_names(), both)
        self.assertEqual(await self.terminals.reported_names([OTHER, UNKNOWN]), {(OTHER, TEMPLATE): "Lab"})
        self.assertIsNone(await self.terminals.reported_template(MAC, "another"))
        self.assertEqual(await self.terminals.all_disks(), {}, "who reported no disk is left out")
