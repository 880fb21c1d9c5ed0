"""Sentences about what is wrong with the server, and what needs attention."""

from __future__ import annotations

from typing import Final

HEALTH: Final = {
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
    "copies_checked": "{disk}: pieces of it that others fetched from {macs} did not match: these terminals were told "
    "to read it from end to end and to fetch what is wrong, by themselves",
    "copies_right": "{disk}: pieces of it that others fetched from {macs} did not match, and the files there are "
    "right: suspect memory, network card or cable of these terminals, or of the one that reported it",
    "copies_unreadable": "{disk}: pieces of it that others fetched from {macs} did not match, and it cannot be read "
    "there: {why}",
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
