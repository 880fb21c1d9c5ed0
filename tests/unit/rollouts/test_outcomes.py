"""What comes of tasks: failed tries, retries, standstills, lost answers."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, SIZE, CoordinatorCase, FakePeer
from tests.unit.store.values import MAC, OTHER
from voi.domain.rollouts import RETRY_PAUSES
from voi.errors import Conflict, ConnectionEnded, NoAnswer, NotFound
from voi.messages.reason import Reason, kept
from voi.rollouts.dispatcher import GRACE_SECONDS
from voi.rollouts.stalls import HELP_SECONDS, MOST_HELPED, STALL_SECONDS
from voi.wire.messages import DownloadResult, Reply, encode_reason, success


class FailureTests(CoordinatorCase):
    """What goes wrong, and what comes after."""

    async def test_tried_again_five_times(self) -> None:
        """Each failure waits longer; after the fifth retry it is final and says why."""
        await self.prepare()
        self.registry.there.add(MAC)
        self.registry.answer = lambda: succeed(Reply(code=10002, msg="bad torrent"))
        self.torrents.pop(DIFF)
        await self.begin()
        for pause in RETRY_PAUSES:
            target = await self.target()
            self.assertEqual(target.state, "waiting")
            self.assertIn("10002", target.reason)
            sent = len(self.registry.sent)
            self.now += pause - 1
            await self.coordinator.stall_monitor.tick()
            await self.settle()
            self.assertEqual(len(self.registry.sent), sent, "not before its time")
            self.now += 3601
            await self.coordinator.stall_monitor.tick()
            await self.settle()
        target = await self.target()
        self.assertEqual(target.state, "failed")
        self.assertIn("bad torrent", target.reason)
        self.assertEqual((await self.rollout()).state, "failed")

    async def test_refusal_with_its_reason(self) -> None:
        """What a terminal refuses with is kept with what it is made of, so that it can be said in other languages."""
        await self.prepare()
        self.registry.there.add(MAC)
        full = Reason("terminal_full", name="voi_0_x", needed=7, free=5)
        self.registry.answer = lambda: succeed(Reply(code=20724, msg=str(full), data={"reason": encode_reason(full)}))
        self.torrents.pop(DIFF)
        await self.begin()
        self.assertIn('"code": "terminal_full"', kept((await self.target()).reason))

    async def test_retried(self) -> None:
        """A terminal that failed tries again from the beginning when somebody asks for it, and only then."""
        await self.test_tried_again_five_times()
        self.registry.sent.clear()
        self.registry.answer = lambda: succeed(success())
        self.assertEqual(await self.coordinator.retry(LI, 1), [MAC])
        target = await self.target()
        self.assertEqual((target.state, target.attempts, target.reason), ("downloading", 0, ""))
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])
        with self.assertRaises(Conflict):
            await self.coordinator.retry(LI, 1)

    async def test_not_retried(self) -> None:
        """Nothing is tried again that was cancelled, or that a newer rollout has taken over; nor an unknown rollout."""
        await self.test_tried_again_five_times()
        await self.begin()
        with self.assertRaises(Conflict):
            await self.coordinator.retry(LI, 1)
        await self.coordinator.cancel(LI, 2)
        with self.assertRaises(Conflict):
            await self.coordinator.retry(LI, 2)
        with self.assertRaises(NotFound):
            await self.coordinator.retry(LI, 9)

    async def test_a_lost_answer_is_no_failure(self) -> None:
        """A terminal that works at a disk, or has it, whose answer to 1015 got lost: nothing is sent again."""
        await self.prepare()
        self.registry.there.add(MAC)
        answers = [Deferred[Reply](), Deferred[Reply]()]
        self.registry.answer = iter(answers).__next__
        await self.begin()
        self.now += 1
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        answers[0].errback(NoAnswer("silence"))
        await self.settle()
        self.now += 1
        await self.coordinator.progress_receiver.task_state(MAC, self.state(DIFF, 10))
        answers[1].errback(NoAnswer("silence"))
        target = await self.target()
        self.assertEqual((target.state, target.attempts, len(self.registry.sent)), ("downloading", 0, 2))

    async def test_one_failure_counts_once(self) -> None:
        """9025 and 9015 about the same failure are one."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 0, "finished"))
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))

    async def test_a_late_word_about_a_failed_try(self) -> None:
        """What arrives after the failure does not take the next try's place."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 0, "finished"))
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.assertEqual((await self.target()).state, "waiting")
        self.registry.sent.clear()
        self.now += RETRY_PAUSES[0]
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE)])

    async def test_standstill(self) -> None:
        """An online terminal that gets nothing for minutes has failed this try; an offline one has not."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        self.now += STALL_SECONDS
        self.registry.there.clear()
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).state, "downloading")
        self.registry.come(MAC)
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).state, "downloading", "its absence is no standstill")
        self.now += GRACE_SECONDS  # it says nothing, and is sent its disks again
        await self.settle()
        self.now += STALL_SECONDS
        await self.coordinator.stall_monitor.tick()
        target = await self.target()
        self.assertEqual(target.state, "waiting")
        self.assertIn("no progress", target.reason)

    async def test_help(self) -> None:
        """The server's own peer connects to a terminal that stands still, and to none that gets on or is off."""
        await self.started()
        self.swarm.known = [FakePeer(MAC), FakePeer(OTHER, "10.0.0.2")]
        self.now += HELP_SECONDS - 1
        await self.coordinator.stall_monitor.tick()
        self.assertEqual(self.swarm.connected, [])
        self.now += 1
        await self.coordinator.stall_monitor.tick()
        self.assertEqual({(host, port) for _, host, port in self.swarm.connected}, {("10.0.0.1", 7000)})
        self.swarm.known[0].progress = 0.5
        await self.coordinator.stall_monitor.tick()
        self.swarm.connected.clear()
        await self.coordinator.stall_monitor.tick()
        self.assertEqual(self.swarm.connected, [])

    async def test_help_is_bounded(self) -> None:
        """Where a whole site stands still, the server does not connect to all of it at once."""
        await self.started()
        self.swarm.known = [FakePeer(MAC, f"10.0.0.{number}") for number in range(1, 50)]
        self.now += HELP_SECONDS
        await self.coordinator.stall_monitor.tick()
        disks = {info_hash for info_hash, _, _ in self.swarm.connected}
        self.assertEqual(len(self.swarm.connected), MOST_HELPED * len(disks))

    async def test_connection_lost_while_sending(self) -> None:
        """That is nobody's failure: it waits for the next login."""
        await self.prepare()
        self.registry.there.add(MAC)
        self.registry.answer = lambda: fail(ConnectionEnded("gone"))
        await self.begin()
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 0))

    async def test_disk_after_disk(self) -> None:
        """A terminal that fetches one disk after the other stands still at none of them while one advances."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        for percent in range(1, 10):
            self.now += STALL_SECONDS - 1
            await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, percent))
            await self.coordinator.progress_receiver.task_state(MAC, self.state(DIFF, 0))
            await self.coordinator.stall_monitor.tick()
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("downloading", 0))

    async def test_after_a_reconnect_nothing_is_sent_twice(self) -> None:
        """A terminal that goes on downloading by itself is left alone; a silent one is sent its disks again."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        self.registry.sent.clear()
        self.now += 1
        self.registry.come(MAC)
        await self.settle()
        self.assertEqual(self.registry.sent, [])
        self.now += 1
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 30))
        self.clock.advance(GRACE_SECONDS)
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(DIFF)])
