"""What each request of a terminal means: service code to handler (protocol sections 2 and 4)."""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from twisted.logger import Logger

from voi.audit.log import AuditLog
from voi.auth.sign_in import Authenticator
from voi.domain.actors import Actor
from voi.domain.allowance import Allowance
from voi.domain.audit import AuditEntry, make_entry
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Terminal
from voi.errors import LoginRefused, Malformed, UnknownTemplate, VoiError
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.publishing.intake import UploadIntake
from voi.rollouts.progress import ProgressReceiver
from voi.signals import Signal
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.tasks import spawn
from voi.terminals.protocol import TerminalProtocol
from voi.wire.codes import P2V_REFUSED, Code
from voi.wire.messages import (
    AdminLogin,
    BootDisk,
    DiskChecked,
    Login,
    Reply,
    SetAside,
    TemplateBody,
    UploadQuery,
    encode_reason,
    success,
)
from voi.wire.session import LoginRequest, Request

log = Logger()

MOST_LISTED: Final = 256
"""Disks of 9018 remembered for one connection; an administrator uploads a handful."""

MOST_ENTRIES: Final = 256
ENTRY_SECONDS: Final = 60.0
"""Entries on files kept aside, and disks read, that one address may have written into the audit log, and one more for
each so many seconds: a room behind one address has some at most. Those beyond drive out no entries of others.
"""

Handle = Callable[[TerminalProtocol, Request], Awaitable[Reply]]


