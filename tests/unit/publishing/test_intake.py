"""Tests of voi.publishing.intake: who may upload what, and what is taken."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.fakes import torrent_status
from tests.unit.publishing.case import (
    BASE,
    DIFF,
    NAMED,
    SECOND,
    THIRD,
    PublishingCase,
    image,
    torrent_of,
)
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE, upload
from voi.domain import metainfo
from voi.domain.actors import SERVER
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import UploadState
from voi.errors import (
    BadTorrent,
    Conflict,
    NoSpace,
    TorrentRefused,
    UnknownDisk,
    VoiError,
)
from voi.messages.reason import code_of
from voi.names import DiskName
from voi.publishing.admission import ABSENT_SECONDS
from voi.publishing.space import MARGIN
from voi.wire.messages import Disk, GroupUpload, TemplateBody
from voi.wire.torrent_body import TorrentBody

ELSEWHERE = "ffffffff-5b7d-4e2f-8a6b-1c2d3e4f5a6b"


class MayUploadTests(PublishingCase):
    """9018."""

    async def ask(self, body: TemplateBody | GroupUpload, *, mac: str = MAC, granted: bool = True) -> str:
        """The reason why not, empty for yes."""
        permission = await self.intake.may_upload(mac, granted, body)
        self.assertEqual(permission.allowed, not permission.reason)
        return permission.reason

    async def test_new_template(self) -> None:
        """An administrator may upload a new template, and its disks are remembered."""
        permission = await self.intake.may_upload(MAC, True, self.body(Disk(uuid=DISK, real_size=2048)))
        self.assertTrue(permission.allowed)
        self.assertEqual(permission.listed, {DISK: ReportedTemplate(TEMPLATE, "Office", 1, "")})

    async def test_without_an_administrator(self) -> None:
        """No terminal may replace a template by itself, unless an administrator asked it to."""
        disk = Disk(uuid=DISK)
        refused = await self.ask(self.body(disk), granted=False)
        self.assertIn("administrator", refused)
        self.assertEqual(code_of(refused), "admin_needed", "a terminal knows by the code whether to ask again")
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        self.assertEqual(await self.ask(self.body(disk), granted=False), "")

    async def test_somebody_else_is_at_it(self) -> None:
        """One terminal at a time; the same one may go on."""
        await self.offer(image(self.made / "base"))
        self.assertIn(MAC, await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER))
        self.assertEqual(await self.ask(self.body(Disk(uuid=DISK))), "")

    async def test_a_dead_uploader_gives_way(self) -> None:
        """Who is offline for long loses its place to the next one."""
        await self.offer(image(self.made / "base"))
        self.online.discard(MAC)
        self.admission.terminal_left(MAC)
        self.assertNotEqual(await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER), "")
        self.clock.advance(ABSENT_SECONDS)
        self.assertEqual(await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER), "")
        self.assertIn("uploads instead", (await self.last()).reason)

    async def test_no_room(self) -> None:
        """What is needed and what there is, by the file's size where it is told, else by the virtual disk."""
        self.free = MARGIN + (10 << 20)
        disk = Disk(uuid=DISK, real_size=(20 << 20) // 512)
        self.assertIn("the server needs 21.0 MB, but only 10.5 MB are free", await self.ask(self.body(disk)))
        told = Disk(uuid=DISK, real_size=(20 << 20) // 512, file_size=9 << 20)
        self.assertEqual(await self.ask(self.body(told)), "")

    async def test_third_difference(self) -> None:
        """Two differences are published: a third one would need folding."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        await self.publish(SECOND, backing=str(DIFF))
        self.assertIn("merged", await self.ask(self.body(Disk(uuid=DISK, diff_level=2))))

    async def test_family_form(self) -> None:
        """A desktop group stands for its template; an unknown one is refused."""
        await self.publish()
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        permission = await self.intake.may_upload(MAC, True, GroupUpload(desktop_group_uuid=template.group_uuid))
        self.assertTrue(permission.allowed)
        self.assertEqual(set(permission.listed), {DISK})
        self.assertIn("no desktop group", await self.ask(GroupUpload(desktop_group_uuid=TEMPLATE)))


class TakeTests(PublishingCase):
    """9014."""

    async def refused(self, kind: type[Exception], work: Any) -> Exception:
        """The error that refuses, after which nothing is left."""
        error: Exception = await self.assertFailure(Deferred.fromCoroutine(work), kind)
        self.assertEqual(list(self.directory.torrents.iterdir()), [])
        self.assertEqual(self.seeder.downloading, {})
        return error

    async def test_without_an_administrator(self) -> None:
        """Refused before anything is fetched."""
        await self.refused(TorrentRefused, self.offer(image(self.made / "base"), granted=False))

    async def test_an_unknown_disk(self) -> None:
        """Nobody said which template it belongs to."""
        path = image(self.made / "base")
        body = TorrentBody(torrent_of(path, BASE), DISK, 0)
        await self.refused(UnknownDisk, self.intake.take_torrent(MAC, True, {}, body))

    async def test_no_torrent(self) -> None:
        """Bytes that are none, and none at all."""
        for torrent in (b"", b"de", b"i1e"):
            await self.refused(BadTorrent, self.intake.take_torrent(MAC, True, NAMED, TorrentBody(torrent, DISK, 0)))

    async def test_struct_and_torrent_disagree(self) -> None:
        """The struct speaks of another level than the torrent."""
        body = TorrentBody(torrent_of(image(self.made / "base"), BASE), DISK, 1)
        await self.refused(TorrentRefused, self.intake.take_torrent(MAC, True, NAMED, body))

    async def test_no_parent(self) -> None:
        """A difference without its parent is no use to anybody."""
        path = image(self.made / "diff", backing=str(BASE))
        error = await self.refused(Conflict, self.offer(path, DIFF))
        self.assertIn(str(BASE), str(error))

    async def test_terminal_levels(self) -> None:
        """Levels 3 to 5 are the terminal's own."""
        await self.refused(Conflict, self.offer(image(self.made / "own", backing="x"), THIRD))

    async def test_published_already(self) -> None:
        """The same torrent again is answered with its id and told again; another one is refused."""
        await self.publish()
        disk = await self.last()
        self.assertEqual(await self.offer(self.made / str(BASE)), disk.id)
        self.assertEqual(await self.offer(self.made / str(BASE), granted=False), disk.id)
        self.assertEqual([d.id for d in self.told], [disk.id, disk.id])
        other = image(self.made / "other", seed=9)
        await self.assertFailure(Deferred.fromCoroutine(self.offer(other)), Conflict)

    async def test_third_difference(self) -> None:
        """20725 until folding is there."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        await self.publish(SECOND, backing=str(DIFF))
        path = image(self.made / "third", backing=str(DIFF), seed=5)
        error: Any = await self.assertFailure(Deferred.fromCoroutine(self.offer(path, SECOND)), Conflict)
        self.assertEqual(error.wire_code, 20725)

    async def test_no_room(self) -> None:
        """Refused before the first byte, beside what is promised to others."""
        self.free = MARGIN + 1000
        error = await self.refused(NoSpace, self.offer(image(self.made / "base")))
        self.assertIn("the server needs", str(error))

    async def test_the_same_again_while_it_runs(self) -> None:
        """A terminal that reconnects offers its torrent again: one upload, one id."""
        path = image(self.made / "base")
        self.assertEqual(await self.offer(path), await self.offer(path))
        self.assertEqual(len(await self.uploads.of_template(TEMPLATE)), 1)

    async def test_a_newer_torrent(self) -> None:
        """The uploader changed its disk: the newer torrent replaces the older one."""
        first = await self.offer(image(self.made / "one"))
        second = await self.offer(image(self.made / "two", seed=2))
        self.assertNotEqual(first, second)
        old = await self.uploads.disk(first)
        assert old is not None
        self.assertEqual(old.state, UploadState.FAILED)
        self.assertEqual(len(self.seeder.downloading), 1)

    async def test_two_at_once(self) -> None:
        """Of two terminals that offer the same disk at the same moment, one is taken."""
        one = Deferred.fromCoroutine(self.offer(image(self.made / "one")))
        two = Deferred.fromCoroutine(self.offer(image(self.made / "two", seed=2), mac=OTHER))
        await one
        await self.assertFailure(two, Conflict)

    async def test_bare_torrent(self) -> None:
        """A torrent without a struct is taken by its own name."""
        body = TorrentBody(torrent_of(image(self.made / "base"), BASE))
        self.assertTrue(await self.intake.take_torrent(MAC, True, NAMED, body))

    async def test_progress(self) -> None:
        """9027 tells how far it is, and to the uploader alone."""
        path = image(self.made / "base")
        await self.offer(path)
        self.seeder.states[metainfo.parse(torrent_of(path, BASE)).info_hash] = torrent_status(
            progress=0.25, download_rate=1000
        )
        found = await self.intake.progress(MAC, BASE)
        self.assertEqual((found.progress, found.rate, found.state), (25.0, 1000, "receiving"))
        await self.assertFailure(Deferred.fromCoroutine(self.intake.progress(OTHER, BASE)), Exception)

    async def test_the_same_disk_for_another_template(self) -> None:
        """A cloned terminal that offers what another one uploads already is refused, and the other's swarm stays."""
        path = image(self.made / "base")
        await self.offer(path)
        elsewhere = {DISK: ReportedTemplate(ELSEWHERE, "Clone", 1, "")}
        body = TorrentBody(torrent_of(path, BASE), BASE.uuid, BASE.level)
        offered = Deferred.fromCoroutine(self.intake.take_torrent(OTHER, True, elsewhere, body))
        await self.assertFailure(offered, Conflict)
        self.assertEqual(self.tracker.admitted, {metainfo.parse(torrent_of(path, BASE)).info_hash})


class SameQuestionTests(PublishingCase):
    """9018 and 9014 ask the same question: what the second would refuse for, the first says no for, with the same
    reason.
    """

    async def codes(self, name: DiskName, *, mac: str = MAC, granted: bool = True, uuid: str = TEMPLATE) -> list[str]:
        """What 9018 and then 9014 say of a disk, by the codes of their reasons; empty for yes."""
        path = self.made / "offered"
        size = (path if path.exists() else image(path, seed=7)).stat().st_size
        body = TemplateBody(
            uuid=uuid,
            name="Office",
            sys_type=1,
            disks=[Disk(uuid=name.uuid, diff_level=name.level, file_size=size)],
        )
        asked = await self.intake.may_upload(mac, granted, body)
        self.assertEqual(asked.allowed, asked.refusal is None)
        torrent = torrent_of(path, name)
        named = {name.uuid: ReportedTemplate(uuid, "Office", 1, "")}
        try:
            await self.intake.take_torrent(mac, granted, named, TorrentBody(torrent, name.uuid, name.level))
        except VoiError as error:
            return [code_of(asked.refusal.reason) if asked.refusal else "", code_of(error.reason)]
        return [code_of(asked.refusal.reason) if asked.refusal else "", ""]

    async def test_yes(self) -> None:
        """What is allowed is taken."""
        self.assertEqual(await self.codes(BASE), ["", ""])

    async def test_published_already(self) -> None:
        """A level that is published already, by whomever: no next time either."""
        await self.publish()
        for mac in (MAC, OTHER):
            self.assertEqual(await self.codes(BASE, mac=mac), ["level_published"] * 2)

    async def test_levels(self) -> None:
        """A level of the terminal's own, one without its parent, one that would be a third difference."""
        self.assertEqual(await self.codes(THIRD), ["level_too_high"] * 2)
        self.assertEqual(await self.codes(DIFF), ["parent_missing"] * 2)
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        await self.publish(SECOND, backing=str(DIFF))
        for name in (BASE, DIFF, SECOND, THIRD):
            self.assertEqual(await self.codes(name), ["differences_full"] * 2)

    async def test_whose(self) -> None:
        """A disk of another template, and a template at which somebody else is."""
        await self.publish()
        self.assertEqual(await self.codes(DIFF, uuid=ELSEWHERE), ["disk_of_another"] * 2)
        await self.offer(image(self.made / "diff", backing=str(BASE)), DIFF)
        self.assertEqual(await self.codes(DIFF, mac=OTHER), ["terminal_uploads"] * 2)

    async def test_beside_an_import(self) -> None:
        """A template that is being imported."""
        await self.uploads.begin(upload(BASE, mac=None, state=UploadState.RECEIVING))
        self.assertEqual(await self.codes(BASE), ["import_under_way"] * 2)

    async def test_who_may(self) -> None:
        """Without an administrator, what was asked for and nothing else: not another level of the same disk either."""
        self.assertEqual(await self.codes(BASE, granted=False), ["admin_needed"] * 2)
        await self.publish()
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(DIFF, 0)])
        self.assertEqual(await self.codes(SECOND, granted=False), ["admin_needed"] * 2)
        self.assertEqual(await self.codes(DIFF, granted=False), ["", ""])

    async def test_room(self) -> None:
        """A server without room for it; what it holds of the very disk already is not counted twice."""
        self.free = MARGIN + 1000
        self.assertEqual(await self.codes(BASE), ["no_space"] * 2)
        self.free = MARGIN + image(self.made / "base").stat().st_size + 1000
        await self.offer(self.made / "base")
        self.assertEqual(await self.codes(BASE), ["", ""])

    async def test_beside_what_is_published(self) -> None:
        """A terminal may list what is published, and its own write layers, beside what it uploads."""
        await self.publish()
        listed = [Disk(uuid=DISK, diff_level=number) for number in (0, 1, 4, 5)]
        self.assertTrue((await self.intake.may_upload(MAC, True, self.body(*listed))).allowed)

    async def test_all_of_a_template(self) -> None:
        """Of a base and the difference on it neither is published: both may come, one after the other."""
        listed = [Disk(uuid=DISK, diff_level=number) for number in (1, 0)]
        self.assertTrue((await self.intake.may_upload(MAC, True, self.body(*listed))).allowed)
