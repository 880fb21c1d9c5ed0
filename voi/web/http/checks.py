"""Asks the health checks, each of which may fail in its own way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable

from twisted.logger import Logger

from voi.errors import VoiError
from voi.messages.reason import Reason

log = Logger()

HealthCheck = Callable[[], Awaitable[str] | str]
"""Looks after one thing: an empty text where it is well, else a sentence about what is wrong."""


async def run_checks(checks: Mapping[str, HealthCheck]) -> dict[str, str]:
    """What each check says, by its name: what is wrong, empty where all is well."""
    return {name: await _check(name, check) for name, check in checks.items()}


async def _check(name: str, check: HealthCheck) -> str:
    try:
        result = check()
        return await result if isawaitable(result) else result
    except VoiError as error:
        return error.reason
    except Exception:  # a check that fails is an answer too
        log.failure("health check {name} failed", name=name)
        return Reason("check_failed")
