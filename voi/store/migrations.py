"""The schema, as the migrations that lead to it; one that was released never changes again."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from voi.store.migration_statements import ASKERS, CONSOLE, FIRST, IDENTITY, ROOMS, SINCE_LOGIN
from voi.store.spellings import code_and_values

migrations = Migrations("voi")


@migrations()
def m001_first(db: Database) -> None:
    """Everything the first version knows. Times are seconds since the epoch, sizes bytes unless said."""
    _execute(db, FIRST)


@migrations()
def m002_console(db: Database) -> None:
    """Roles of accounts; who is signed in; tokens of programs; answers to be given again."""
    _execute(db, CONSOLE)


@migrations()
def m003_rooms(db: Database) -> None:
    """Rooms, terminals' names, the audit log, and what lists of thousands of terminals are found by."""
    _execute(db, ROOMS)


@migrations()
def m004_census(db: Database) -> None:
    """By what rollouts are counted by state, without a look at each terminal of each."""
    _execute(db, "CREATE INDEX targets_by_state ON rollout_targets(rollout_id, state)")


@migrations()
def m005_courses(db: Database) -> None:
    """How rollouts went: what the server sent, and the points of a plot."""
    db.execute(
        "CREATE TABLE rollout_courses (rollout_id INTEGER PRIMARY KEY REFERENCES rollouts(id), "
        "server_sent INTEGER NOT NULL, points TEXT NOT NULL) STRICT"  # points: JSON, [time, swarm, server] of each
    )


@migrations()
def m006_whys(db: Database) -> None:
    """Of what each reason is made, so that it can be said in other languages; older ones are texts alone."""
    for table in ("rollout_targets", "upload_disks", "command_outcomes"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN why TEXT NOT NULL DEFAULT ''")  # JSON, '' if none


@migrations()
def m007_sources(db: Database) -> None:
    """From whom terminals had what they fetched: the part that the server sent, 0 to 1, NULL where nobody knows."""
    db.execute("ALTER TABLE rollout_targets ADD COLUMN from_server REAL")


@migrations()
def m008_askers(db: Database) -> None:
    """Who wanted an upload, from where, and with which remark; that a failed one needs no attention any more. When
    terminals were online.

    What failed before yesterday was history before this, and stays it.
    """
    _execute(db, ASKERS)


@migrations()
def m009_endings(db: Database) -> None:
    """How an upload ended is a state of its own; every sentence that was kept as a text gets its code and values.

    Versions before told an upload that an administrator had called off from one that failed by its sentence.
    """
    db.execute("ALTER TABLE upload_disks ADD COLUMN ending TEXT NOT NULL DEFAULT ''")  # '' unless the state is failed
    db.conn.create_function("code_and_values", 1, code_and_values, deterministic=True)
    for table in ("upload_disks", "rollout_targets", "command_outcomes"):
        db.execute(f"UPDATE {table} SET why = code_and_values(reason) WHERE why = '' AND reason != ''")
    db.execute(
        "UPDATE upload_disks SET ending = CASE WHEN why != '' AND json_extract(why, '$.code') IN "
        "('cancelled', 'asked_again') THEN json_extract(why, '$.code') ELSE 'failed' END WHERE state = 'failed'"
    )


@migrations()
def m010_since_login(db: Database) -> None:
    """Logins are counted, and what a terminal said belongs to one: what it said before its last login is no news.

    When what a rollout brought was seen to run, how often connections broke in the middle of it, and how far it was
    when it ended; one that a later rollout took over is told from one that a person called off.
    """
    _execute(db, SINCE_LOGIN)


@migrations()
def m011_level_torrents(db: Database) -> None:
    """The torrents of published levels, so that a copy of the database is enough to fetch every level back.

    A table of their own: lists of levels, which are read all the time, do not read past them.
    """
    db.execute("CREATE TABLE level_torrents (info_hash BLOB PRIMARY KEY, torrent BLOB NOT NULL) STRICT")


@migrations()
def m012_identity(db: Database) -> None:
    """By what this database and the disks beside it know one another, which the first start writes; and the days by
    which entries of the audit log age, whatever the clock says.
    """
    _execute(db, IDENTITY)
    db.execute("INSERT INTO audit_clock VALUES (0, NULL)")
    # Entries that are there already age by what they say, as seen from the newest. One that says that it is older than
    # one before it was written by a clock that was wrong.
    row = db.execute("SELECT min(time, CAST(strftime('%s', 'now') AS REAL)) FROM events ORDER BY id DESC LIMIT 1")
    (newest,) = row.fetchone() or (None,)
    last: dict[int, int] = {}
    days, number = None, 0
    for number, time in db.execute("SELECT id, time FROM events ORDER BY id"):
        age = max(0, int((newest - time) // 86_400))
        days = age if days is None else min(days, age)
        last[-days] = number
    last[0] = number
    db.conn.executemany("INSERT INTO audit_days VALUES (?, ?)", last.items())


@migrations()
def m013_again(db: Database) -> None:
    """Rollouts that send a version whatever their terminals are known to have."""
    _execute(db, "ALTER TABLE rollouts ADD COLUMN again INTEGER NOT NULL DEFAULT 0")


def _execute(db: Database, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            db.execute(statement)
