"""What brings disks out, put together."""

from __future__ import annotations

from dataclasses import dataclass

from voi.app.foundation import Foundation
from voi.app.swarm import SwarmArea
from voi.app.uploads import UploadArea
from voi.rollouts.bad_copies import BadCopies
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.sender import Sender
from voi.rollouts.throughput import ThroughputRecorder
from voi.terminals.commands import CommandDispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutArea:
    """The `recorder` watches how the `coordinator`'s rollouts go; `bad_copies` are what terminals found at others."""

    recorder: ThroughputRecorder
    coordinator: RolloutCoordinator
    bad_copies: BadCopies


def make_rollouts(base: Foundation, swarm: SwarmArea, uploads: UploadArea, commands: CommandDispatcher) -> RolloutArea:
    """Nothing is taken up yet."""
    repositories = base.repositories
    open_targets = OpenTargets()
    recorder = ThroughputRecorder(
        open_targets=open_targets,
        online=base.registry,
        seeding=swarm.session,
        histories=repositories.rollout_histories,
        clock=base.reactor,
    )
    bad_copies = BadCopies(
        open_targets=open_targets,
        tracker=swarm.tracker,
        registry=base.registry,
        note=base.audit_log.note,
        suspect=uploads.contents.suspect,
        seconds=base.reactor.seconds,
    )
    coordinator = RolloutCoordinator(
        rollouts=repositories.rollouts,
        templates=repositories.templates,
        terminals=repositories.terminals,
        registry=base.registry,
        sender=Sender(
            registry=base.registry,
            terminals=repositories.terminals,
            directory=base.directory,
            tracker_url=base.listeners.tracker_url,
            in_thread=base.threads.short,
        ),
        send_command=commands.send,
        seeder=swarm.session,
        tracker=swarm.tracker,
        contents=uploads.contents,
        clock=base.reactor,
        open_targets=open_targets,
        served=recorder.served,
        bad_copies=bad_copies,
    )
    return RolloutArea(recorder=recorder, coordinator=coordinator, bad_copies=bad_copies)
