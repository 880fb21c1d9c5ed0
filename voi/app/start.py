"""The first steps of a start, each of which may fail with one line for the administrator: files, accounts."""

from __future__ import annotations

import os
import resource
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.logger import Logger

from voi.app.identity import settle_identity
from voi.auth.hashing import hash_password, wire_form
from voi.errors import StartupError
from voi.files.atomic import remove_drafts, write_atomically
from voi.files.directory import DataDirectory
from voi.files.permissions import SECRET_MODE
from voi.store.interfaces.accounts import Accounts

log = Logger()

ADMIN: Final = "admin"


@dataclass(slots=True)
class Opened:
    """What a start has taken so far: the data directory with its identity, its lock, and the API's token."""

    directory: DataDirectory
    lock: int
    api_token: str


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: a site of 5,000 terminals needs one for each, and peers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_directory(directory: DataDirectory) -> Opened:
    """Take the data directory; the first time, make the database and the API's token.

    :raises StartupError: one line that says what prevents it.
    """
    directory.create()
    lock = directory.lock()
    try:
        remove_drafts(directory.torrents)
        directory = settle_identity(directory)
        return Opened(directory, lock, _ensure_token(directory.api_token))
    except OSError as error:
        os.close(lock)
        raise StartupError(f"{error.filename or directory.root}: {error.strerror}") from error
    except BaseException:
        os.close(lock)
        raise


async def ensure_administrator(accounts: Accounts, in_thread: Callable[..., Awaitable[Any]]) -> None:
    """Make the administrator's account if there is no account, and print its password this once.

    Called when nothing that can be foreseen prevents the start any more. Printed before it is kept, in the same
    transaction: a process that is killed in between has no account, and the next start prints another password; one
    that was not printed is never kept.
    """
    if await accounts.there_are():
        return
    password = secrets.token_urlsafe(12)
    stored = await in_thread(hash_password, wire_form(password))
    await accounts.add_first(ADMIN, stored, lambda: tell(f"admin password: {password}"))


def _ensure_token(path: Path) -> str:
    with suppress(FileNotFoundError):
        token = path.read_text("ascii").strip()
        if token:
            return token
    token = secrets.token_urlsafe(32)
    write_atomically(path, f"{token}\n".encode(), mode=SECRET_MODE)
    return token


def check_bittorrent_port(host: str, port: int) -> None:
    """Whether the BitTorrent session will be able to listen; it reports that itself only later.

    :raises StartupError: it will not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise StartupError(f"--bittorrent {host}:{port}: {error.strerror}") from error


def tell(line: str) -> None:
    """Print a line for the administrator: to the terminal or systemd's journal, and to the log where there is
    neither.
    """
    stream = sys.__stdout__
    if stream is not None and not _is_null(stream.fileno()):
        with suppress(OSError):  # whoever read it has gone
            print(line, file=stream, flush=True)
            return
    log.info("{line}", line=line)


def give_up(error: StartupError) -> BaseException:
    """Say in one line why the server does not start; to be raised.

    A daemon's error goes up as it is: twistd hands it to the parent that waits for the start.
    """
    stream = sys.__stderr__
    if stream is None or _is_null(stream.fileno()):
        log.critical("{error}", error=error.message)
        return error
    print(f"voi: {error.message}", file=stream, flush=True)
    return SystemExit(1)


def _is_null(descriptor: int) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), Path(os.devnull).stat())
    return True
