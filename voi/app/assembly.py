"""The parts of the server, made area by area; nothing of it has begun to work: that is the service's part.

An area is a module beside this one: what it is made of, and a function that makes it from the areas below. What they
tell one another is in `voi.app.connections`.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.logger import Logger

from voi.app.commands import make_commands
from voi.app.foundation import Foundation
from voi.app.rollouts import RolloutArea, make_rollouts
from voi.app.swarm import SwarmArea, make_swarm
from voi.app.terminals import TerminalArea, make_terminals
from voi.app.uploads import UploadArea, make_uploads
from voi.app.web import WebArea, make_web
from voi.domain.rooms import RoomMap
from voi.errors import TorrentRefused
from voi.store.interfaces.database import Known
from voi.terminals.commands import CommandDispatcher

log = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The areas of a server, each made with what it needs of those before it."""

    base: Foundation
    swarm: SwarmArea
    uploads: UploadArea
    commands: CommandDispatcher
    rollouts: RolloutArea
    terminals: TerminalArea
    web: WebArea

    def fill(self, known: Known) -> None:
        """Let the tracker know all that it answers for, before anybody can ask: keys, rooms, torrents."""
        for terminal in known.terminals:
            self.base.keys.learn(terminal.tracker_key, terminal.mac)
        self.base.room_directory.fill(RoomMap(known.rooms), known.terminals)
        for info_hash in known.torrents:
            try:
                self.swarm.tracker.admit(info_hash)
            except TorrentRefused as error:  # what found no room is said once more when it is to be seeded
                log.error("{hash}: {error}", hash=info_hash.hex(), error=error.message)  # noqa: TRY400 - a line, no trace
                return


def assemble(base: Foundation, token: str) -> Assembly:
    """Make all areas; `token` is the API's own, kept in the data directory."""
    swarm = make_swarm(base)
    uploads = make_uploads(base, swarm)
    commands = make_commands(base)
    rollouts = make_rollouts(base, swarm, uploads, commands)
    terminals = make_terminals(base, uploads, rollouts)
    web = make_web(base, swarm, uploads, commands, rollouts, terminals, token)
    return Assembly(
        base=base,
        swarm=swarm,
        uploads=uploads,
        commands=commands,
        rollouts=rollouts,
        terminals=terminals,
        web=web,
    )
