"""Tests of voi.terminals.handlers, admin and commands on a real database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock

from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE, level
from tests.unit.terminals.fakes import Line
from tests.unit.wire.builders import frame, reply
from voi.audit.log import AuditLog
from voi.auth.hashing import hash_password, wire_form
from voi.auth.passwords import ATTEMPTS, WINDOW_SECONDS, PasswordChecker
from voi.auth.sign_in import Authenticator
from voi.domain.actors import SERVER, Actor
from voi.domain.command_outcomes import Command, CommandResult
from voi.domain.commands import COMMANDS
from voi.domain.templates import Template
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import Permission, ReceiveProgress
from voi.errors import NoSpace, TooManyAttempts, Unauthorized
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.publishing.intake import UploadIntake
from voi.rollouts.outcomes import held_as_reported
from voi.rollouts.progress import ProgressReceiver
from voi.store.accounts import SqlAccounts
from voi.store.audit import SqlAuditEntries
from voi.store.commands import SqlCommands
from voi.store.interfaces.audit import AuditFilter
from voi.store.interfaces.commands import Commands
from voi.store.rollouts import SqlRollouts
from voi.store.sessions import SqlSessions
from voi.terminals.commands import AT_A_TURN, CommandDispatcher
from voi.terminals.factory import TerminalFactory
from voi.terminals.handlers import ENTRY_SECONDS, MOST_ENTRIES, RequestHandlers
from voi.terminals.registry import ConnectionRegistry
from voi.wire import torrent_body
from voi.wire.codes import CAN_CHECK_DISKS, Code
from voi.wire.messages import DownloadResult, Reply, TaskState
from voi.wire.torrent_body import TorrentBody, UnreadableTorrent

NAMED = ReportedTemplate(TEMPLATE, "Office", 1, "")


class FakeUploads:
    """Allows what the test says and notes the rest."""

    def __init__(self) -> None:
        self.allowed = True
        self.asked: list[tuple[str, bool, Any]] = []
        self.actors: list[Actor | None] = []
        self.taken: list[tuple[str, bool, Mapping[str, ReportedTemplate], TorrentBody | UnreadableTorrent]] = []
        self.unread: list[tuple[str, str]] = []

    async def not_read(self, mac: str, reason: str) -> None:
        """A 9014 that got no further than its frame."""
        self.unread.append((mac, code_of(reason)))

    async def may_upload(self, mac: str, granted: bool, body: Any) -> Permission:
        """9018."""
        self.asked.append((mac, granted, body))
        if self.allowed:
            return Permission(True, "", {DISK: NAMED})
        refusal = NoSpace(Reason("uploads_here", disk="x"))
        return Permission(False, refusal.reason, {DISK: NAMED}, refusal)

    async def take_torrent(
        self,
        mac: str,
        granted: bool,
        listed: Mapping[str, ReportedTemplate],
        body: TorrentBody | UnreadableTorrent,
        *,
        actor: Actor | None = None,
        address: str = "",
    ) -> str:
        """9014."""
        self.taken.append((mac, granted, dict(listed), body))
        self.actors.append(actor)
        if isinstance(body, UnreadableTorrent):
            raise body.error
        return "an id"

    async def progress(self, mac: str, name: DiskName) -> ReceiveProgress:
        """9027."""
        return ReceiveProgress(12.5, 1000, "receiving")


class FakeRollouts:
    """Keeps the reports."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    async def disks_reported(self, mac: str, template: Template | None) -> None:
        """9011."""
        self.reports.append((mac, template and template.uuid))

    async def task_state(self, mac: str, state: TaskState) -> None:
        """9025."""
        self.reports.append((mac, state.progress))

    async def download_result(self, mac: str, result: DownloadResult) -> None:
        """9015."""
        self.reports.append((mac, result.disk, result.result))


