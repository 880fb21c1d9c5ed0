"""What is sent to whom, and when."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, CoordinatorCase
from tests.unit.store.values import MAC, OTHER, TEMPLATE
from voi.domain import metainfo
from voi.errors import Conflict, NoAnswer
from voi.rollouts import dispatcher, stalls
from voi.rollouts.stalls import NOTHING_ARRIVES, STALL_SECONDS, STUCK_SECONDS
from voi.wire.messages import DownloadResult, Reply, success


class SendingTests(CoordinatorCase):
    """Who is sent what, and when."""

    async def test_failure_is_not_forgotten(self) -> None:
        """Why the last try failed is told while a terminal is off, and again when it is back, until the next try."""
        await self.started()
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        self.registry.go(MAC)
        off = str((await self.target()).reason)
        self.assertTrue(off.startswith("offline: tries again at its next login; the last attempt failed: "), off)
        self.assertIn("reports that the download failed", off)
        self.registry.go(MAC)
        self.assertEqual((await self.target()).reason, off)
        self.registry.come(MAC)
        self.assertEqual((await self.target()).reason, f"{BASE}: the terminal reports that the download failed")

    async def test_stuck(self) -> None:
        """A terminal that gets nothing for long says so, until something arrives."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 10))
        self.now += STUCK_SECONDS
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).reason, NOTHING_ARRIVES)
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 11))
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).reason, "")

    async def test_stuck_in_other_words(self) -> None:
        """What an earlier version wrote of a terminal that gets nothing is known by its code, not by its words."""
        await self.started()
        await self.store.write(
            lambda db: (
                db.execute(
                    "UPDATE rollout_targets SET reason = 'it is silent', why = ?",
                    ('{"code": "nothing_arrives", "data": {}}',),
                )
                and None
            )
        )
        self.registry.there.clear()  # a login would take every reason back
        self.coordinator = self.build()
        await self.coordinator.recover()
        self.registry.there.add(MAC)
        self.assertEqual((await self.target()).reason, "it is silent")
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 5))
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).reason, "")

    async def test_taken_out(self) -> None:
        """A dead PC can be taken out: the rollout ends without it, and it is told to stop."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.begin()
        self.assertEqual(await self.coordinator.cancel(LI, 1, [OTHER]), [OTHER])
        self.assertEqual((await self.rollout()).state, "running")
        with self.assertRaises(Conflict):
            await self.coordinator.cancel(LI, 1, [OTHER])
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_tried_again_now(self) -> None:
        """A terminal that waits for its next try is sent it at once when somebody says so."""
        await self.started()
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        await self.settle()
        self.assertEqual(self.coordinator.stall_monitor.failing(), {1: 1})
        before = len(self.registry.sent)
        self.assertEqual(await self.coordinator.retry(LI, 1), [MAC])
        await self.settle()
        self.assertEqual(self.coordinator.stall_monitor.failing(), {})
        self.assertGreater(len(self.registry.sent), before)

    async def test_online(self) -> None:
        """An online terminal gets each level it lacks, the base first, with its own tracker URL inside."""
        await self.prepare()
        self.registry.come(MAC)
        await self.begin()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])
        body = self.registry.sent[0][1]
        self.assertEqual(metainfo.parse(body.torrent).announce, f"http://10.0.0.254/{self.keys[MAC]}/announce")
        self.assertEqual(metainfo.parse(body.torrent).info_hash, self.torrents[BASE])
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual((body.group_uuid, body.real_size, body.file_size), (template.group_uuid, 2048, 196))
        self.assertEqual((await self.target()).state, "downloading")

    async def test_offline(self) -> None:
        """An offline terminal waits, says so, and is sent its disks at its next login."""
        await self.prepare()
        await self.begin()
        target = await self.target()
        self.assertEqual((target.state, self.registry.sent), ("waiting", []))
        self.assertIn("next login", target.reason)
        self.registry.come(MAC)
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])

    async def test_written_down_first(self) -> None:
        """When the first frame goes out, the target is on disk."""
        await self.prepare()
        self.registry.there.add(MAC)
        seen: list[int] = []

        def answer() -> Deferred[Reply]:
            done = self.rollouts.open_work()
            done.addCallback(lambda work: seen.append(len(work)))
            return done.addCallback(lambda _: success())

        self.registry.answer = answer
        await self.begin()
        self.assertEqual(seen[0], 1)

    async def test_a_dead_pc_holds_nobody_up(self) -> None:
        """While one terminal does not answer, the other is served."""
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        never: Deferred[Reply] = Deferred()
        answers = iter([never])
        self.registry.answer = lambda: next(answers, None) or succeed(success())
        await self.begin()
        self.assertEqual(sorted(len(self.registry.names(mac)) for mac in (MAC, OTHER)), [1, 2])
        never.errback(NoAnswer("no answer"))
        await self.settle()

    async def test_a_whole_site_takes_turns(self) -> None:
        """A rollout begins with some of its terminals, and the others follow in later turns of the reactor."""
        self.patch(dispatcher, "AT_A_TURN", 1)
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        await self.begin()
        self.assertEqual(len({mac for mac, _ in self.registry.sent}), 1)
        self.clock.advance(0)
        await self.settle()
        self.assertEqual({mac for mac, _ in self.registry.sent}, {MAC, OTHER})

    async def test_looking_after_takes_turns(self) -> None:
        """Thousands of targets are looked after some at a time, and one that has ended meanwhile is left alone."""
        self.patch(stalls, "LOOKED_AFTER_AT_A_TURN", 1)
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        await self.begin()
        self.now += STALL_SECONDS
        looking = Deferred.fromCoroutine(self.coordinator.stall_monitor.tick())
        await self.settle()
        self.assertNoResult(looking)
        await self.coordinator.cancel(LI, 1)
        self.clock.advance(0)
        await looking
        self.assertEqual([target.attempts for target in (await self.rollout()).targets], [1, 0])

    async def test_already_there(self) -> None:
        """A terminal that answers 10001 has the disk."""
        await self.prepare()
        self.registry.there.add(MAC)
        self.registry.answer = lambda: succeed(Reply(code=10001))
        await self.begin()
        self.assertEqual((await self.rollout()).state, "done")
        self.assertEqual([d.name for d in await self.terminals.disks(MAC)], [BASE, DIFF])

    async def test_automatic_update(self) -> None:
        """Where the group updates by itself, a report of less is enough; where not, nothing happens."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        self.assertEqual(await self.rollouts.summaries(), ([], 0))
        await self.templates.change(TEMPLATE, name=None, auto_update=True)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])
