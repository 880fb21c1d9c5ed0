"""One tree of errors: each knows the code it is answered with on the wire and over HTTP.

The wire codes are those of section 6 of the terminal protocol.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class VoiError(Exception):
    """Something that went wrong and has a sentence for the person who must act.

    `reason` is the sentence, with what it takes to say it in another language where it comes from the catalogue;
    `message` is the plain text of it. `field` names the part of the input that is at fault, where there is one.
    """

    wire_code: ClassVar[int] = 99999
    http_status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    slug: ClassVar[str] = "internal"

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = str(reason)
        self.field = field


class StartupError(VoiError):
    """The server cannot start: one line for the administrator, exit status 1."""


class Malformed(VoiError):
    """A message or body that cannot be read: broken JSON, a missing field, a wrong type."""

    wire_code = 88888
    http_status = HTTPStatus.BAD_REQUEST
    slug = "malformed"


class WrongType(VoiError):
    """A body that is declared to be something else than JSON."""

    http_status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    slug = "wrong_type"


class BadMac(Malformed):
    """A text that is no MAC address, or another terminal's."""

    wire_code = 60005
    slug = "bad_mac"


class UnknownCode(VoiError):
    """A service code that this server does not know."""

    wire_code = -1


class BadToken(VoiError):
    """A frame carries a token that is not its connection's."""

    wire_code = 60000


class LoginRefused(VoiError):
    """A login that is not allowed."""

    wire_code = 60001


class NotLoggedIn(VoiError):
    """A request before login."""

    wire_code = 60002


class Unauthorized(VoiError):
    """A wrong user name or password, or a missing or wrong API token."""

    wire_code = 60022
    http_status = HTTPStatus.UNAUTHORIZED
    slug = "unauthorized"


class Forbidden(VoiError):
    """Not allowed for this role, or a change without the proof that it comes from the console itself."""

    wire_code = 60022
    http_status = HTTPStatus.FORBIDDEN
    slug = "forbidden"


class TooManyAttempts(Unauthorized):
    """Passwords tried too often in a short time."""

    http_status = HTTPStatus.TOO_MANY_REQUESTS
    slug = "too_many_attempts"


class NotFound(VoiError):
    """The thing that was asked for does not exist."""

    wire_code = 99999
    http_status = HTTPStatus.NOT_FOUND
    slug = "not_found"


class Busy(VoiError):
    """As much of this is going on as may."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "busy"


class UnknownAccount(NotFound):
    """No account has this name."""

    slug = "unknown_account"


class UnknownToken(NotFound):
    """No token has this number."""

    slug = "unknown_token"


class UnknownTerminal(NotFound):
    """No terminal has this MAC address."""

    wire_code = 60025
    slug = "unknown_terminal"


class UnknownTemplate(NotFound):
    """No template has this uuid."""

    wire_code = 60024
    slug = "unknown_template"


class UnknownDisk(NotFound):
    """No template lists this disk."""

    wire_code = 60030
    slug = "unknown_disk"


class UnknownUpload(NotFound):
    """No such upload."""

    wire_code = 60033
    slug = "unknown_upload"


class Conflict(VoiError):
    """The state of a thing does not allow what was asked of it."""

    wire_code = 20725
    http_status = HTTPStatus.CONFLICT
    slug = "conflict"


class TorrentRefused(VoiError):
    """A torrent that is readable, and not one this server takes."""

    wire_code = 60028
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY
    slug = "torrent_refused"


class BadTorrent(TorrentRefused):
    """Bytes that are no torrent."""

    wire_code = 60023
    slug = "bad_torrent"


class BadImage(VoiError):
    """A disk image that cannot be distributed."""

    wire_code = 60028
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY
    slug = "bad_image"


class NoSpace(VoiError):
    """Not enough room on the server's disk."""

    wire_code = 20724
    http_status = HTTPStatus.INSUFFICIENT_STORAGE
    slug = "no_space"


class StorageMissing(VoiError):
    """A file that should be on the server's disk cannot be read."""

    wire_code = 20724
    http_status = HTTPStatus.INTERNAL_SERVER_ERROR
    slug = "storage"


class NotSaved(StorageMissing):
    """The database could not be written: nothing of what was asked for was done."""

    slug = "not_saved"


class RemoteProtocolError(VoiError):
    """The other side broke the framing: nothing after it can be trusted, the connection is closed.

    `service_code` is what the frame was about, None where its header cannot be trusted either.
    """

    def __init__(self, reason: str, *, service_code: int | None = None) -> None:
        super().__init__(reason)
        self.service_code = service_code


class TerminalOffline(VoiError):
    """A command for a terminal that has no connection."""

    wire_code = 60017
    http_status = HTTPStatus.CONFLICT
    slug = "terminal_offline"


class NoAnswer(VoiError):
    """A terminal did not answer a command in time, or its connection ended first."""

    wire_code = 60017
    http_status = HTTPStatus.GATEWAY_TIMEOUT
    slug = "no_answer"


class ConnectionEnded(NoAnswer):
    """No answer, because the connection ended: the terminal may not have received the command."""
