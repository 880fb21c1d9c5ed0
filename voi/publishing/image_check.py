"""Whether an image file is whole: our own reader walks all its tables, then QEMU says what it thinks, where it is."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import Logger

from voi.domain.image import ImageHeader
from voi.files.hashing import IsCancelled
from voi.files.image_walk import walk_image
from voi.files.qemu_img import CannotStart, QemuImg

log = Logger()


class ImageCheck:
    """Checks whole images. It blocks: seconds for a usual image; call it in a thread."""

    def __init__(self, qemu: QemuImg | None) -> None:
        self._qemu = qemu

    @classmethod
    def with_qemu(cls) -> ImageCheck:
        """With ``qemu-img`` where there is one; the log says which, or what its absence means."""
        qemu = QemuImg.find(
            lambda why: log.warn(
                "{why}: images are checked by the server's own reader alone; `apt install qemu-utils` adds QEMU's",
                why=why,
            )
        )
        if qemu is not None:
            log.info("images are checked by qemu-img {version} as well", version=qemu.version)
        return cls(qemu)

    def __call__(self, path: Path, cancelled: IsCancelled | None = None) -> ImageHeader:
        """Check an image; its header.

        :raises BadImage: it cannot be distributed, is damaged, or is cut off; the message says what is wrong.
        :raises StorageMissing: the file cannot be read.
        :raises Conflict: it is no regular file.
        :raises Cancelled: `cancelled` returned True.
        """
        header = walk_image(path, cancelled)
        if self._qemu is not None:
            try:
                self._qemu.check(path, header, cancelled)
            except CannotStart as error:
                log.error("qemu-img cannot be started, {name} goes without: {error}", name=path.name, error=error)  # noqa: TRY400 - a line, no trace
        return header
