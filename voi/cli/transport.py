"""Why a server cannot be reached: nothing listens there, TLS meets plain HTTP or the other way, a certificate is
unknown.

Each is a sentence that says what to do about it.
"""

from __future__ import annotations

import socket
import ssl
import urllib.error
from http.client import HTTPException, RemoteDisconnected
from typing import Final
from urllib.parse import urlsplit

from voi.cli.failures import Unreachable

PROBE_SECONDS: Final = 3.0
"""How long is tried whether a port that hung up on plain HTTP speaks TLS."""

_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""What OpenSSL, by its versions, calls an answer that is no TLS."""


def unreachable(server: str, error: OSError | HTTPException) -> Unreachable:
    """Why there is no answer from a server, by the error that the request ended with."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(
            f"the certificate of {server} is not trusted here ({reason.verify_message}): "
            "name the file of its authority in the environment, SSL_CERT_FILE"
        )
    if isinstance(reason, ssl.SSLError) and reason.reason in _NOT_TLS:
        return Unreachable(f"{server} speaks HTTP without TLS: use {_other(server)}")
    if server.startswith("https:") and isinstance(error, urllib.error.URLError) and isinstance(reason, TimeoutError):
        return Unreachable(f"{server} does not answer as TLS: does it speak plain HTTP? Then use {_other(server)}")
    if server.startswith("http:") and isinstance(reason, RemoteDisconnected | ConnectionError) and _speaks_tls(server):
        return Unreachable(f"{server} speaks TLS: use {_other(server)}")
    never = isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLError)
    return Unreachable(
        f"no answer from {server}: {reason}: is the server running, and --server its address?", lost=not never
    )


def _other(server: str) -> str:
    """The same address with the other scheme."""
    scheme, colon, rest = server.partition(":")
    return f"{'http' if scheme == 'https' else 'https'}{colon}{rest}"


def _speaks_tls(server: str) -> bool:
    """Whether a port answers a TLS handshake; whose certificate it shows does not matter, for nothing is sent to it."""
    parts = urlsplit(server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname or "", parts.port or 80), PROBE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return True
    except (OSError, ValueError):
        return False
