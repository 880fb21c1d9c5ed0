"""Which torrents are taken, what the refused ones are told, and the ones this server makes."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path
from typing import Any

import bencodepy
import libtorrent
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.domain.metainfo import (
    LARGEST_LENGTH,
    LONGEST_URL,
    MAX_TORRENT,
    Metainfo,
    build,
    parse,
    piece_length_for,
    with_announce,
)
from voi.errors import BadTorrent, TorrentRefused
from voi.names import DiskName

UUID = "8f14e45f-ceea-467f-a8d4-1c2f3b5a6d7e"
NAME = DiskName(UUID, 1)
HASHES = bytes(range(60))
LENGTH = (2 << 16) + 1
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def torrent(top: Any = None, without: Any = (), **info: Any) -> bytes:
    """A good torrent of three pieces with some keys of its info dictionary or of itself changed or removed."""
    fields: dict[str, Any] = {
        "length": LENGTH,
        "name": str(NAME),
        "piece length": 1 << 16,
        "pieces": HASHES,
        "private": 1,
    }
    fields |= {key.replace("_", " "): value for key, value in info.items()}
    for key in without:
        del fields[key]
    data: bytes = bencodepy.encode({"info": fields} | (top or {}))
    return data


def largest_torrent() -> bytes:
    """A good torrent of exactly as many bytes as are allowed, none of them a tracker's."""
    size = MAX_TORRENT - len(torrent({"comment": "x" * 1_000_000})) + 1_000_000
    return torrent({"comment": "x" * size})


