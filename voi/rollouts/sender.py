"""Hands a level to a terminal with 1015: few at a time, each with the terminal's own tracker URL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import DeferredSemaphore

from voi.domain import metainfo
from voi.domain.rollouts import Task
from voi.domain.templates import PublishedLevel, Template
from voi.domain.torrent_repair import is_torrent_of
from voi.errors import Conflict, StorageMissing, TerminalOffline
from voi.files.directory import DataDirectory
from voi.files.torrent_file import read_torrent
from voi.messages.reason import Reason
from voi.store.interfaces.terminals import Terminals
from voi.tasks import InThread
from voi.terminals.interfaces import Connections
from voi.units import SECTOR, sectors
from voi.wire.codes import ALREADY_THERE, SUCCESS, TERMINAL_TORRENT_ERROR, Code
from voi.wire.messages import decode_reason
from voi.wire.torrent_body import TorrentBody, encode_task

AT_ONCE: Final = 64
"""Frames of up to a megabyte that wait for their answers at the same time: 64 MiB of buffers at the worst."""

_CACHED: Final = 8  # torrents; a rollout sends the same few to everybody


class Refused(Conflict):
    """The terminal answered a 1015 with an error."""


class NotWanted(Conflict):
    """A task's turn came when nobody wanted it sent any more."""


class Sender:
    """Sends tasks; `tracker_url` makes a URL of the server's host as the terminal sees it and the terminal's key."""

    def __init__(
        self,
        *,
        registry: Connections,
        terminals: Terminals,
        directory: DataDirectory,
        tracker_url: Callable[[str, str], str],
        in_thread: InThread,
    ) -> None:
        self._registry = registry
        self._terminals = terminals
        self._directory = directory
        self._tracker_url = tracker_url
        self._in_thread = in_thread
        self._limiter = DeferredSemaphore(AT_ONCE)
        self._torrents: OrderedDict[bytes, bytes] = OrderedDict()

    async def send(self, task: Task, template: Template, level: PublishedLevel, wanted: Callable[[], bool]) -> bool:
        """Send one task and wait until the terminal has taken it; True if it says it has the disk already.

        `wanted` is asked at the last moment: a rollout may be cancelled while its tasks wait for their turn.

        :raises TerminalOffline: it is not connected.
        :raises NoAnswer: it did not answer.
        :raises Refused: it answered with an error.
        :raises NotWanted: nobody wants it sent any more.
        """
        await self._limiter.acquire()
        try:
            return await self._send(task, template, level, wanted)
        finally:
            self._limiter.release()

    async def _send(self, task: Task, template: Template, level: PublishedLevel, wanted: Callable[[], bool]) -> bool:
        terminal = await self._terminals.get(task.mac)
        server_address = self._registry.server_address(task.mac)
        if terminal is None or not server_address:
            raise TerminalOffline(Reason("offline", mac=task.mac))
        url = self._tracker_url(server_address, terminal.tracker_key)
        torrent = metainfo.with_announce(await self._torrent(level), url)
        body = TorrentBody(
            torrent=torrent,
            disk_uuid=level.name.uuid,
            level=level.name.level,
            type=level.type,
            sys_type=template.sys_type,
            real_size=level.virtual_size // SECTOR,
            reserve_size=level.reserve_size,
            file_size=sectors(level.file_size),
            task_uuid=task.id,
            group_uuid=template.group_uuid,
            operate_id=level.operate_id,
        )
        if not wanted():
            raise NotWanted(Reason("not_wanted"))
        reply = await self._registry.send_torrent(task.mac, Code.SEND_TORRENT, encode_task(body), task.id)
        if reply.code == ALREADY_THERE:
            return True
        if reply.code != SUCCESS:
            # The reference terminal says why in a form that can be said in every language.
            why = decode_reason((reply.data or {}).get("reason")) or reply.msg
            if reply.code == TERMINAL_TORRENT_ERROR:
                raise Refused(Reason("torrent_not_taken", code=reply.code, text=why))
            raise Refused(Reason("terminal_answered", code=reply.code, text=why))
        return False

    async def _torrent(self, level: PublishedLevel) -> bytes:
        info_hash = level.info_hash
        cached = self._torrents.get(info_hash)
        if cached is not None:
            self._torrents.move_to_end(info_hash)
            return cached
        path = self._directory.torrent(info_hash)
        torrent: bytes = await self._in_thread(read_torrent, path)
        right = await self._in_thread(is_torrent_of, torrent, level.name, level.info_hash, level.file_size)
        if not right:  # terminals would join the swarm of nobody; where the torrents are watched it is put right
            raise StorageMissing(Reason("torrent_file_wrong", name=path.name))
        self._torrents[info_hash] = torrent
        if len(self._torrents) > _CACHED:
            self._torrents.popitem(last=False)
        return torrent
