"""The statements of those migrations that make many tables at once; one that was released never changes again."""

from __future__ import annotations

FIRST = """
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

CONSOLE = """
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

ROOMS = """
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

ASKERS = """
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

SINCE_LOGIN = """
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

IDENTITY = """
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
