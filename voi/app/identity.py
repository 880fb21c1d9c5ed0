"""Whether the database and the disks beside it belong together: asked by each start, before anything is changed.

The same identity is in the database and in `disks`. A file system that is not mounted, a database that was lost, disks
of another server: none of these is a first start, and each is a question to the administrator.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from twisted.logger import Logger

from voi.app.database import examine_database, identify_database, prepare_database
from voi.errors import StartupError
from voi.files.directory import DataDirectory
from voi.store.interfaces.database import FoundDatabase

log = Logger()


def settle_identity(directory: DataDirectory) -> DataDirectory:
    """Bring the database to this version's schema and give both their identity; the directory with it.

    The database's comes first: a start that is killed between the two is made good by the next.

    :raises StartupError: database and disks do not belong together; says what to do.
    :raises OSError: a file cannot be read or written.
    """
    found, beside = examine_database(directory), directory.read_identity()
    accepted = directory.accept_disks.exists()
    if not accepted:
        check(directory, found, beside)
    prepare_database(directory)
    directory = replace(directory, identity=found.identity or (beside if found.there else "") or str(uuid.uuid4()))
    identify_database(directory)
    if directory.identity != beside:
        directory.write_identity()
    if accepted:
        log.warn("{disks} were taken as they are", disks=str(directory.disks))
        directory.accept_disks.unlink(missing_ok=True)
    return directory


def check(directory: DataDirectory, found: FoundDatabase, beside: str) -> None:
    """Whether what was found of the database goes with the disks; `beside` is the identity that lies there.

    :raises StartupError: it does not.
    """
    names = {path.name for path in directory.levels()}
    if not found.there and (names or beside):
        holds = f"{len(names)} levels" if names else "the identity of a server"
        raise StartupError(
            f"database {directory.database} is missing or empty, but {directory.disks} holds {holds}: put the database "
            f"back from a backup, {_otherwise(directory, 'begin anew, without templates, terminals and accounts')}"
        )
    if not found.knows_disks and names:
        raise StartupError(
            f"database {directory.database} knows no template, but {directory.disks} holds {len(names)} levels: put "
            f"the right database back from a backup, {_otherwise(directory, 'go on with this one')}"
        )
    if beside and found.identity and beside != found.identity:
        raise StartupError(
            f"{directory.disks} belongs to another database than {directory.database}: mount or put back the right "
            f"one, {_otherwise(directory, 'go on with these two')}"
        )
    if found.levels and not names & {str(name) for name in found.levels} and (not beside or not found.identity):
        raise StartupError(
            f"{directory.disks} holds none of the {len(found.levels)} levels that the database knows: mount its file "
            f"system or put the files back, {_otherwise(directory, 'go on without them')}"
        )


def _otherwise(directory: DataDirectory, purpose: str) -> str:
    return f"and start again; or, to {purpose}, create the file {directory.accept_disks} first"
