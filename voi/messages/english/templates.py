"""Sentences about templates, and the server's own copies of what is published."""

from __future__ import annotations

from typing import Final

TEMPLATES: Final = {
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

CONTENTS: Final = {
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
