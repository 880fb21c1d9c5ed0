"""The server's own peer, as the tracker sees it."""

from __future__ import annotations

from voi.seeding.session import TorrentSession


class OwnPeer:
    """The peer of a `seeding` session; `port` is the TCP port it listens on, 0 while it does not."""

    port = 0

    def __init__(self, seeding: TorrentSession) -> None:
        self._seeding = seeding

    def offered(self, info_hash: bytes) -> bool:
        """Whatever the session holds, an upload under way included: its uploader must find us."""
        return info_hash in self._seeding

    def complete(self, info_hash: bytes) -> bool:
        """Whether the server has all of it."""
        status = self._seeding.status(info_hash)
        return status is not None and status.state in ("seeding", "finished") and status.done == status.wanted
