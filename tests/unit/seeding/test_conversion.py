"""Alerts become events; here the alerts are stand-ins with the same fields."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import libtorrent as lt
from twisted.trial.unittest import SynchronousTestCase

from voi.seeding import alerts, conversion
from voi.seeding.conversion import CONVERTERS
from voi.seeding.interfaces import ConnectedPeer, TorrentStatus

HASH = bytes(range(1, 21))


def hashes(key: bytes = HASH) -> lt.info_hash_t:
    """Libtorrent's pair of hashes, with a v1 one."""
    return lt.info_hash_t(lt.sha1_hash(key))


def about(key: bytes = HASH, **fields: Any) -> SimpleNamespace:
    """An alert about a torrent."""
    return SimpleNamespace(handle=SimpleNamespace(info_hashes=lambda: hashes(key)), **fields)


def error(text: str) -> SimpleNamespace:
    """Libtorrent's error_code."""
    return SimpleNamespace(message=lambda: text, value=lambda: 1)


class ConvertTests(SynchronousTestCase):
    """The table of converters."""

    def convert(self, kind: type[lt.alert], alert: SimpleNamespace) -> tuple[alerts.Event, ...]:
        """What a stand-in for an alert of this kind amounts to."""
        return CONVERTERS[kind](alert)

    def test_tcp_is_what_counts(self) -> None:
        """Listening is told of the TCP socket, not of the UDP one beside it."""
        tcp = SimpleNamespace(address="127.0.0.1", port=6881, socket_type=lt.socket_type_t.tcp)
        utp = SimpleNamespace(address="127.0.0.1", port=6881, socket_type=4)
        self.assertEqual(self.convert(lt.listen_succeeded_alert, tcp), (alerts.Listening("127.0.0.1", 6881),))
        self.assertEqual(self.convert(lt.listen_succeeded_alert, utp), ())

    def test_listen_failed(self) -> None:
        """The reason is the operating system's."""
        alert = SimpleNamespace(address="127.0.0.1", port=80, error=error("Permission denied"))
        self.assertEqual(
            self.convert(lt.listen_failed_alert, alert),
            (alerts.ListenFailed("127.0.0.1", 80, "Permission denied"),),
        )

    def test_file_error_names_the_file(self) -> None:
        """A file error carries the reason and the file."""
        alert = about(error=error("No space left on device"), filename=lambda: "/d/x")
        self.assertEqual(
            self.convert(lt.file_error_alert, alert),
            (alerts.TorrentFailed(HASH, "No space left on device (/d/x)"),),
        )

    def test_torrent_is_gone(self) -> None:
        """An alert whose torrent is gone, so that its handle knows no hash, is nothing."""
        self.assertEqual(self.convert(lt.torrent_finished_alert, about(bytes(20))), ())

    def test_bad_piece(self) -> None:
        """A piece that does not match its hash is told with its number."""
        self.assertEqual(self.convert(lt.hash_failed_alert, about(piece_index=7)), (alerts.PieceFailed(HASH, 7),))

    def test_add_that_failed(self) -> None:
        """A torrent that libtorrent does not take has no handle: the hash is that of what was asked."""
        alert = SimpleNamespace(params=SimpleNamespace(ti=None, info_hashes=hashes()), error=error("no"))
        self.assertEqual(self.convert(lt.add_torrent_alert, alert), (alerts.Added(HASH, "no"),))

    def test_removed(self) -> None:
        """A removed torrent's hash is in the alert itself."""
        self.assertEqual(
            self.convert(lt.torrent_removed_alert, SimpleNamespace(info_hashes=hashes())),
            (alerts.Removed(HASH),),
        )

    def test_status(self) -> None:
        """A state update is one status for each torrent, in the protocol's words."""
        status = SimpleNamespace(
            info_hashes=hashes(), state=lt.torrent_status.checking_resume_data, progress=0.25,
            total_done=1, total_wanted=4, upload_payload_rate=2, download_payload_rate=3,
            total_payload_upload=5, total_payload_download=6, num_peers=7, num_seeds=8,
            total_redundant_bytes=9, total_failed_bytes=10,
        )  # fmt: skip
        self.assertEqual(
            self.convert(lt.state_update_alert, SimpleNamespace(status=[status])),
            (TorrentStatus(HASH, "checking", 0.25, 1, 4, 2, 3, 5, 6, 7, 8, 9, 10),),
        )

    def test_totals(self) -> None:
        """Of all that the session counts, two numbers matter here, and both have the names that it uses."""
        found = self.convert(
            lt.session_stats_alert,
            SimpleNamespace(values={"net.sent_payload_bytes": 1, "net.recv_payload_bytes": 2, "x": 3}),
        )
        self.assertEqual(found, (alerts.Totals(1, 2),))
        names = {metric.name for metric in lt.session_stats_metrics()}
        self.assertLessEqual({"net.sent_payload_bytes", "net.recv_payload_bytes"}, names)

    def test_half_open_peers_are_left_out(self) -> None:
        """A connection that has not shaken hands is no peer yet, and a client's name may be any bytes."""
        fields = {
            "ip": ("10.0.0.1", 6881), "client": b"\xffx", "progress": 1.0, "payload_up_speed": 1,
            "payload_down_speed": 2, "total_upload": 3, "total_download": 4,
        }  # fmt: skip
        there = SimpleNamespace(**fields, flags=lt.peer_info.seed)
        coming = SimpleNamespace(**fields, flags=lt.peer_info.connecting)
        handle: Any = SimpleNamespace(get_peer_info=lambda: [there, coming])
        expected = ConnectedPeer("10.0.0.1", 6881, "\ufffdx", 1.0, True, 1, 2, 3, 4)
        self.assertEqual(conversion.peers_of(handle), (expected,))

    def test_v2_hash_is_cut_short(self) -> None:
        """A torrent with a v2 hash alone goes by its first 20 bytes, as at trackers."""
        long = bytes(range(32))
        self.assertEqual(conversion.key_of(lt.info_hash_t(lt.sha256_hash(long))), long[:20])

    def test_lost_alerts_are_logged(self) -> None:
        """That libtorrent had to drop alerts is an error in the log."""
        from voi.seeding.conversion import log as alerts_log

        seen: list[str] = []
        self.patch(type(alerts_log), "error", lambda _self, text, **_: seen.append(text))
        self.assertEqual(self.convert(lt.alerts_dropped_alert, SimpleNamespace(dropped_alerts=[True, False])), ())
        self.assertEqual(len(seen), 1)

    def test_unknown_alert(self) -> None:
        """An alert that nobody asked for is nothing."""
        self.assertEqual(conversion.convert(SimpleNamespace()), ())  # type: ignore[arg-type]  # a stand-in
