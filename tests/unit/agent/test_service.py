"""A whole terminal over a memory connection: what it says after connecting, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.unit.agent.fakes import BASE, CONTENT, GROUP, MAC, TEMPLATE, FakeSeeder, key_of, torrent_of
from voi.agent import disk_reports
from voi.agent.disks import DiskState
from voi.agent.options import make_config
from voi.agent.service import TerminalService
from voi.wire.codes import ClientType, Code, Direction
from voi.wire.frame import LOGGED_IN, Frame, FrameReader
from voi.wire.json_body import decode_object, encode
from voi.wire.messages import Reply, success

TRACKER = "http://server/key/announce"


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects at once, to a string transport."""

    def __init__(self) -> None:
        self.transports: list[StringTransport] = []
        self.protocols: list[Any] = []

    def connect(self, protocolFactory: Any) -> Deferred[Any]:  # noqa: N803 - Twisted's
        protocol = protocolFactory.buildProtocol(None)
        self.transports.append(StringTransport())
        self.protocols.append(protocol)
        protocol.makeConnection(self.transports[-1])
        return succeed(protocol)


class ServiceTests(SynchronousTestCase):
    """One terminal with a complete disk."""

    def setUp(self) -> None:
        self.clock, self.endpoint, self.seeder = Clock(), Endpoint(), FakeSeeder()
        config = make_config({"server": "voi", "mac": MAC, "disks": self.mktemp(), "address": "127.0.0.9"})
        Path(config.disks).mkdir()
        self.service = TerminalService(
            config,
            reactor=self.clock,
            endpoint=self.endpoint,
            make_seeding=lambda **_settings: self.seeder,
            in_thread=maybeDeferred,
            random_part=lambda: 0.0,
        )
        library, torrent = self.service.library, torrent_of()
        library.hidden.mkdir()
        library.path(BASE).write_bytes(CONTENT)
        state = DiskState(name=str(BASE), info_hash=key_of(torrent).hex(), group_uuid=GROUP, operate_id=2)
        self.successResultOf(library.begin(state, torrent, len(CONTENT)))
        self.successResultOf(library.complete(BASE, len(CONTENT)))
        self.service.startService()
        self.addCleanup(self.service.library.close)
        self.answers: dict[int, Reply] = {
            Code.LOGIN: success(token="ab" * 16),
            Code.REPORT_BOOT_DISK: success(name="Room 1", uuid=TEMPLATE),
            Code.TRACKER_ADDRESS: success(tracker=[TRACKER]),
        }

    def converse(self, answered: int = 20) -> list[tuple[int, dict[str, Any], bytes]]:
        """Answer what the terminal asks; everything it sent."""
        transport, client = self.endpoint.transports[-1], self.endpoint.protocols[-1]
        sent = []
        reader = FrameReader(LOGGED_IN)
        for _ in range(answered):
            reader.feed(transport.value())
            transport.clear()
            frame = reader.next_frame()
            if frame is None:
                break
            sent.append((frame.service_code, decode_object(frame.data), frame.token))
            reply = encode(self.answers.get(frame.service_code, success()))
            client.dataReceived(
                Frame(frame.service_code, frame.request_code, reply, Direction.RESPONSE, ClientType.SERVER).encode()
            )
        return sent

    def test_order(self) -> None:
        """Login, boot disk, tracker, disks: in this order, with the token, under the template that was learned; the
        first and the last with what is free on the disk.
        """
        self.patch(disk_reports, "free_bytes", lambda _directory: 7 << 30)
        sent = self.converse()
        self.assertEqual(
            [code for code, _, _ in sent],
            [Code.LOGIN, Code.REPORT_BOOT_DISK, Code.TRACKER_ADDRESS, Code.REPORT_DISKS],
        )
        self.assertEqual({name: sent[0][1][name] for name in ("mac", "ip")}, {"mac": MAC, "ip": "127.0.0.9"})
        self.assertGreater(sent[0][1]["disk_free"], 0)
        self.assertEqual(sent[0][1]["abilities"], ["check_disk"])
        self.assertEqual(sent[3][1]["disk_free"], 7 << 30)
        self.assertEqual([token for _, _, token in sent], [b"", *[b"ab" * 16] * 3])
        self.assertEqual((sent[3][1]["uuid"], sent[3][1]["name"]), (TEMPLATE, "Room 1"))
        self.assertEqual(sent[1][1], {"mac": MAC, "boot_disk": str(BASE), "info_hash": key_of(torrent_of()).hex()})
        self.assertEqual(self.seeder.trackers, {key_of(torrent_of()): [TRACKER]})

    def test_runs_what_it_started_from(self) -> None:
        """What was completed while it runs is not what runs: the same is told after the next login, until a restart."""
        self.converse()
        library = self.service.library
        newer = torrent_of(CONTENT * 2)
        state = DiskState(name=str(BASE), info_hash=key_of(newer).hex(), group_uuid=GROUP, operate_id=3)
        self.successResultOf(library.begin(state, newer, len(CONTENT * 2)))
        library.path(BASE).write_bytes(CONTENT * 2)
        self.successResultOf(library.complete(BASE, len(CONTENT * 2)))
        self.endpoint.protocols[0].connectionLost(connectionDone)
        self.clock.advance(0.5)
        (body,) = [body for code, body, _ in self.converse() if code == Code.REPORT_BOOT_DISK]
        self.assertEqual(body["info_hash"], key_of(torrent_of()).hex())

    def test_unknown_boot_disk(self) -> None:
        """A server that does not know the disk gets everything else all the same."""
        self.answers[Code.REPORT_BOOT_DISK] = Reply(code=60024, msg="unknown")
        self.assertEqual(self.converse()[-1][0], Code.REPORT_DISKS)
        self.assertTrue(self.service.online)

    def test_reconnect(self) -> None:
        """After the connection ended the terminal comes back in a moment and logs in again."""
        self.converse()
        self.endpoint.protocols[0].connectionLost(connectionDone)
        self.assertFalse(self.service.online)
        self.clock.advance(0.5)
        self.assertEqual(self.converse()[0][0], Code.LOGIN)

    def test_refused_login(self) -> None:
        """A refused login ends the connection, and the pause before the next try grows."""
        self.answers[Code.LOGIN] = Reply(code=60001, msg="no")
        for pause in (0.8, 1.28):
            self.converse()
            self.assertTrue(self.endpoint.transports[-1].disconnected)
            self.endpoint.protocols[-1].connectionLost(connectionDone)
            self.assertFalse(self.service.online)
            count = len(self.endpoint.protocols)
            self.clock.advance(pause - 0.01)
            self.assertEqual(len(self.endpoint.protocols), count, "came back too early")
            self.clock.advance(0.02)
            self.assertEqual(len(self.endpoint.protocols), count + 1)

    def test_stop(self) -> None:
        """A stop ends the BitTorrent session and gives the directory free."""
        self.converse()
        stopped = self.service.stopService()
        self.endpoint.protocols[-1].connectionLost(connectionDone)
        self.successResultOf(stopped)
        self.assertIn(("stop",), self.seeder.calls)
        self.assertEqual(self.clock.getDelayedCalls(), [])
