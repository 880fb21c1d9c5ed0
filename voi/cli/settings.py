"""Which server is meant and with which token: from options, the environment, a file, or the server's own directory.

The token of the file goes to the file's server alone, and that of the data directory to this machine alone unless
the directory was named: an option that names another server must not send it there.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import msgspec

from voi.cli.api import REQUEST_SECONDS, ApiClient
from voi.cli.failures import AccessDenied, WrongSettings
from voi.files.directory import DataDirectory

DEFAULT_SERVER: Final = "http://127.0.0.1:50021"
DATA_DIRECTORIES: Final = (Path("data"), Path("/var/lib/voi"))
"""Where a server's data directory is looked for: its default, and where the service of docs/operations.rst has it."""

_HERE: Final = ("localhost", "127.0.0.1", "::1")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of settings may have."""

    server: str | None = None
    token: str | None = None
    data: str | None = None

    def __repr__(self) -> str:
        return f"Settings({self.server!r})"


def file_of_settings() -> Path:
    """Where the file is, whether or not there is one."""
    base = os.environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "voi.toml"


def read_settings(path: Path) -> Settings:
    """What the file has; nothing where there is none.

    :raises WrongSettings: it cannot be read, has a key that is none, or is open to others.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise WrongSettings(f"{path} is for a token, but other users can read or change it: chmod 600 {path}")
            return msgspec.convert(tomllib.load(file), Settings)
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        raise WrongSettings(f"{path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise WrongSettings(f"{path}: {error}; its keys are server, token and data") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise WrongSettings(f"{path}: not valid TOML: {error}") from error


def connect(server: str | None, token: str | None, data: Path | None, *, timeout: float = REQUEST_SECONDS) -> ApiClient:
    """The API of the server that is meant.

    :raises WrongSettings: the address or the token is none, or the file is wrong.
    :raises AccessDenied: there is no token to be had.
    """
    configured = read_settings(file_of_settings())
    address = address_of(server or configured.server or DEFAULT_SERVER)
    if not token and configured.token and address == address_of(configured.server or DEFAULT_SERVER):
        token = configured.token
    if not token:
        token = _token_of_directory(address, data or (Path(configured.data).expanduser() if configured.data else None))
    if not token.isascii() or not token.isprintable():
        raise WrongSettings("a token is one line of ASCII")
    return ApiClient(address, token, timeout)


def address_of(text: str) -> str:
    """A server's address without a slash at its end.

    :raises WrongSettings: it is not one.
    """
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or not text.isascii() or not text.isprintable() or " " in text:
        raise WrongSettings(f"{text} is not an http:// or https:// address such as {DEFAULT_SERVER}")
    return text.rstrip("/")


def _token_of_directory(address: str, named: Path | None) -> str:
    if named is None and urlsplit(address).hostname not in _HERE:
        raise AccessDenied(
            f"no token for {address}: use --token or VOI_TOKEN, or write it into {file_of_settings()}; "
            "`voi token make NAME` on the server creates one"
        )
    reason = ""
    for directory in DATA_DIRECTORIES if named is None else (named,):
        path = DataDirectory(directory).api_token
        try:
            if token := path.read_text("ascii").strip():
                return token
            reason = f"{path}: the file is empty"
        except (OSError, UnicodeDecodeError) as error:
            # Of several places the first that is there and cannot be read is the one to report.
            if not reason or not isinstance(error, FileNotFoundError):
                reason = f"{path}: {getattr(error, 'strerror', None) or 'no token'}"
    raise AccessDenied(f"{reason}: use --data DIR (the server's data directory), --token or VOI_TOKEN")


def _of_root(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """The value of an option of `voi` itself: given before the command, or in the environment."""
    return value if value is not None else option_of_root(context, param.name or "")


def option_of_root(context: click.Context, name: str) -> Any:
    """The value of one of `with_server`'s options that stood before the command."""
    return context.find_root().params.get(name)


def with_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name the server, where they are not given before the command."""
    return _with_options(command, callback=_of_root)


def with_server_of_all(group: Callable[..., Any]) -> Callable[..., Any]:
    """The same options before the command; they hold unless the command has its own."""
    return _with_options(group, envvars=("VOI_SERVER", "VOI_TOKEN"))


def _with_options(
    command: Callable[..., Any],
    *,
    envvars: tuple[str | None, str | None] = (None, None),
    callback: Callable[[click.Context, click.Parameter, Any], Any] | None = None,
) -> Callable[..., Any]:
    directory = click.Path(path_type=Path)
    options = (
        click.option(
            "--server", envvar=envvars[0], callback=callback, help=f"address of the server  [default: {DEFAULT_SERVER}]"
        ),
        click.option(
            "--token",
            envvar=envvars[1],
            callback=callback,
            help="API token  [default: the one in the data directory]",
        ),
        click.option("--data", type=directory, callback=callback, help="the server's data directory, for its token"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def with_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option for programs."""
    return click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for programs")(command)
