"""The catalogue: every sentence with which the server tells people why, by its code.

In braces stand the values, with Python's formats and those of :mod:`voi.messages.reason`. A console says
``reason.<code>`` in its own language from the same values; so a code never gets another meaning, and a value keeps its
name.
"""

from __future__ import annotations

from typing import Final

_INPUT: Final = {
    "not_mac": "{field}: {text!r} is not a MAC address",
    "not_uuid": "{field}: {text!r} is not a uuid",
    "not_disk_name": "{field}: {text!r} is no disk name (voi_<level>_<uuid>)",
    "not_account_name": (
        "a name has 1 to 64 letters, digits, '.', '_', '@' or '-', beginning with a letter or a digit"
    ),
    "not_plain_name": "{field}: a name is one line of letters, digits and signs",
    "password_length": "{field}: {least} to {most} characters",
    "not_subnet": "{field}: {text!r} is no subnet such as 10.0.3.0/24",
    "within_subnet": "{field}: {text!r} is an address within {network}: write that",
    "not_absolute": "{field}: {path} is not an absolute path on the server",
    "file_of_field": "{field}: {path}: {why}",
    "no_such_file": "there is no such file on the server",
    "no_image_file": "at least one image file is needed",
    "levels_differ": "{field}: level, diff_level and dif_level are one thing and must agree",
    "no_switch": "switch: {command} has none",
    "which_switch": "switch: watermark needs 1 for on or 0 for off",
    "name_or_room": "a name or a room is needed",
    "one_name_each": "each terminal has a name of its own, so name one at a time",
    "name_or_subnets": "a name or subnets are needed",
    "name_or_auto_update": "a name, a remark, or whether to update automatically, is needed",
    "role_or_password": "a role or a password is needed",
    "macs_or_room": "terminals (macs) or a room are needed, and not both",
    "too_long": "{field}: at most {most} characters",
    "too_short": "{field}: at least {fewest} characters",
    "too_large": "{field}: at most {largest}",
    "too_small": "{field}: at least {smallest}",
    "missing": "{field}: is missing, and needed",
    "unknown_field": "{field}: there is no such field here; /api/v1/openapi.json lists what there is",
    "unfit": "{field}: {text}",
    "nested_too_deep": "body: nested too deeply",
    "not_json": "body: no JSON in UTF-8: {text}",
    "body_too_large": "the body has more than {most} bytes",
    "query_too_long": "the query has more than {most} bytes",
    "query_unreadable": "the query cannot be read: {text}",
    "given_twice": "{field}: given twice",
    "path_not_utf8": "the path is no UTF-8",
    "bad_key": "Idempotency-Key: 8 to 64 letters, digits, '-' or '_'",
    "key_not_kept": (
        "Idempotency-Key: no answer to this request is kept, since there is a password or a token in it or nothing is "
        "changed: send it without the key, and once"
    ),
    "wrong_type": "the body is said to be {text}, and JSON is taken: send Content-Type: application/json",
    "key_reused": "this Idempotency-Key was used for another request: take a new one",
    "nothing_here": "there is nothing at this path; /api/v1/openapi.json lists what there is",
    "no_such_method": "this path does not take this method; the Allow header lists those it takes",
}
"""What somebody wrote into a form, or a program into a request."""

_PEOPLE: Final = {
    "wrong_password": "user name or password is wrong",
    "wrong_old_password": "this is not your present password",
    "too_many_passwords": "too many wrong passwords from {address}: wait {seconds:.0f} seconds",
    "operator_uploads": "{name} is an operator: only an administrator may upload templates",
    "role_refused": "{who} is an {role}: only an {required} may do this",
    "token_needed": "this needs the header `Authorization: Bearer TOKEN` with a token of this server",
    "sign_in": "sign in, or send the header `Authorization: Bearer TOKEN` with a token of this server",
    "signed_in_no_more": "you are signed in no more: sign in again",
    "proof_needed": "a change needs the header `{header}` with the value that GET session gives",
    "other_site": "a page of another site asked for this; a proxy before this server must pass Host on",
    "token_has_no_password": "a token has no password: sign in with an account",
    "own_password": "your own password is changed with PUT session/password, which asks for the old one",
    "own_account": "nobody deletes their own account: let another administrator do it",
    "last_administrator": "{name} is the last administrator: make another one first",
    "account_exists": "there is an account {name} already",
    "accounts_full": "there are {most} accounts already: delete unused ones",
    "no_account": "no account {name}",
    "tokens_full": "there are {most} tokens already: revoke unused ones",
    "token_exists": "there is a token {name} already: choose another name, or revoke it first",
    "no_token": "no token {number}",
    "streams_full": "{most} pages and programs listen already: close some",
}
"""Who may, and how they show who they are."""

