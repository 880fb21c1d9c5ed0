"""All repositories of one database."""

from __future__ import annotations

from dataclasses import dataclass

from voi.store.interfaces.accounts import Accounts, Sessions, Tokens
from voi.store.interfaces.audit import AuditEntries
from voi.store.interfaces.commands import Commands
from voi.store.interfaces.idempotency import StoredResponses
from voi.store.interfaces.rollouts import RolloutHistories, Rollouts
from voi.store.interfaces.rooms import Rooms
from voi.store.interfaces.snapshots import Statistics, TerminalSnapshots
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.store.interfaces.torrents import LevelTorrents
from voi.store.interfaces.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Repositories:
    """One of each, all on the same database: what one changes, the others see."""

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    audit_entries: AuditEntries
    commands: Commands
    responses: StoredResponses
    rollouts: Rollouts
    rollout_histories: RolloutHistories
    rooms: Rooms
    snapshots: TerminalSnapshots
    statistics: Statistics
    templates: Templates
    terminals: Terminals
    torrents: LevelTorrents
    uploads: Uploads
