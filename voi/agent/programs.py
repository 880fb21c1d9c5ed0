"""Programs that a command of the server starts; where none is configured, the command is only logged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.errors import StorageMissing
from voi.messages.reason import Reason

log = Logger()

PAUSE_SECONDS: Final = 1.0
"""Between the answer and the program, which may end the machine: the answer is to be on its way by then."""

_KEPT_OUTPUT: Final = 4096  # bytes; enough for the last output of a program that failed


class Programs:
    """Starts the configured programs; `reactor` gives time and processes (IReactorTime, IReactorProcess)."""

    def __init__(self, reactor: Any, commands: Mapping[str, Sequence[str]]) -> None:
        self._reactor = reactor
        self._commands = commands

    def start(self, name: str, *extra: str) -> None:
        """Start the program for `name`, in a moment; `extra` is appended to its arguments.

        :raises StorageMissing: there is no such program.
        """
        arguments = self._commands.get(name)
        if not arguments:
            log.info("asked to {name} {extra}: nothing is configured for it", name=name, extra=" ".join(extra))
            return
        program = shutil.which(arguments[0])
        if program is None:
            raise StorageMissing(Reason("program_missing", program=arguments[0], name=name))
        log.info("asked to {name}: {command}", name=name, command=[*arguments, *extra])
        self._reactor.callLater(PAUSE_SECONDS, self._spawn, name, program, [*arguments, *extra])

    def _spawn(self, name: str, program: str, arguments: Sequence[str]) -> None:
        try:
            self._reactor.spawnProcess(_ProcessLogger(name), program, list(arguments), env=os.environ)
        except OSError as error:
            log.warn("{name}: {program} cannot be started: {error}", name=name, program=program, error=error.strerror)


class _ProcessLogger(ProcessProtocol):
    """Logs how a program ended."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._output = b""

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        self._output = (self._output + data)[-_KEPT_OUTPUT:]

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        self.outReceived(data)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's
        log.info(
            "the program for {name} ended: {reason} {output}",
            name=self._name,
            reason=reason.getErrorMessage(),
            output=self._output.decode("utf-8", "replace").strip(),
        )
