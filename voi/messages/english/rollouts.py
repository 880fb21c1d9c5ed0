"""Sentences about versions on their way to terminals."""

from __future__ import annotations

from typing import Final

ROLLOUTS: Final = {
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
