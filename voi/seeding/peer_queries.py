"""Who is connected to a torrent: asked of libtorrent in a thread, for one torrent at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import libtorrent as lt
from twisted.internet.defer import Deferred, DeferredLock
from twisted.python.failure import Failure

from voi.errors import NotFound, VoiError
from voi.messages.reason import Reason
from voi.seeding import alerts, conversion
from voi.seeding.alerts import Event
from voi.seeding.background import BackgroundWork
from voi.seeding.interfaces import ConnectedPeer
from voi.seeding.registry import TorrentState
from voi.seeding.waiters import AlertWaiters

_ANSWER_WITHIN = 5.0  # seconds that a page may wait


class PeerQueries:
    """Asks for the peers of `torrents`; two who ask of one at the same time share the answer.

    `on_answer` takes the answers, as any other event; `check` raises once the session stops.
    """

    def __init__(
        self,
        torrents: Mapping[bytes, TorrentState],
        waiters: AlertWaiters,
        background: BackgroundWork,
        on_answer: Callable[[Event], None],
        check: Callable[[], None],
    ) -> None:
        self._torrents = torrents
        self._waiters = waiters
        self._background = background
        self._on_answer = on_answer
        self._check = check
        self._one = DeferredLock()  # one thread at most waits for libtorrent's answer

    async def peers(self, info_hash: bytes) -> tuple[ConnectedPeer, ...]:
        """Who is connected.

        :raises NotFound: the torrent is not in the session.
        """
        state = self._torrents.get(info_hash)
        if state is None or state.handle is None:
            raise NotFound(Reason("torrent_not_there"))
        under_way = self._waiters.expected(alerts.Peers, info_hash)
        answer = self._waiters.expect(alerts.Peers, info_hash, _ANSWER_WITHIN)
        if not under_way:
            self._one.run(self._query, info_hash, state.handle).addErrback(self._failed, info_hash)
        return (await answer).peers

    def idle(self) -> Deferred[None]:
        """Fires when no query is under way."""
        return self._one.run(lambda: None)

    def _query(self, info_hash: bytes, handle: lt.torrent_handle) -> Deferred[None]:
        self._check()
        return self._background.in_thread(conversion.peers_of, handle).addCallback(
            lambda peers: self._on_answer(alerts.Peers(info_hash, peers))
        )

    def _failed(self, failure: Failure, info_hash: bytes) -> None:
        gone = failure.check(RuntimeError) is not None
        problem = (
            NotFound(Reason("torrent_removed"))
            if gone
            else VoiError(Reason("torrent_stopped", text=str(failure.value)))
        )
        self._waiters.fail(alerts.Peers, info_hash, problem)