def date_time() -> str:
    """The server's local time as terminals set their clocks by it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


class RequestHandlers:
    """Answers everything a terminal may ask; `reported` is called with the MAC when it reported what it has or
    started from, `disk_checked` with what it found when it read a disk, `ran` with the number of a rollout when it was
    seen to run what that brought.
    """

    def __init__(
        self,
        *,
        terminals: Terminals,
        templates: Templates,
        sign_in: Authenticator,
        uploads: UploadIntake,
        rollouts: ProgressReceiver,
        tracker_urls: Callable[[str, str], list[str]],
        knows_key: Callable[[str, str], None],
        next_batch: Callable[[], int],
        audit_log: AuditLog,
        disk_checked: Callable[[str, DiskName, DiskChecked], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._disk_was_checked = disk_checked
        self._terminals = terminals
        self._templates = templates
        self._sign_in = sign_in
        self._uploads = uploads
        self._rollouts = rollouts
        self._tracker_urls = tracker_urls
        self._knows_key = knows_key
        self._next_batch = next_batch
        self._audit_log = audit_log
        self._allowance = Allowance(seconds, most=MOST_ENTRIES, per=ENTRY_SECONDS)
        self.reported: Signal[[str]] = Signal("a terminal reported what it has or started from")
        self.ran: Signal[[int]] = Signal("a terminal runs what a rollout brought")
        self._table: Mapping[int, Handle] = {
            Code.LOGIN: self._login_or_order_query,
            Code.TERMINAL_LOGIN: self._login,
            Code.LOGOUT: self._logout,
            Code.HEARTBEAT: self._date_time,
            Code.GET_DATE_TIME: self._date_time,
            Code.ADMIN_LOGIN: self._admin_login,
            Code.REPORT_DISKS: self._report_disks,
            Code.REPORT_BOOT_DISK: self._report_boot_disk,
            Code.SET_ASIDE: self._set_aside,
            Code.DISK_CHECKED: self._disk_checked,
            Code.UPLOAD_TORRENT: self._upload_torrent,
            Code.DOWNLOAD_RESULT: self._download_result,
            Code.MAY_UPLOAD: self._may_upload,
            Code.TRACKER_ADDRESS: self._tracker_address,
            Code.TASK_STATE: self._task_state,
            Code.UPLOAD_STATE: self._upload_state,
            Code.P2V_START: self._refuse_p2v,
            Code.P2V_PROGRESS: self._refuse_p2v,
        }

    async def handle(self, connection: TerminalProtocol, request: Request) -> Reply:
        """Answer one request."""
        return await self._table[request.code](connection, request)

    def unread(self, connection: TerminalProtocol, code: int, error: VoiError) -> None:
        """A request got no further than its frame: of a torrent, whoever asked for the disk is to read why."""
        if code == Code.UPLOAD_TORRENT:
            mac = _mac(connection)
            spawn(self._uploads.not_read(mac, error.reason), log, "noting why a torrent of {mac} was refused", mac=mac)

    async def _login_or_order_query(self, connection: TerminalProtocol, request: Request) -> Reply:
        """The seed's login, or the family's order query: terminals are not numbered here."""
        if isinstance(request, LoginRequest):
            return await self._login(connection, request)
        return success(batch_no=0, terminal_id=-1)

    async def _login(self, connection: TerminalProtocol, request: Request) -> Reply:
        assert isinstance(request, LoginRequest)
        login: Login = request.body
        ip = _address(login.ip) or connection.host
        now, actor = time.time(), Actor("terminal", login.mac, connection.host)

        def entry(terminal: Terminal) -> AuditEntry | None:
            first = terminal.first_seen == terminal.last_seen
            return make_entry("terminal.first", actor, now, mac=terminal.mac, data={"ip": ip}) if first else None

        again = connection.terminal is not None
        terminal = await self._terminals.touch(login.mac, ip, request.client_type, now, again=again, audit=entry)
        if not connection.alive:
            raise LoginRefused(Reason("login_cut_off"))
        self._knows_key(terminal.tracker_key, terminal.mac)
        if login.disk_free is not None:
            connection.disk_free = login.disk_free
        connection.abilities = login.able
        token = connection.accept(request, terminal, secrets.token_hex(16))
        return success(token=token, datetime=date_time())

    async def _logout(self, _connection: TerminalProtocol, _request: Request) -> Reply:
        return success()

    async def _date_time(self, _connection: TerminalProtocol, _request: Request) -> Reply:
        return success(datetime=date_time())

    async def _admin_login(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: AdminLogin = request.body
        terminal = Actor("terminal", _mac(connection), connection.host)
        connection.grant(await self._sign_in.at_terminal(terminal, body.username, body.password))
        return success()

    async def _report_boot_disk(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: BootDisk = request.body
        mac = _mac(connection)
        try:
            name = DiskName.parse(body.boot_disk, "boot_disk")
        except Malformed as error:
            raise UnknownTemplate(error.reason, field="boot_disk") from error
        ran = await self._terminals.set_boot_disk(mac, str(name), body.content, time.time())
        self.reported(mac)
        if ran is not None:
            self.ran(ran)
        template = await self._templates.by_disk(name.uuid)
        if template is None:
            raise UnknownTemplate(Reason("no_template_of_disk", disk=str(name)), field="boot_disk")
        return success(
            name=template.name,
            uuid=template.uuid,
            desktop_group_name=template.group_name,
            last_update_time=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(template.updated)),
        )

    async def _report_disks(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: TemplateBody = request.body
        mac = _mac(connection)
        if body.disk_free is not None:
            connection.disk_free = body.disk_free
        # A terminal that was sent a disk knows its desktop group (1015), and may know no template.
        known = await self._templates.get(body.uuid) or await self._templates.by_group(body.uuid)
        template_uuid = known.uuid if known else body.uuid
        levels = [
            ReportedLevel(
                template_uuid=template_uuid,
                name=DiskName(disk.uuid, disk.diff_level),
                type=disk.type,
                real_size=disk.real_size,
                operate_id=disk.operate_id,
            )
            for disk in body.disks
        ]
        template = ReportedTemplate(template_uuid, body.name, body.sys_type, body.desc)
        await self._terminals.report(mac, template, levels)
        await self._rollouts.disks_reported(mac, known)
        self.reported(mac)
        return success()

    async def _set_aside(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: SetAside = request.body
        mac = _mac(connection)
        name = DiskName.parse(body.disk, "disk")
        if not body.kept_as.startswith(f"{name}.") or "/" in body.kept_as:
            raise Malformed(Reason("not_kept_name", field="kept_as", text=body.kept_as), field="kept_as")
        actor = Actor("terminal", mac, connection.host)
        if self._allowance.take(connection.host):
            await self._audit_log.write("terminal.set_aside", actor, mac=mac, disk=str(name), kept_as=body.kept_as)
        else:
            log.debug("{mac}: {disk} is kept as {kept}", mac=mac, disk=str(name), kept=body.kept_as)
        return success()

    async def _disk_checked(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: DiskChecked = request.body
        mac = _mac(connection)
        name = DiskName.parse(body.disk, "disk")
        actor = Actor("terminal", mac, connection.host)
        said: dict[str, Any] = {"mac": mac, "disk": str(name)}
        if not self._allowance.take(connection.host):
            log.debug("{mac}: {disk} was read", mac=mac, disk=str(name))
        elif why := body.why:
            await self._audit_log.write("terminal.disk_unreadable", actor, **said, reason=why)
        elif body.wrong:
            await self._audit_log.write("terminal.disk_damaged", actor, **said, pieces=body.wrong)
        else:
            await self._audit_log.write("terminal.disk_right", actor, **said)
        self._disk_was_checked(mac, name, body)
        return success()

    async def _may_upload(self, connection: TerminalProtocol, request: Request) -> Reply:
        permission = await self._uploads.may_upload(_mac(connection), connection.granted, request.body)
        if permission.allowed:
            if len(connection.listed) > MOST_LISTED:
                connection.listed.clear()
            connection.listed.update(permission.listed)
        elif permission.refusal is not None:
            connection.count_refusal(request.code, permission.refusal)
        message = "Success" if permission.allowed else str(permission.reason)
        data: dict[str, Any] = {
            "can_update": int(permission.allowed),
            "batch_no": self._next_batch(),
            "reason": str(permission.reason),
        }
        if not permission.allowed:
            data["why"] = encode_reason(permission.reason)
        return Reply(code=0, msg=message, data=data)

    async def _upload_torrent(self, connection: TerminalProtocol, request: Request) -> Reply:
        torrent_id = await self._uploads.take_torrent(
            _mac(connection),
            connection.granted,
            connection.listed,
            request.body,
            actor=connection.granted_by,
            address=connection.host,
        )
        return success(torrent_id=torrent_id)

    async def _upload_state(self, connection: TerminalProtocol, request: Request) -> Reply:
        body: UploadQuery = request.body
        name = DiskName.parse(body.torrent_name, "torrent_name")
        found = await self._uploads.progress(_mac(connection), name)
        return success(progress=found.progress, process=found.progress, rate=found.rate, state=found.state)

    async def _download_result(self, connection: TerminalProtocol, request: Request) -> Reply:
        await self._rollouts.download_result(_mac(connection), request.body)
        return success()

    async def _task_state(self, connection: TerminalProtocol, request: Request) -> Reply:
        await self._rollouts.task_state(_mac(connection), request.body)
        return success()

    async def _tracker_address(self, connection: TerminalProtocol, _request: Request) -> Reply:
        assert connection.terminal is not None
        return success(tracker=self._tracker_urls(connection.server_host, connection.terminal.tracker_key))

    async def _refuse_p2v(self, _connection: TerminalProtocol, _request: Request) -> Reply:
        return Reply(code=P2V_REFUSED, msg="not supported: the server gives its password to nobody")


def _mac(connection: TerminalProtocol) -> str:
    assert connection.terminal is not None
    return connection.terminal.mac


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None
