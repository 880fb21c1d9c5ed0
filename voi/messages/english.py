"""The catalogue: every sentence with which the server tells people why, by its code.

In braces stand the values, with Python's formats and those of :mod:`voi.messages.reason`. A console says
``reason.<code>`` in its own language from the same values; so a code never gets another meaning, and a value keeps its
name.
"""

from __future__ import annotations

from typing import Final

_INPUT: Final = {
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

_PEOPLE: Final = {
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

_TERMINALS: Final = {
    "never_logged_in": "{mac} has never logged in",
    "offline": "terminal {mac} is offline",
    "no_answer": "the terminal did not answer within {seconds:g} seconds",
    "connection_ended": "the connection ended before the terminal answered",
    "too_many_waiting": "this terminal has not answered {most} earlier commands yet",
    "terminal_answered": "the terminal answered {code}: {text}",
    "torrent_not_taken": "the terminal cannot use the torrent: it answered {code}: {text}",
    "waits_for_login": "{why}; waiting for its next login",
    "server_restarted": "the server restarted before the terminal answered",
    "newer_command": "replaced by command {number}",
    "no_command": "there is no command {number}",
    "no_terminal": "there is no terminal to send this to",
    "is_online": "{mac} is online and would be back in the list at once",
    "just_been_here": "{mac} was online a moment ago",
    "in_rollout": "{mac} is still part of rollout {number}: take it out there first",
    "in_upload": "{mac} is uploading template {name} (upload {number}): stop that upload first",
    "no_broadcast": "no network of the server accepts broadcasts at present; the server's log says why",
    "no_room": "there is no room {number}",
    "room_exists": "the room {name} already exists",
    "rooms_full": "there are already {most} rooms, which is the limit",
    "subnet_taken": "{network} already belongs to room {room}",
    "room_is_empty": "this room has no terminals",
}
"""Terminals, what they are told, and where they stand."""

_ROLLOUTS: Final = {
    "goes_on_at_login": "offline: continues at its next login",
    "off_after_failure": "offline: tries again at its next login; the last attempt failed: {why}",
    "nothing_arrives": "no data has arrived for more than a minute: check its network connection",
    "not_started": "the terminal has not started to download yet",
    "not_said": "the terminal has not said which disks it has since it logged in: this rollout ends when it does",
    "terminal_says": "the terminal says: {why}",
    "pieces_wrong": "{count} pieces from {peers} do not match: damaged copies; other sources are used",
    "server_pieces_wrong": "{count} pieces from the server do not match: its copy is damaged, or the way to it",
    "download_failed": "the terminal reports that the download failed",
    "download_failed_because": "the terminal reports that the download failed: {why}",
    "done_and_lost": "the terminal had this disk, and reports now that it does not",
    "interrupted": "its connection broke {count} times during this download, the last time at {part:.0%}: "
    "check its power, disk, memory and network",
    "stalled": "no progress for {minutes:.0f} minutes",
    "stalled_because": "no progress for {minutes:.0f} minutes; the terminal says: {why}",
    "disk_failed": "{disk}: {why}",
    "tried_again": "{disk}: {why}; next attempt in {seconds:.0f} seconds",
    "cancelled": "cancelled by an administrator",
    "newer_rollout": "replaced by rollout {number}",
    "no_rollout": "there is no rollout {number}",
    "no_version": "template {name} has no version {number}",
    "nothing_to_cancel": "none of these terminals has anything left to do in rollout {number}",
    "rollout_ended": "rollout {number} has already ended; its state is {state}",
    "rollout_cancelled": "rollout {number} was cancelled: start a new one",
    "nothing_to_retry": "rollout {number} has no terminal to retry: none has failed, or a newer rollout has taken over",
}
"""Versions on their way to terminals."""

_TEMPLATES: Final = {
    "no_template": "there is no template {uuid}",
    "no_published_template": "there is no template {uuid} with a published disk",
    "strange_template": "neither the server nor {mac} has a template {uuid}",
    "nothing_published": "template {name} has no published disk yet",
    "level_published": "{disk} is already published: the next level of this disk is {level}",
    "level_too_high": "{disk}: only levels 0 to {highest} can be published",
    "parent_missing": "{disk} needs {parent}, which is not published: upload that disk first",
    "differences_full": "disk {uuid} already has two difference disks, and they cannot be merged yet",
    "disk_of_another": "disk {uuid} belongs to template {name}",
    "terminal_uploads": "terminal {mac} is already uploading {disk} of this template",
    "import_under_way": "{disk} of this template is already being imported",
    "uploads_already": "{mac} is already uploading {disk}",
    "disk_uploaded_already": "{disk} is already being uploaded",
    "uploaded_already": "this disk is already being uploaded",
    "nothing_to_upload": "{mac} has reported no disk of this template that is still to be published",
    "no_upload": "there is no upload {number}",
    "upload_not_failed": "upload {number} has not failed: there is nothing to retry or to dismiss",
    "asked_again": "asked for again",
    "newer_torrent": "replaced by a newer torrent of the same terminal",
    "taken_over": "{mac} has been offline for a long time: {other} uploads instead",
    "not_offered": "{mac} did not offer the disk within a day of the request",
    "upload_stalled": "no progress for a day, stopped at {part:.0%}: check whether {mac} is still online",
    "no_space": (
        "the server needs {needed:size}, but only {available:size} are free: move other files off its disk, or "
        "give it a larger one"
    ),
    "no_space_beside": (
        "the server needs {needed:size}, but only {available:size} are free beside the {promised:size} "
        "reserved for other uploads: wait for those or cancel them, or make room on the server's disk"
    ),
}
"""Templates, and disks on their way to being published."""

_FILES: Final = {
    "file_failed": "{text} ({path})",
    "path_failed": "{path}: {text}",
    "torrent_file_failed": "torrent file {name}: {text}",
    "torrent_file_missing": "torrent file {name} on the server: {text}",
    "torrent_file_wrong": "the torrent file {name} on the server is damaged",
    "not_regular": "{path} is not a regular file",
    "changed_while_read": "{path} changed while it was being read: close the program that writes to it and try again",
    "wrong_pieces": "{disk}: {count} pieces on the server's disk are damaged ({shown})",
    "longer_than_torrent": "{disk}: the file on the server's disk is longer than its torrent says",
    "file_vanished": "{disk}: the received file has vanished from the server's disk",
    "no_torrent_for": "no torrent can be made of a file of {size:size}",
    "too_large_for_torrent": "a file of {size:size} is too large: its torrent does not fit into one message",
    "torrent_stopped": "{text}",
    "torrent_refused": "{name}: {text}",
    "torrent_there": "{name}: this torrent is already in use",
    "torrent_not_there": "this torrent is not in use",
    "torrent_removed": "this torrent was removed",
    "seed_stopped": "the BitTorrent session is not running",
    "seed_late": "libtorrent did not answer within {seconds:g} s ({what})",
    "database_failed": "the database could not be written: {text}",
    "server_failed": "the server failed; its log says why",
}
"""Files on the server, and those that read and write them."""

_CONTENTS: Final = {
    "content_problem": "template {template}, {disk}: {why}",
    "content_wrong": "{what}; {done}",
    "content_missing": "the file on the server is missing",
    "content_damaged": "the file on the server is damaged: {wrong} of {total} pieces",
    "content_unreadable": "the file on the server cannot be read: {text}",
    "content_torrent_lost": (
        "its torrent on the server is lost and cannot be made again from the file: put back the torrent or the "
        "database from a backup, or publish the disk again"
    ),
    "content_checking": (
        "every byte of the server's file is being checked, {part:.0%} done; until then the server does not offer it"
    ),
    "content_being_read": "it is being read, {part:.0%} done",
    "content_fetched_back": "terminals that have all of it: {count}; it is being fetched back, {part:.0%} done",
    "content_no_gain": (
        "terminals that say that they have all of it: {count}; nothing comes from them: start another one that has it, "
        "or put the file back into disks/"
    ),
    "content_no_holder": (
        "no terminal that is online has all of it: start one that has it, or put the file back into disks/"
    ),
}
"""The server's own copies of published levels."""

_IMAGES: Final = {
    "parent_size": (
        "{disk} has a disk size of {size} bytes, but its parent {parent} has {parent_size}: "
        "a difference disk must have the size of its parent"
    ),
    "image_header_cut": "the image is cut off: its header is incomplete",
    "image_name_cut": "the image is cut off: its backing name is incomplete",
    "image_version": "the image is qcow version {version}; only versions 2 and 3 can be distributed",
    "image_cluster_bits": "the image's cluster_bits is {bits}, outside 9 to 21",
    "image_refused": "the image is refused: {why}",
    "encrypted": "it is encrypted, and terminals have no key for it",
    "corrupt": "it is marked as corrupt: `qemu-img check -r all` repairs what it can; then check whether it boots",
    "dirty": "it was not closed properly (its reference counts are dirty): `qemu-img check -r all` repairs that",
    "external_data": "its data is in an external file: convert it with `qemu-img convert -O qcow2`",
    "subclusters": (
        "it uses subclusters, which terminals cannot read: convert it with `qemu-img convert -O qcow2 -o "
        "extended_l2=off`"
    ),
    "image_virtual_size": "the image's virtual size is {size} bytes, which is not possible",
    "image_no_refcounts": "the image has no reference count table",
    "image_snapshots": "the image claims {count} snapshots, more than {most}",
    "image_features": "the image needs features that this server does not support (incompatible bits {bits})",
    "image_refcount_order": "the image's refcount_order is {order}, above 6",
    "image_header_length": "the image's header length is {length}, which is not possible",
    "image_compression_bit": "the image's compression type and the feature bit for it contradict each other",
    "image_compression": "the image's compression type is {kind}, which this server does not support",
    "image_table_outside": "the image's {what} is outside the file: the file is cut off or damaged",
    "image_cut": (
        "the image is cut off: {missing} bytes are missing at its end (it needs {wanted}, the file has {length}): "
        "copy it again from where it is whole"
    ),
    "image_cut_tables": (
        "the image is cut off: at least {missing} bytes are missing at its end, tables among them (it needs "
        "{wanted}, the file has {length}): copy it again from where it is whole"
    ),
    "image_damaged": (
        "the image is damaged: {why}; copy it again from where it is whole, or let `qemu-img check -r all` repair what "
        "it can and then check whether it boots"
    ),
    "image_entry_outside": "entry {entry} of its {what} points outside the file, to byte {offset} of {length}",
    "image_entry_unaligned": "entry {entry} of its {what} points to byte {offset}, where no cluster begins",
    "image_entry_reserved": "entry {entry} of its {what} has bits set that must be 0 ({bits})",
    "image_entry_zero": "entry {entry} of its {what} is a zero cluster, which version 2 does not have",
    "image_entry_on_table": "entry {entry} of its {what} points to byte {offset}, where one of its tables is",
    "image_tables_overlap": "two of its tables are at byte {offset}",
    "image_refcount_low": ("the cluster at byte {offset} is used {used} times, but its reference count is {count}"),
    "image_refcount_said": (
        "the cluster at byte {offset} has the reference count {count}, which contradicts the entry that points to it"
    ),
    "image_snapshot": "entry {number} of its snapshot table is malformed or cut off",
    "image_refcounts_large": "the image's reference count table has {length} bytes, more than {most}",
    "image_snapshots_large": (
        "the image's snapshots have {count} entries in their level 1 tables, more than {most}: delete snapshots with "
        "`qemu-img snapshot -d`, or convert it with `qemu-img convert -O qcow2`"
    ),
    "qemu_errors": (
        "`qemu-img check` finds {count} errors in the image ({text}): copy it again from where it is whole, or let "
        "`qemu-img check -r all` repair what it can and then check whether it boots"
    ),
    "qemu_cannot_open": "QEMU cannot open the image: {text}",
    "qemu_crashed": (
        "`qemu-img check` crashed while it read the image (signal {signal}): convert it with `qemu-img convert -O "
        "qcow2` and check whether it boots"
    ),
    "qemu_late": (
        "`qemu-img check` did not end within {seconds:.0f} seconds: try again when the disk is less busy, or convert "
        "the image with `qemu-img convert -O qcow2`"
    ),
    "refcount_table": "reference count table",
    "snapshot_table": "snapshot table",
    "level_1_table": "level 1 table",
    "level_2_table": "level 2 table {number}",
    "snapshot_level_1": "level 1 table of snapshot {number}",
    "image_level_1_size": "the image's level 1 table has {count} entries, which does not match its virtual size",
    "backing_name_long": "the backing name has {length} bytes, more than {most}",
    "backing_name_far": "the backing name is not within the first 64 KiB",
    "backing_name_misplaced": "the backing name is not within the first cluster, after the header",
    "extension_cut": "the image's header extensions are malformed: one is cut off",
    "extension_long": "the image's header extensions are malformed: {kind} is longer than the space for it",
    "extension_twice": "the image's header extensions are malformed: {kind} appears twice",
    "backing_name": "backing name",
    "backing_format": "backing format",
    "not_utf8": "the {what} is not UTF-8",
    "control_characters": "the {what} contains control characters",
    "level_unknown": "level {level} cannot be distributed, only levels 0 to {highest} can",
    "base_with_backing": (
        "level 0 must stand alone, but this image has a backing file, {text!r}: convert it with `qemu-img "
        "convert -O qcow2`, or upload it as a difference disk"
    ),
    "difference_alone": "level {level} is a difference disk and must name a backing file, but this image names none",
    "no_backing": "the image has no backing file to rename",
    "backing_not_utf8": "the new backing name cannot be written as UTF-8",
    "backing_not_printable": "the new backing name must be 1 to {most} bytes of printable text",
    "backing_does_not_fit": "the new backing name does not fit into the image's first cluster and first 64 KiB",
    "other_format": "the file is not a qcow2 image but seems to be {what}: convert it with `qemu-img convert -O qcow2`",
    "empty_file": "the file is not a qcow2 image: it is empty or begins with zeros only",
    "raw_file": "the file is not a qcow2 image but may be a raw one: convert it with `qemu-img convert -O qcow2`",
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
    "reader_gone": "the thread that reads the database has stopped and nothing can be looked up: restart the server",
    "writer_gone": (
        "the thread that writes to the database has stopped and nothing is saved any more: restart the server"
    ),
    "database_late": (
        "the database did not answer within {seconds:.0f} seconds and {waiting} queries are waiting: check "
        "whether the disk is failing or another program holds the file"
    ),
    "writer_hangs": (
        "one write to the database has taken {seconds:.0f} seconds so far and {waiting} more are waiting: "
        "check whether the disk is failing or another program holds the file"
    ),
    "database_damaged": (
        "the database is damaged ({text}) and is not written to any more: stop the server and put a backup back, or "
        "rescue what can still be read with `sqlite3 voi.sqlite .dump`; then look for a failing disk"
    ),
    "write_failed": "the last write to the database failed ({text}): check the disk of the data directory",
    "disk_full": (
        "only {free:size} are free on the server's disk: no upload is accepted below {floor:size}, and soon nothing "
        "can be saved; move other files off it, cancel uploads, or give the server a larger disk"
    ),
    "server_late": (
        "the server was more than {milliseconds:.0f} ms late in {part:.0%} of the last minute, so terminals "
        "have to wait: the machine is too busy or has too little memory"
    ),
    "clock_forward": (
        "the server's clock was set forward by {seconds:span}: rollouts, uploads and timers go on as before, but "
        "times in lists and events before and after do not match; check that the time is right now"
    ),
    "clock_back": (
        "the server's clock was set back by {seconds:span}: rollouts, uploads and timers go on as before, but "
        "times in lists and events before and after do not match; check that the time is right now"
    ),
    "disks_not_ours": (
        "the directory of the disks is not the one that belongs to this database, so the server leaves it alone: is "
        "its file system mounted?"
    ),
    "not_listening": "the BitTorrent session is not listening yet",
    "torrents_failing": (
        "torrents that have stopped because their files cannot be read or written: {count}; the server's log "
        "says which, and why"
    ),
    "files_wrong": (
        "published levels of which the server has no whole file: {count} of {total}; the overview says which, and "
        "what is done"
    ),
    "check_failed": "the check failed; the server's log says why",
    "check": "{check}: {why}",
    "copies_damaged": "{disk}: pieces of it that others fetched from {macs} did not match: check the disks there, "
    "and send it again",
    "disk_nearly_full": (
        "only {free:size} are free on the server's disk: move other files off it, or give the server a larger disk"
    ),
    "terminals_failing": "rollout {number}: terminals that failed and are trying again: {count}",
    "terminals_stuck": "rollout {number}: terminals that receive nothing: {count}",
    "terminals_failed": "failed terminals: {count}",
    "terminals_outdated": "terminals with an older version: {count}",
    "contents_wrong": "published levels of which the server has no whole file: {count}; {why}",
    "uploads_held": "requested uploads that cannot start: {count}; {why}",
    "uploads_failed": "failed uploads and imports: {count}",
}
"""What is wrong with the server, and what needs attention."""

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
    "torrent_too_large": "the torrent has {size:size}, more than {most} bytes: use larger pieces",
    "torrent_not_bencoded": "the torrent is not bencoded: {text}",
    "torrent_byte": "the torrent is not bencoded: byte {at} is not the beginning of a value",
    "torrent_no_dictionary": "the torrent is not a dictionary",
    "torrent_not_canonical": "the torrent is not canonical: a dictionary has unsorted or repeated keys",
    "torrent_too_deep": "the torrent is nested more than {most} levels deep",
    "torrent_too_many_values": "the torrent has more than {most} values",
    "torrent_cut": "the torrent is cut off, or has more bytes after its end",
    "torrent_lacks": "{key!r} is missing in the torrent",
    "torrent_wrong_type": "{key!r} in the torrent has the wrong type",
    "torrent_unfit": "the torrent is refused: {why}",
    "torrent_many_files": "it has a list of files, but a disk is a single file that is named in the torrent itself",
    "torrent_version_2": "it uses BitTorrent version 2, but deployed terminals read only version 1",
    "torrent_file_tree": "it has a file tree of BitTorrent version 2, but deployed terminals read only version 1",
    "torrent_symlink": "its file is a symbolic link",
    "torrent_second_name": "it has a second name for its file ({key})",
    "torrent_attributes": "the torrent is refused: its file has the attributes {text}",
    "torrent_length": "the torrent's file has {length} bytes, which is not possible for a disk",
    "torrent_piece_length": "the torrent's piece length is {length}; it must be a power of two from 16 KiB to 16 MiB",
    "torrent_pieces": "the torrent has {length} bytes of piece hashes, which does not match the length of its file",
    "torrent_private": "the torrent's private flag is {value}; it must be 0 or 1",
    "torrent_name": "the torrent's name is wrong: {why}",
    "torrent_name_spelling": "the torrent's name {text!r} must be written as {name!r}",
    "torrent_of_another": "the torrent is for {disk}, not for {expected}",
    "torrent_announce": "the torrent's 'announce' is not UTF-8",
    "torrent_unreadable": "the torrent cannot be read: {text}",
    "torrent_no_info": "the torrent has no info dictionary",
    "torrent_one_file": "the torrent must have exactly one file, without a directory",
    "torrents_full": (
        "the tracker already has {most} torrents, which is the limit: cancel uploads that are no longer needed"
    ),
    "nothing_reported": (
        "{mac} has not reported any disk of template {name}: a terminal reports its disks when it logs in, "
        "so check that it has the template and turn it on"
    ),
    "offered_another": "the terminal offered {disk}, which was refused: {why}",
    "admin_needed": "an administrator must log in at this terminal first (9008)",
    "no_group": "there is no desktop group {uuid}",
    "ask_first": "{disk}: send 9018 first, so that the server knows its template",
    "no_such_upload": "{mac} is not uploading {disk}",
    "called_off": "stopped before it was complete",
    "no_table": "there is no block table of {disk}; the server's log says why",
    "table_being_made": "the block table of {disk} is being made: ask again later",
    "no_such_torrent": "this server has not published this torrent",
    "table_size": "the block table has {length} bytes instead of {expected}",
    "table_unreadable": "the block table has an unknown format",
    "table_of_another": "the block table belongs to another torrent",
    "file_absent": "{path} does not exist",
    "file_not_permitted": "the server's user may not open {path}",
    "file_is_link": "{path} is a symbolic link: enter the path of the file itself",
    "file_already_there": "{path} already exists",
    "no_room_for_file": "there is not enough space on the disk for {path}",
    "quota_of_file": "the disk quota does not leave enough space for {path}",
    "file_too_large": "the file system does not support a file as large as {path}",
}
"""Torrents and what comes with them: taken, made, looked for."""

_PROTOCOL: Final = {
    "frame_version": "the frame has version {version}, but only {known} is supported",
    "frame_direction": "the frame has direction {direction}; it must be 1 or 2",
    "frame_too_large": "the frame has {length} bytes of {what}, more than {most}",
    "json_too_large": "the JSON has {length} bytes, more than {most}",
    "json_broken": "the JSON cannot be read: {text}",
    "json_no_object": "a JSON object is needed, not {kind}",
    "message_malformed": "the message is malformed: {text}",
    "answer_before_login": "the terminal sent an answer before it logged in",
    "log_in_first": "log in first (9001 or 9010)",
    "log_in_with_ip": "log in first (9001, or 9010 with ip)",
    "login_cut_off": "the connection ended during the login",
    "service_unknown": "service code {code} is not known",
    "wrong_token": "the token does not belong to this connection: log in again",
    "mac_of_another": "mac: this connection belongs to {mac}, not to {other}",
    "login_of_another": "this connection belongs to {mac}: open another one for {other}",
    "body_lengths": "the torrent message has {length} bytes, and its lengths match no known layout",
    "not_in_range": "{field}: {value} is not between 0 and {most}",
    "not_base64": "data: not base64: {text}",
    "data_length": "data_len is {said}, but data has {length} bytes",
    "no_template_of_disk": "{disk} does not belong to any template",
    "templates_full": "{mac} has already reported {count} templates, which is the limit for one terminal",
    "not_wanted": "no longer wanted",
    "not_kept_name": "{field}: {text!r} is not a name under which a terminal keeps a disk of its own",
}
"""What terminals send and may not, in words for them and for the log."""

_REFERENCE_TERMINAL: Final = {
    "server_silent": "the server did not answer {code} within {seconds:g} seconds",
    "server_lost": "the connection ended: {text}",
    "server_not_connected": "there is no connection to the server",
    "server_queue_full": "{most} requests are already waiting for the server, which is the limit",
    "server_answered": "the server answered {code}: {text}",
    "server_answers": "the server answered with HTTP status {code}: {text}",
    "server_refuses": "the server refused the upload: {text}",
    "server_refuses_silently": "the server refused the upload without a reason",
    "answer_too_long": "the answer has {length} bytes, more than {most}",
    "uploads_here": "this terminal is uploading {disk}",
    "not_written": "{path} cannot be written: {text}",
    "not_a_file": "{path} is not a regular file",
    "terminal_full": "{name} needs {needed:size} more, but only {free:size} are free on the terminal's disk",
    "image_not_regular": "it is not a regular file",
    "torrent_not_asked_for": "{path} is not the torrent that was requested",
    "state_of_another": "it describes {name}",
    "disk_not_here": "this terminal does not have {disk}",
    "disk_not_whole": "this terminal does not have a complete {disk}",
    "terminal_disks_full": "this terminal already has {most} disks, which is the limit",
    "wrong_length": "{path} should have {length} bytes but has {found}",
    "command_unknown": "this terminal does not know the command {code}",
    "command_without_torrent": "the command 1015 came without a torrent",
    "tasks_no_list": "tasks: must be a list of task uuids",
    "field_missing": "{field}: is missing",
    "program_missing": "this terminal does not have {program}, the program configured for {name}",
    "file_gone": "{path} does not exist any more",
    "changed_since_fetched": "{disk} was changed after it was downloaded: it is compared with what was published",
    "no_room_beside_own": "{disk} on this terminal is not published and is kept, so both must fit: {why}",
    "not_set_aside": "{path} is not published and cannot be moved aside, so it is not replaced: {text}",
    "disks_no_table": "[disks] must be a table with a type for each disk",
    "disk_type_unknown": "[disks]: {disk}: {text} is not a type of disk; the types are {known}",
    "disk_type_twice": "[disks]: {disk} has two different types",
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
        _CONTENTS,
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
