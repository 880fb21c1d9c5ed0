"""Tests of terminals that stand still: measured by what they gain, with a reason that is true."""

from __future__ import annotations

from tests.unit.rollouts.case import BASE, CoordinatorCase, FakePeer
from tests.unit.store.values import MAC, OTHER
from voi.catalogue.interfaces import Contents
from voi.messages.reason import Reason, code_of
from voi.rollouts.dispatcher import CONTENT_SECONDS, GRACE_SECONDS
from voi.rollouts.stalls import HELP_SECONDS, NOTHING_ARRIVES, STALL_SECONDS, STUCK_SECONDS, TICK_SECONDS
from voi.wire.messages import DownloadResult, TaskState, encode_reason

DAMAGED = Reason("torrent_file_missing", name="x.torrent", text="gone")


class FakeContents(Contents):
    """Contents of which a test says what is wrong."""

    def __init__(self) -> None:
        self.suspected: list[bytes] = []
        self.problems: dict[bytes, Reason] = {}

    def suspect(self, info_hash: bytes) -> None:
        """Note it."""
        self.suspected.append(info_hash)

    def problem(self, info_hash: bytes) -> Reason | None:
        """As a test says."""
        return self.problems.get(info_hash)


class StandstillCase(CoordinatorCase):
    """A terminal that fetches, looked at again and again."""

    contents: FakeContents

    def setUp(self) -> None:
        """Contents that a test may spoil."""
        super().setUp()
        self.contents = FakeContents()

    async def pass_by(self, seconds: float) -> None:
        """Time goes by, looked at every few seconds."""
        until = self.now + seconds
        while self.now < until:
            self.now += min(TICK_SECONDS, until - self.now)
            await self.coordinator.stall_monitor.tick()

    async def say(self, state: TaskState) -> None:
        """A 9025."""
        await self.coordinator.progress_receiver.task_state(MAC, state)


class GainTests(StandstillCase):
    """What counts as getting on."""

    async def test_two_sources_round_differently(self) -> None:
        """The terminal's 94.3 and the seed's 94.4 for ever are no progress: said after a minute, failed after five."""
        await self.started()
        self.swarm.known = [FakePeer(MAC, progress=0.944)]
        await self.say(self.state(BASE, 94.3))
        for second in range(0, int(STALL_SECONDS) + 5, 5):
            await self.pass_by(5)
            await self.say(self.state(BASE, 94.3 if second % 2 else 94.2))
            self.swarm.known[0].progress = 0.944 if second % 3 else 0.943
            if second == STUCK_SECONDS + 15:
                self.assertEqual((await self.target()).reason, NOTHING_ARRIVES)
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))
        self.assertIn("no progress for 5 minutes", target.reason)

    async def test_gains_little(self) -> None:
        """Each new best counts, however small it is."""
        await self.started()
        for step in range(20):
            await self.say(self.state(BASE, 50 + step / 100))
            await self.pass_by(STUCK_SECONDS - TICK_SECONDS)
        target = await self.target()
        self.assertEqual((target.state, target.attempts, target.reason), ("downloading", 0, ""))


class ReasonTests(StandstillCase):
    """What is said of a terminal that gets nothing."""

    async def test_the_terminal_says_why(self) -> None:
        """What it says is in its way is the reason, told as its word; and gone when it says so no more."""
        await self.started()
        why = Reason("disk_nearly_full", free=7)
        full = TaskState(torrent_name=str(BASE), progress=20, state="downloading", reason=encode_reason(why))
        await self.say(full)
        self.assertEqual((await self.target()).reason, f"the terminal says: {why}")
        await self.pass_by(STUCK_SECONDS + 1)
        self.assertEqual((await self.target()).reason, f"the terminal says: {why}")
        await self.say(self.state(BASE, 21))
        self.assertEqual((await self.target()).reason, "")

    async def test_failed_with_the_terminals_reason(self) -> None:
        """A download that stood still fails with what the terminal said of it."""
        await self.started()
        why = encode_reason("its disk is full")
        await self.say(TaskState(torrent_name=str(BASE), progress=20, state="downloading", reason=why))
        await self.pass_by(STALL_SECONDS + 1)
        self.assertIn("no progress for 5 minutes; the terminal says: its disk is full", (await self.target()).reason)

    async def test_result_with_a_reason(self) -> None:
        """9015 and 9025 that say why a download failed are told with that."""
        await self.started()
        why = encode_reason("no space left")
        await self.coordinator.progress_receiver.download_result(
            MAC, DownloadResult(disk=str(BASE), result=2, reason=why)
        )
        self.assertIn("the terminal reports that the download failed: no space left", (await self.target()).reason)

    async def test_not_started_with_a_reason(self) -> None:
        """One that has not begun says why."""
        await self.started()
        why = encode_reason("waits for room")
        await self.coordinator.progress_receiver.download_result(
            MAC, DownloadResult(disk=str(BASE), result=0, reason=why)
        )
        self.assertEqual((await self.target()).reason, "the terminal says: waits for room")


