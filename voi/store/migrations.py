"""The schema, as the migrations that lead to it; one that was released never changes again."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from voi.store.spellings import code_and_values

migrations = Migrations("voi")


@migrations()
def m001_first(db: Database) -> None:
    """Everything the first version knows. Times are seconds since the epoch, sizes bytes unless said."""
    _execute(db, _FIRST)


@migrations()
def m002_console(db: Database) -> None:
    """Roles of accounts; who is signed in; tokens of programs; answers to be given again."""
    _execute(db, _CONSOLE)


@migrations()
def m003_rooms(db: Database) -> None:
    """Rooms, terminals' names, the audit log, and what lists of thousands of terminals are found by."""
    _execute(db, _ROOMS)


@migrations()
def m004_census(db: Database) -> None:
    """By what rollouts are counted by state, without a look at each terminal of each."""
    _execute(db, "CREATE INDEX targets_by_state ON rollout_targets(rollout_id, state)")


def _execute(db: Database, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            db.execute(statement)


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
    _execute(db, _ASKERS)


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
    _execute(db, _SINCE_LOGIN)


_SINCE_LOGIN = """
ALTER TABLE terminals ADD COLUMN session INTEGER NOT NULL DEFAULT 0;
ALTER TABLE terminals ADD COLUMN boot_session INTEGER NOT NULL DEFAULT -1;
ALTER TABLE terminals ADD COLUMN boot_hash BLOB;
ALTER TABLE terminal_disks ADD COLUMN session INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollout_targets ADD COLUMN done_session INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollout_targets ADD COLUMN booted REAL;
ALTER TABLE rollout_targets ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollout_targets ADD COLUMN fruitless INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollout_targets ADD COLUMN best REAL NOT NULL DEFAULT 0;
ALTER TABLE rollout_targets ADD COLUMN progress REAL;
UPDATE rollout_targets SET state = 'superseded' WHERE state = 'cancelled' AND why != ''
    AND json_extract(why, '$.code') = 'newer_rollout'
"""


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
    _execute(db, _IDENTITY)
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


_IDENTITY = """
CREATE TABLE identity (id TEXT NOT NULL) STRICT;

CREATE TABLE audit_clock (
    counted REAL NOT NULL,                   -- seconds that passed
    seen REAL                                -- the time of day when they were counted last
) STRICT;

CREATE TABLE audit_days (
    day INTEGER PRIMARY KEY,                 -- of those counted, not all are here
    last_event INTEGER NOT NULL              -- the newest entry when it began
) STRICT
"""


@migrations()
def m013_again(db: Database) -> None:
    """Rollouts that send a version whatever their terminals are known to have."""
    _execute(db, "ALTER TABLE rollouts ADD COLUMN again INTEGER NOT NULL DEFAULT 0")


_ASKERS = """
ALTER TABLE uploads ADD COLUMN remark TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN asked_from TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN dismissed INTEGER NOT NULL DEFAULT 0;
UPDATE uploads SET dismissed = 1 WHERE created < strftime('%s', 'now') - 86400;
ALTER TABLE versions ADD COLUMN upload_id INTEGER REFERENCES uploads(id);
CREATE INDEX upload_disks_by_level ON upload_disks(disk_uuid, level);

CREATE TABLE terminal_visits (
    mac TEXT NOT NULL REFERENCES terminals(mac) ON DELETE CASCADE,
    came REAL NOT NULL,
    went REAL,                               -- NULL: not yet, 0: nobody knows
    PRIMARY KEY (mac, came)
) STRICT, WITHOUT ROWID
"""

_FIRST = """
CREATE TABLE accounts (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL,                  -- scrypt$salt$hash, over the MD5 that the wire brings
    created REAL NOT NULL
) STRICT;

CREATE TABLE terminals (
    mac TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    client_type INTEGER NOT NULL,
    boot_disk TEXT,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    tracker_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE terminal_disks (
    mac TEXT NOT NULL REFERENCES terminals(mac) ON DELETE CASCADE,
    template_uuid TEXT NOT NULL,
    disk_uuid TEXT NOT NULL,
    level INTEGER NOT NULL,
    type INTEGER NOT NULL,
    real_size INTEGER NOT NULL,              -- sectors
    operate_id INTEGER,
    PRIMARY KEY (mac, disk_uuid, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE terminal_templates (
    mac TEXT NOT NULL REFERENCES terminals(mac) ON DELETE CASCADE,
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    sys_type INTEGER NOT NULL,
    desc TEXT NOT NULL,
    PRIMARY KEY (mac, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE templates (
    uuid TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    sys_type INTEGER NOT NULL,
    desc TEXT NOT NULL,
    group_uuid TEXT NOT NULL UNIQUE,
    group_name TEXT NOT NULL,
    auto_update INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    updated REAL NOT NULL
) STRICT;

CREATE TABLE levels (
    disk_uuid TEXT NOT NULL,
    level INTEGER NOT NULL,
    template_uuid TEXT NOT NULL REFERENCES templates(uuid),
    type INTEGER NOT NULL,
    operate_id INTEGER NOT NULL,
    info_hash BLOB NOT NULL UNIQUE,
    file_size INTEGER NOT NULL,
    virtual_size INTEGER NOT NULL,
    reserve_size INTEGER NOT NULL,           -- sectors
    published REAL NOT NULL,
    uploader TEXT,
    PRIMARY KEY (disk_uuid, level)
) STRICT;
CREATE INDEX levels_by_template ON levels(template_uuid);

CREATE TABLE versions (
    template_uuid TEXT NOT NULL REFERENCES templates(uuid),
    number INTEGER NOT NULL,
    created REAL NOT NULL,
    uploader TEXT,
    levels TEXT NOT NULL,                    -- JSON: [disk_uuid, level, operate_id] of each
    PRIMARY KEY (template_uuid, number)
) STRICT;

CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    template_uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    sys_type INTEGER NOT NULL,
    desc TEXT NOT NULL,
    mac TEXT,
    created REAL NOT NULL
) STRICT;

CREATE TABLE upload_disks (
    id TEXT PRIMARY KEY,
    upload_id INTEGER NOT NULL REFERENCES uploads(id),
    disk_uuid TEXT NOT NULL,
    level INTEGER NOT NULL,
    type INTEGER NOT NULL,
    real_size INTEGER NOT NULL,              -- sectors
    reserve_size INTEGER NOT NULL,           -- sectors
    source TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    info_hash BLOB,
    size INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    updated REAL NOT NULL
) STRICT;
CREATE INDEX upload_disks_by_upload ON upload_disks(upload_id);
CREATE UNIQUE INDEX one_open_upload ON upload_disks(disk_uuid, level)
    WHERE state IN ('receiving', 'verifying', 'publishing');

CREATE TABLE rollouts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    template_uuid TEXT NOT NULL REFERENCES templates(uuid),
    version INTEGER NOT NULL,
    created REAL NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE rollout_targets (
    rollout_id INTEGER NOT NULL REFERENCES rollouts(id),
    mac TEXT NOT NULL REFERENCES terminals(mac),
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0,
    updated REAL NOT NULL,
    PRIMARY KEY (rollout_id, mac)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_targets ON rollout_targets(mac) WHERE state IN ('waiting', 'downloading');

CREATE TABLE rollout_tasks (
    id TEXT PRIMARY KEY,
    rollout_id INTEGER NOT NULL,
    mac TEXT NOT NULL,
    disk_uuid TEXT NOT NULL,
    level INTEGER NOT NULL,
    operate_id INTEGER NOT NULL,
    info_hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (rollout_id, mac) REFERENCES rollout_targets(rollout_id, mac)
) STRICT;
CREATE INDEX rollout_tasks_by_target ON rollout_tasks(rollout_id, mac);

CREATE TABLE commands (
    batch_no INTEGER PRIMARY KEY AUTOINCREMENT,
    code INTEGER NOT NULL,
    body TEXT NOT NULL,                      -- JSON, without batch_no
    waits INTEGER NOT NULL,                  -- whether it waits for terminals that are offline
    created REAL NOT NULL
) STRICT;

CREATE TABLE command_outcomes (
    batch_no INTEGER NOT NULL REFERENCES commands(batch_no),
    mac TEXT NOT NULL,
    state TEXT NOT NULL,                     -- waiting, done, failed
    reason TEXT NOT NULL DEFAULT '',
    updated REAL NOT NULL,
    PRIMARY KEY (batch_no, mac)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_commands ON command_outcomes(mac) WHERE state = 'waiting'
"""

_CONSOLE = """
ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
ALTER TABLE accounts ADD COLUMN last_login REAL;

CREATE TABLE sessions (
    id BLOB PRIMARY KEY,                     -- SHA-256 of what the cookie has
    account TEXT NOT NULL REFERENCES accounts(name) ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    created REAL NOT NULL,
    seen REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions(account);

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,               -- SHA-256 of the token
    created REAL NOT NULL,
    last_used REAL
) STRICT;

CREATE TABLE answers (
    who TEXT NOT NULL,
    key TEXT NOT NULL,                       -- the Idempotency-Key
    request BLOB NOT NULL,                   -- SHA-256 of method, path and body
    status INTEGER NOT NULL,
    location TEXT NOT NULL,
    body BLOB NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (who, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers(created)
"""

_ROOMS = """
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created REAL NOT NULL
) STRICT;

CREATE TABLE room_subnets (
    subnet TEXT PRIMARY KEY,                 -- CIDR
    room_id INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX room_subnets_by_room ON room_subnets(room_id);

ALTER TABLE terminals ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE terminals ADD COLUMN room_id INTEGER REFERENCES rooms(id) ON DELETE SET NULL;
CREATE INDEX terminals_by_room ON terminals(room_id) WHERE room_id IS NOT NULL;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    text TEXT NOT NULL,
    mac TEXT,
    rollout INTEGER,
    template TEXT,
    data TEXT NOT NULL                       -- JSON
) STRICT;
CREATE INDEX events_by_time ON events(time);

CREATE TABLE event_terminals (
    mac TEXT NOT NULL,
    event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
    PRIMARY KEY (mac, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_terminals_by_event ON event_terminals(event_id);

CREATE TABLE keeping (
    what TEXT PRIMARY KEY,
    days INTEGER NOT NULL
) STRICT;

CREATE INDEX targets_by_terminal ON rollout_targets(mac, rollout_id);
CREATE INDEX outcomes_by_terminal ON command_outcomes(mac, batch_no)
"""
