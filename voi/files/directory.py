"""The data directory: where everything the server keeps is, and the lock against a second server."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voi.errors import Malformed, StartupError
from voi.files.atomic import write_atomically
from voi.files.permissions import FILE_MODE, SECRET_MODE, make_directory, restrict_files
from voi.names import DiskName

_LONGEST_IDENTITY: Final = 64
"""Characters of an identity that are read: a uuid has 36."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Paths below the data directory; none is ever built from unchecked text, only from checked names.

    `identity` is that of the database, empty while it is not known: the same must lie in `disks`, which may be a file
    system of its own.
    """

    root: Path
    identity: str = ""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "voi.sqlite"

    @property
    def disks(self) -> Path:
        """Published levels."""
        return self.root / "disks"

    @property
    def incoming(self) -> Path:
        """Uploads under way."""
        return self.root / "incoming"

    @property
    def fetched(self) -> Path:
        """Published levels whose files were lost, while they are fetched back from terminals."""
        return self.root / "fetched"

    @property
    def torrents(self) -> Path:
        """Torrent files by info-hash."""
        return self.root / "torrents"

    @property
    def resume(self) -> Path:
        """What BitTorrent needs to go on after a restart."""
        return self.root / "resume"

    @property
    def disks_identity(self) -> Path:
        """The file in `disks` that says to which database they belong."""
        return self.disks / "identity"

    @property
    def accept_disks(self) -> Path:
        """A file by which an administrator says that the next start takes `disks` as they are."""
        return self.root / "accept-disks"

    @property
    def api_token(self) -> Path:
        """The token of the HTTP API, readable by the owner alone."""
        return self.root / "api-token"

    def torrent(self, info_hash: bytes) -> Path:
        """The torrent file of an info-hash."""
        return self.torrents / f"{info_hash.hex()}.torrent"

    def blocks(self, info_hash: bytes) -> Path:
        """The block table of an info-hash, beside its torrent."""
        return self.torrents / f"{info_hash.hex()}.blocks"

    def disk(self, name: DiskName) -> Path:
        """A published level's file."""
        return self.disks / str(name)

    def upload(self, name: DiskName) -> Path:
        """An upload's file while it is under way."""
        return self.incoming / str(name)

    def lost(self, name: DiskName) -> Path:
        """A published level's file while it is fetched back."""
        return self.fetched / str(name)

    def read_identity(self) -> str:
        """What lies in `disks` as their identity, empty where nothing does. Blocks.

        :raises OSError: it cannot be read.
        """
        try:
            with self.disks_identity.open("rb") as file:
                return file.read(_LONGEST_IDENTITY).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return ""

    def write_identity(self) -> None:
        """Let `disks` belong to this database. Blocks.

        :raises OSError: the disk does not take it.
        """
        write_atomically(self.disks_identity, f"{self.identity}\n".encode())

    def disks_are_ours(self) -> bool:
        """Whether `disks` is where this database's levels belong now, and not an empty place where a file system is not
        mounted, or another server's. Blocks. True where the database's identity is not known.
        """
        try:
            return not self.identity or self.read_identity() == self.identity
        except OSError:
            return False

    def levels(self) -> list[Path]:
        """The files in `disks` that have the name of a level. Blocks.

        :raises OSError: the directory cannot be read.
        """
        return sorted(path for path in self.disks.iterdir() if _is_level(path.name))

    def create(self) -> None:
        """Make what is missing, and close what is there to others.

        :raises StartupError: a directory cannot be made or written to.
        """
        for path in (self.root, self.disks, self.incoming, self.fetched, self.torrents, self.resume):
            try:
                make_directory(path)
            except OSError as error:
                raise StartupError(f"data directory {path}: {error.strerror}") from error
            if not os.access(path, os.W_OK | os.X_OK):
                raise StartupError(f"data directory {path}: not writable for this user")
        # Of the uppermost directory only what is known: an administrator may keep a key of his own there.
        restrict_files([self.root / "lock"])
        restrict_files(self.root.glob(f"{self.database.name}*"), SECRET_MODE)
        for path in (self.disks, self.incoming, self.fetched, self.torrents, self.resume):
            restrict_files(path.iterdir())

    def lock(self) -> int:
        """Take the directory for this process; the lock lives as long as the file descriptor it gives.

        :raises StartupError: another server has it.
        """
        path = self.root / "lock"
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise StartupError(f"data directory {self.root}: {path.name}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise StartupError(f"data directory {self.root} is in use by another voi server") from error
        return handle


def _is_level(name: str) -> bool:
    try:
        DiskName.parse(name)
    except Malformed:
        return False
    return True
