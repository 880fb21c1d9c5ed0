"""The disks directory: which levels are there, whole; written down before the server is told.

``DIR/voi_<level>_<uuid>`` are the disks, side by side, so that the bare backing name in a difference resolves.
``DIR/.voi/`` has a state file and a torrent for each. A state file is there before the first byte of a download
is, so a disk file without one is the work of an administrator at this terminal.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from voi.agent import disks
from voi.agent.disks import DiskState, TemplateDescription, replace
from voi.agent.own_disks import find_own, own_state, read_description
from voi.agent.saving import save
from voi.domain import metainfo
from voi.errors import BadImage, Malformed, NoSpace, StartupError, StorageMissing, UnknownDisk, VoiError
from voi.files.atomic import remove_drafts, sync_directory
from voi.files.facts import facts
from voi.files.permissions import DIRECTORY_MODE, FILE_MODE, make_directory, restrict_files
from voi.files.room import check_room, reserve, shortage
from voi.messages.reason import Reason, of_system
from voi.names import DiskName
from voi.tasks import InThread

log = Logger()

MOST_DISKS: Final = 256
"""Levels on one terminal; ten are many. Each has a torrent in the BitTorrent session."""

DOWNLOADED: Final = 1
"""What a 9015 says of a disk that is complete."""


_OF_ITS_TEMPLATE: Final = ("template_uuid", "template_name", "sys_type", "desc", "group_uuid", "sent")


@dataclass(frozen=True, slots=True)
class Seen:
    """A level whose file is not as it was noted: its size and time of change now, None where it is gone."""

    state: DiskState
    facts: tuple[int, int] | None


class Library:
    """The disks of one terminal; what is in memory is what is on its disk.

    `changed` is called after each change of what is known, on the reactor.
    """

    def __init__(self, directory: Path, in_thread: InThread) -> None:
        self.directory = directory
        self.changed: Callable[[], object] = lambda: None
        self.description: TemplateDescription | None = None
        self._in_thread = in_thread
        self._states: dict[DiskName, DiskState] = {}
        self._unwritten: set[DiskName] = set()  # whose state the disk did not take
        self._lock = DeferredLock()
        self._handle: int | None = None
        self._noticed: dict[DiskName, DiskState] = {}
        self._sparse: dict[DiskName, int] = {}  # disks under way without reserved room, with their lengths

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
        self._states |= self._find_own(set(self._states))

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
        return doubted(state)

    async def look(self) -> list[Seen]:
        """The complete levels whose files are not as they were noted: changed, or gone.

        Nothing is read but what the directory says of them. Also writes down what could not be written before.

        :raises StorageMissing: the directory cannot be looked at.
        """
        states = [state for state in self if state.complete]
        seen: list[Seen] = await self._in_thread(self._look, states)
        for name in list(self._unwritten):
            await self._lock.run(self._write_late, name)
        return [one for one in seen if self._states.get(one.state.disk) is one.state]

    def _look(self, states: list[DiskState]) -> list[Seen]:
        seen = []
        for state in states:
            try:
                found = facts(self.path(state.disk))
            except OSError as error:
                path = str(self.path(state.disk))
                raise StorageMissing(Reason("path_failed", path=path, text=of_system(error.strerror))) from error
            if found != (state.size, state.mtime_ns):
                seen.append(Seen(state, found))
        return seen

    async def _write_late(self, name: DiskName) -> None:
        state = self._states.get(name)
        try:
            if state is not None:
                await self._in_thread(self._write, state)
            self._unwritten.discard(name)
        except StorageMissing as error:
            log.debug("{name} still cannot be written down: {error}", name=str(name), error=error.message)

    # Disks that an administrator made here.

    async def find_new(self, *, settled: bool = False) -> None:
        """Find disk files that were put here since.

        :param settled: only those that looked the same at the last call: one that is being copied here is not whole.
        """
        known = {state.disk for state in self if not _is_no_image(state)}
        found: dict[DiskName, DiskState] = await self._in_thread(self._find_own, known)
        noticed, self._noticed = self._noticed, found
        for name, state in found.items():
            before = self._states.get(name)
            if (before is None or _is_no_image(before)) and (not settled or noticed.get(name) == state):
                log.info("{name}: an image that was made here", name=str(name))
                if before is not None:
                    await self._in_thread(self._remove_files, name)
                self._states[name] = state
                self.changed()

    def _find_own(self, known: set[DiskName]) -> dict[DiskName, DiskState]:
        types = {state.disk.uuid: state.type for state in self if not state.own}
        described = self.description.disks if self.description else {}
        return find_own(self.directory, known, {**described, **types}, MOST_DISKS - len(known))

    def own_again(self, name: DiskName, **changes: Any) -> Deferred[None]:
        """What lies in the place of a disk is the terminal's own, and stays: it is as it was, or was changed here."""

        async def work() -> None:
            before = self._states.get(name) or DiskState(name=str(name))
            try:
                state = await self._in_thread(own_state, self.path(name), name, before.type)
            except (BadImage, OSError) as error:
                log.warn("{name} is not taken for a disk: {error}", name=str(name), error=error)
                state = replace(before, complete=False, wanted=False, keep=True, task_uuid=None)
            kept = {field: getattr(before, field) for field in _OF_ITS_TEMPLATE}
            await self._put(replace(state, **kept, **changes), anyway=True)

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    async def is_occupied(self, name: DiskName) -> bool:
        """Whether a file with anything in it lies in the place of a disk."""
        found: tuple[int, int] | None = await self._in_thread(facts, self.path(name))
        return found is not None and found[0] > 0

    async def left_behind(self, name: DiskName) -> dict[str, Any]:
        """What the file of a download that ended early looks like, as fields of its state."""
        try:
            found: tuple[int, int] | None = await self._in_thread(facts, self.path(name))
        except OSError:  # then nobody can tell later whether it was changed
            found = None
        size, mtime_ns = found or (0, 0)
        return {"size": size, "mtime_ns": mtime_ns}

    async def is_touched(self, state: DiskState) -> bool:
        """Whether somebody changed what a download that ended early left behind, or put another file in its place."""
        if state.complete or state.wanted or not state.mtime_ns:
            return False
        now = await self.left_behind(state.disk)
        return bool(now["size"]) and now != {"size": state.size, "mtime_ns": state.mtime_ns}

    async def is_gone(self, name: DiskName) -> bool:
        """Whether there is no file in the place of a disk."""
        return await self._in_thread(facts, self.path(name)) is None

    # Changes.

    def update(self, name: DiskName, *, anyway: bool = False, **changes: Any) -> Deferred[DiskState]:
        """Change what is known of a disk; fires when it is on the disk.

        Fails with UnknownDisk where nothing is, StorageMissing where it cannot be written; with `anyway` it counts
        all the same, and is written as soon as the disk takes it (`look`).
        """

        async def work() -> DiskState:
            state = self._states.get(name)
            if state is None:
                raise UnknownDisk(Reason("disk_not_here", disk=str(name)))
            return await self._put(replace(state, **changes), anyway)

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    def note_sent(self, name: DiskName, **changes: Any) -> Deferred[DiskState]:
        """Change what is known of a disk that the server sent now: it is the last one (`voi.agent.disks.boot_disk`)."""
        return self.update(name, sent=self._next_sent(), **changes)

    def _next_sent(self) -> int:
        return 1 + max((state.sent for state in self), default=0)

    def remove(self, name: DiskName) -> Deferred[None]:
        """Forget a disk that is gone: its state and its torrent. A file in its place is not touched."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._remove(name)))

    async def _remove(self, name: DiskName) -> None:
        self._states.pop(name, None)
        self._unwritten.discard(name)
        try:
            await self._in_thread(self._remove_files, name)
        except OSError as error:
            log.warn("{name}: what is kept of it cannot be removed: {error}", name=str(name), error=error)
        self.changed()

    def begin(self, state: DiskState, torrent: bytes, length: int) -> Deferred[DiskState]:
        """Write down that a disk of `length` bytes is to be fetched, once there is room for it.

        What is in the place of the disk counts as incomplete from now on, before any of it is changed; it keeps its
        place, and nothing is reserved yet, where the state says `keep`.

        Fails with NoSpace and StorageMissing, and then nothing is changed.
        """

        async def work() -> DiskState:
            if state.disk not in self._states and len(self._states) >= MOST_DISKS:
                raise StorageMissing(Reason("terminal_disks_full", most=MOST_DISKS))
            here = self._states.get(state.disk)
            if not state.keep and here is not None and here.complete:  # that stays, if there is no room
                await self._in_thread(self._check_room, state.disk, length, self._sparse_others(state.disk))
            put = await self._put(replace(state, sent=self._next_sent()))
            await self._in_thread(save, self._torrent(state.disk), torrent)
            return put

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    def reserve(self, name: DiskName, length: int) -> Deferred[None]:
        """Take the room for a disk (`voi.files.room`); fails with NoSpace or StorageMissing."""

        async def work() -> None:
            self._sparse.pop(name, None)
            if not await self._in_thread(self._reserve, name, length, self._sparse_others(name)):
                self._sparse[name] = length

        return self._lock.run(lambda: Deferred.fromCoroutine(work()))

    async def check_room_beside(self, name: DiskName, length: int) -> None:
        """See that a disk fits beside what lies in its place, which is kept.

        :raises NoSpace: says what is needed and what there is.
        """
        try:
            await self._in_thread(check_room, self.path(name), length, beside=True)
        except NoSpace as error:
            raise NoSpace(Reason("no_room_beside_own", disk=str(name), why=error.reason)) from error

    def _sparse_others(self, name: DiskName) -> list[tuple[Path, int]]:
        """The other disks under way for which the file system could not reserve room, with their lengths."""
        states = ((one, self._states.get(one), length) for one, length in self._sparse.items())
        return [(self.path(one), length) for one, state, length in states if one != name and state and state.wanted]

    def _check_room(self, name: DiskName, length: int, others: list[tuple[Path, int]]) -> None:
        check_room(self.path(name), length, _lacking(others))

    def _reserve(self, name: DiskName, length: int, others: list[tuple[Path, int]]) -> bool:
        return reserve(self.path(name), length, _lacking(others))

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
            done = replace(
                state,
                complete=True,
                wanted=False,
                keep=False,
                damaged=False,
                size=found[0],
                mtime_ns=found[1],
                **changes,
            )
            if state.task_uuid is not None:
                done = replace(done, task_uuid=None, result=DOWNLOADED, why=None)
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

    async def _put(self, state: DiskState, anyway: bool = False) -> DiskState:
        try:
            await self._in_thread(self._write, state)
            self._unwritten.discard(state.disk)
        except StorageMissing as error:
            if not anyway:
                raise
            log.warn("{name}: {error}; written down later", name=state.name, error=error.message)
            self._unwritten.add(state.disk)
        self._states[state.disk] = state
        self.changed()
        return state

    def _write(self, state: DiskState) -> None:
        # Whoever empties the directory takes this one along, and the terminal runs on.
        self.hidden.mkdir(DIRECTORY_MODE, exist_ok=True)
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
        try:
            sync_directory(self.directory)
            return facts(self.path(name))
        except OSError as error:
            path = str(self.path(name))
            raise StorageMissing(Reason("path_failed", path=path, text=of_system(error.strerror))) from error

    def _remove_files(self, name: DiskName) -> None:
        self._torrent(name).unlink(missing_ok=True)
        (self.hidden / f"{name}.json").unlink(missing_ok=True)


def doubted(state: DiskState) -> DiskState:
    """A published level whose file was changed: it is compared, and what an administrator did to it is kept."""
    log.warn("{name} was changed: it is compared with what was published", name=state.name)
    return replace(state, complete=False, wanted=state.info_hash is not None, keep=True)


def _is_no_image(state: DiskState) -> bool:
    """Whether what lies in the place of a disk is the terminal's own, and no image when it was last looked at."""
    return state.keep and not state.wanted and not state.complete and state.result is None


def _lacking(files: list[tuple[Path, int]]) -> int:
    """Bytes that files of these lengths still need."""
    return sum(max(0, shortage(path, length)[0]) for path, length in files)