_TERMINALS: Final = {
    "never_logged_in": "{mac} never logged in",
    "offline": "terminal {mac} is offline",
    "no_answer": "the terminal did not answer within {seconds:g} seconds",
    "connection_ended": "the connection ended before the terminal answered",
    "too_many_waiting": "{most} commands wait for this terminal's answers already",
    "terminal_answered": "the terminal answered {code}: {text}",
    "torrent_not_taken": "the terminal answered {code} (it cannot use the torrent): {text}",
    "waits_for_login": "{why}; waits for its next login",
    "server_restarted": "the server was restarted before the terminal answered",
    "newer_command": "replaced by command {number}",
    "no_command": "no command {number}",
    "no_terminal": "there is no terminal to send it to",
    "is_online": "{mac} is online: it would come back at once",
    "just_been_here": "{mac} has just been here",
    "in_rollout": "{mac} is in rollout {number}, which has not ended for it: take it out there first",
    "in_upload": "{mac} uploads template {name} (upload {number}): end that first",
    "no_broadcast": "no network of the server takes broadcasts now; its log says why",
    "no_room": "no room {number}",
    "room_exists": "there is a room {name} already",
    "rooms_full": "there are {most} rooms already",
    "subnet_taken": "{network} is room {room}'s already",
    "room_is_empty": "there is no terminal in this room",
}
"""Terminals, what they are told, and where they stand."""

_ROLLOUTS: Final = {
    "goes_on_at_login": "offline: goes on at its next login",
    "off_after_failure": "offline: tried again at its next login; the last try failed: {why}",
    "nothing_arrives": "nothing has arrived for more than a minute: is its network connection all right?",
    "not_started": "the terminal has not started yet",
    "download_failed": "the terminal reports a failed download",
    "stalled": "no progress for {minutes:.0f} minutes",
    "disk_failed": "{disk}: {why}",
    "tried_again": "{disk}: {why}; tried again in {seconds:.0f} seconds",
    "cancelled": "cancelled by an administrator",
    "newer_rollout": "replaced by rollout {number}",
    "no_rollout": "no rollout {number}",
    "no_version": "template {name} has no version {number}",
    "nothing_to_cancel": "none of these terminals has anything open in rollout {number}",
    "rollout_ended": "rollout {number} has ended: it is {state}",
    "rollout_cancelled": "rollout {number} was cancelled: begin a new one",
    "nothing_to_retry": "nothing of rollout {number} has failed that no newer rollout has taken over",
}
"""Versions on their way to terminals."""

_TEMPLATES: Final = {
    "no_template": "no template {uuid}",
    "no_published_template": "no template {uuid} with anything published",
    "strange_template": "neither the server nor {mac} knows a template {uuid}",
    "nothing_published": "template {name} has no published disk yet",
    "level_published": "{disk} is published already: the next level of this disk is {level}",
    "level_too_high": "{disk}: only levels 0 to {highest} are published",
    "parent_missing": "{disk} needs {parent}, which is not published: upload that one first",
    "differences_full": "disk {uuid} has two differences already, and folding them is not available yet",
    "disk_of_another": "disk {uuid} belongs to template {name}",
    "terminal_uploads": "terminal {mac} is uploading {disk} of this template now",
    "import_under_way": "an import is uploading {disk} of this template now",
    "uploads_already": "{mac} is uploading {disk} already",
    "disk_uploaded_already": "{disk} is being uploaded already",
    "uploaded_already": "this disk is being uploaded already",
    "nothing_to_upload": "{mac} reported no disk of this template that is not published yet",
    "no_upload": "no upload {number}",
    "upload_not_failed": "upload {number} has not failed: there is nothing of it to try again or to dismiss",
    "asked_again": "asked for again",
    "newer_torrent": "replaced by a newer torrent of the same terminal",
    "taken_over": "{mac} has been offline for long, and {other} takes over",
    "not_offered": "{mac} did not offer it within a day of being asked",
    "upload_stalled": "no progress for a day, at {part:.0%}: is {mac} still there?",
    "no_space": (
        "{needed:size} are needed on the server, {available:size} are available: move other files off its disk, or "
        "give it a larger one"
    ),
    "no_space_beside": (
        "{needed:size} are needed on the server, {available:size} are available beside {promised:size} promised to "
        "other uploads: wait for those or cancel them, or make room on the server's disk"
    ),
}
"""Templates, and disks on their way to being published."""

