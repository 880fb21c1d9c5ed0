"""Tests of what is said at the tracker: queries and bodies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, OTHER_HASH, peer_id, query
from voi.tracker.address import AnnounceError, PeerAddress, pack, packed_host, plain_host
from voi.tracker.announce import (
    LONGEST_ANNOUNCE,
    LONGEST_SCRAPE,
    MOST_PARAMETERS,
    MOST_SCRAPED,
    AnnounceAnswer,
    AnnounceEvent,
    AnnounceRequest,
    AnswerHead,
    Counts,
    PackedAnswer,
    ScrapeRequest,
    encode_answer,
    encode_failure,
    encode_packed,
    encode_scrape,
    parse_announce,
    parse_scrape,
)

V4 = PeerAddress(bytes([10, 0, 0, 7]) + b"\x1a\xe1", peer_id(7))
V6 = PeerAddress(bytes.fromhex("fd000000000000000000000000000007") + b"\x1a\xe1", peer_id(6))


class ParseAnnounceTests(SynchronousTestCase):
    """Queries of announces."""

    def refused(self, raw: bytes) -> AnnounceError:
        refused: AnnounceError = self.assertRaises(AnnounceError, parse_announce, raw)
        return refused

    def test_all_parameters(self) -> None:
        """Every parameter of BEP 3, 23 and 21 is read."""
        raw = query(event="completed", numwant=12, compact=0, no_peer_id=1, key="x", supportcrypto=1)
        self.assertEqual(
            parse_announce(raw),
            AnnounceRequest(HASH, peer_id(1), 6881, 1, 2, 3, AnnounceEvent.COMPLETED, 12, False, True),
        )

    def test_defaults(self) -> None:
        """Who says nothing more wants a compact answer of the usual size."""
        found = parse_announce(query(uploaded=None, downloaded=None))
        self.assertEqual(found, AnnounceRequest(HASH, peer_id(1), 6881, 0, 0, 3, AnnounceEvent.NONE, None, True))

    def test_literal_query(self) -> None:
        """Escapes in either case, and a plus sign that stands for itself."""
        raw = b"info_hash=%aB+%00%ffabcdefghijklmnop&peer_id=-VO0100-abcdefghijkl&port=1&left=0"
        self.assertEqual(parse_announce(raw).info_hash, b"\xab+\x00\xffabcdefghijklmnop")

    def test_events(self) -> None:
        """The events of BEP 3, `paused` of BEP 21, and none."""
        for text in ("started", "stopped", "completed", "paused", ""):
            self.assertEqual(parse_announce(query(event=text)).event, AnnounceEvent(text))
        self.assertEqual(self.refused(query(event="resumed")).field, "event")

    def test_wrong_hash(self) -> None:
        """An info-hash that is missing, short, long (a whole v2 one) or given twice is refused by name."""
        for wrong in (None, b"", HASH[:19], bytes(32)):
            self.assertEqual(self.refused(query(info_hash=wrong)).field, "info_hash")
        self.assertEqual(self.refused(query() + b"&info_hash=" + b"x" * 20).field, "info_hash")

    def test_wrong_peer_id(self) -> None:
        """A peer id has 20 bytes."""
        for wrong in (None, b"x" * 19, b"x" * 21):
            self.assertEqual(self.refused(query(peer_id=wrong)).field, "peer_id")

    def test_wrong_port(self) -> None:
        """A port is 1 to 65535."""
        for wrong in (None, "", 0, 65536, -1, "6881x", "٣", "1" * 400):
            self.assertEqual(self.refused(query(port=wrong)).field, "port")
        self.assertEqual(parse_announce(query(port=65535)).port, 65535)

    def test_wrong_counts(self) -> None:
        """Byte counts are whole numbers from 0 to what 64 bits hold, and `left` must be there."""
        for name in ("uploaded", "downloaded", "left"):
            for wrong in (-1, "1.5", "", 2**63):
                self.assertEqual(self.refused(query(**{name: wrong})).field, name)
        self.assertEqual(self.refused(query(left=None)).field, "left")
        self.assertEqual(parse_announce(query(left=2**63 - 1)).left, 2**63 - 1)

    def test_numwant_left_to_the_tracker(self) -> None:
        """-1 and nothing mean: as many as usual; 0 means none."""
        for text in ("-1", ""):
            self.assertIsNone(parse_announce(query(numwant=text)).numwant)
        self.assertEqual(parse_announce(query(numwant=0)).numwant, 0)
        self.assertEqual(self.refused(query(numwant="many")).field, "numwant")

    def test_flags(self) -> None:
        """`compact` and `no_peer_id` are 0 or 1."""
        self.assertEqual(self.refused(query(compact="yes")).field, "compact")
        self.assertEqual(self.refused(query(no_peer_id="2")).field, "no_peer_id")

    def test_bounds(self) -> None:
        """A query that is too long, or has too many parameters, is refused before it is taken apart."""
        self.assertIn(f"{LONGEST_ANNOUNCE}", self.refused(query(x="y" * LONGEST_ANNOUNCE)).message)
        self.assertIn(f"{MOST_PARAMETERS}", self.refused(query() + b"&" * MOST_PARAMETERS).message)

    @given(st.binary(max_size=300) | st.builds(lambda raw: query(info_hash=raw), st.binary(max_size=40)))
    def test_any_bytes(self, raw: bytes) -> None:
        """Any query is a request within its bounds or a refusal."""
        try:
            found = parse_announce(raw)
        except AnnounceError as refused:
            self.assertTrue(refused.message)
        else:
            self.assertEqual((len(found.info_hash), len(found.peer_id)), (20, 20))
            self.assertTrue(0 < found.port < 65536 and found.left >= 0)

    @given(st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=20), st.integers(1, 65535))
    def test_round_trip(self, info_hash: bytes, peer: bytes, port: int) -> None:
        """Any hash, peer id and port come out as they went in."""
        found = parse_announce(query(info_hash=info_hash, peer_id=peer, port=port))
        self.assertEqual((found.info_hash, found.peer_id, found.port), (info_hash, peer, port))


class ParseScrapeTests(SynchronousTestCase):
    """Queries of scrapes (BEP 48)."""

    def test_several(self) -> None:
        """Several hashes, each once, in the order asked."""
        raw = query() + b"&" + query(info_hash=OTHER_HASH) + b"&" + query()
        self.assertEqual(parse_scrape(raw), ScrapeRequest((HASH, OTHER_HASH)))

    def test_refusals(self) -> None:
        """None, too many, or one of a wrong length."""
        one = b"info_hash=" + b"x" * 20 + b"&"
        for wrong in (b"", b"info_hash=short", one * (MOST_SCRAPED + 1), b"x" * (LONGEST_SCRAPE + 1)):
            self.assertRaises(AnnounceError, parse_scrape, wrong)

    def test_the_most(self) -> None:
        """As many fully escaped hashes as are allowed fit into the query's bound."""
        hashes = [bytes([number]) + b"\xff" * 19 for number in range(MOST_SCRAPED)]
        raw = b"&".join(b"info_hash=" + b"".join(b"%%%02X" % byte for byte in value) for value in hashes)
        self.assertEqual(parse_scrape(raw).info_hashes, tuple(hashes))

    @given(st.binary(max_size=300))
    def test_any_bytes(self, raw: bytes) -> None:
        """Any query is a request or a refusal."""
        try:
            found = parse_scrape(raw)
        except AnnounceError as refused:
            self.assertTrue(refused.message)
        else:
            self.assertTrue(found.info_hashes)


