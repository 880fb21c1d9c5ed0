"""Fetching block tables: the address, what is taken, and what is given up."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.unit.agent.fakes import key_of, torrent_of
from voi.agent.block_tables import ANSWER_SECONDS, MOST_TRIES, RETRY_SECONDS, BlockTableClient, address_of
from voi.domain import metainfo
from voi.domain.blocks import BLOCK, BlockTable

CONTENT = b"a disk" * 100_000
TORRENT = torrent_of(CONTENT, size=4 * BLOCK)
TABLE = BlockTable(key_of(TORRENT), len(CONTENT), bytes(4 * -(-len(CONTENT) // BLOCK)))
TRACKER = "http://server:8080/0123/announce"


class AddressTests(SynchronousTestCase):
    """From a tracker's address to that of the tables."""

    def test_like_a_scrape(self) -> None:
        """The last part of the path is replaced, the hash is escaped byte by byte."""
        self.assertEqual(
            address_of("https://[fd00::1]:50021/0123/announce", b"+a/ \x00\xff" + b"x" * 14),
            b"https://[fd00::1]:50021/0123/blocks?info_hash=%2Ba%2F%20%00%FF" + b"x" * 14,
        )

    def test_not_ours(self) -> None:
        """A tracker over UDP, or one with another path, has no such address."""
        for url in ("udp://server:1/0123/announce", "http://server/announce.php", "http://server/x", "nonsense"):
            self.assertIsNone(address_of(url, bytes(20)))


class FakeResponse:
    """An answer; with a `length` of its own in its headers, the body is still on its way."""

    def __init__(self, code: int, body: bytes, length: object = None) -> None:
        self.code, self.phrase = code, b""
        self.length = len(body) if length is None else length
        self.closed = False
        self._late = length is not None
        self._body = body

    def deliverBody(self, protocol: IProtocol) -> None:
        protocol.makeConnection(self)  # type: ignore[arg-type]  # all of a transport that is used
        if not self._late:
            protocol.dataReceived(self._body)
            protocol.connectionLost(Failure(ResponseDone()))

    def loseConnection(self) -> None:
        self.closed = True


class FakeAgent:
    """Answers in the order in which it was told to, the last one again and again."""

    def __init__(self, *answers: object) -> None:
        self.asked: list[bytes] = []
        self._answers = list(answers)

    def request(self, _method: bytes, uri: bytes) -> Deferred[object]:
        self.asked.append(uri)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Deferred):
            return answer
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)


class FetchTests(SynchronousTestCase):
    """A client with a fake agent."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wanted = True

    def fetch(self, agent: FakeAgent, *trackers: str) -> Deferred[BlockTable | None]:
        client = BlockTableClient(self.clock, agent)  # type: ignore[arg-type]  # all of an IAgent that is used
        torrent = metainfo.parse(TORRENT)
        return Deferred.fromCoroutine(client.fetch(torrent, trackers or (TRACKER,), lambda: self.wanted))

    def test_table(self) -> None:
        """The table of the torrent is what is asked for and what comes."""
        agent = FakeAgent(FakeResponse(200, TABLE.encode()))
        self.assertEqual(self.successResultOf(self.fetch(agent)), TABLE)
        self.assertEqual(agent.asked, [address_of(TRACKER, TABLE.info_hash)])

    def test_none(self) -> None:
        """An older server, one that cannot be reached, and one that sends something else have no table."""
        wrong = BlockTable(bytes(20), TABLE.length, TABLE.sums).encode()
        for answer in (
            FakeResponse(404, b"404 Not Found\n"),
            Refused(),
            FakeResponse(200, wrong),
            FakeResponse(200, b""),
        ):
            self.assertIsNone(self.successResultOf(self.fetch(FakeAgent(answer))))

    def test_no_tracker_of_ours(self) -> None:
        """A tracker that is not addressed like ours is not asked."""
        agent = FakeAgent(Refused())
        self.assertIsNone(self.successResultOf(self.fetch(agent, "udp://server:1/0123/announce")))
        self.assertEqual(agent.asked, [])

    def test_second_tracker(self) -> None:
        """The second address is asked where the first one has nothing."""
        agent = FakeAgent(Refused(), FakeResponse(200, TABLE.encode()))
        self.assertEqual(self.successResultOf(self.fetch(agent, TRACKER, "http://other/0123/announce")), TABLE)

    def test_later(self) -> None:
        """A server that makes the table is asked again."""
        agent = FakeAgent(FakeResponse(503, b"being made\n"), FakeResponse(200, TABLE.encode()))
        done = self.fetch(agent)
        self.assertNoResult(done)
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual(self.successResultOf(done), TABLE)

    def test_never(self) -> None:
        """A server that always says later is given up."""
        agent = FakeAgent(FakeResponse(503, b"being made\n"))
        done = self.fetch(agent)
        self.clock.pump([RETRY_SECONDS] * MOST_TRIES)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(len(agent.asked), MOST_TRIES)

    def test_not_wanted_any_more(self) -> None:
        """A download that was cancelled asks no more."""
        done = self.fetch(FakeAgent(FakeResponse(503, b"being made\n")))
        self.wanted = False
        self.clock.advance(RETRY_SECONDS)
        self.assertIsNone(self.successResultOf(done))

    def test_silence(self) -> None:
        """A server that takes the question and says nothing is given up."""
        done = self.fetch(FakeAgent(Deferred()))
        self.clock.advance(ANSWER_SECONDS)
        self.assertIsNone(self.successResultOf(done))

    def test_too_long(self) -> None:
        """An answer that is longer than the table can be, or does not say its length, is not read."""
        for length in (len(TABLE.encode()) + 1, UNKNOWN_LENGTH):
            response = FakeResponse(200, TABLE.encode(), length)
            self.assertIsNone(self.successResultOf(self.fetch(FakeAgent(response))))
            self.assertTrue(response.closed)
