"""What stands at a request when the torrent that answers it (9014) is refused: for each kind of refusal."""

from __future__ import annotations

from typing import Any
from unittest import mock

import bencodepy
from twisted.internet.defer import Deferred

from tests.unit.publishing.case import BASE, DIFF, NAMED, PublishingCase, image, torrent_of
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE, level, upload
from voi.domain.actors import SERVER
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import UploadState
from voi.errors import Malformed, StorageMissing, VoiError
from voi.messages.reason import Reason, code_of, plain
from voi.names import DiskName
from voi.publishing import intake
from voi.publishing.space import MARGIN
from voi.wire.torrent_body import TorrentBody, UnreadableTorrent

STRANGE = "99999999-2222-4333-8444-555555555555"
ELSEWHERE = DiskName(STRANGE, 0)


class RefusedTests(PublishingCase):
    """A terminal that was asked for a base, and offers something that is not taken."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        super().setUp()
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        self.torrent = torrent_of(image(self.made / "base"), BASE)

    def changed(self, **fields: Any) -> bytes:
        """The torrent with other values in its info dictionary; None takes one out."""
        torrent: dict[bytes, Any] = bencodepy.decode(self.torrent)
        for name, value in fields.items():
            key = name.replace("_", " ").encode()
            torrent[b"info"][key] = value
            if value is None:
                del torrent[b"info"][key]
        encoded: bytes = bencodepy.encode(torrent)
        return encoded

    async def refused(
        self, body: TorrentBody | UnreadableTorrent, kind: type[Exception] = VoiError, *, granted: bool = False
    ) -> dict[str, Any]:
        """Offer it, see it refused, and what the request says then."""
        work = self.intake.take_torrent(MAC, granted, {}, body)
        await self.assertFailure(Deferred.fromCoroutine(work), kind)
        disk = await self.last()
        self.assertIs(disk.state, UploadState.REQUESTED)
        return plain(disk.reason)

    async def code(self, torrent: bytes) -> str:
        """The code at the request after this torrent, for the disk that was asked for."""
        return str((await self.refused(TorrentBody(torrent, DISK, 0)))["code"])

    async def test_private_flag(self) -> None:
        """A private flag that is neither 0 nor 1, whichever form brings it."""
        torrent = self.changed(private=7)
        for body in (TorrentBody(torrent, DISK, 0), TorrentBody(torrent)):
            expected = {"code": "torrent_private", "data": {"value": 7}}
            self.assertEqual(await self.refused(body), expected)

    async def test_no_torrent(self) -> None:
        """Nothing, nonsense, and what is cut off."""
        self.assertEqual(await self.code(b""), "torrent_empty")
        self.assertEqual(await self.code(b"de"), "torrent_lacks")
        self.assertEqual(await self.code(self.torrent[:-1]), "torrent_byte")

    async def test_not_as_terminals_take_it(self) -> None:
        """Whatever else is wrong with a torrent."""
        for fields, expected in (
            ({"pieces": None}, "torrent_lacks"),
            ({"length": b"x"}, "torrent_wrong_type"),
            ({"piece_length": 1000}, "torrent_piece_length"),
            ({"length": 0}, "torrent_length"),
            ({"files": []}, "torrent_unfit"),
            ({"name": b"windows.qcow2"}, "torrent_name"),
        ):
            self.assertEqual(await self.code(self.changed(**fields)), expected)

    async def test_wrong_name(self) -> None:
        """The struct is of the disk that was asked for, its torrent of another one."""
        found = await self.refused(TorrentBody(self.changed(name=str(ELSEWHERE).encode()), DISK, 0))
        expected = {"disk": str(ELSEWHERE), "expected": str(BASE)}
        self.assertEqual(found, {"code": "torrent_of_another", "data": expected})

    async def test_struct_of_another_level(self) -> None:
        """The struct is of a level that nobody asked for: the request says what was offered, and why not."""
        found = await self.refused(TorrentBody(self.torrent, DISK, 1))
        self.assertEqual((found["code"], found["data"]["disk"]), ("offered_another", str(DIFF)))
        self.assertEqual(found["data"]["why"]["code"], "torrent_of_another")

    async def test_another_disk(self) -> None:
        """A disk that nobody asked for, with or without a struct around it."""
        torrent = self.changed(name=str(ELSEWHERE).encode())
        for body in (TorrentBody(torrent), TorrentBody(torrent, STRANGE, 0)):
            found = await self.refused(body)
            self.assertEqual((found["code"], found["data"]["disk"]), ("offered_another", str(ELSEWHERE)))
            self.assertEqual(found["data"]["why"]["code"], "admin_needed")
        found = await self.refused(TorrentBody(torrent), granted=True)
        self.assertEqual(found["data"]["why"]["code"], "ask_first")

    async def test_unreadable(self) -> None:
        """A body that cannot be read: at the disk of which it speaks, else at all that the terminal was asked for."""
        error = Malformed(Reason("body_lengths", length=100))
        for name in (BASE, None):
            self.assertEqual((await self.refused(UnreadableTorrent(error, name), Malformed))["code"], "body_lengths")
            await self.uploads.explain([(await self.last()).id], "")
        found = await self.refused(UnreadableTorrent(error, ELSEWHERE), Malformed)
        self.assertEqual((found["code"], found["data"]["why"]["code"]), ("offered_another", "body_lengths"))

    async def test_not_read(self) -> None:
        """One that got no further than its frame: over the bound, or with a token of another connection."""
        await self.intake.not_read(MAC, Reason("frame_too_large", length=9, what="data", most=8))
        self.assertEqual(code_of((await self.last()).reason), "frame_too_large")

    async def test_two_requests(self) -> None:
        """What is known to be about one disk is not said of another that the terminal was asked for too."""
        await self.requests.request(SERVER, MAC, ReportedTemplate(TEMPLATE, "Office", 1, ""), [(ELSEWHERE, 0)])
        await self.refused(TorrentBody(self.changed(private=7), DISK, 0))
        self.assertEqual((await self.last(ELSEWHERE)).reason, "")
        await self.refused(UnreadableTorrent(Malformed(Reason("body_lengths", length=9)), None), Malformed)
        reasons = [code_of((await self.last(name)).reason) for name in (BASE, ELSEWHERE)]
        self.assertEqual(reasons, ["body_lengths", "body_lengths"])

    async def test_space(self) -> None:
        """Not enough room."""
        self.free = MARGIN
        self.assertEqual(await self.code(self.torrent), "no_space")

    async def test_state(self) -> None:
        """Another terminal is at the template meanwhile."""
        await self.uploads.begin(upload(ELSEWHERE, mac=OTHER, state=UploadState.RECEIVING))
        self.assertEqual(await self.code(self.torrent), "terminal_uploads")

    async def test_level(self) -> None:
        """The level was published from elsewhere meanwhile."""
        await StoreCase.publish(self, level())
        self.assertEqual(await self.code(self.torrent), "level_published")

    async def test_the_servers_own_disk(self) -> None:
        """The torrent cannot be written down: administrator and terminal read what the file system said."""
        full = OSError(28, "No space left on device", "/srv/x.torrent")
        with mock.patch.object(intake, "write_atomically", side_effect=full):
            found = await self.refused(TorrentBody(self.torrent, DISK, 0), StorageMissing)
        self.assertEqual((found["code"], found["data"]["text"]["code"]), ("file_failed", "os_disk_full"))

    async def test_a_fault_of_ours(self) -> None:
        """Even that stands at the request."""
        with mock.patch.object(intake, "write_atomically", side_effect=ZeroDivisionError):
            found = await self.refused(TorrentBody(self.torrent, DISK, 0), ZeroDivisionError)
        self.assertEqual(found["code"], "server_failed")

    async def test_another_refusal(self) -> None:
        """A refusal for another reason is written at once, though its outer sentence is the same."""
        self.assertEqual(await self.code(self.changed(files=[])), "torrent_unfit")
        await self.code(self.changed(path=b"x"))
        self.assertEqual(plain((await self.last()).reason)["data"]["why"]["code"], "torrent_second_name")

    async def test_taken(self) -> None:
        """Once a torrent is taken nothing is left of the refusal."""
        await self.code(self.changed(private=7))
        await self.intake.take_torrent(MAC, False, {}, TorrentBody(self.torrent, DISK, 0))
        disk = await self.last()
        self.assertEqual((disk.state, disk.reason), (UploadState.RECEIVING, ""))
