"""How passwords are kept: as scrypt over the MD5 form that the wire brings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Final

_N, _R, _P = 1 << 14, 8, 1

_SALT: Final = 16


NOBODY: Final = "scrypt$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"
"""Checked for unknown names, so that the time taken does not tell which names exist."""


def wire_form(password: str) -> str:
    """A password as seed clients send it: its MD5 in lower-case hex. Not a protection, only a form."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def hash_password(form: str) -> str:
    """The stored form of a password in its wire form; takes about 50 ms and 16 MiB: never on the reactor."""
    salt = os.urandom(_SALT)
    digest = hashlib.scrypt(form.encode(), salt=salt, n=_N, r=_R, p=_P)
    return "$".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def matches(stored: str, form: str) -> bool:
    """Whether a password in its wire form is the stored one; as slow as `hash_password`."""
    _, salt, digest = stored.split("$")
    actual = hashlib.scrypt(form.encode(), salt=base64.b64decode(salt), n=_N, r=_R, p=_P)
    return hmac.compare_digest(actual, base64.b64decode(digest))
