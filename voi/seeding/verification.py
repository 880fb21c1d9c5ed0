"""What was verified before, on disk, so that a restart hashes nothing that it need not hash.

One directory: ``<info-hash>.json`` and, for a download under way, ``<info-hash>.resume``; ``running`` exists
while a session runs, so that finding it at a start means that the last stop was unclean; ``epoch`` counts the
unclean stops. What was noted in an earlier epoch is doubted until the file is read again.

Everything here blocks: call it in a thread. Calls from several threads are safe.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec
from twisted.logger import Logger

from voi.files.atomic import remove_drafts, sync_directory, sync_file, write_atomically
from voi.files.permissions import DIRECTORY_MODE, make_directory
from voi.seeding.interfaces import FileFacts, Trust

log = Logger()

_NAME = re.compile(r"([0-9a-f]{40})\.json")


class VerificationEntry(msgspec.Struct, frozen=True):
    """What is noted of one torrent: the file as it was when verified, or when its resume data was saved."""

    epoch: int
    verified: FileFacts | None = None
    resumable: FileFacts | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far to trust a file, what it looked like at that moment, and the resume data that go with it."""

    trust: Trust
    facts: FileFacts | None
    resume: bytes | None = None


def judge(entry: VerificationEntry | None, facts: FileFacts | None, length: int, epoch: int) -> Trust:
    """How far to trust a file of a torrent of `length` bytes; the rules, without a disk.

    `facts` are those of the file as it is now, `epoch` is the number of unclean stops so far.
    """
    if entry is None or facts is None:
        return Trust.CHECK
    if entry.verified == facts and facts.size == length:
        return Trust.WHOLE if entry.epoch == epoch else Trust.LAZY
    if entry.resumable == facts and entry.epoch == epoch:
        return Trust.RESUME
    return Trust.CHECK


class VerificationStore:
    """The records in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._entries: dict[bytes, VerificationEntry] = {}
        self._epoch = 0

    def open(self) -> bool:
        """Read all records and mark the session as running; True when the last stop was clean.

        :raises OSError: the directory cannot be made, read or written.
        """
        with self._lock:
            make_directory(self._directory)
            remove_drafts(self._directory)
            self._entries = self._read_entries()
            self._epoch = self._read_epoch()
            clean = not self._marker.exists()
            if not clean:
                # Before anything else can happen: a second unclean stop must not make up for the first.
                self._epoch += 1
                self._write("epoch", str(self._epoch).encode())
            self._write(self._marker.name, b"")
            return clean

    def close(self) -> None:
        """Note a clean stop. Whatever was promised must be on disk by now.

        :raises OSError: the note cannot be written; the next start will take this stop for unclean.
        """
        with self._lock:
            self._marker.unlink(missing_ok=True)
            sync_directory(self._directory)

    def judge(self, info_hash: bytes, path: Path, length: int) -> Judgement:
        """How far to trust the file at `path` as that of a torrent of `length` bytes.

        :raises OSError: the file, or what was saved for it, cannot be read.
        """
        with self._lock:
            facts = FileFacts.of(path)
            trust = judge(self._entries.get(info_hash), facts, length, self._epoch)
            if trust is not Trust.RESUME:
                return Judgement(trust, facts)
            try:
                return Judgement(trust, facts, self._resume(info_hash).read_bytes())
            except FileNotFoundError:
                return Judgement(Trust.CHECK, facts)

    def record_verified(self, info_hash: bytes, path: Path, expected: FileFacts | None = None) -> bool:
        """Record that the file at `path` was read and every piece found right.

        With `expected`, only if the file still is as it was then. False when nothing was noted.
        The file is brought to the disk first: a note must not outlive what it speaks of.

        :raises OSError: the file is missing, or cannot be brought to the disk.
        """
        sync_file(path)
        facts = FileFacts.of(path)
        if facts is None or (expected is not None and facts != expected):
            return False
        with self._lock:
            self._note(info_hash, VerificationEntry(self._epoch, verified=facts))
            self._resume(info_hash).unlink(missing_ok=True)
        return True

    def record_partial(self, info_hash: bytes, path: Path, resume: bytes) -> None:
        """Note how far a download has come; `resume` is libtorrent's.

        Good for a later start only if the file is not written any more, and is on the disk: at a stop,
        `sync_file` comes first. Until then any further write makes the note void, by the time of change.

        :raises OSError: it cannot be written.
        """
        facts = FileFacts.of(path)
        with self._lock:
            noted = self._entries.get(info_hash)
            if noted is not None and noted.verified is not None and noted.verified == facts:
                return  # it was read as a whole in the meantime, which is worth more
            self._write(self._resume(info_hash).name, resume)
            self._note(info_hash, VerificationEntry(self._epoch, resumable=facts))

    def forget(self, info_hash: bytes) -> None:
        """Drop all that is noted of a torrent.

        :raises OSError: a file cannot be removed.
        """
        with self._lock:
            self._entries.pop(info_hash, None)
            # In this order: resume data without a note are never read.
            self._path(info_hash).unlink(missing_ok=True)
            self._resume(info_hash).unlink(missing_ok=True)

    @property
    def _marker(self) -> Path:
        return self._directory / "running"

    def _path(self, info_hash: bytes) -> Path:
        return self._directory / f"{info_hash.hex()}.json"

    def _resume(self, info_hash: bytes) -> Path:
        return self._directory / f"{info_hash.hex()}.resume"

    def _note(self, info_hash: bytes, entry: VerificationEntry) -> None:
        self._write(self._path(info_hash).name, msgspec.json.encode(entry))
        self._entries[info_hash] = entry

    def _read_epoch(self) -> int:
        try:
            return int((self._directory / "epoch").read_bytes())
        except FileNotFoundError:
            return 0
        except ValueError:
            log.warn("{path}/epoch is unreadable: every file is doubted", path=self._directory)
            return 1 + max((entry.epoch for entry in self._entries.values()), default=0)

    def _read_entries(self) -> dict[bytes, VerificationEntry]:
        entries = {}
        for path in self._directory.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            try:
                entries[bytes.fromhex(match[1])] = msgspec.json.decode(path.read_bytes(), type=VerificationEntry)
            except msgspec.MsgspecError as error:
                # Costs one full check of that file, and is written anew after it.
                log.warn("{path} is unreadable and is not counted: {error}", path=path, error=error)
        return entries

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_atomically(self._directory / name, data)
        except FileNotFoundError:  # somebody emptied the directory above; where that is gone too, it stays an error
            self._directory.mkdir(DIRECTORY_MODE, exist_ok=True)
            write_atomically(self._directory / name, data)