class ContentTests(StandstillCase):
    """The server's own copy may be what is wrong."""

    async def test_suspected(self) -> None:
        """Where a terminal that the server's peer serves gets nothing for long, the server's file is read again."""
        await self.started()
        self.swarm.known = [FakePeer(MAC, progress=0.9)]
        await self.pass_by(HELP_SECONDS - TICK_SECONDS)
        self.assertEqual(self.contents.suspected, [])
        await self.pass_by(HELP_SECONDS)
        self.assertIn(self.torrents[BASE], self.contents.suspected)

    async def test_no_network_of_its_own(self) -> None:
        """One terminal alone that nobody is connected to says nothing about the server's file."""
        await self.started()
        await self.pass_by(STUCK_SECONDS)
        self.assertEqual(self.contents.suspected, [])

    async def test_told_and_not_counted(self) -> None:
        """While the server's copy is damaged that is the reason, no try is lost; afterwards time counts anew."""
        await self.started()
        self.contents.problems[self.torrents[BASE]] = DAMAGED
        await self.pass_by(STALL_SECONDS * 3)
        target = await self.target()
        self.assertEqual((target.state, target.attempts, target.reason), ("downloading", 0, DAMAGED))
        self.contents.problems.clear()
        await self.pass_by(STALL_SECONDS - TICK_SECONDS)
        self.assertEqual((await self.target()).attempts, 0)
        self.assertEqual((await self.target()).reason, NOTHING_ARRIVES)

    async def test_others_have_it(self) -> None:
        """A terminal that gets on has nothing to wait for, whatever is wrong with the server's copy."""
        await self.started()
        self.contents.problems[self.torrents[BASE]] = DAMAGED
        for percent in range(1, 10):
            await self.say(self.state(BASE, percent))
            await self.pass_by(TICK_SECONDS)
        self.assertEqual((await self.target()).reason, "")

    async def test_cannot_be_sent(self) -> None:
        """Where the server cannot read what it must send, no try of the terminal's is used up."""
        await self.prepare()
        path = self.directory.torrent(self.torrents[BASE])
        content = path.read_bytes()
        path.unlink()
        self.registry.there.add(MAC)
        await self.begin()
        target = await self.target()
        self.assertEqual(
            (target.state, target.attempts, code_of(target.reason)), ("waiting", 0, "torrent_file_missing")
        )
        path.write_bytes(content)
        await self.coordinator.stall_monitor.tick()
        self.assertEqual(self.registry.sent, [])
        self.now += CONTENT_SECONDS
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertIn(str(BASE), self.registry.names(MAC))
        self.assertEqual((await self.target()).reason, "")

    async def test_waiting_ones_say_so(self) -> None:
        """A terminal that waits for what the server lacks says so as well."""
        await self.test_cannot_be_sent()
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        await self.settle()
        self.contents.problems[self.torrents[BASE]] = DAMAGED
        await self.pass_by(GRACE_SECONDS + TICK_SECONDS)
        self.assertEqual((await self.target()).attempts, 1)

    async def test_known_of_several(self) -> None:
        """Several that stand still are enough to doubt the server's file, whoever is connected."""
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        await self.begin()
        self.swarm.known = []
        await self.pass_by(HELP_SECONDS + TICK_SECONDS)
        self.assertIn(self.torrents[BASE], self.contents.suspected)
