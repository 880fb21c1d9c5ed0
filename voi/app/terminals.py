"""What answers terminals, put together, and who may sign in."""

from __future__ import annotations

from dataclasses import dataclass

from voi.app.foundation import Foundation
from voi.app.rollouts import RolloutArea
from voi.app.uploads import UploadArea
from voi.auth.passwords import PasswordChecker
from voi.auth.sign_in import Authenticator
from voi.terminals.factory import TerminalFactory
from voi.terminals.handlers import RequestHandlers


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalArea:
    """`sign_in` is for terminals and browsers alike."""

    passwords: PasswordChecker
    sign_in: Authenticator
    handlers: RequestHandlers
    factory: TerminalFactory


def make_terminals(base: Foundation, uploads: UploadArea, rollouts: RolloutArea) -> TerminalArea:
    """Nobody is let in yet."""
    repositories = base.repositories
    passwords = PasswordChecker(repositories.accounts, base.reactor, base.reactor.getThreadPool())
    sign_in = Authenticator(
        accounts=repositories.accounts,
        sessions=repositories.sessions,
        passwords=passwords,
        audit_log=base.audit_log,
        steady=base.steady,
    )
    handlers = RequestHandlers(
        terminals=repositories.terminals,
        templates=repositories.templates,
        sign_in=sign_in,
        uploads=uploads.intake,
        rollouts=rollouts.coordinator.progress_receiver,
        tracker_urls=base.listeners.tracker_urls,
        knows_key=base.keys.learn,
        audit_log=base.audit_log,
        next_batch=base.registry.next_batch,
        seconds=base.reactor.seconds,
        disk_checked=rollouts.bad_copies.checked,
    )
    return TerminalArea(
        passwords=passwords,
        sign_in=sign_in,
        handlers=handlers,
        factory=TerminalFactory(base.registry, handlers, base.reactor),
    )