class HandlerCase(StoreCase):
    """A terminal that has logged in at real handlers."""

    async def prepare(self) -> None:
        """Put them together."""
        self.clock = Clock()
        self.registry = ConnectionRegistry()
        accounts = SqlAccounts(self.store)
        await accounts.add("admin", hash_password(wire_form("secret")))
        self.admin = PasswordChecker(accounts, reactor, reactor.getThreadPool())  # type: ignore[attr-defined]  # the module is the reactor
        self.fake_uploads, self.fake_rollouts = FakeUploads(), FakeRollouts()
        self.events = SqlAuditEntries(self.store)
        self.keys: dict[str, str] = {}
        handlers = RequestHandlers(
            terminals=self.terminals,
            templates=self.templates,
            sign_in=Authenticator(
                accounts=accounts,
                sessions=SqlSessions(self.store),
                passwords=self.admin,
                audit_log=AuditLog(self.events),
            ),
            uploads=cast("UploadIntake", self.fake_uploads),
            rollouts=cast("ProgressReceiver", self.fake_rollouts),
            tracker_urls=lambda host, key: [f"http://{host}/{key}/announce"],
            knows_key=self.keys.__setitem__,
            next_batch=self.registry.next_batch,
            audit_log=AuditLog(self.events),
            seconds=self.clock.seconds,
            disk_checked=lambda mac, disk, found: self.checked.append((mac, disk, found.wrong)),
        )
        self.checked: list[tuple[str, DiskName, int]] = []
        self.reported: list[str] = []
        handlers.reported.connect(self.reported.append)
        self.ran: list[int] = []
        handlers.ran.connect(self.ran.append)
        self.factory = TerminalFactory(self.registry, handlers, self.clock)
        self.line = Line(self.factory)
        self.addCleanup(lambda: self.line.protocol.lose("the test is over"))
        self.token = (await self.ask(Code.LOGIN, {"mac": MAC, "ip": "192.168.7.7"})).data or {}

    async def ask(self, code: int, body: Any = None, **kwargs: Any) -> Reply:
        """A request and its answer."""
        self.line.say(code, body, **kwargs)
        while not (received := self.line.received()):
            await self.store.write(lambda _db: None)
        self.clock.advance(0)
        return reply(received[0])


