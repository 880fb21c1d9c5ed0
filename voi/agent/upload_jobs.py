"""What is still to be uploaded, as it is kept on the disk, and the body that offers it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from voi.agent.disks import DiskState
from voi.errors import StartupError
from voi.names import DiskName
from voi.units import sectors
from voi.wire.torrent_body import TorrentBody, encode_upload


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that the server requested; `torrent_id` is None until it has taken the torrent."""

    name: str
    template_uuid: str
    template_name: str = ""
    sys_type: int = 0
    desc: str = ""
    torrent_id: str | None = None

    @property
    def disk(self) -> DiskName:
        """Which disk."""
        return DiskName.parse(self.name)


def order(name: DiskName) -> tuple[int, str]:
    """Lowest level first: a difference is taken only on top of its parent."""
    return name.level, name.uuid


def upload_body(job: Job, state: DiskState, torrent: bytes) -> bytes:
    """The body of 9014."""
    return encode_upload(
        TorrentBody(
            torrent=torrent,
            disk_uuid=job.disk.uuid,
            level=job.disk.level,
            type=state.type,
            sys_type=job.sys_type,
            real_size=state.real_size,
            reserve_size=state.reserve_size,
            file_size=sectors(state.size),
        )
    )


def read_jobs(path: Path) -> list[Job]:
    """The jobs that were under way; none where there is no file.

    :raises StartupError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Job])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise StartupError(f"{path}: {error}") from error
