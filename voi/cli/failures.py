"""How a command ends where it does not end well: one sentence on stderr, and an exit status for scripts."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import click

from voi.cli.output import printable

STATUSES: Final = {
    0: "done",
    1: "refused or failed; the reason is on stderr",
    2: "the command line or the settings file is wrong",
    3: "done, but some terminals failed or did not answer",
    4: "the server cannot be reached",
    5: "no token, a wrong one, or one without the rights for this",
    130: "interrupted; what was started goes on in the server",
}
"""Every exit status, as the help of `voi` lists it."""


class Failed(click.ClickException):
    """The server refused, or what it did failed."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class WrongSettings(Failed):
    """The file of settings, or an address, is none."""

    exit_code: ClassVar[int] = 2


class SomeFailed(Failed):
    """It was done, but not at every terminal."""

    exit_code: ClassVar[int] = 3


class Unreachable(Failed):
    """No answer at all, or none of ours. `lost` is whether the request may have arrived nevertheless."""

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class AccessDenied(Failed):
    """There is no token, the server does not know it, or it may not do this."""

    exit_code: ClassVar[int] = 5


class Interrupted(Failed):
    """Ctrl-C was pressed; says what goes on all the same."""

    exit_code: ClassVar[int] = 130

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """It is no error, so the sentence is shown alone."""
        click.echo(f"\n{self.message}", err=True)


def was_interrupted(error: click.Abort) -> bool:
    """Whether a question was answered with Ctrl-C; click raises the same error at the end of the input."""
    return isinstance(error.__context__, KeyboardInterrupt)


def confirm(question: str) -> None:
    """Ask before something that cannot be taken back; returns after a yes alone.

    :raises Interrupted: Ctrl-C was the answer.
    :raises Failed: a no, or the end of the input: a script without ``--yes``.
    """
    try:
        sure = click.confirm(question, err=True)
    except click.Abort as error:
        if was_interrupted(error):
            raise Interrupted("interrupted, so nothing was done") from None
        sure = False
    if not sure:
        raise Failed("not confirmed, so nothing was done; --yes skips the question")


class InterruptibleGroup(click.Group):
    """Commands that end with the same status wherever Ctrl-C is pressed; click itself would make a failure of it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the command line says."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        except click.Abort as error:
            if was_interrupted(error):
                raise Interrupted("interrupted") from None
            raise