class ParseTests(SynchronousTestCase):
    """Torrents that are taken."""

    def test_fields(self) -> None:
        """All fields are read; the info-hash is the SHA-1 of the info dictionary's bytes."""
        data = torrent({"announce": "http://server/key/announce"})
        meta = parse(data)
        self.assertEqual((meta.name, meta.length, meta.piece_length), (NAME, LENGTH, 1 << 16))
        self.assertEqual((meta.piece_hashes, meta.private), (HASHES, True))
        self.assertEqual(meta.announce, "http://server/key/announce")
        self.assertIn(b"4:info" + meta.info, data)
        self.assertEqual(meta.info_hash, hashlib.sha1(meta.info).digest())

    def test_pieces(self) -> None:
        """All pieces have the piece length but the last, which has the rest."""
        meta = parse(torrent())
        self.assertEqual(meta.piece_count, 3)
        self.assertEqual([meta.piece_size(i) for i in range(3)], [1 << 16, 1 << 16, 1])
        self.assertEqual(meta.piece_hash(2), HASHES[40:])
        for index in (-1, 3):
            self.assertRaises(IndexError, meta.piece_size, index)
            self.assertRaises(IndexError, meta.piece_hash, index)

    def test_last_piece_whole(self) -> None:
        """A length that is a multiple of the piece length ends with a whole piece."""
        self.assertEqual(parse(torrent(length=3 << 16)).piece_size(2), 1 << 16)

    def test_expected(self) -> None:
        """The torrent of the disk that was expected is taken."""
        self.assertEqual(parse(torrent(), NAME).name, NAME)

    def test_not_private(self) -> None:
        """A torrent without the private flag, or with 0, is read as not private."""
        self.assertFalse(parse(torrent(private=0)).private)
        self.assertFalse(parse(torrent(without=("private",))).private)

    def test_executable_attribute(self) -> None:
        """Files on NTFS and FAT mounts look executable; that does no harm."""
        self.assertEqual(parse(torrent(attr="xh")).name, NAME)

    def test_other_keys(self) -> None:
        """Keys that nobody knows are part of the info-hash and otherwise ignored."""
        self.assertNotEqual(parse(torrent(source="x", mtime=3)).info_hash, parse(torrent()).info_hash)

    def test_no_announce(self) -> None:
        """A torrent without tracker, or with an empty one, has none."""
        self.assertIsNone(parse(torrent()).announce)
        self.assertIsNone(parse(torrent({"announce": ""})).announce)

    def test_made_by_libtorrent(self) -> None:
        """A torrent that libtorrent made is taken, and both compute the same info-hash."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / str(NAME)).write_bytes(b"disk" * 50_000)
        files = libtorrent.list_files(str(folder / str(NAME)))
        made = libtorrent.create_torrent(files, 64 * KIB, libtorrent.create_torrent.v1_only)
        made.add_tracker("http://one/announce")
        made.add_tracker("http://two/announce", 1)
        libtorrent.set_piece_hashes(made, str(folder))
        data = libtorrent.bencode(made.generate())
        meta = parse(data, NAME)
        self.assertEqual(meta.info_hash, libtorrent.torrent_info(data).info_hashes().v1.to_bytes())
        self.assertEqual((meta.length, meta.piece_count), (200_000, 4))


class RefusedTests(SynchronousTestCase):
    """Torrents that are readable, and not taken."""

    def refused(self, data: bytes, pattern: str, expected: DiskName | None = None) -> None:
        with self.assertRaises(TorrentRefused) as caught:
            parse(data, expected)
        self.assertNotIsInstance(caught.exception, BadTorrent)
        self.assertRegex(str(caught.exception), pattern)

    def test_files(self) -> None:
        """A list of files is refused, even with a single entry and even beside a length."""
        files = [{"length": LENGTH, "path": [str(NAME)]}]
        self.refused(torrent(files=files), "list of files")
        self.refused(torrent(files=files, without=("length",)), "list of files")

    def test_name_is_no_disk(self) -> None:
        """Paths, and whatever else is not a disk name, are refused."""
        for name in (
            f"../{NAME}",
            f"/etc/{NAME}",
            f"{NAME}/",
            "..",
            "",
            f"voi_6_{UUID}",
            f"{NAME}\n",
            b"\xff",
            f"{NAME}\0",
        ):
            self.refused(torrent(name=name), "not a disk name")

    def test_name_in_another_spelling(self) -> None:
        """A disk's file has one name: lower case, without .torrent."""
        self.refused(torrent(name=str(NAME).upper().replace("VOI", "voi")), "must be written")
        self.refused(torrent(name=f"{NAME}.torrent"), "must be written")

    def test_not_the_expected_disk(self) -> None:
        """The torrent of another disk or level is refused."""
        self.refused(torrent(), "not for voi_2_", DiskName(UUID, 2))

    def test_second_names(self) -> None:
        """Other names for the file, which some clients prefer, are refused."""
        self.refused(torrent(**{"name.utf-8": "../x"}), "second name")
        self.refused(torrent(path=["..", "x"]), "second name")
        self.refused(torrent(**{"path.utf-8": ["..", "x"]}), "second name")

    def test_symbolic_link(self) -> None:
        """A symbolic link is refused, by its path or its attribute."""
        self.refused(torrent(**{"symlink path": ["etc", "shadow"]}), "symbolic link")
        self.refused(torrent(attr="l"), "attributes")

    def test_padding(self) -> None:
        """A padding file, whose bytes nobody would write, is refused."""
        self.refused(torrent(attr="xp"), "attributes")

    def test_version_2(self) -> None:
        """Hybrid torrents and those of version 2 are refused."""
        self.refused(torrent(meta_version=2), "version 2")
        self.refused(torrent(file_tree={"x": {"": {"length": 1}}}, without=("pieces",)), "version 2")

    def test_piece_length(self) -> None:
        """A piece length that is no power of two from 16 KiB to 16 MiB is refused."""
        for piece_length in (0, -65536, 8 * KIB, 3 << 15, 65537, 32 * MIB):
            self.refused(torrent(piece_length=piece_length), "power of two")

    def test_length(self) -> None:
        """A file of nothing, of less, or larger than any disk is refused."""
        for length in (0, -1, LARGEST_LENGTH + 1):
            self.refused(torrent(length=length), "not possible for a disk")

    def test_pieces(self) -> None:
        """One hash too many, too few, or half of one is refused."""
        for pieces in (b"", HASHES[:40], HASHES[:59], HASHES + bytes(20)):
            self.refused(torrent(pieces=pieces), "does not match the length")

    def test_private(self) -> None:
        """The private flag is 0 or 1."""
        self.refused(torrent(private=2), "private flag")