_FILES: Final = {
    "file_failed": "{text} ({path})",
    "path_failed": "{path}: {text}",
    "torrent_file_failed": "torrent file {name}: {text}",
    "torrent_file_missing": "torrent file {name} on the server: {text}",
    "not_regular": "{path} is no regular file",
    "changed_while_read": "{path} changed while it was being read: close what writes to it and try again",
    "wrong_pieces": "{disk}: {count} pieces on the server's disk are wrong ({shown})",
    "longer_than_torrent": "{disk}: the file on the server's disk is longer than its torrent says",
    "file_vanished": "{disk}: the received file has vanished from the server's disk",
    "no_torrent_for": "no torrent can be made of a file of {size} bytes",
    "too_large_for_torrent": "a file of {size} bytes is too large: its torrent does not fit a frame",
    "torrent_stopped": "{text}",
    "torrent_refused": "{name}: {text}",
    "torrent_there": "{name}: this torrent is already in the session",
    "torrent_not_there": "this torrent is not in the session",
    "torrent_removed": "this torrent was removed",
    "seed_stopped": "the BitTorrent session is not running",
    "seed_late": "libtorrent did not answer within {seconds:g} s ({what})",
    "database_failed": "the database could not be written: {text}",
    "server_failed": "the server failed; its log says why",
}
"""Files on the server, and those that read and write them."""

