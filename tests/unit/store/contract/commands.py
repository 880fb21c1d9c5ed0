"""The contract of commands."""

from __future__ import annotations

from typing import Any

from tests.unit.store.contract.case import Contract, there
from tests.unit.store.values import MAC, OTHER
from voi.domain.command_outcomes import STATES, CommandResult
from voi.messages.reason import Reason, plain
from voi.store.interfaces.commands import CommandFilter
from voi.wire.codes import Code


class CommandsContract(Contract):
    """`Commands`."""

    async def test_outcomes(self) -> None:
        """Each terminal has its own outcome."""
        given = await self.commands.begin(Code.WATERMARK, {"switch": 1}, [OTHER, MAC, MAC], waits=True, now=1.0)
        await self.commands.end([CommandResult(given.batch_no, MAC, "done", "", 2.0)])
        found = await self.commands.get(given.batch_no)
        assert found is not None
        self.assertEqual([(o.mac, o.state) for o in found.outcomes], [(MAC, "done"), (OTHER, "waiting")])
        self.assertEqual([c.batch_no for c in await self.commands.waiting_for(OTHER)], [given.batch_no])
        self.assertEqual(await self.commands.waiting_for(MAC), [])
        self.assertIsNone(await self.commands.get(99))

    async def test_replaced(self) -> None:
        """A newer setting ends the older ones that wait, at its own terminals and for its own code alone."""
        old = await self.commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        other = await self.commands.begin(Code.CANCEL_SEND, {}, [MAC], waits=True, now=1.0)
        new = await self.commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=2.0, replaces=True)
        self.assertEqual([c.batch_no for c in await self.commands.waiting_for(MAC)], [other.batch_no, new.batch_no])
        self.assertEqual([c.batch_no for c in await self.commands.waiting_for(OTHER)], [old.batch_no])
        await self.commands.end([CommandResult(old.batch_no, MAC, "waiting", "it is offline", 3.0)])
        found = await self.commands.get(old.batch_no)
        assert found is not None
        self.assertEqual(found.outcomes[0].state, "replaced", "what was replaced does not begin to wait again")
        self.assertIn(f"replaced by command {new.batch_no}", found.outcomes[0].reason)

    async def test_two_outcomes_at_once(self) -> None:
        """Written together they say what they would say one after the other: what is done does not wait again."""
        given = await self.commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        gone, done = (
            [CommandResult(given.batch_no, mac, state, "", 2.0) for mac in (MAC, OTHER)]
            for state in ("waiting", "done")
        )
        await self.commands.end([gone[0], done[0], done[1], gone[1]])
        found = await self.commands.get(given.batch_no)
        assert found is not None
        self.assertEqual([outcome.state for outcome in found.outcomes], ["done", "done"])

    async def test_after_a_restart(self) -> None:
        """What does not wait for a login has failed with the server, what waits goes on waiting."""
        restart = await self.commands.begin(Code.RESTART, {}, [MAC], waits=False, now=1.0)
        mark = await self.commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=1.0)
        self.assertEqual(await self.commands.give_up_unfinished("restarted", 2.0), 1)
        found = await self.commands.get(restart.batch_no)
        assert found is not None
        self.assertEqual((found.outcomes[0].state, found.outcomes[0].reason), ("failed", "restarted"))
        self.assertEqual([c.batch_no for c in await self.commands.waiting_for(MAC)], [mark.batch_no])

    async def test_cut_off(self) -> None:
        """A command that a stop of the server cut off says so."""
        given = await self.commands.begin(Code.RESTART, {}, [MAC], waits=False, now=1.0)
        await self.commands.give_up_unfinished(Reason("server_restarted"), 2.0)
        found = there(await self.commands.get(given.batch_no))
        self.assertEqual(plain(found.outcomes[0].reason), {"code": "server_restarted", "data": {}})

    async def test_numbers(self) -> None:
        """Numbers rise in the order in which commands were given."""
        numbers = [(await self.commands.begin(Code.RESTART, {}, [MAC], waits=False, now=1.0)).batch_no for _ in "123"]
        self.assertEqual(numbers, sorted(set(numbers)))

    async def test_reasons(self) -> None:
        """An outcome keeps why, each its own; a newer command that replaces it is named."""
        reason = Reason("waits_for_login", why=Reason("offline", mac=MAC))
        old = await self.commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        await self.commands.end([CommandResult(old.batch_no, MAC, "waiting", reason, 2.0)])
        found = there(await self.commands.get(old.batch_no))
        self.assertEqual([plain(outcome.reason) for outcome in found.outcomes], [plain(reason), {}])
        new = await self.commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=3.0, replaces=True)
        last, _ = await self.commands.of_terminal(MAC, 2)
        expected = {"code": "newer_command", "data": {"number": new.batch_no}}
        self.assertEqual([plain(command.outcomes[0].reason) for command in last], [{}, expected])

    async def give(self, code: Code, *macs: str, ended: str = "") -> int:
        """A command, which ended in this state at its first terminal."""
        number = (await self.commands.begin(code, {}, macs, waits=True, now=1.0)).batch_no
        if ended:
            await self.commands.end([CommandResult(number, macs[0], ended, "", 2.0)])
        return number

    async def test_found(self) -> None:
        """By a part of the number or codes that were meant, by code and terminal; each with counts of every state."""
        one = await self.give(Code.WATERMARK, MAC, OTHER, ended="done")
        two = await self.give(Code.RESTART, OTHER, ended="failed")

        async def found(**wanted: Any) -> list[int]:
            commands, total = await self.commands.find(CommandFilter(**wanted))
            self.assertEqual(len(commands), total)
            return [x.command.batch_no for x in commands]

        self.assertEqual(await found(), [two, one])
        self.assertEqual(await found(q=str(one)), [one])
        self.assertEqual(await found(q="restart", codes=[Code.RESTART]), [two])
        self.assertEqual(await found(q="%"), [])
        self.assertEqual((await found(code=Code.WATERMARK), await found(mac=MAC)), ([one], [one]))
        ((counted,), _) = await self.commands.find(CommandFilter(code=Code.WATERMARK))
        self.assertEqual(dict(counted.counts), dict.fromkeys(STATES, 0) | {"done": 1, "waiting": 1})
        page, total = await self.commands.find(CommandFilter(), sort="created", limit=1, offset=1)
        self.assertEqual(([x.command.batch_no for x in page], total), ([two], 2))
        by_code = await self.commands.find(CommandFilter(), sort="command")
        self.assertEqual([x.command.code for x in by_code[0]], sorted([int(Code.WATERMARK), int(Code.RESTART)]))

    async def test_of_a_terminal(self) -> None:
        """A terminal's commands with its own outcome alone, in one state if so asked."""
        one = await self.give(Code.WATERMARK, MAC, OTHER, ended="done")
        two = await self.give(Code.CANCEL_SEND, OTHER)
        found, total = await self.commands.of_terminal(OTHER, 1)
        self.assertEqual(([x.batch_no for x in found], total), ([two], 2))
        self.assertEqual([[y.mac for y in x.outcomes] for x in found], [[OTHER]])
        done, total = await self.commands.of_terminal(MAC, 9, wanted=CommandFilter(state="done"))
        self.assertEqual(([x.batch_no for x in done], total), ([one], 1))
        self.assertEqual((await self.commands.of_terminal(OTHER, 9, sort="created", offset=1))[0][0].batch_no, two)