class BadTests(SynchronousTestCase):
    """Bytes that are no torrent."""

    def bad(self, data: bytes, pattern: str) -> None:
        with self.assertRaisesRegex(BadTorrent, pattern):
            parse(data)

    def test_no_bencode(self) -> None:
        """Text that is not bencoded is refused where it begins to be none."""
        self.bad(b"", "byte 0")
        self.bad(b"<html>", "byte 0")
        self.bad(b"d4:infoxe", "byte 7")

    def test_numbers_of_another_spelling(self) -> None:
        """Numbers with zeros in front, signs, spaces, underscores or too many digits are refused."""
        for number in (b"i03e", b"i-0e", b"i+3e", b"i 3e", b"i1_0e", b"ie", b"i" + b"9" * 5000 + b"e", b"03:abc"):
            self.bad(b"d1:a" + number + b"e", "byte 4")

    def test_negative_length_of_a_key(self) -> None:
        """A key of negative length, which sends the decoder round in circles, is refused at once."""

        def gone_round(*_: object) -> None:
            raise AssertionError("the decoder does not come back")

        before = signal.signal(signal.SIGALRM, gone_round)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.alarm, 0)
        signal.alarm(10)
        self.bad(b"d1:ai1e-6:", "byte 7")

    def test_cut_off_or_longer(self) -> None:
        """Every shorter piece of a torrent, and one with something behind it, is refused."""
        data = torrent()
        for end in range(len(data)):
            self.assertRaises(BadTorrent, parse, data[:end])
        self.bad(data + b"\n", "more bytes after its end")

    def test_unsorted_keys(self) -> None:
        """Keys out of order would give two info-hashes, and are refused."""
        self.bad(
            torrent()
            .replace(b"6:lengthi131073e4:name", b"4:name", 1)
            .replace(b"7:privatei1e", b"7:privatei1e6:lengthi131073e"),
            "canonical",
        )

    def test_repeated_keys(self) -> None:
        """A key that comes twice is refused."""
        self.bad(torrent().replace(b"7:privatei1e", b"7:privatei0e7:privatei1e"), "canonical")

    def test_key_that_is_no_string(self) -> None:
        """A number in the place of a key is refused."""
        self.bad(b"di1ei2ee", "not bencoded")

    def test_no_dictionary(self) -> None:
        """A list, a number or a string is no torrent, and neither is one whose info is such."""
        for data in (b"le", b"i1e", b"4:info"):
            self.bad(data, "not a dictionary")
        self.bad(b"d4:infolee", "'info' in the torrent has the wrong type")
        self.bad(b"de", "'info' is missing in the torrent")

    def test_missing_and_wrong_types(self) -> None:
        """A field that is missing or of the wrong type is named."""
        for key in ("length", "name", "piece length", "pieces"):
            self.bad(torrent(without=(key,)), f"'{key}' is missing in the torrent")
            self.bad(torrent(**{key: []}), f"'{key}' in the torrent has the wrong type")
        for key in ("private", "attr"):
            self.bad(torrent(**{key: []}), f"'{key}' in the torrent has the wrong type")
        self.bad(torrent({"announce": 3}), "'announce' in the torrent has the wrong type")
        self.bad(torrent({"announce": b"\xff"}), "not UTF-8")

    def test_too_large(self) -> None:
        """A torrent that would not fit a frame is refused before it is read."""
        largest = largest_torrent()
        self.assertEqual(len(largest), MAX_TORRENT)
        parse(largest)
        self.bad(largest + b"x", "larger pieces")

    def test_too_deep(self) -> None:
        """Lists in lists without end are refused, not followed."""
        self.bad(b"d1:a" + b"l" * 500_000, "nested")

    def test_too_many_values(self) -> None:
        """A torrent of a million little values is refused before anything is made of them."""
        self.bad(b"d1:al" + b"le" * 400_000 + b"ee", "more than 4096 values")


class WithAnnounceTests(SynchronousTestCase):
    """The same torrent for another reader."""

    url = "http://10.0.0.1:8080/0123456789abcdef/announce"

    def test_only_the_announce_changes(self) -> None:
        """The info dictionary keeps its bytes, unknown keys and all; the rest that is harmless stays."""
        data = torrent({"announce": "http://x/secret/announce", "created by": "me", "creation date": 7}, source="s")
        before, after = parse(data), parse(with_announce(data, self.url))
        self.assertEqual((after.info, after.info_hash), (before.info, before.info_hash))
        self.assertEqual(after.announce, self.url)
        self.assertEqual(
            with_announce(data, self.url), data.replace(b"24:http://x/secret/announce", b"46:" + self.url.encode())
        )

    def test_added(self) -> None:
        """A torrent without tracker gets one."""
        self.assertEqual(parse(with_announce(torrent(), self.url)).announce, self.url)

    def test_nothing_of_the_uploader_travels_on(self) -> None:
        """Other trackers, web seeds, nodes and unknown keys are dropped."""
        extra = {
            "announce": "http://x/secret/announce",
            "announce-list": [["http://x/secret/announce"]],
            "url-list": "http://x/secret",
            "httpseeds": ["http://x/secret"],
            "nodes": [["secret", 1]],
            "azureus_properties": {"secret": 1},
        }
        self.assertEqual(with_announce(torrent(extra), self.url), with_announce(torrent(), self.url))

    def test_urls_that_are_none(self) -> None:
        """What is no announce URL is a mistake of ours, and refused."""
        for url in ("", "ftp://x/announce", "http://x/a b", "http://x/\n", "http://", "http://x/" + "a" * LONGEST_URL):
            self.assertRaises(ValueError, with_announce, torrent(), url)

    def test_a_frame_holds_the_largest(self) -> None:
        """The largest torrent with the longest URL, its struct and its token stays below 1 MiB."""
        data = largest_torrent()
        url = "http://x/" + "a" * (LONGEST_URL - 9)
        self.assertLess(len(with_announce(data, url)) + 150 + 64, 1 << 20)

    def test_no_torrent(self) -> None:
        """Bytes that are no torrent are refused."""
        self.assertRaises(BadTorrent, with_announce, b"de", self.url)


