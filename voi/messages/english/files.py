"""Sentences about files and torrents, and what the operating system says of them."""

from __future__ import annotations

from typing import Final

FILES: Final = {
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

TORRENTS: Final = {
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