_IMAGES: Final = {
    "parent_size": (
        "{disk} is a disk of {size} bytes, and its parent {parent} has {parent_size}: "
        "a difference must have its parent's size"
    ),
    "image_header_cut": "the image is cut off: its header is incomplete",
    "image_name_cut": "the image is cut off: its backing name is incomplete",
    "image_version": "the image is qcow version {version}; versions 2 and 3 can be distributed",
    "image_cluster_bits": "the image's cluster_bits is {bits}, outside 9 to 21",
    "image_refused": "the image is refused: {why}",
    "encrypted": "it is encrypted, and terminals have no key for it",
    "corrupt": "it is marked as corrupt; `qemu-img check -r all` mends what it can, then see whether it boots",
    "dirty": ("it was not closed properly (its reference counts are dirty); `qemu-img check -r all` mends that"),
    "external_data": "its data lies in an external file; convert it with `qemu-img convert -O qcow2`",
    "subclusters": (
        "it has subclusters, which terminals do not read; "
        "convert it with `qemu-img convert -O qcow2 -o extended_l2=off`"
    ),
    "image_virtual_size": "the image's virtual size is {size} bytes, which no disk has",
    "image_no_refcounts": "the image has no reference count table",
    "image_snapshots": "the image claims {count} snapshots, more than {most}",
    "image_features": "the image needs features this server does not know (incompatible bits {bits})",
    "image_refcount_order": "the image's refcount_order is {order}, above 6",
    "image_header_length": "the image's header length is {length}, which cannot be",
    "image_compression_bit": "the image's compression type and the feature bit for it contradict each other",
    "image_compression": "the image's compression type is {kind}, which this server does not know",
    "image_table_outside": "the image's {what} lies outside the file: the file is cut off or damaged",
    "refcount_table": "reference count table",
    "snapshot_table": "snapshot table",
    "level_1_table": "level 1 table",
    "image_level_1_size": "the image's level 1 table has {count} entries, which does not fit its virtual size",
    "backing_name_long": "the backing name has {length} bytes, more than {most}",
    "backing_name_far": "the backing name does not lie within the first 64 KiB",
    "backing_name_misplaced": "the backing name does not lie within the first cluster, after the header",
    "extension_cut": "the image's header extensions are malformed: one is cut off",
    "extension_long": "the image's header extensions are malformed: {kind} is longer than its room",
    "extension_twice": "the image's header extensions are malformed: {kind} comes twice",
    "backing_name": "backing name",
    "backing_format": "backing format",
    "not_utf8": "the {what} is not UTF-8",
    "control_characters": "the {what} has control characters in it",
    "level_unknown": "level {level} is not distributed, only 0 to {highest} are",
    "base_with_backing": (
        "level 0 must stand alone, and this image has a backing file, {text!r}; "
        "convert it with `qemu-img convert -O qcow2`, or upload it as a difference"
    ),
    "difference_alone": "level {level} is a difference and must name a backing file; this image names none",
    "no_backing": "the image has no backing file to rename",
    "backing_not_utf8": "the new backing name cannot be written as UTF-8",
    "backing_not_printable": "the new backing name must be 1 to {most} bytes of printable text",
    "backing_does_not_fit": "the new backing name does not fit into the image's first cluster and first 64 KiB",
    "other_format": ("the file is no qcow2 image; it seems to be {what}: `qemu-img convert -O qcow2` makes one"),
    "empty_file": "the file is no qcow2 image; it begins with nothing but zeros, or is empty",
    "raw_file": "the file is no qcow2 image; it may be a raw one: `qemu-img convert -O qcow2` makes one",
    "vhd": "a VHD image",
    "vhdx": "a VHDX image",
    "vmdk": "a VMDK image",
    "vmdk_descriptor": "a VMDK descriptor",
    "vdi": "a VDI image",
    "qed": "a QED image",
    "gzip": "a gzip file",
    "xz": "an xz file",
    "zstd": "a zstd file",
    "zip": "a zip file",
    "cd": "a CD image",
    "raw_gpt": "a raw image (it has a GPT)",
    "raw_boot_sector": "a raw image (it has a boot sector)",
}
"""Why an image cannot be distributed."""

_HEALTH: Final = {
    "reader_gone": "the thread that reads the database has ended, nothing can be looked up: restart the server",
    "writer_gone": "the thread that writes the database has ended, nothing is saved any more: restart the server",
    "database_late": (
        "the database did not answer within {seconds:.0f} seconds, {waiting} questions wait: "
        "look whether the disk fails or another program holds the file"
    ),
    "writer_hangs": (
        "the database has been at one write for {seconds:.0f} seconds and {waiting} wait behind it: "
        "look whether the disk fails or another program holds the file"
    ),
    "write_failed": ("the last write to the database failed ({text}): look after the disk of the data directory"),
    "disk_full": (
        "{free:size} are free on the server's disk: no upload is taken below {floor:size}, "
        "and soon nothing can be saved; move other files off it, cancel uploads, or give the server a larger disk"
    ),
    "server_late": (
        "the server came more than {milliseconds:.0f} ms late in {part:.0%} of the last minute: "
        "terminals wait; the machine is too busy, or lacks memory"
    ),
    "not_listening": "the BitTorrent session does not listen yet",
    "torrents_failing": (
        "torrents that stand still because their files cannot be read or written: {count}; "
        "the server's log says which, and why"
    ),
    "check_failed": "the check failed; the server's log says why",
    "check": "{check}: {why}",
    "disk_nearly_full": (
        "{free:size} are free on the server's disk: move other files off it, or give the server a larger disk"
    ),
    "terminals_failing": "rollout {number}: terminals that failed and try again: {count}",
    "terminals_stuck": "rollout {number}: terminals that get nothing: {count}",
    "terminals_failed": "failed terminals: {count}",
    "terminals_outdated": "terminals with an older version: {count}",
    "uploads_held": "uploads that were asked for and cannot begin: {count}; {why}",
    "uploads_failed": "uploads and imports that failed: {count}",
}
"""What is wrong with the server, and what wants somebody."""

