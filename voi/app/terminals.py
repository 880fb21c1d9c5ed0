"""What answers terminals, put together, and who may sign in."""

from __future__ import annotations

from dataclasses import dataclass

from voi.app.foundation import Foundation
from voi.app.rollouts import Rollouts
from voi.app.uploads import Uploads
from voi.auth.passwords import PasswordChecker
from voi.auth.sign_in import SignIn
from voi.terminals.factory import TerminalFactory
from voi.terminals.handlers import RequestHandlers


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminals:
    """`sign_in` is for terminals and browsers alike."""

    passwords: PasswordChecker
    sign_in: SignIn
    handlers: RequestHandlers
    factory: TerminalFactory


def make_terminals(base: Foundation, uploads: Uploads, rollouts: Rollouts) -> Terminals:
    """Nobody is let in yet."""
    repositories = base.repositories
    passwords = PasswordChecker(repositories.accounts, base.reactor, base.reactor.getThreadPool())
    sign_in = SignIn(
        accounts=repositories.accounts,
        sessions=repositories.sessions,
        passwords=passwords,
        audit_log=base.audit_log,
    )
    handlers = RequestHandlers(
        terminals=repositories.terminals,
        templates=repositories.templates,
        sign_in=sign_in,
        uploads=uploads.intake,
        rollouts=rollouts.coordinator.progress_receiver,
        tracker_urls=base.listeners.tracker_urls,
        knows_key=base.keys.learn,
        next_batch=base.registry.next_batch,
    )
    return Terminals(
        passwords=passwords,
        sign_in=sign_in,
        handlers=handlers,
        factory=TerminalFactory(base.registry, handlers, base.reactor),
    )