class BuildTests(SynchronousTestCase):
    """Torrents of our own."""

    def test_build(self) -> None:
        """What is built is private, says who made it, and reads as it was meant."""
        data = build(NAME, LENGTH, 1 << 16, HASHES, "udp://server:1/announce")
        meta = parse(data, NAME)
        self.assertEqual((meta.length, meta.piece_length, meta.piece_hashes), (LENGTH, 1 << 16, HASHES))
        self.assertEqual((meta.private, meta.announce), (True, "udp://server:1/announce"))
        self.assertEqual(bencodepy.decode(data)[b"created by"], b"voi")

    def test_without_tracker(self) -> None:
        """The tracker may be left for later."""
        self.assertIsNone(parse(build(NAME, LENGTH, 1 << 16, HASHES)).announce)

    def test_refused(self) -> None:
        """Values that make no good torrent are refused when it is built, not when a terminal reads it."""
        self.assertRaises(TorrentRefused, build, NAME, LENGTH, 1 << 16, HASHES[:40])
        self.assertRaises(TorrentRefused, build, NAME, 0, 1 << 16, b"")

    def test_libtorrent_reads_it(self) -> None:
        """It is the same torrent to libtorrent."""
        data = build(NAME, LENGTH, 1 << 16, HASHES)
        theirs = libtorrent.torrent_info(data)
        self.assertEqual(theirs.info_hashes().v1.to_bytes(), parse(data).info_hash)
        self.assertEqual((theirs.name(), theirs.num_pieces(), theirs.priv()), (str(NAME), 3, True))


class PieceLengthTests(SynchronousTestCase):
    """How large pieces are."""

    def test_sizes(self) -> None:
        """From 64 KiB, doubled while there would be more than 8192 pieces, up to 4 MiB."""
        for size, expected in (
            (1, 64 * KIB),
            (512 * MIB, 64 * KIB),
            (512 * MIB + 1, 128 * KIB),
            (10 * GIB, 2 * MIB),
            (32 * GIB, 4 * MIB),
            (60 * GIB, 4 * MIB),
            (200 * GIB, 4 * MIB),
            (300 * GIB, 8 * MIB),
            (700 * GIB, 16 * MIB),
        ):
            self.assertEqual(piece_length_for(size), expected, size)

    def test_too_large(self) -> None:
        """A size that no torrent can hold is refused."""
        for size in (0, -1, 1000 * GIB, LARGEST_LENGTH + 1):
            self.assertRaises(TorrentRefused, piece_length_for, size)

    @given(st.integers(1, 800 * GIB))
    def test_fits(self, size: int) -> None:
        """Every torrent of the chosen pieces can be built and sent with the longest URL."""
        piece_length = piece_length_for(size)
        count = -(-size // piece_length)
        data = build(NAME, size, piece_length, bytes(20 * count), "http://x/" + "a" * (LONGEST_URL - 9))
        self.assertLessEqual(len(data), MAX_TORRENT)


GOOD = torrent({"announce": "http://a/announce", "announce-list": [["http://a/announce"]]})
values = st.recursive(
    st.integers(-(1 << 70), 1 << 70) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=12), inner, max_size=3),
    max_leaves=8,
)


class AnyBytesTests(SynchronousTestCase):
    """Whatever comes: a torrent or a refusal."""

    def outcome(self, data: bytes) -> None:
        try:
            meta = parse(data)
        except TorrentRefused:
            return
        self.assertIsInstance(meta, Metainfo)
        self.assertEqual(meta.info_hash, libtorrent.torrent_info(data).info_hashes().v1.to_bytes())
        self.assertEqual(sum(meta.piece_size(i) for i in range(meta.piece_count)), meta.length)

    @given(st.binary(max_size=100) | st.text("dlei0123456789-:a", max_size=60).map(str.encode))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes, and any bytes that look like bencode."""
        self.outcome(data)
        self.outcome(b"d" + data)

    @settings(max_examples=300)
    @given(
        st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3)), min_size=1, max_size=3),
        st.integers(0, len(GOOD)),
    )
    def test_damaged_torrents(self, damage: list[tuple[int, bytes]], end: int) -> None:
        """A good torrent with bytes overwritten or added, or cut off."""
        over, added = bytearray(GOOD), bytearray(GOOD)
        for offset, data in damage:
            over[offset : offset + len(data)] = data
            added[offset:offset] = data
        for damaged in (bytes(over), bytes(added), bytes(over[:end])):
            self.outcome(damaged)

    @given(st.sampled_from([*bencodepy.decode(GOOD)[b"info"], b"files", b"attr", b"x"]), values)
    def test_strange_values(self, key: bytes, value: Any) -> None:
        """A torrent with any value in the place of any field."""
        content = bencodepy.decode(GOOD)
        content[b"info"][key] = value
        self.outcome(bencodepy.encode(content))