SYSTEM: Final = {
    "os_not_permitted": "Operation not permitted",
    "os_no_such_file": "No such file or directory",
    "os_io": "Input/output error",
    "os_no_memory": "Cannot allocate memory",
    "os_permission": "Permission denied",
    "os_busy": "Device or resource busy",
    "os_not_directory": "Not a directory",
    "os_is_directory": "Is a directory",
    "os_too_many_files": "Too many open files",
    "os_too_large": "File too large",
    "os_disk_full": "No space left on device",
    "os_read_only": "Read-only file system",
    "os_name_too_long": "File name too long",
    "os_stale": "Stale file handle",
    "os_quota": "Disk quota exceeded",
}
"""What the operating system says of files, in its own words: what administrators meet when a disk is full or sick."""

_TORRENTS: Final = {
    "torrent_empty": "the torrent is empty",
    "torrent_too_large": "the torrent has {size} bytes, more than {most}: use larger pieces",
    "torrent_not_bencoded": "the torrent is no bencoded text: {text}",
    "torrent_byte": "the torrent is no bencoded text: byte {at} begins nothing",
    "torrent_no_dictionary": "the torrent is no dictionary",
    "torrent_not_canonical": "the torrent is not canonical: a dictionary has unsorted or repeated keys",
    "torrent_too_deep": "the torrent is nested deeper than {most}",
    "torrent_too_many_values": "the torrent has more than {most} values",
    "torrent_cut": "the torrent is cut off, or something follows it",
    "torrent_lacks": "the torrent lacks {key!r}",
    "torrent_wrong_type": "the torrent has a wrong type of {key!r}",
    "torrent_unfit": "the torrent is refused: {why}",
    "torrent_many_files": "it has a list of files; a disk is one file, named in the torrent itself",
    "torrent_version_2": "it is of BitTorrent version 2; deployed terminals read version 1 only",
    "torrent_file_tree": "it has a version 2 file tree; deployed terminals read version 1 only",
    "torrent_symlink": "its file is a symbolic link",
    "torrent_second_name": "it has a second name for its file ({key})",
    "torrent_attributes": "the torrent is refused: its file has the attributes {text}",
    "torrent_length": "the torrent's length is {length} bytes, which no disk has",
    "torrent_piece_length": ("the torrent's piece length is {length}; it must be a power of two from 16 KiB to 16 MiB"),
    "torrent_pieces": "the torrent has {length} bytes of piece hashes, which do not fit its length",
    "torrent_private": "the torrent's private flag is {value}, neither 0 nor 1",
    "torrent_name": "the torrent's {why}",
    "torrent_name_spelling": "the torrent's name {text!r} must be written {name!r}",
    "torrent_of_another": "the torrent is of {disk}, not of {expected}",
    "torrent_announce": "the torrent's 'announce' is not UTF-8",
    "torrent_unreadable": "torrent: {text}",
    "torrent_no_info": "torrent: no info dictionary",
    "torrent_one_file": "torrent: exactly one file is taken, without a directory",
    "torrents_full": (
        "the tracker holds {most} torrents already, as many as it may: cancel uploads that are not needed any more"
    ),
    "nothing_reported": (
        "{mac} has reported no disk of template {name}: it reports what it has when it logs in, so see that it has "
        "the template and turn it on"
    ),
    "offered_another": "the terminal offered {disk}, which was refused: {why}",
    "admin_needed": "an administrator must log in at this terminal first (9008)",
    "no_group": "no desktop group {uuid}",
    "ask_first": "{disk}: ask with 9018 first, so that its template is known",
    "no_such_upload": "{mac} uploads no {disk}",
    "called_off": "called off before its end",
    "no_table": "there is no block table of {disk}; the server's log says why",
    "table_being_made": "the block table of {disk} is being made: ask again",
    "no_such_torrent": "this server has published no such torrent",
    "table_size": "a block table of {length} bytes, not of {expected}",
    "table_unreadable": "this is no block table that can be read here",
    "table_of_another": "the block table is another torrent's",
    "file_absent": "{path} is not there",
    "file_not_permitted": "{path} may not be opened by the server's user",
    "file_is_link": "{path} is a symbolic link; name the file itself",
    "file_already_there": "{path} is already there",
    "no_room_for_file": "no room is left on the disk for {path}",
    "quota_of_file": "the quota leaves no room for {path}",
    "file_too_large": "the file system takes no file as large as {path}",
}
"""Torrents and what comes with them: taken, made, looked for."""