class EncodeTests(SynchronousTestCase):
    """Bodies, byte for byte."""

    head = AnswerHead(seeds=1, leeches=2, completed=3)
    start = b"d8:completei1e10:downloadedi3e10:incompletei2e8:intervali20e12:min intervali5e"

    def test_compact(self) -> None:
        """BEP 23 and 7: 6 bytes for each IPv4 peer, 18 for each IPv6 peer."""
        self.assertEqual(
            encode_packed(PackedAnswer(self.head, 20, 5, V4.packed, V6.packed)),
            self.start + b"5:peers6:" + V4.packed + b"6:peers618:" + V6.packed + b"e",
        )

    def test_compact_nobody(self) -> None:
        """An answer without peers still has `peers`, for clients insist on it."""
        self.assertEqual(encode_packed(PackedAnswer(self.head, 20, 5, b"", b"")), self.start + b"5:peers0:e")

    def test_dictionaries(self) -> None:
        """BEP 3: one list for both families, with peer ids where they are known."""
        unknown = PeerAddress(V4.packed)
        body = encode_answer(AnnounceAnswer(20, 5, Counts(1, 2, 3), (V6, unknown)))
        self.assertEqual(
            body,
            self.start
            + b"5:peersl"
            + b"d2:ip7:fd00::77:peer id20:-VO0100-0000000000064:porti6881ee"
            + b"d2:ip8:10.0.0.74:porti6881ee"
            + b"ee",
        )

    def test_no_peer_id(self) -> None:
        """`no_peer_id` leaves the peer ids out."""
        body = encode_answer(AnnounceAnswer(20, 5, Counts(1, 2, 3), (V4,)), no_peer_id=True)
        self.assertEqual(body, self.start + b"5:peersld2:ip8:10.0.0.74:porti6881eeee")

    def test_scrape(self) -> None:
        """BEP 48, with the `downloaders` of BEP 21: the incomplete without the paused."""
        body = encode_scrape([(HASH, Counts(1, 5, 2, 4))])
        inner = b"d8:completei1e10:downloadedi2e11:downloadersi1e10:incompletei5ee"
        self.assertEqual(body, b"d5:filesd20:" + HASH + inner + b"ee")

    def test_failures(self) -> None:
        """BEP 31: only a temporary failure says when to come back."""
        self.assertEqual(encode_failure(AnnounceError("go"), 5), b"d14:failure reason2:goe")
        self.assertEqual(
            encode_failure(AnnounceError("go", retry_in=5), 7),
            b"d14:failure reason2:go8:intervali300e12:min intervali7e8:retry ini5ee",
        )


class AddressTests(SynchronousTestCase):
    """Hosts of connections."""

    def test_mapped(self) -> None:
        """An IPv4 address on a dual-stack socket is an IPv4 address."""
        self.assertEqual(plain_host("::ffff:10.0.0.7"), "10.0.0.7")
        self.assertEqual(pack("::ffff:10.0.0.7", 6881), V4.packed)

    def test_ipv6(self) -> None:
        """IPv6 in its short form, without a scope."""
        self.assertEqual(plain_host("fe80:0:0:0:0:0:0:1%eth0"), "fe80::1")
        self.assertEqual(pack("fd00::7", 6881), V6.packed)

    def test_no_address(self) -> None:
        """A text that is no address is refused."""
        for wrong in ("", "localhost", "10.0.0", "1.2.3.4.5", "::g", "10.0.0.1\0", "é"):
            self.assertRaises(AnnounceError, packed_host, wrong)
