"""The disks directory: which levels are there, whole; written down before the server is told.

``DIR/voi_<level>_<uuid>`` are the disks, side by side, so that the bare backing name in a difference resolves.
``DIR/.voi/`` has a state file and a torrent for each. A state file is there before the first byte of a download
is, so a disk file without one is the work of an administrator at this terminal.
"""

from __future__ import annotations

import fcntl
import os
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from voi.agent import disks
from voi.agent.disks import DiskState, TemplateDescription, replace
from voi.agent.saving import save
from voi.domain import image, metainfo
from voi.errors import BadImage, Malformed, StartupError, StorageMissing, UnknownDisk, VoiError
from voi.files.atomic import remove_drafts, sync_directory
from voi.files.facts import facts, make_room, read_start
from voi.files.permissions import DIRECTORY_MODE, FILE_MODE, make_directory, restrict_files
from voi.messages.reason import Reason, of_system
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName, canonical_uuid
from voi.tasks import InThread
from voi.units import sectors

log = Logger()

MOST_DISKS: Final = 256
"""Levels on one terminal; ten are many. Each has a torrent in the BitTorrent session."""

DOWNLOADED: Final = 1
"""What a 9015 says of a disk that is complete."""


class Library:
    """The disks of one terminal; what is in memory is what is on its disk."""

    def __init__(self, directory: Path, in_thread: InThread) -> None:
        self.directory = directory
        self.description: TemplateDescription | None = None
        self._in_thread = in_thread
        self._states: dict[DiskName, DiskState] = {}
        self._lock = DeferredLock()
        self._handle: int | None = None

    @property
    def hidden(self) -> Path:
        """Where everything but the disks is."""
        return self.directory / ".voi"

    def path(self, name: DiskName) -> Path:
        """The file of a disk."""
        return self.directory / str(name)

    def __iter__(self) -> Any:
        return iter(list(self._states.values()))

    def get(self, name: DiskName) -> DiskState | None:
        """What is known of a disk, or None."""
        return self._states.get(name)

    def by_hash(self, info_hash: bytes) -> DiskState | None:
        """The disk of a torrent, or None."""
        wanted = info_hash.hex()
        return next((state for state in self._states.values() if state.info_hash == wanted), None)

    # Beginning and end.

    async def open(self) -> None:
        """Read what is there.

        :raises StartupError: the directory cannot be used, or another terminal uses it.
        """
        await self._in_thread(self._open)

    def close(self) -> None:
        """Release the directory."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> None:
        try:
            self.directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)  # one that is there may hold other things
            make_directory(self.hidden)
            restrict_files([*self.directory.glob("voi_[0-5]_*"), *self.hidden.iterdir()])
            self._handle = os.open(self.hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_drafts(self.hidden)
        except BlockingIOError as error:
            self.close()
            raise StartupError(f"{self.directory} is in use by another terminal") from error
        except OSError as error:
            raise StartupError(f"{self.directory}: {error.strerror}") from error
        try:
            self.description = read_description(self.directory / "template.toml")
        except (OSError, ValueError, VoiError) as error:
            raise StartupError(f"{self.directory / 'template.toml'}: {error}") from error
        for path in sorted(self.hidden.glob("voi_*.json")):
            self._read(path)
        self._states |= self._find_own()

    def _read(self, path: Path) -> None:
        try:
            name = DiskName.parse(path.stem)
        except Malformed:
            log.warn("{path} is not the state of a disk", path=path)
            return
        try:
            state = msgspec.json.decode(path.read_bytes(), type=DiskState)
            if state.name != path.stem:
                raise Malformed(Reason("state_of_another", name=state.name))
        except (OSError, msgspec.MsgspecError, VoiError) as error:
            # Nothing is known of the file: it must neither boot nor count as an administrator's own.
            log.warn("{path}: {error}; the disk counts as incomplete", path=path, error=error)
            state = DiskState(name=str(name))
        checked = self._check(state)
        if checked is None:
            self._remove_files(name)
            return
        if checked != state:
            self._write(checked)
        self._states[name] = checked

    def _check(self, state: DiskState) -> DiskState | None:
        """The state as it is now, by what the file looks like from outside; None for a disk that is gone."""
        if not state.complete:
            return state
        found = facts(self.path(state.disk))
        if found is None:
            log.warn("{name} is gone from {directory}", name=state.name, directory=self.directory)
            return None
        if found == (state.size, state.mtime_ns):
            return state
        if state.own:
            return replace(state, size=found[0], mtime_ns=found[1], info_hash=None)
        log.warn("{name} was changed: it is checked, and what differs fetched again", name=state.name)
        return replace(state, complete=False, wanted=state.info_hash is not None)

    # Disks that an administrator made here.

    async def find_new(self) -> None:
        """Find disk files that were put here since."""
        found: dict[DiskName, DiskState] = await self._in_thread(self._find_own)
        for name, state in found.items():
            self._states.setdefault(name, state)

    def _find_own(self) -> dict[DiskName, DiskState]:
        result: dict[DiskName, DiskState] = {}
        for path in sorted(self.directory.glob("voi_*")):
            try:
                name = DiskName.parse(path.name)
                if name in self._states or str(name) != path.name or name.level > HIGHEST_PUBLISHED_LEVEL:
                    continue
                if len(self._states) + len(result) >= MOST_DISKS:
                    log.error("{directory} has more than {most} disks", directory=self.directory, most=MOST_DISKS)
                    break
                result[name] = _own(path, name)
            except (Malformed, BadImage, OSError) as error:
                log.warn("{path} is not taken for a disk: {error}", path=path, error=error)
        return result

    # Changes.

    def update(self, name: DiskName, **changes: Any) -> Deferred[DiskState]:
        """Change what is known of a disk; fires when it is on the disk.

        Fails with UnknownDisk where nothing is, StorageMissing where it cannot be written.
        """

        async def work() -> DiskState:
            state = self._states.get(name)
            if state is None:
                raise UnknownDisk(Reason("disk_not_here", disk=str(name)))
            return await self._put(replace(state, **changes))

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    def begin(self, state: DiskState, torrent: bytes, length: int) -> Deferred[DiskState]:
        """Write down that a disk of `length` bytes is to be fetched, and see that it fits.

        What is in the place of the disk counts as incomplete from now on, before any of it is changed.
        """

        async def work() -> DiskState:
            if state.disk not in self._states and len(self._states) >= MOST_DISKS:
                raise StorageMissing(Reason("terminal_disks_full", most=MOST_DISKS))
            await self._put(state)
            await self._in_thread(make_room, self.path(state.disk), length)
            await self._in_thread(save, self._torrent(state.disk), torrent)
            return state

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    def complete(self, name: DiskName, length: int, **changes: Any) -> Deferred[DiskState]:
        """Write down that all `length` bytes of a disk are there, verified and on the disk.

        A task of the server's has its result now; a disk that was only mended, or is our own, has none.
        Fails with StorageMissing if the file is not so long.
        """

        async def work() -> DiskState:
            found = await self._in_thread(self._synced_facts, name)
            state = self._states.get(name)
            if state is None or found is None or found[0] != length:
                there = str(found and found[0])
                raise StorageMissing(Reason("wrong_length", path=str(self.path(name)), length=length, found=there))
            done = replace(state, complete=True, wanted=False, size=found[0], mtime_ns=found[1], **changes)
            if state.task_uuid is not None:
                done = replace(done, task_uuid=None, result=DOWNLOADED)
            return await self._put(done)

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    def learn_template(self, disk_uuid: str, template_uuid: str, name: str) -> Deferred[None]:
        """Write down which template a disk, and its desktop group, belongs to."""

        async def work() -> None:
            groups = {s.group_uuid for s in self if s.disk.uuid == disk_uuid and s.group_uuid}
            for state in self:
                if state.disk.uuid != disk_uuid and state.group_uuid not in groups:
                    continue
                if not state.own and (state.template_uuid, state.template_name) != (template_uuid, name):
                    await self._put(replace(state, template_uuid=template_uuid, template_name=name))

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    async def save_torrent(self, name: DiskName, torrent: bytes) -> None:
        """Keep the torrent of a disk."""
        await self._in_thread(save, self._torrent(name), torrent)

    async def torrent(self, state: DiskState) -> bytes:
        """The torrent of a disk.

        :raises StorageMissing: it is not there, or another one.
        """
        data: bytes = await self._in_thread(self._read_torrent, state)
        return data

    def reports(self) -> list[dict[str, Any]]:
        """The bodies of 9011."""
        return disks.reports(self, self.description)

    async def _put(self, state: DiskState) -> DiskState:
        await self._in_thread(self._write, state)
        self._states[state.disk] = state
        return state

    def _write(self, state: DiskState) -> None:
        save(self.hidden / f"{state.name}.json", msgspec.json.format(msgspec.json.encode(state)))

    def _torrent(self, name: DiskName) -> Path:
        return self.hidden / f"{name}.torrent"

    def _read_torrent(self, state: DiskState) -> bytes:
        path = self._torrent(state.disk)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StorageMissing(Reason("path_failed", path=str(path), text=of_system(error.strerror))) from error
        if metainfo.parse(data, state.disk).info_hash != state.key:
            raise StorageMissing(Reason("torrent_not_asked_for", path=str(path)))
        return data

    def _synced_facts(self, name: DiskName) -> tuple[int, int] | None:
        sync_directory(self.directory)
        return facts(self.path(name))

    def _remove_files(self, name: DiskName) -> None:
        self._torrent(name).unlink(missing_ok=True)
        (self.hidden / f"{name}.json").unlink(missing_ok=True)


def read_description(path: Path) -> TemplateDescription | None:
    """The administrator's ``template.toml``, or None.

    :raises Malformed, ValueError, OSError: it cannot be read.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    found = msgspec.convert(tomllib.loads(text), TemplateDescription)
    return TemplateDescription(canonical_uuid(found.uuid), found.sys_type, found.name, found.desc)


def _own(path: Path, name: DiskName) -> DiskState:
    found = facts(path)
    if found is None:
        raise BadImage(Reason("image_not_regular"))
    header = image.parse_header(read_start(path, image.HEADER_PREFIX), found[0])
    size = sectors(header.virtual_size)
    return DiskState(
        name=str(name),
        real_size=size,
        reserve_size=size,
        size=found[0],
        mtime_ns=found[1],
        complete=True,
        own=True,
    )