_PROTOCOL: Final = {
    "frame_version": "frame of version {version}, only {known} is known",
    "frame_direction": "frame with direction {direction}, which is neither 1 nor 2",
    "frame_too_large": "frame with {length} bytes of {what}, at most {most} are taken here",
    "json_too_large": "{length} bytes of JSON, at most {most} are read",
    "json_broken": "broken JSON: {text}",
    "json_no_object": "a JSON object is expected, not {kind}",
    "message_malformed": "malformed message: {text}",
    "answer_before_login": "an answer before login",
    "log_in_first": "log in first (9001 or 9010)",
    "log_in_with_ip": "log in first (9001, or 9010 with ip)",
    "login_cut_off": "the connection ended during login",
    "service_unknown": "service code {code} is not known",
    "wrong_token": "the token is not the one of this connection: log in again",
    "mac_of_another": "mac: this connection is {mac}'s, not {other}'s",
    "login_of_another": "this connection is {mac}'s: open another one for {other}",
    "body_lengths": "torrent body of {length} bytes: its lengths agree with no known layout",
    "not_in_range": "{field}: {value} is not between 0 and {most}",
    "not_base64": "data: no base64: {text}",
    "data_length": "data_len: says {said}, data holds {length} bytes",
    "no_template_of_disk": "no template has a disk {disk}",
    "templates_full": "{mac} has reported {count} templates already: no more are kept for one terminal",
    "not_wanted": "no longer wanted",
}
"""What terminals send and may not, in words for them and for the log."""

_REFERENCE_TERMINAL: Final = {
    "server_silent": "the server did not answer {code} within {seconds:g} seconds",
    "server_lost": "the connection ended: {text}",
    "server_not_connected": "there is no connection to the server",
    "server_queue_full": "{most} requests wait for the server already",
    "server_answered": "the server answered {code}: {text}",
    "server_answers": "the server answers {code}: {text}",
    "server_refuses": "the server does not take it: {text}",
    "server_refuses_silently": "the server does not take it: it does not say why",
    "answer_too_long": "the answer has {length} bytes, and may have {most}",
    "uploads_here": "{disk} is being uploaded from this terminal",
    "not_written": "{path} cannot be written: {text}",
    "not_a_file": "{path} is not a regular file",
    "terminal_full": "{name} needs {needed} bytes more, the terminal's disk has {free} free",
    "image_not_regular": "it is no regular file",
    "torrent_not_asked_for": "{path} is another torrent than the one that was asked for",
    "state_of_another": "it speaks of {name}",
    "disk_not_here": "this terminal has no {disk}",
    "disk_not_whole": "this terminal has no complete {disk}",
    "terminal_disks_full": "this terminal has {most} disks already",
    "wrong_length": "{path} should have {length} bytes, found {found}",
    "command_unknown": "this terminal does not know {code}",
    "command_without_torrent": "1015 without a torrent",
    "tasks_no_list": "tasks: a list of task uuids is expected",
    "switch_unknown": "switch: {text} is neither 0 nor 1",
    "field_missing": "{field}: is missing",
    "program_missing": "{program}, which is configured for {name}, is not on this terminal",
    "file_gone": "{path} is gone",
    "changed_since_fetched": "{disk} was changed since it was fetched; it is checked at the next start",
}
"""What the reference terminal answers and logs; the server passes its answers on in `terminal_answered`."""

SENTENCES: Final[dict[str, str]] = {
    code: sentence
    for part in (
        _INPUT,
        _PEOPLE,
        _TERMINALS,
        _ROLLOUTS,
        _TEMPLATES,
        _FILES,
        _IMAGES,
        _HEALTH,
        SYSTEM,
        _TORRENTS,
        _PROTOCOL,
        _REFERENCE_TERMINAL,
    )
    for code, sentence in part.items()
}
"""All of them."""
