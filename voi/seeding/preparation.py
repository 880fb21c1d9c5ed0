"""What is known of a file before its torrent is added: how far it is trusted, and what libtorrent is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import libtorrent as lt
from twisted.logger import Logger

from voi.errors import StorageMissing
from voi.messages.reason import Reason, of_system
from voi.seeding.interfaces import FileScan, Trust
from voi.seeding.registry import TorrentState
from voi.seeding.torrents import Torrent, open_window, parameters
from voi.seeding.verification import Judgement, VerificationStore

log = Logger()


class FilePreparation:
    """Judges files by what the verification store has of them. Blocks: call it in a thread."""

    def __init__(self, verification: VerificationStore, random: Random) -> None:
        self._verification = verification
        self._random = random

    def prepare(
        self, state: TorrentState, trackers: Sequence[str], scan: FileScan | None, seeding: bool
    ) -> tuple[Judgement, lt.add_torrent_params]:
        """How far the file of a torrent is trusted, and what libtorrent is asked to add.

        :raises StorageMissing: the directory is not there, or, where `seeding`, the file.
        """
        directory = state.path.parent
        try:
            directory.stat()  # libtorrent would make it, and fill the disk below a mount that is missing
            if seeding:
                state.path.stat()
            judgement = self._verification.judge(state.torrent.info_hash, state.path, state.torrent.length)
        except OSError as error:
            raise StorageMissing(file_failed(error, error.filename)) from error
        if scan is not None and scan.facts != judgement.facts:
            log.warn("{name} was changed since it was compared: it is checked", name=state.torrent.name)
            scan = None
        found = None if scan is None else scan.found
        params = parameters(state.torrent, directory, trackers, judgement, found)
        state.window = open_window(params, self._random)
        return judgement, params

    def doubts(self, torrent: Torrent, directory: Path) -> bool:
        """Whether a file is there that would be checked from end to end.

        :raises StorageMissing: it cannot be looked at.
        """
        path = directory / torrent.name
        try:
            judgement = self._verification.judge(torrent.info_hash, path, torrent.length)
        except OSError as error:
            raise StorageMissing(file_failed(error, path)) from error
        return judgement.trust is Trust.CHECK and judgement.facts is not None and judgement.facts.size > 0


def file_failed(error: OSError, path: object) -> Reason:
    """The operating system's reason, with the path."""
    return Reason("file_failed", text=of_system(error.strerror), path=str(path))
