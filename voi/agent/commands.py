"""Commands of the server: service code to handler, and the answer (protocol sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from twisted.logger import Logger

from voi.agent.disk_checks import DiskChecks
from voi.agent.downloads import Downloads
from voi.agent.programs import Programs
from voi.agent.uploads import UploadQueue
from voi.domain.commands import COMMANDS, Choices, CommandKind
from voi.errors import Malformed, UnknownCode, VoiError
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.wire.codes import ALREADY_THERE, SUCCESS, Code
from voi.wire.messages import Reply, decode_info_hash, encode_reason
from voi.wire.session import ServerCommand

log = Logger()

_MESSAGES: Mapping[int, str] = {SUCCESS: "Success", ALREADY_THERE: "already there"}
_SYSTEM_ERROR = 99999


class CommandHandlers:
    """Answers every command."""

    def __init__(
        self, mac: str, downloads: Downloads, uploads: UploadQueue, disk_checks: DiskChecks, programs: Programs
    ) -> None:
        self._mac = mac
        self._downloads = downloads
        self._uploads = uploads
        self._disk_checks = disk_checks
        self._programs = programs
        self._table: Mapping[int, Callable[[ServerCommand], Awaitable[int]]] = {
            Code.SEND_TORRENT: self._send_torrent,
            Code.CANCEL_SEND: self._cancel,
            Code.UPLOAD_DISKS: self._upload,
            Code.HAVE_DISK: self._have_disk,
            Code.TASK_RESULT: self._task_result,
            **{kind.code: partial(self._run, kind) for kind in COMMANDS.given},
            Code.CHECK_DISKS: self._check_disks,
        }

    async def handle(self, command: ServerCommand) -> Reply:
        """Do what a command says; raises nothing, whatever it says."""
        why: dict[str, Any] = {}
        try:
            handler = self._table.get(command.code)
            if handler is None:
                raise UnknownCode(Reason("command_unknown", code=command.code))
            code = await handler(command)
            message = _MESSAGES.get(code, "")
        except VoiError as error:
            log.warn("command {code} refused: {error}", code=command.code, error=error.message)
            code, message, why = error.wire_code, error.message, {"reason": encode_reason(error.reason)}
        except Exception:  # a fault of ours does not end the connection
            log.failure("command {code} failed", code=command.code)
            code, message = _SYSTEM_ERROR, "the terminal failed to do this; its log says why"
        return Reply(code=code, msg=message, data={"mac": self._mac, "batch_no": _batch(command), **why})

    async def _send_torrent(self, command: ServerCommand) -> int:
        if command.torrent is None:
            raise Malformed(Reason("command_without_torrent"))
        return await self._downloads.take(command.torrent)

    async def _cancel(self, command: ServerCommand) -> int:
        tasks = command.fields.get("tasks")
        if tasks is not None and not (isinstance(tasks, list) and all(isinstance(task, str) for task in tasks)):
            raise Malformed(Reason("tasks_no_list"), field="tasks")
        stopped = await self._downloads.cancel(tasks)
        log.info("downloads stopped: {names}", names=", ".join(stopped) or "none")
        return SUCCESS

    async def _upload(self, command: ServerCommand) -> int:
        await self._uploads.take(command.fields)
        return SUCCESS

    async def _have_disk(self, command: ServerCommand) -> int:
        await self._uploads.have_disk(_text(command, "torrent_id"))
        return SUCCESS

    async def _task_result(self, command: ServerCommand) -> int:
        await self._uploads.failed(_text(command, "torrent_id"), str(command.fields.get("msg", "")))
        return SUCCESS

    async def _check_disks(self, command: ServerCommand) -> int:
        """One disk, with one content, where the server names them; else all."""
        disk, content = command.fields.get("disk"), command.fields.get("info_hash")
        name = None if disk is None else DiskName.parse(_text(command, "disk"), "disk")
        self._disk_checks.take(name, None if content is None else decode_info_hash(content) or b"")
        return SUCCESS

    async def _run(self, kind: CommandKind, command: ServerCommand) -> int:
        """What a person gave: a program of the configuration does it, with what was said as its last arguments."""
        said = kind.body({name: _number(command.fields.get(name), kind.fields[name]) for name in kind.fields})
        self._programs.start(kind.name, *(str(int(value)) for value in said.values()))
        return SUCCESS


def _batch(command: ServerCommand) -> Any:
    """What an answer repeats: of a 1015 the task's uuid (protocol section 1)."""
    return command.torrent.task_uuid if command.torrent is not None else command.fields.get("batch_no")


def _number(value: Any, choices: Choices) -> Any:
    """A field of the table's commands, which some servers send as a text."""
    return {str(number): number for number in choices.values()}.get(value) if isinstance(value, str) else value


def _text(command: ServerCommand, field: str) -> str:
    value = command.fields.get(field)
    if not isinstance(value, str | int) or value == "":
        raise Malformed(Reason("field_missing", field=field), field=field)
    return str(value)