class HandlerTests(HandlerCase):
    """Each request."""

    async def test_login(self) -> None:
        """Token and date in the reply; the terminal's row has the address it gave, its key names it."""
        await self.prepare()
        self.assertRegex(self.token["token"], r"^[0-9a-f]{32}$")
        self.assertRegex(self.token["datetime"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        terminal = await self.terminals.get(MAC)
        assert terminal is not None
        self.assertEqual((terminal.ip, self.keys), ("192.168.7.7", {terminal.tracker_key: MAC}))

    async def test_torrent_that_is_not_read(self) -> None:
        """Of a torrent whose frame is refused it is noted why; of any other request nothing is."""
        await self.prepare()
        await self.ask(Code.HEARTBEAT, {"mac": MAC}, token="x" * 32)
        await self.ask(Code.UPLOAD_TORRENT, b"x", token="x" * 32)
        self.assertEqual(self.fake_uploads.unread, [(MAC, "wrong_token")])

    async def test_login_with_a_strange_address(self) -> None:
        """What is no address is replaced by the connection's."""
        await self.prepare()
        await self.ask(Code.TERMINAL_LOGIN, {"mac": MAC, "ip": "somewhere"})
        terminal = await self.terminals.get(MAC)
        assert terminal is not None
        self.assertEqual(terminal.ip, "10.0.0.1")

    async def test_tracker(self) -> None:
        """The URL is the terminal's own, at the address by which it reached us."""
        await self.prepare()
        answer = await self.ask(Code.TRACKER_ADDRESS, {"mac": MAC})
        (key,) = self.keys
        self.assertEqual(answer.data, {"tracker": [f"http://10.0.0.254/{key}/announce"]})

    async def test_boot_disk(self) -> None:
        """A known disk is answered with its template, any other with 60024; both are remembered."""
        await self.prepare()
        name = str(DiskName(DISK, 1))
        self.assertEqual((await self.ask(Code.REPORT_BOOT_DISK, {"boot_disk": name})).code, 60024)
        self.assertEqual((await self.ask(Code.REPORT_BOOT_DISK, {"boot_disk": "sda1"})).code, 60024)
        await self.publish(level(0))
        answer = await self.ask(Code.REPORT_BOOT_DISK, {"boot_disk": name})
        data = answer.data or {}
        self.assertEqual((data["name"], data["uuid"], data["desktop_group_name"]), ("Office", TEMPLATE, "Office"))
        self.assertRegex(data["last_update_time"], r"^\d{4}-")
        terminal = await self.terminals.get(MAC)
        assert terminal is not None
        self.assertEqual(terminal.boot_disk, name)

    async def test_boot_disk_with_its_hash(self) -> None:
        """The info-hash of what it started from is kept; what is none is passed over."""
        await self.prepare()
        for text, content in (("ab" * 20, b"\xab" * 20), ("zz" * 20, None), (7, None)):
            await self.ask(Code.REPORT_BOOT_DISK, {"boot_disk": str(DiskName(DISK, 1)), "info_hash": text})
            terminal = await self.terminals.get(MAC)
            assert terminal is not None
            self.assertEqual((terminal.boot_hash, terminal.boot_now), (content, True))

    async def test_sessions(self) -> None:
        """A login on the same connection goes on with its session; on another it is a new one, begun as it says."""
        await self.prepare()
        await self.ask(Code.REPORT_DISKS, {"uuid": TEMPLATE, "name": "n", "disks": [{"uuid": DISK, "dif_level": 0}]})
        first = self.registry.session(MAC)
        await self.ask(Code.TERMINAL_LOGIN, {"mac": MAC, "ip": "10.0.0.1"})
        self.assertEqual((self.registry.session(MAC), self.registry.asks(MAC)), (first, False))
        self.assertTrue((await self.terminals.disks(MAC))[0].confirmed)
        self.line.hang_up()
        self.assertEqual((self.registry.session(MAC), self.registry.asks(MAC)), (None, False))
        self.line = Line(self.factory)
        await self.ask(Code.TERMINAL_LOGIN, {"mac": MAC, "ip": "10.0.0.1"})
        self.assertNotEqual(self.registry.session(MAC), first)
        self.assertTrue(self.registry.asks(MAC))
        self.assertFalse((await self.terminals.disks(MAC))[0].confirmed)

    async def test_boot_disk_of_one_that_left(self) -> None:
        """A terminal that has gone before its report is written down is no fault; what it said is kept."""
        await self.prepare()
        name = str(DiskName(DISK, 1))
        self.line.say(Code.REPORT_BOOT_DISK, {"boot_disk": name})
        self.line.hang_up()
        await self.store.write(lambda _db: None)
        terminal = await self.terminals.get(MAC)
        assert terminal is not None
        self.assertEqual((terminal.boot_disk, self.reported), (name, [MAC]))

    async def test_runs_what_it_was_sent(self) -> None:
        """Whoever shows the rollout that brought what a terminal started from is told of it, once."""
        await self.prepare()
        await self.publish(level(0))
        rollouts = SqlRollouts(self.store)
        number = (await rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        work = await rollouts.plan(number, MAC, 1.0)
        assert work is not None
        for task in work.tasks:
            await rollouts.done(task, held_as_reported(level(0)), 2.0)
        body = {"boot_disk": str(DiskName(DISK, 0)), "info_hash": level(0).info_hash.hex()}
        for _ in range(2):
            self.assertEqual((await self.ask(Code.REPORT_BOOT_DISK, body)).code, 0)
        self.assertEqual(self.ran, [number])

    async def test_disks(self) -> None:
        """A report is kept and the rollouts get it."""
        await self.prepare()
        await self.publish(level(0))
        body = {"uuid": TEMPLATE, "name": "n", "disks": [{"uuid": DISK, "dif_level": 0, "operate_id": 0}]}
        self.assertEqual((await self.ask(Code.REPORT_DISKS, body)).code, 0)
        self.assertIsNone(self.registry.disk_free(MAC))
        await self.ask(Code.TERMINAL_LOGIN, {"mac": MAC, "ip": "192.168.7.7", "disk_free": 5})
        self.assertEqual(self.registry.disk_free(MAC), 5)
        self.assertEqual((await self.ask(Code.REPORT_DISKS, {**body, "disk_free": 7 << 30})).code, 0)
        self.assertEqual(self.registry.disk_free(MAC), 7 << 30)
        self.assertEqual([d.name for d in await self.terminals.disks(MAC)], [DiskName(DISK, 0)])
        self.assertEqual(self.fake_rollouts.reports, [(MAC, TEMPLATE)] * 2)

    async def test_disks_under_their_group(self) -> None:
        """A terminal that knows only the desktop group of what it was sent reports the template's disks."""
        await self.prepare()
        template = await self.publish(level(0))
        await self.ask(Code.REPORT_DISKS, {"uuid": template.group_uuid, "disks": [{"uuid": DISK}]})
        self.assertEqual([d.template_uuid for d in await self.terminals.disks(MAC)], [TEMPLATE])
        self.assertEqual(self.reported, [MAC])
        self.assertEqual(self.fake_rollouts.reports, [(MAC, TEMPLATE)])

    async def test_administrator(self) -> None:
        """A right password opens the grant that 9018 and 9014 ask about."""
        await self.prepare()
        question = {"uuid": TEMPLATE, "disks": [{"uuid": DISK}]}
        await self.ask(Code.MAY_UPLOAD, question)
        for password in ("secret", wire_form("secret"), wire_form("secret").upper()):
            self.assertEqual((await self.ask(Code.ADMIN_LOGIN, {"username": "admin", "password": password})).code, 0)
        await self.ask(Code.MAY_UPLOAD, question)
        self.assertEqual([granted for _, granted, _ in self.fake_uploads.asked], [False, True])
        await self.ask(Code.UPLOAD_TORRENT, torrent_body.encode_upload(TorrentBody(b"de", DISK, 0)))
        self.assertEqual(self.fake_uploads.actors, [Actor("account", "admin", "10.0.0.1")])

    async def test_journal(self) -> None:
        """A terminal's first login is in the audit log, and each administrator's, right and wrong; guessing is not."""
        await self.prepare()
        await self.ask(Code.ADMIN_LOGIN, {"username": "admin", "password": "secret"})
        for _ in range(ATTEMPTS + 3):
            await self.ask(Code.ADMIN_LOGIN, {"username": "admin", "password": "wrong"})
        again = Line(self.factory)
        again.say(Code.LOGIN, {"mac": MAC, "ip": "192.168.7.7"})
        while not again.received():
            await self.store.write(lambda _db: None)
        found = (await self.events.find(AuditFilter(), 99))[::-1]
        self.assertEqual(
            [(event.kind, event.actor.text, event.actor.address, event.mac) for event in found],
            [
                ("terminal.first", f"terminal {MAC}", "10.0.0.1", MAC),
                ("admin.signed_in", "admin", "10.0.0.1", MAC),
                *[("admin.refused", f"terminal {MAC}", "10.0.0.1", MAC)] * ATTEMPTS,
            ],
        )
        again.protocol.lose("the test is over")

    async def test_may_upload(self) -> None:
        """1 or 0 with the reason; what was listed is remembered for the torrent that follows."""
        await self.prepare()
        self.fake_uploads.allowed = False
        answer = await self.ask(Code.MAY_UPLOAD, {"uuid": TEMPLATE, "disks": [{"uuid": DISK}]})
        data = answer.data or {}
        self.assertEqual((answer.code, answer.msg, data["can_update"]), (0, str(Reason("uploads_here", disk="x")), 0))
        self.assertEqual(self.factory.tally.errors[NoSpace.wire_code], 1)
        self.assertIsInstance(data["batch_no"], int)
        self.fake_uploads.allowed = True
        await self.ask(Code.MAY_UPLOAD, {"uuid": TEMPLATE, "disks": [{"uuid": DISK}]})
        body = torrent_body.encode_upload(TorrentBody(b"de", DISK, 0))
        answer = await self.ask(Code.UPLOAD_TORRENT, body)
        self.assertEqual(answer.data, {"torrent_id": "an id"})
        self.assertEqual(self.fake_uploads.taken, [(MAC, False, {DISK: NAMED}, TorrentBody(b"de", DISK, 0))])

    async def test_may_not_upload_and_why(self) -> None:
        """A refusal comes with what it is made of, so that the terminal knows whether to ask again."""
        await self.prepare()
        self.fake_uploads.allowed = False
        answer = await self.ask(Code.MAY_UPLOAD, {"uuid": TEMPLATE, "disks": [{"uuid": DISK}]})
        text = str(Reason("uploads_here", disk="x"))
        why = {"text": text, "code": "uploads_here", "data": {"disk": "x"}}
        self.assertEqual(((answer.data or {})["reason"], (answer.data or {})["why"]), (text, why))

    async def test_own_work_is_kept(self) -> None:
        """What a terminal keeps under another name is in the audit log; a name that is none is refused."""
        await self.prepare()
        name = str(DiskName(DISK, 1))
        for kept in ("../etc/passwd", f"{name}.own/../x", "voi_0_x.own-1", name):
            answer = await self.ask(Code.SET_ASIDE, {"disk": name, "kept_as": kept, "size": 5})
            self.assertEqual((answer.code, answer.data), (88888, {"field": "kept_as"}), kept)
        body = {"mac": MAC, "disk": name, "kept_as": f"{name}.own-20260131-140500", "size": 5}
        self.assertEqual((await self.ask(Code.SET_ASIDE, body)).code, 0)
        (entry,) = await self.events.find(AuditFilter(kind="terminal.set_aside"), 9)
        self.assertEqual((entry.mac, entry.data["disk"], entry.data["kept_as"]), (MAC, name, body["kept_as"]))

    async def test_own_work_again_and_again(self) -> None:
        """One address has so many entries written, and more as time goes by; each message is answered."""
        await self.prepare()
        name = str(DiskName(DISK, 1))
        for number in range(MOST_ENTRIES + 20):
            body = {"mac": MAC, "disk": name, "kept_as": f"{name}.own-{number}", "size": 5}
            self.assertEqual((await self.ask(Code.SET_ASIDE, body)).code, 0)
        wanted = AuditFilter(kind="terminal.set_aside")
        self.assertEqual(len(await self.events.find(wanted, 999)), MOST_ENTRIES)
        self.clock.advance(ENTRY_SECONDS)
        body = {"mac": MAC, "disk": name, "kept_as": f"{name}.own-later", "size": 5}
        self.assertEqual((await self.ask(Code.SET_ASIDE, body)).code, 0)
        self.assertEqual(len(await self.events.find(wanted, 999)), MOST_ENTRIES + 1)

    async def test_abilities(self) -> None:
        """A terminal can what its last login says, of what there is; whatever else stands there is passed over."""
        await self.prepare()
        self.assertFalse(self.registry.can(MAC, CAN_CHECK_DISKS))
        strange: tuple[Any, ...] = (
            ["fly"],
            CAN_CHECK_DISKS,
            [[CAN_CHECK_DISKS], 5, None],
            ["x"] * 16 + [CAN_CHECK_DISKS],
        )
        for words, can in ((["fly", CAN_CHECK_DISKS], True), *((words, False) for words in strange)):
            login = {"mac": MAC, "ip": "192.168.7.7", "abilities": words}
            self.assertEqual((await self.ask(Code.LOGIN, login)).code, 0)
            self.assertEqual(self.registry.can(MAC, CAN_CHECK_DISKS), can, words)
        self.assertFalse(self.registry.can(OTHER, CAN_CHECK_DISKS))

    async def test_checked_disk(self) -> None:
        """What a terminal found when it read a disk is in the audit log, and told on."""
        await self.prepare()
        name = DiskName(DISK, 0)
        for said in ({}, {"wrong": 3}, {"reason": {"text": "the disk is broken"}}):
            self.assertEqual((await self.ask(Code.DISK_CHECKED, {"mac": MAC, "disk": str(name), **said})).code, 0)
        found = await self.events.find(AuditFilter(kind="terminal"), 3)
        self.assertEqual(
            [(entry.kind, entry.data.get("pieces"), entry.data.get("reason")) for entry in reversed(found)],
            [
                ("terminal.disk_right", None, None),
                ("terminal.disk_damaged", 3, None),
                ("terminal.disk_unreadable", None, "the disk is broken"),
            ],
        )
        self.assertEqual(self.checked, [(MAC, name, 0), (MAC, name, 3), (MAC, name, 0)])
        self.assertEqual((await self.ask(Code.DISK_CHECKED, {"disk": "../x"})).code, 88888)

    async def test_unreadable_torrent(self) -> None:
        """A 9014 that cannot be read is answered with why; the intake gets it, with the disk it is of."""
        await self.prepare()
        answer = await self.ask(Code.UPLOAD_TORRENT, b"x" * 100)
        self.assertEqual((answer.code, answer.data), (88888, {"field": "data_len"}))
        self.assertEqual(self.factory.tally.errors[88888], 1)
        answer = await self.ask(Code.UPLOAD_TORRENT, {"uuid": DISK, "dif_level": 0, "data_len": 9, "data": "ZGU="})
        self.assertEqual((answer.code, answer.data), (88888, {"field": "data_len"}))
        bodies = [body for _, _, _, body in self.fake_uploads.taken]
        self.assertEqual([getattr(body, "disk", "") for body in bodies], [None, DiskName(DISK, 0)])

    async def test_progress_and_results(self) -> None:
        """9027 says progress and process; 9025 and 9015 reach the rollouts."""
        await self.prepare()
        name = str(DiskName(DISK, 0))
        answer = await self.ask(Code.UPLOAD_STATE, {"mac": MAC, "torrent_name": f"{name}.torrent"})
        self.assertEqual(answer.data, {"progress": 12.5, "process": 12.5, "rate": 1000, "state": "receiving"})
        await self.ask(Code.TASK_STATE, {"mac": MAC, "torrent_name": name, "progress": 7, "state": "downloading"})
        await self.ask(Code.DOWNLOAD_RESULT, {"mac": MAC, "disk": name, "result": 1})
        self.assertEqual(self.fake_rollouts.reports, [(MAC, 7), (MAC, name, 1)])

    async def test_small_things(self) -> None:
        """Order query, logout, physical-to-virtual."""
        await self.prepare()
        self.assertEqual((await self.ask(Code.LOGIN, {"mac": MAC})).data, {"batch_no": 0, "terminal_id": -1})
        self.assertEqual((await self.ask(Code.P2V_START, {})).code, 20724)
        self.assertEqual((await self.ask(Code.LOGOUT, {"mac": MAC})).code, 0)


class AdminTests(HandlerCase):
    """Passwords."""

    async def check(self, name: str, password: str, address: str = "10.0.0.1") -> str:
        """Empty for right, else what is wrong."""
        try:
            await self.admin.check(name, password, address)
        except TooManyAttempts as error:
            return error.message
        except Unauthorized:
            return "wrong"
        return ""

    async def test_names_and_passwords(self) -> None:
        """Only the right pair is right; an unknown name is as wrong as a wrong password."""
        await self.prepare()
        self.assertEqual(await self.check("admin", "secret"), "")
        self.assertEqual(await self.check("admin", "other"), "wrong")
        self.assertEqual(await self.check("nobody", "secret"), "wrong")

    async def test_not_by_what_the_wire_shows(self) -> None:
        """The MD5 that a 9008 sends opens nothing where people type passwords; it still is right in a 9008."""
        await self.prepare()
        self.assertEqual(await self.check("admin", wire_form("secret")), "wrong")
        self.assertEqual(await self.check("admin", wire_form("secret").upper()), "wrong")
        await self.admin.check_administrator("admin", wire_form("secret"), "10.0.0.1")

    async def test_password_that_looks_like_an_md5(self) -> None:
        """A password of 32 hex digits is one like others: as typed, as its MD5 in a 9008, and plain in a 9008."""
        await self.prepare()
        odd = "0123456789ABCDEF" * 2
        await SqlAccounts(self.store).add("odd", await self.admin.hash(odd))
        self.assertEqual(await self.check("odd", odd), "")
        self.assertEqual(await self.check("odd", odd.lower()), "wrong")
        for password in (odd, wire_form(odd)):
            await self.admin.check_administrator("odd", password, "10.0.0.1")

    async def test_guessing(self) -> None:
        """After some wrong passwords from one address even the right one waits; other addresses do not."""
        await self.prepare()
        clock = Clock()
        clock.callFromThread = reactor.callFromThread  # type: ignore[attr-defined]  # threads answer through the real one
        self.admin._reactor = clock
        for _ in range(ATTEMPTS):
            await self.check("admin", "guess")
        self.assertIn(f"wait {WINDOW_SECONDS:.0f} seconds", await self.check("admin", "secret"))
        self.assertEqual(await self.check("admin", "secret", "10.0.0.2"), "")
        clock.advance(WINDOW_SECONDS)
        self.assertEqual(await self.check("admin", "secret"), "")

    async def test_guessing_side_by_side(self) -> None:
        """Attempts at the same moment count like attempts one after the other."""
        await self.prepare()
        found = await gatherResults([Deferred.fromCoroutine(self.check("admin", "guess")) for _ in range(20)])
        self.assertEqual(found.count("wrong"), ATTEMPTS)


class CommandDeskTests(HandlerCase):
    """Commands with outcomes."""

    async def give(self, kind: str, switch: int | None = None) -> int:
        """Give a command to a terminal that is there and one that is not."""
        await self.terminal(OTHER)
        return (await self.tell(self.dispatcher(), kind, [MAC, OTHER], switch)).batch_no

    def dispatcher(
        self, commands: Commands | None = None, registry: ConnectionRegistry | None = None
    ) -> CommandDispatcher:
        """One that sends to whoever is online."""
        commands = SqlCommands(self.store) if commands is None else commands
        registry = registry or self.registry
        dispatcher = CommandDispatcher(commands, self.terminals, registry, self.clock)
        registry.online.connect(dispatcher.terminal_came)
        return dispatcher

    async def tell(
        self, dispatcher: CommandDispatcher, kind: str, macs: Iterable[str], switch: int | None = None
    ) -> Command:
        """Give a command to these."""
        return await dispatcher.give(SERVER, COMMANDS[kind], {"switch": switch}, list(macs))

    async def outcomes(self, number: int) -> dict[str, tuple[str, str]]:
        """What became of it."""
        for _ in range(5):
            await self.store.write(lambda _db: None)
        command = await SqlCommands(self.store).get(number)
        assert command is not None
        return {x.mac: (x.state, x.reason) for x in command.outcomes}

    async def test_restart(self) -> None:
        """Who is off has failed, who answers is done; a terminal's error is its reason."""
        await self.prepare()
        for code, expected in ((0, "done"), (7, "failed")):
            number = await self.give("restart")
            sent = self.line.received()[0]
            body = {"code": code, "msg": "busy", "data": {"mac": MAC, "batch_no": number}}
            self.line.protocol.dataReceived(frame(sent.service_code, body, direction=2, number=0))
            outcomes = await self.outcomes(number)
            self.assertEqual(outcomes[MAC][0], expected)
            self.assertEqual("busy" in outcomes[MAC][1], code != 0)
            self.assertEqual(outcomes[OTHER], ("failed", f"terminal {OTHER} is offline"))

    async def test_unable(self) -> None:
        """What not every terminal can is sent to those alone that said in their login that they can."""
        await self.prepare()
        dispatcher = self.dispatcher()
        number = (await self.tell(dispatcher, "check_disks", [MAC])).batch_no
        state, why = (await self.outcomes(number))[MAC]
        self.assertEqual((state, code_of(why)), ("failed", "terminal_cannot"))
        self.assertEqual(self.line.received(), [])
        await self.ask(Code.LOGIN, {"mac": MAC, "ip": "192.168.7.7", "abilities": [CAN_CHECK_DISKS]})
        await self.tell(dispatcher, "check_disks", [MAC])
        self.clock.advance(0)
        self.assertEqual([sent.service_code for sent in self.line.received()], [Code.CHECK_DISKS])

    async def test_no_answer(self) -> None:
        """Silence is a failure with a reason."""
        await self.prepare()
        number = await self.give("shutdown")
        self.clock.advance(60)
        self.assertIn("did not answer", (await self.outcomes(number))[MAC][1])
        waiting = await self.give("watermark", 1)
        self.clock.advance(60)
        self.assertEqual((await self.outcomes(waiting))[MAC][0], "waiting", "a dead PC gets it when it is back")

    async def test_watermark_waits(self) -> None:
        """A setting waits for who is off and for who went away, and is sent at the next login."""
        await self.prepare()
        number = await self.give("watermark", 1)
        self.line.hang_up()
        outcomes = await self.outcomes(number)
        self.assertEqual({state for state, _ in outcomes.values()}, {"waiting"})
        self.line = Line(self.factory)
        await self.ask(Code.LOGIN, {"mac": MAC, "ip": "10.0.0.1"})
        while not (received := self.line.received()):
            await self.store.write(lambda _db: None)
        self.assertEqual(received[0].service_code, Code.WATERMARK)
        body = {"code": 0, "msg": "", "data": {"batch_no": number}}
        self.line.protocol.dataReceived(frame(Code.WATERMARK, body, direction=2, number=0))
        self.assertEqual((await self.outcomes(number))[MAC][0], "done")

    async def test_after_a_restart_of_the_server(self) -> None:
        """A command that was under way has failed, and says that it was the server."""
        await self.prepare()
        number = await self.give("restart")
        await self.dispatcher(registry=ConnectionRegistry()).recover()
        self.assertIn("server restarted", (await self.outcomes(number))[MAC][1])

    async def test_many_take_turns(self) -> None:
        """A command to a whole site goes out some terminals at a turn, and in the order in which commands came."""
        await self.prepare()
        lines = {MAC: self.line}
        for index in range(2 * AT_A_TURN):
            line = self.line = Line(self.factory)
            mac = f"02:00:00:00:00:{index:02X}"
            await self.ask(Code.LOGIN, {"mac": mac, "ip": "10.0.0.1"})
            self.addCleanup(line.protocol.lose, "the test is over")
            lines[mac] = line
        dispatcher = self.dispatcher()
        await self.tell(dispatcher, "watermark", lines, 1)
        await self.tell(dispatcher, "watermark", [list(lines)[-1]], 0)
        received = {mac: line.received() for mac, line in lines.items()}
        self.assertEqual(sum(map(len, received.values())), AT_A_TURN)
        self.clock.pump([0, 0])
        received = {mac: frames + lines[mac].received() for mac, frames in received.items()}
        self.assertEqual({len(frames) for frames in list(received.values())[:-1]}, {1})
        self.assertEqual([json.loads(f.data)["switch"] for f in list(received.values())[-1]], [1, 0])

    async def test_older_setting_does_not_come_after_a_newer_one(self) -> None:
        """One that waited for the login is left out where a newer one was sent while it was being looked up."""
        await self.prepare()
        commands = SqlCommands(self.store)
        dispatcher = self.dispatcher(commands)
        self.line.hang_up()
        old = await self.tell(dispatcher, "watermark", [MAC], 1)
        await self.outcomes(old.batch_no)
        looked_up: Deferred[list[Command]] = Deferred()
        found = await commands.waiting_for(MAC)
        self.assertEqual([command.batch_no for command in found], [old.batch_no])
        with mock.patch.object(commands, "waiting_for", lambda _mac: looked_up):
            self.line = Line(self.factory)
            await self.ask(Code.LOGIN, {"mac": MAC, "ip": "10.0.0.1"})
            new = await self.tell(dispatcher, "watermark", [MAC], 0)
            looked_up.callback(found)
        self.assertEqual([json.loads(f.data)["batch_no"] for f in self.line.received()], [new.batch_no])
        self.assertEqual((await self.outcomes(old.batch_no))[MAC], ("replaced", f"replaced by command {new.batch_no}"))

    async def test_outcomes_share_a_write(self) -> None:
        """Answers that come while outcomes are being written are written together."""
        await self.prepare()
        macs = [f"02:00:00:00:01:{index:02X}" for index in range(20)]  # all off, so all end at once
        for mac in macs:
            await self.terminal(mac)
        written: list[int] = []
        commands = SqlCommands(self.store)
        end = commands.end

        def note(ended: Sequence[CommandResult]) -> Deferred[None]:
            written.append(len(ended))
            return end(ended)

        dispatcher = self.dispatcher(commands)
        with mock.patch.object(commands, "end", note):
            number = (await self.tell(dispatcher, "restart", macs)).batch_no
            states = {state for state, _ in (await self.outcomes(number)).values()}
        self.assertEqual((states, written), ({"failed"}, [1, 19]))
