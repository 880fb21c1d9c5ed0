"""Service codes, frame constants and the codes in replies (protocol sections 1, 2, 4 and 6)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """Service codes: 1000 and up go from server to terminal, 9000 and up from terminal to server."""

    SHUT_DOWN = 1001
    RESTART = 1002
    SEND_TORRENT = 1015
    TASK_RESULT = 1018
    UPLOAD_DISKS = 1020
    HAVE_DISK = 1021
    WATERMARK = 1022
    CANCEL_SEND = 1025
    CHECK_DISKS = 1901

    HEARTBEAT = 9000
    TERMINAL_LOGIN = 9001
    LOGOUT = 9002
    GET_DATE_TIME = 9003
    ADMIN_LOGIN = 9008
    LOGIN = 9010
    REPORT_DISKS = 9011
    REPORT_BOOT_DISK = 9012
    UPLOAD_TORRENT = 9014
    DOWNLOAD_RESULT = 9015
    MAY_UPLOAD = 9018
    TRACKER_ADDRESS = 9019
    P2V_START = 9020
    P2V_PROGRESS = 9021
    TASK_STATE = 9025
    UPLOAD_STATE = 9027
    SET_ASIDE = 9901
    DISK_CHECKED = 9902


class DataType(IntEnum):
    """The kind of data that a frame declares."""

    BINARY = 0
    JSON = 1
    PROTOBUF = 2


class ClientType(IntEnum):
    """Who sends a frame."""

    UEFI = 1
    LINUX = 2
    WINDOWS = 3
    SERVER = 4
    LINUX_NOT_INSTALLED = 5


class Direction(IntEnum):
    """Whether a frame asks or answers."""

    REQUEST = 1
    RESPONSE = 2


SUCCESS = 0
P2V_REFUSED = 20724
"""Physical-to-virtual uploads would need the server's own password: refused (protocol section 4)."""

ALREADY_THERE = 10001
"""A terminal's answer to 1015: it has this disk."""

TERMINAL_TORRENT_ERROR = 10002
"""A terminal's answer to 1015: it cannot use this torrent."""

CAN_CHECK_DISKS: Final = "check_disk"
"""A terminal that says so in its login reads its disks when it is told to (1901), and mends what is wrong."""

ABILITIES: Final = frozenset({CAN_CHECK_DISKS})
"""What a terminal's login may say that it can do beside what every terminal can (protocol section 4)."""
