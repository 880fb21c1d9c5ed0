"""What a clean stop keeps of each download: what has come reaches the disk, and resume data says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import libtorrent as lt
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger

from voi.files.atomic import sync_file
from voi.seeding import alerts
from voi.seeding.interfaces import FileFacts
from voi.seeding.registry import TorrentState
from voi.seeding.verification import VerificationStore
from voi.seeding.waiters import AlertWaiters

log = Logger()

E = TypeVar("E")

SAVE_WITHIN: Final = 5.0
"""Seconds to write what has come, and as many to save; what was not saved by then is hashed at the next start."""

_LOOK_SECONDS: Final = 0.02
"""How often it is looked whether announces were answered: a stop lasts some seconds at most."""


@dataclass(frozen=True, slots=True)
class SavedDownload:
    """What a stop leaves of one download; without `data` its file is hashed at the next start."""

    info_hash: bytes
    path: Path
    data: bytes | None


class Shutdown:
    """The end of a session for its `torrents`; `reactor` gives time."""

    def __init__(self, reactor: Any, torrents: Mapping[bytes, TorrentState], waiters: AlertWaiters) -> None:
        self._reactor = reactor
        self._torrents = torrents
        self._waiters = waiters

    async def save(self) -> list[SavedDownload]:
        """Bring what unfinished downloads have got to their files, and ask for resume data of it.

        In this order: resume data leave out what is on its way to the disk when they are made, and it would have to
        be fetched again.
        """
        downloads = {
            info_hash: state
            for info_hash, state in self._torrents.items()
            if state.handle is not None and not state.verified and not state.removing
        }
        left = [
            SavedDownload(info_hash, state.path, None) for info_hash, state in downloads.items() if not state.checked
        ]
        checked = {info_hash: state for info_hash, state in downloads.items() if state.checked}
        await self._ask_all(alerts.Flushed, checked, lambda handle: handle.flush_cache())
        answers = await self._ask_all(alerts.ResumeData, checked, lambda handle: handle.save_resume_data())
        for (info_hash, state), answer in zip(checked.items(), answers, strict=True):
            data = answer.data if answer is not None else None
            if data is None:
                log.warn("{path}: nothing was saved to go on from, it will be checked", path=state.path)
            left.append(SavedDownload(info_hash, state.path, data))
        return left

    async def _ask_all(
        self, kind: type[E], downloads: Mapping[bytes, TorrentState], ask: Callable[[lt.torrent_handle], object]
    ) -> list[E | None]:
        """Ask all at once; the answer of each, None where none came in time."""
        answers: list[Deferred[E]] = []
        for info_hash, state in downloads.items():
            answers.append(self._waiters.expect(kind, info_hash, SAVE_WITHIN))
            state.ask(ask)
        results = await DeferredList(answers, consumeErrors=True)
        return [answer if success and isinstance(answer, kind) else None for success, answer in results]

    async def announces_answered(self, seconds: float) -> None:
        """Wait, for at most so long, until no announce is under way."""
        give_up = self._reactor.seconds() + seconds
        while any(state.announces for state in self._torrents.values()) and self._reactor.seconds() < give_up:
            await deferLater(self._reactor, _LOOK_SECONDS, lambda: None)


def write_down(verification: VerificationStore, left: Sequence[SavedDownload]) -> None:
    """Bring the files to the disk itself and note what was saved; closes the verification store. Blocks."""
    for download in left:
        if download.data is None or FileFacts.of(download.path) is None:
            verification.forget(download.info_hash)
        else:
            sync_file(download.path)
            verification.record_partial(download.info_hash, download.path, download.data)
    verification.close()
