"""Disks that the server requests: 1020 to 1021 or 1018, one disk after the other, lowest level first.

A request is written down before it is confirmed; after a restart of either side the same torrent is
offered again, and the server knows it by its info-hash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voi.agent.disks import DiskState
from voi.agent.interfaces import ServerLink
from voi.agent.library import Library
from voi.agent.saving import save
from voi.agent.upload_jobs import Job, order, read_jobs, upload_body
from voi.domain import metainfo
from voi.errors import Conflict, NoAnswer, StorageMissing, TorrentRefused, UnknownDisk, VoiError
from voi.files.facts import facts
from voi.files.hashing import Cancelled, hash_file
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.seeding.interfaces import BitTorrentSession
from voi.tasks import InThread, spawn
from voi.wire.codes import Code
from voi.wire.messages import decode_reason, decode_template

log = Logger()

RETRY_SECONDS: Final = 30.0
"""Between tries to offer a disk that the server does not take now: another terminal may be uploading the template."""

MOST_TRIES: Final = 120
"""An hour of them; then the upload has to be requested again."""


_NEVER: Final = frozenset({"admin_needed", "level_published"})
"""Why a server does not take a disk that it asked for, and will not: the request was cancelled, or another terminal
was faster."""


class UploadNotWanted(TorrentRefused):
    """The server does not want a disk any more."""


class UploadQueue:
    """What this terminal uploads, one disk after the other."""

    def __init__(
        self,
        *,
        library: Library,
        seeder: BitTorrentSession,
        server: ServerLink,
        in_thread: InThread,
        clock: IReactorTime,
        piece_length: int = 0,
    ) -> None:
        self._piece_length = piece_length
        self._library = library
        self._seeder = seeder
        self._server = server
        self._in_thread = in_thread
        self._clock = clock
        self._jobs: list[Job] = []
        self._saving = DeferredLock()
        self._offered: DiskName | None = None  # what the server was offered on this connection
        self._working = False
        self._tries = 0
        self._retry: IDelayedCall | None = None
        self._stopped = False

    @property
    def jobs(self) -> list[Job]:
        """What is still requested, in the order in which it goes."""
        return list(self._jobs)

    def busy_with(self, name: DiskName) -> bool:
        """Whether a disk is requested by the server, and must stay as it is."""
        return any(job.disk == name for job in self._jobs)

    # Beginning and end.

    async def open(self) -> None:
        """Read what was under way.

        :raises StartupError: it cannot be read.
        """
        self._jobs = await self._in_thread(read_jobs, self._path)

    def stop(self) -> None:
        """End; the next start goes on."""
        self._stopped = True
        self.lost()

    def online(self) -> None:
        """The terminal has logged in, and knows its tracker: offer again what is under way."""
        self._offered = None
        self._tries = 0
        self._kick()

    def changed(self, name: DiskName) -> None:
        """The file of a disk is not what it was: one that was offered is hashed and offered again."""
        if self._offered == name:
            self._offered = None
            self._kick()

    def lost(self) -> None:
        """The connection ended."""
        self._cancel_retry()

    # 1020, 1021, 1018.

    async def take(self, fields: dict[str, Any]) -> None:
        """Begin what a 1020 requests.

        :raises Malformed: the message cannot be read.
        :raises UnknownDisk: this terminal does not have one of the disks, or not whole.
        """
        body = decode_template(fields)
        names = sorted({DiskName(disk.uuid, disk.diff_level) for disk in body.disks}, key=order)
        if any(self._library.get(name) is None for name in names):
            await self._library.find_new()
        for name in names:
            state = self._library.get(name)
            if state is None or not state.complete:
                raise UnknownDisk(Reason("disk_not_whole", disk=str(name)))
        requested = [
            Job(
                name=str(name),
                template_uuid=body.uuid,
                template_name=body.name,
                sys_type=body.sys_type,
                desc=body.desc,
            )
            for name in names
        ]
        others = [job for job in self._jobs if job.disk not in names]
        await self._keep(sorted([*others, *requested], key=lambda job: order(job.disk)))
        if self._offered in names:
            self._offered = None
        self._tries = 0
        self._kick()

    async def have_disk(self, torrent_id: str) -> None:
        """1021: the server has the disk. It stays, as published, and is seeded on."""
        job = self._find(torrent_id) or self._unanswered()
        if job is None:
            log.info("the server has torrent {id}, which is unknown here", id=torrent_id)
            return
        log.info("{name} is published", name=job.name)
        await self._library.update(
            job.disk,
            own=False,
            template_uuid=job.template_uuid,
            template_name=job.template_name,
            sys_type=job.sys_type,
            desc=job.desc,
        )
        await self._end(job)

    async def failed(self, torrent_id: str, reason: str) -> None:
        """1018: the upload failed; the disk is not seeded any more, and is an unpublished one as before."""
        job = self._find(torrent_id)
        if job is None:
            log.warn("torrent {id}, which is unknown here, failed: {reason}", id=torrent_id, reason=reason)
            return
        log.error("the upload of {name} failed: {reason}", name=job.name, reason=reason)
        state = self._library.get(job.disk)
        if state is not None and state.own and state.key is not None:
            await self._seeder.remove(state.key, forget=True)
            await self._library.update(job.disk, info_hash=None)
        await self._end(job)

    def _find(self, torrent_id: str) -> Job | None:
        return next((job for job in self._jobs if job.torrent_id == torrent_id), None)

    def _unanswered(self) -> Job | None:
        """The disk that may have been offered without an answer, lost together with the connection."""
        for job in self._jobs[:1]:
            state = self._library.get(job.disk)
            if job.torrent_id is None and state is not None and state.info_hash is not None:
                return job
        return None

    async def _end(self, job: Job) -> None:
        await self._keep([other for other in self._jobs if other.name != job.name])
        self._tries = 0
        self._cancel_retry()
        self._kick()

    # One disk.

    def _kick(self) -> None:
        if self._working or self._stopped or not self._jobs:
            return
        self._cancel_retry()
        if self._offered == self._jobs[0].disk:
            return  # nothing to do but wait for 1021
        self._working = True
        spawn(self._work(self._jobs[0]), log, "a step of an upload").addCallback(self._worked)

    def _worked(self, _result: object) -> None:
        self._working = False
        # The connection may be another one by now, or the next disk's turn has come.
        if self._retry is None and self._server.online and self._server.trackers:
            self._kick()

    async def _work(self, job: Job) -> None:
        try:
            await self._offer(job)
        except Cancelled:
            return
        except NoAnswer as error:
            if self._server.online:
                await self._try_later(job, error.message)
            else:
                log.info("{name}: {error}; offered again after the next login", name=job.name, error=error.message)
        except UploadNotWanted as error:
            log.info("{name} is not uploaded: {error}", name=job.name, error=error.message)
            await self._keep([other for other in self._jobs if other.name != job.name])
            self._tries = 0
        except VoiError as error:
            await self._try_later(job, error.message)

    async def _try_later(self, job: Job, reason: str) -> None:
        self._tries += 1
        if self._tries >= MOST_TRIES:
            log.error("{name} is not uploaded: {reason}", name=job.name, reason=reason)
            await self._keep([other for other in self._jobs if other.name != job.name])
            self._tries = 0
            return
        log.warn("{name}: {reason}; tried again in {s} seconds", name=job.name, reason=reason, s=RETRY_SECONDS)
        if self._server.online and not self._stopped:
            self._retry = self._clock.callLater(RETRY_SECONDS, self._kick)

    async def _offer(self, job: Job) -> None:
        state, torrent = await self._hashed(job)
        if not self._server.online or not self._server.trackers:
            return
        permission = await self._server.ask(Code.MAY_UPLOAD, self._permission_body(job))
        if not permission.get("can_update"):
            reason = decode_reason(permission.get("why"))
            if code_of(reason) in _NEVER:
                raise UploadNotWanted(Reason("server_refuses", text=reason))
            why = permission.get("reason")
            raise TorrentRefused(Reason("server_refuses", text=str(why)) if why else Reason("server_refuses_silently"))
        torrent = metainfo.with_announce(torrent, self._server.trackers[0])
        self._offered = job.disk  # before the answer: 1021 may follow at once
        try:
            answer = await self._server.ask(Code.UPLOAD_TORRENT, upload_body(job, state, torrent))
        except VoiError:
            self._offered = None
            raise
        if not self.busy_with(job.disk):
            return
        assert state.key is not None
        torrent_id = str(answer.get("torrent_id", ""))
        await self._keep(
            [
                msgspec.structs.replace(other, torrent_id=torrent_id) if other.name == job.name else other
                for other in self._jobs
            ]
        )
        if state.key not in self._seeder:
            await self._seeder.seed(torrent, self._library.directory)
        self._seeder.set_trackers(state.key, self._server.trackers)
        log.info("{name} is offered to the server", name=job.name)

    def _permission_body(self, job: Job) -> dict[str, Any]:
        """The body of 9018: all that is to come for the template."""
        wanted = [self._library.get(other.disk) for other in self._jobs if other.template_uuid == job.template_uuid]
        return {
            "mac": self._server.mac,
            "uuid": job.template_uuid,
            "sys_type": job.sys_type,
            "name": job.template_name,
            "desc": job.desc,
            "disks": [state.to_wire() for state in wanted if state is not None],
        }

    async def _hashed(self, job: Job) -> tuple[DiskState, bytes]:
        """The disk with its torrent, made if there is none, or none of the file as it is."""
        state, path = self._library.get(job.disk), self._library.path(job.disk)
        found: tuple[int, int] | None = await self._in_thread(facts, path)
        if state is None or found is None:
            raise StorageMissing(Reason("file_gone", path=str(path)))
        if state.info_hash is not None and found == (state.size, state.mtime_ns):
            return state, await self._library.torrent(state)
        if not state.own:
            raise Conflict(Reason("changed_since_fetched", disk=job.name))
        if state.key is not None:
            await self._seeder.remove(state.key, forget=True)
        piece_length = self._piece_length or metainfo.piece_length_for(found[0])
        log.info("{name}: hashing {size} bytes", name=job.name, size=found[0])
        hashes = await self._in_thread(hash_file, path, piece_length, None, lambda: self._stopped)
        torrent = metainfo.build(job.disk, found[0], piece_length, hashes)
        info_hash = metainfo.parse(torrent).info_hash
        await self._library.save_torrent(job.disk, torrent)
        await self._library.complete(job.disk, found[0], info_hash=info_hash.hex())
        await self._seeder.mark_verified(info_hash, path)
        state = self._library.get(job.disk)
        assert state is not None
        return state, torrent

    async def _keep(self, jobs: list[Job]) -> None:
        self._jobs = jobs
        # One write at a time, each of what is wanted by then: two at once would write over each other's draft.
        await self._saving.run(lambda: self._in_thread(save, self._path, msgspec.json.encode(self._jobs)))

    @property
    def _path(self) -> Path:
        return self._library.hidden / "uploads.json"

    def _cancel_retry(self) -> None:
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._retry = None
