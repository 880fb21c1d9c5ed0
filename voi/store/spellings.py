"""Every sentence that was ever kept as a text alone, and the code and values that it has since `m009_endings`.

Belongs to that migration, so it never changes again: it says what versions before wrote, not what is said today. A
part in braces is a value with its kind; a value that is a sentence itself is read in the same way. A text of others
(a terminal, libtorrent) that is in no sentence of ours stays a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

_SYSTEM: Final = {
    "Operation not permitted": "os_not_permitted",
    "No such file or directory": "os_no_such_file",
    "Input/output error": "os_io",
    "Cannot allocate memory": "os_no_memory",
    "Permission denied": "os_permission",
    "Device or resource busy": "os_busy",
    "Not a directory": "os_not_directory",
    "Is a directory": "os_is_directory",
    "Too many open files": "os_too_many_files",
    "File too large": "os_too_large",
    "No space left on device": "os_disk_full",
    "Read-only file system": "os_read_only",
    "File name too long": "os_name_too_long",
    "Stale file handle": "os_stale",
    "Disk quota exceeded": "os_quota",
}

_SPELLINGS: Final = (
    # Rollouts. Those with a whole sentence in them come first, or a part would be taken for all of it.
    ("waits_for_login", "{why:reason}; waits for its next login"),
    ("tried_again", "{disk:disk}: {why:reason}; tried again in {seconds:number} seconds"),
    ("off_after_failure", "offline: tried again at its next login; the last try failed: {why:reason}"),
    ("goes_on_at_login", "offline: goes on at its next login"),
    ("goes_on_at_login", "offline: waits for its next login"),
    ("nothing_arrives", "nothing has arrived for more than a minute: is its network connection all right?"),
    ("not_started", "the terminal has not started yet"),
    ("download_failed", "the terminal reports a failed download"),
    ("stalled", "no progress for {minutes:number} minutes"),
    ("cancelled", "cancelled by an administrator"),
    ("newer_rollout", "replaced by rollout {number:number}"),
    # Terminals and commands.
    ("offline", "terminal {mac:mac} is offline"),
    ("no_answer", "the terminal did not answer within {seconds:number} seconds"),
    ("connection_ended", "the connection ended before the terminal answered"),
    ("too_many_waiting", "{most:number} commands wait for this terminal's answers already"),
    ("torrent_not_taken", "the terminal answered {code:number} (it cannot use the torrent): {text}"),
    ("terminal_answered", "the terminal answered {code:number}: {text}"),
    ("server_restarted", "the server was restarted before the terminal answered"),
    ("newer_command", "replaced by command {number:number}"),
    # Uploads.
    ("asked_again", "asked for again"),
    ("newer_torrent", "replaced by a newer torrent of the same terminal"),
    ("taken_over", "{mac:mac} has been offline for long, and {other:mac} takes over"),
    ("not_offered", "{mac:mac} did not offer it within a day of being asked"),
    ("upload_stalled", "no progress for a day, at {part:percent}: is {mac:mac} still there?"),
    (
        "no_space_beside",
        "{needed:size} are needed on the server, {available:size} are available beside {promised:size} promised to "
        "other uploads",
    ),
    ("no_space", "{needed:size} are needed on the server, {available:size} are available"),
    ("level_published", "{disk:disk} is published already: the next level of this disk is {level:number}"),
    ("level_too_high", "{disk:disk}: only levels 0 to {highest:number} are published"),
    ("parent_missing", "{disk:disk} needs {parent:disk}, which is not published: upload that one first"),
    ("differences_full", "disk {uuid:uuid} has two differences already, and folding them is not available yet"),
    ("disk_of_another", "disk {uuid:uuid} belongs to template {name}"),
    ("terminal_uploads", "terminal {mac:mac} is uploading {disk:disk} of this template now"),
    ("import_under_way", "an import is uploading {disk:disk} of this template now"),
    ("disk_uploaded_already", "{disk:disk} is being uploaded already"),
    ("uploaded_already", "this disk is being uploaded already"),
    ("admin_needed", "an administrator must log in at this terminal first (9008)"),
    ("no_group", "no desktop group {uuid:uuid}"),
    ("ask_first", "{disk:disk}: ask with 9018 first, so that its template is known"),
    ("torrents_full", "the tracker holds {most:number} torrents already: delete unused templates"),
    # Torrents.
    ("torrent_empty", "the torrent is empty"),
    ("torrent_too_large", "the torrent has {size:number} bytes, more than {most:number}: use larger pieces"),
    ("torrent_byte", "the torrent is no bencoded text: byte {at:number} begins nothing"),
    ("torrent_not_bencoded", "the torrent is no bencoded text: {text}"),
    ("torrent_no_dictionary", "the torrent is no dictionary"),
    ("torrent_not_canonical", "the torrent is not canonical: a dictionary has unsorted or repeated keys"),
    ("torrent_too_deep", "the torrent is nested deeper than {most:number}"),
    ("torrent_too_many_values", "the torrent has more than {most:number} values"),
    ("torrent_cut", "the torrent is cut off, or something follows it"),
    ("torrent_lacks", "the torrent lacks {key:quoted}"),
    ("torrent_wrong_type", "the torrent has a wrong type of {key:quoted}"),
    ("torrent_attributes", "the torrent is refused: its file has the attributes {text}"),
    ("torrent_unfit", "the torrent is refused: {why:reason}"),
    ("torrent_many_files", "it has a list of files; a disk is one file, named in the torrent itself"),
    ("torrent_version_2", "it is of BitTorrent version 2; deployed terminals read version 1 only"),
    ("torrent_file_tree", "it has a version 2 file tree; deployed terminals read version 1 only"),
    ("torrent_symlink", "its file is a symbolic link"),
    ("torrent_second_name", "it has a second name for its file ({key})"),
    ("torrent_length", "the torrent's length is {length:number} bytes, which no disk has"),
    (
        "torrent_piece_length",
        "the torrent's piece length is {length:number}; it must be a power of two from 16 KiB to 16 MiB",
    ),
    ("torrent_pieces", "the torrent has {length:number} bytes of piece hashes, which do not fit its length"),
    ("torrent_private", "the torrent's private flag is {value:number}, neither 0 nor 1"),
    ("torrent_name_spelling", "the torrent's name {text:quoted} must be written {name:quoted}"),
    ("torrent_of_another", "the torrent is of {disk:disk}, not of {expected:disk}"),
    ("torrent_announce", "the torrent's 'announce' is not UTF-8"),
    ("torrent_name", "the torrent's {why:reason}"),
    ("not_disk_name", "{field:word}: {text:quoted} is no disk name (voi_<level>_<uuid>)"),
    ("torrent_no_info", "torrent: no info dictionary"),
    ("torrent_one_file", "torrent: exactly one file is taken, without a directory"),
    ("torrent_unreadable", "torrent: {text}"),
    # Files.
    ("torrent_file_failed", "torrent file {name:word}: {text:system}"),
    ("torrent_file_missing", "torrent file {name:word} on the server: {text:system}"),
    ("not_regular", "{path:path} is no regular file"),
    ("changed_while_read", "{path:path} changed while it was being read: close what writes to it and try again"),
    ("file_absent", "{path:path} is not there"),
    ("file_not_permitted", "{path:path} may not be opened by the server's user"),
    ("file_is_link", "{path:path} is a symbolic link; name the file itself"),
    ("file_already_there", "{path:path} is already there"),
    ("no_room_for_file", "no room is left on the disk for {path:path}"),
    ("quota_of_file", "the quota leaves no room for {path:path}"),
    ("file_too_large", "the file system takes no file as large as {path:path}"),
    ("wrong_pieces", "{disk:disk}: {count:number} pieces on the server's disk are wrong ({shown})"),
    ("longer_than_torrent", "{disk:disk}: the file on the server's disk is longer than its torrent says"),
    ("file_vanished", "{disk:disk}: the received file has vanished from the server's disk"),
    ("no_torrent_for", "no torrent can be made of a file of {size:number} bytes"),
    ("too_large_for_torrent", "a file of {size:number} bytes is too large: its torrent does not fit a frame"),
    ("torrent_there", "{name:disk}: this torrent is already in the session"),
    ("torrent_not_there", "this torrent is not in the session"),
    ("torrent_removed", "this torrent was removed"),
    ("seed_stopped", "the BitTorrent session is not running"),
    ("seed_late", "libtorrent did not answer within {seconds:number} s ({what:word})"),
    ("database_failed", "the database could not be written: {text}"),
    ("server_failed", "the server failed; its log says why"),
    # Images.
    (
        "parent_size",
        "{disk:disk} is a disk of {size:number} bytes, and its parent {parent:disk} has {parent_size:number}: "
        "a difference must have its parent's size",
    ),
    ("image_header_cut", "the image is cut off: its header is incomplete"),
    ("image_name_cut", "the image is cut off: its backing name is incomplete"),
    ("image_version", "the image is qcow version {version:number}; versions 2 and 3 can be distributed"),
    ("image_cluster_bits", "the image's cluster_bits is {bits:number}, outside 9 to 21"),
    ("image_refused", "the image is refused: {why:reason}"),
    ("encrypted", "it is encrypted, and terminals have no key for it"),
    ("corrupt", "it is marked as corrupt; `qemu-img check -r all` mends what it can, then see whether it boots"),
    ("dirty", "it was not closed properly (its reference counts are dirty); `qemu-img check -r all` mends that"),
    ("external_data", "its data lies in an external file; convert it with `qemu-img convert -O qcow2`"),
    (
        "subclusters",
        "it has subclusters, which terminals do not read; "
        "convert it with `qemu-img convert -O qcow2 -o extended_l2=off`",
    ),
    ("image_virtual_size", "the image's virtual size is {size:number} bytes, which no disk has"),
    ("image_no_refcounts", "the image has no reference count table"),
    ("image_snapshots", "the image claims {count:number} snapshots, more than {most:number}"),
    ("image_features", "the image needs features this server does not know (incompatible bits {bits:word})"),
    ("image_refcount_order", "the image's refcount_order is {order:number}, above 6"),
    ("image_header_length", "the image's header length is {length:number}, which cannot be"),
    (
        "image_compression_bit",
        "the image's compression type and the feature bit for it contradict each other",
    ),
    ("image_compression", "the image's compression type is {kind:number}, which this server does not know"),
    (
        "image_table_outside",
        "the image's {what:reason} lies outside the file: the file is cut off or damaged",
    ),
    ("refcount_table", "reference count table"),
    ("snapshot_table", "snapshot table"),
    ("level_1_table", "level 1 table"),
    (
        "image_level_1_size",
        "the image's level 1 table has {count:number} entries, which does not fit its virtual size",
    ),
    ("backing_name_long", "the backing name has {length:number} bytes, more than {most:number}"),
    ("backing_name_far", "the backing name does not lie within the first 64 KiB"),
    ("backing_name_misplaced", "the backing name does not lie within the first cluster, after the header"),
    ("extension_cut", "the image's header extensions are malformed: one is cut off"),
    ("extension_long", "the image's header extensions are malformed: {kind:word} is longer than its room"),
    ("extension_twice", "the image's header extensions are malformed: {kind:word} comes twice"),
    ("not_utf8", "the {what:reason} is not UTF-8"),
    ("control_characters", "the {what:reason} has control characters in it"),
    ("backing_name", "backing name"),
    ("backing_format", "backing format"),
    ("level_unknown", "level {level:number} is not distributed, only 0 to {highest:number} are"),
    (
        "base_with_backing",
        "level 0 must stand alone, and this image has a backing file, {text:quoted}; "
        "convert it with `qemu-img convert -O qcow2`, or upload it as a difference",
    ),
    (
        "difference_alone",
        "level {level:number} is a difference and must name a backing file; this image names none",
    ),
    ("no_backing", "the image has no backing file to rename"),
    ("backing_not_utf8", "the new backing name cannot be written as UTF-8"),
    ("backing_not_printable", "the new backing name must be 1 to {most:number} bytes of printable text"),
    ("backing_does_not_fit", "the new backing name does not fit into the image's first cluster and first 64 KiB"),
    (
        "other_format",
        "the file is no qcow2 image; it seems to be {what:reason}: `qemu-img convert -O qcow2` makes one",
    ),
    ("empty_file", "the file is no qcow2 image; it begins with nothing but zeros, or is empty"),
    ("raw_file", "the file is no qcow2 image; it may be a raw one: `qemu-img convert -O qcow2` makes one"),
    ("vhd", "a VHD image"),
    ("vhdx", "a VHDX image"),
    ("vmdk", "a VMDK image"),
    ("vmdk_descriptor", "a VMDK descriptor"),
    ("vdi", "a VDI image"),
    ("qed", "a QED image"),
    ("gzip", "a gzip file"),
    ("xz", "an xz file"),
    ("zstd", "a zstd file"),
    ("zip", "a zip file"),
    ("cd", "a CD image"),
    ("raw_gpt", "a raw image (it has a GPT)"),
    ("raw_boot_sector", "a raw image (it has a boot sector)"),
    # What is little but values: only where nothing else fits. What "torrent_refused" says reads as a disk that failed.
    ("disk_failed", "{disk:disk}: {why:reason}"),
    ("file_failed", "{text:system} ({path:path})"),
    ("path_failed", "{path:path}: {text:system}"),
)

_UNITS: Final = {
    "bytes": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() and "e" not in text else value


def _size(text: str) -> float:
    count, unit = text.split(" ")
    return round(float(count) * _UNITS[unit])


def _unquoted(text: str) -> str:
    """As `repr` had it; nothing in it was ever longer than a name."""
    return text[1:-1].replace("\\'", "'").replace("\\\\", "\\")


_KINDS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "disk": (f"voi_[0-5]_{_UUID}", str),
    "mac": ("[0-9A-F]{2}(?::[0-9A-F]{2}){5}", str),
    "number": (r"-?[0-9][0-9.]*(?:e[+-]?[0-9]+)?", _number),
    "path": (r"(?:/|voi_|\.{0,2}/).*", str),
    "percent": ("[0-9]+%", lambda text: int(text[:-1]) / 100),
    "quoted": (r"""'.*'|".*\"""", _unquoted),
    "reason": (".+", lambda text: _read(text) or text),
    "size": ("[0-9]+(?:[.][0-9])? (?:bytes|[kMG]B|[KMG]iB)", _size),
    "system": (".+", lambda text: _plain(_SYSTEM[text]) if text in _SYSTEM else text),
    "text": (".*", str),
    "uuid": (_UUID, str),
    "word": (r"[^\s:]+", str),
}
_VALUE: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


def _plain(code: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"code": code, "data": dict(data or {})}


def _pattern(sentence: str) -> tuple[re.Pattern[str], dict[str, Callable[[str], Any]]]:
    """What matches a sentence, and how each value in it is read."""
    readers: dict[str, Callable[[str], Any]] = {}
    pattern, at = "", 0
    for value in _VALUE.finditer(sentence):
        form, readers[value[1]] = _KINDS[value[2] or "text"]
        pattern += re.escape(sentence[at : value.start()]) + f"(?P<{value[1]}>{form})"
        at = value.end()
    return re.compile(pattern + re.escape(sentence[at:]), re.DOTALL), readers


_PATTERNS: Final = [(code, *_pattern(sentence)) for code, sentence in _SPELLINGS]


def _read(text: str) -> dict[str, Any] | None:
    for code, pattern, readers in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            return _plain(code, {name: read(found[name]) for name, read in readers.items()})
    return None


@lru_cache(maxsize=4096)  # thousands of terminals have the same
def code_and_values(text: str) -> str:
    """Code and values of a kept sentence, in JSON as `voi.messages.reason.kept` writes it; empty for any other text."""
    found = _read(text)
    return json.dumps(found, ensure_ascii=False) if found else ""
