"""Why a file is no image that terminals can boot: other formats, features, header extensions."""

from __future__ import annotations

from voi.errors import BadImage
from voi.messages.reason import Reason

MAGIC = b"QFI\xfb"

DIRTY, CORRUPT, EXTERNAL_DATA, COMPRESSION_BIT, SUBCLUSTERS = (1 << bit for bit in range(5))

EXTERNAL_DATA_RAW = 2  # an autoclear bit, and nonsense without the other: QEMU opens no image that has it alone

ENCRYPTED = Reason("encrypted")
INCOMPATIBLE: dict[int, Reason] = {
    CORRUPT: Reason("corrupt"),
    DIRTY: Reason("dirty"),
    EXTERNAL_DATA: Reason("external_data"),
    SUBCLUSTERS: Reason("subclusters"),
}
"""Incompatible feature bit -> why an image that has it is refused, worst first."""

REFUSED_EXTENSIONS: dict[int, Reason] = {
    0x44415441: INCOMPATIBLE[EXTERNAL_DATA],
    0x0537BE77: ENCRYPTED,
}
"""Header extension -> why an image that has it is refused."""

OTHER_FORMATS: tuple[tuple[int, bytes, Reason], ...] = (
    (0, b"conectix", Reason("vhd")),
    (0, b"vhdxfile", Reason("vhdx")),
    (0, b"KDMV", Reason("vmdk")),
    (0, b"COWD", Reason("vmdk")),
    (0, b"# Disk DescriptorFile", Reason("vmdk_descriptor")),
    (64, b"\x7f\x10\xda\xbe", Reason("vdi")),
    (0, b"QED\0", Reason("qed")),
    (0, b"\x1f\x8b", Reason("gzip")),
    (0, b"\xfd7zXZ\0", Reason("xz")),
    (0, b"\x28\xb5\x2f\xfd", Reason("zstd")),
    (0, b"PK\x03\x04", Reason("zip")),
    (32769, b"CD001", Reason("cd")),
    (512, b"EFI PART", Reason("raw_gpt")),
    (510, b"\x55\xaa", Reason("raw_boot_sector")),
)
"""Offset, signature, and what a file is that has it there."""


def check_magic(prefix: bytes) -> None:
    """That a file begins as a qcow2 image.

    :raises BadImage: it does not; the message says what it is.
    """
    if prefix[:4] == MAGIC:
        return
    for offset, signature, what in OTHER_FORMATS:
        if prefix[offset : offset + len(signature)] == signature:
            raise BadImage(Reason("other_format", what=what))
    if not prefix.strip(b"\0"):
        raise BadImage(Reason("empty_file"))
    raise BadImage(Reason("raw_file"))
