"""Sentences about what somebody asked for, and who may."""

from __future__ import annotations

from typing import Final

INPUT: Final = {
    "not_mac": "{field}: {text!r} is not a MAC address",
    "not_uuid": "{field}: {text!r} is not a UUID",
    "not_disk_name": "{field}: {text!r} is not a disk name (voi_<level>_<uuid>)",
    "not_account_name": "a name has 1 to 64 letters, digits, '.', '_', '@' or '-', and begins with a letter or a digit",
    "not_plain_name": "{field}: a name is a single line of letters, digits and symbols",
    "password_length": "{field}: {least} to {most} characters",
    "not_subnet": "{field}: {text!r} is not a subnet such as 10.0.3.0/24",
    "within_subnet": "{field}: {text!r} is an address inside {network}: enter {network}",
    "not_absolute": "{path} is not an absolute path on the server",
    "file_of_field": "{path}: {why}",
    "no_such_file": "this file does not exist on the server",
    "no_image_file": "at least one image file is needed",
    "levels_differ": "{field}: level, diff_level and dif_level mean the same and must agree",
    "no_switch": "{field}: the command {command} has no such field",
    "which_switch": "{field}: {command} needs {choices}",
    "name_or_room": "a name or a room is needed",
    "one_name_each": "each terminal has its own name: rename them one at a time",
    "name_or_subnets": "a name or subnets are needed",
    "name_or_auto_update": "a name, a remark or the setting for automatic updates is needed",
    "role_or_password": "a role or a password is needed",
    "macs_or_room": "either terminals (macs) or a room is needed, not both",
    "too_long": "{field}: at most {most} characters",
    "too_short": "{field}: at least {fewest} characters",
    "too_large": "{field}: at most {largest}",
    "too_small": "{field}: at least {smallest}",
    "missing": "{field}: is required",
    "unknown_field": "{field}: there is no such field; /api/v1/openapi.json lists all fields",
    "unfit": "{field}: {text}",
    "nested_too_deep": "body: nested too deeply",
    "not_json": "body: not JSON in UTF-8: {text}",
    "body_too_large": "the body is larger than {most} bytes",
    "query_too_long": "the query is longer than {most} bytes",
    "query_unreadable": "the query cannot be read: {text}",
    "given_twice": "{field}: given twice",
    "path_not_utf8": "the path is not UTF-8",
    "bad_key": "Idempotency-Key: 8 to 64 letters, digits, '-' or '_'",
    "key_not_kept": (
        "Idempotency-Key: the answer to this request is not kept, because it has a password or a token in it "
        "or changes nothing: send the request once, without the key"
    ),
    "wrong_type": "the body has the type {text}, but only JSON is accepted: send Content-Type: application/json",
    "key_reused": "this Idempotency-Key was used for another request: use a new one",
    "nothing_here": "there is nothing at this path; /api/v1/openapi.json lists all paths",
    "no_such_method": "this path does not accept this method; the Allow header lists those it accepts",
}
"""What somebody wrote into a form, or a program into a request."""

PEOPLE: Final = {
    "wrong_password": "user name or password is wrong",
    "wrong_old_password": "the current password is wrong",
    "too_many_passwords": "too many wrong passwords from {address}: wait {seconds:.0f} seconds",
    "operator_uploads": "{name} is an operator: only administrators may upload templates",
    "role_refused": "{who} has the role {role}: only the role {required} may do this",
    "token_needed": "this needs the header `Authorization: Bearer TOKEN` with a token of this server",
    "sign_in": "sign in, or send the header `Authorization: Bearer TOKEN` with a token of this server",
    "signed_in_no_more": "your session has expired: sign in again",
    "proof_needed": "a change needs the header `{header}` with the value from GET session",
    "other_site": (
        "this request came from a page of another site; a proxy in front of this server must pass the Host header on"
    ),
    "token_has_no_password": "a token has no password: sign in with an account",
    "own_password": "your own password is changed with PUT session/password, which asks for the current one",
    "own_account": "you cannot delete your own account: ask another administrator to do it",
    "last_administrator": "{name} is the last administrator: create another one first",
    "account_exists": "the account {name} already exists",
    "accounts_full": "there are already {most} accounts, which is the limit: delete unused ones",
    "no_account": "there is no account {name}",
    "tokens_full": "there are already {most} tokens, which is the limit: revoke unused ones",
    "token_exists": "the token {name} already exists: choose another name, or revoke it first",
    "no_token": "there is no token {number}",
    "streams_full": "{most} pages and programs are already listening, which is the limit: close some",
}
"""Who may, and how they show who they are."""
