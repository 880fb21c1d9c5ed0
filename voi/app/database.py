"""Which database the server has: the one module that chooses; everybody else knows `voi.store.interfaces`."""

from __future__ import annotations

import time

from voi.domain.room_directory import RoomDirectory
from voi.files.directory import DataDirectory
from voi.store.interfaces.database import Database, FoundDatabase
from voi.store.preparation import prepare
from voi.store.sqlite import SqliteDatabase
from voi.store.start import examine, identify
from voi.store.worker import FromThread


def examine_database(directory: DataDirectory) -> FoundDatabase:
    """What there is, before anything is changed. Blocks.

    :raises StartupError: it cannot be read.
    """
    return examine(directory.database)


def identify_database(directory: DataDirectory) -> None:
    """Write the identity of the directory into the database, where it has none. Blocks.

    :raises StartupError: it cannot be written.
    """
    identify(directory.database, directory.identity)


def prepare_database(directory: DataDirectory) -> None:
    """Make it the first time, or bring it to this version's schema. Blocks.

    :raises StartupError: it is none, or of a newer version than this program.
    """
    prepare(directory.database)


def open_database(directory: DataDirectory, reactor: FromThread, room_directory: RoomDirectory) -> Database:
    """Open it; whatever changes who stands where is told to the directory of rooms."""
    return SqliteDatabase(directory.database, reactor, room_directory, time.time())
