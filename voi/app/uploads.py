"""What brings disks in, put together: from terminals and from files on the server, and what is published of them."""

from __future__ import annotations

from dataclasses import dataclass

from voi.app.foundation import Foundation
from voi.app.swarm import SwarmArea
from voi.catalogue.block_tables import BlockTables
from voi.catalogue.catalogue import Catalogue
from voi.catalogue.contents import ContentMonitor
from voi.catalogue.sweep import Sweeper
from voi.catalogue.torrent_files import TorrentFiles
from voi.publishing.admission import UploadAdmission
from voi.publishing.image_check import ImageCheck
from voi.publishing.intake import UploadIntake
from voi.publishing.notifications import UploaderNotifications
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.publishing.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadArea:
    """Terminals offer disks to the `intake`, administrators ask for them through `requests`.

    `contents` watches the files of what is published.
    """

    catalogue: Catalogue
    contents: ContentMonitor
    block_tables: BlockTables
    publisher: Publisher
    notifications: UploaderNotifications
    admission: UploadAdmission
    intake: UploadIntake
    requests: UploadRequests
    sweeper: Sweeper


def make_uploads(base: Foundation, swarm: SwarmArea) -> UploadArea:
    """Nothing is taken up yet."""
    templates, uploads = base.repositories.templates, base.repositories.uploads
    in_thread, in_disk_thread = base.threads.short, base.threads.disk
    space = Space(base.directory.root)
    torrents = TorrentFiles(
        directory=base.directory,
        kept=base.repositories.torrents,
        in_thread=in_thread,
        in_disk_thread=in_disk_thread,
    )

    async def check_room(needed: int) -> None:
        admission.check_space(needed, await uploads.open_disks())

    contents = ContentMonitor(
        templates=templates,
        torrents=torrents,
        entries=base.repositories.audit_entries,
        directory=base.directory,
        seeder=swarm.session,
        tracker=swarm.tracker,
        in_thread=in_thread,
        in_disk_thread=in_disk_thread,
        clock=base.reactor,
        check_room=check_room,
    )
    catalogue = Catalogue(
        templates=templates,
        uploads=uploads,
        entries=base.repositories.audit_entries,
        contents=contents,
        torrents=torrents,
    )
    publisher = Publisher(
        uploads=uploads,
        templates=templates,
        catalogue=catalogue,
        directory=base.directory,
        seeder=swarm.session,
        tracker=swarm.tracker,
        check_image=ImageCheck.with_qemu(),
        in_thread=in_thread,
        in_disk_thread=in_disk_thread,
    )
    notifications = UploaderNotifications(uploads, publisher, base.registry)
    admission = UploadAdmission(
        uploads=uploads,
        templates=templates,
        publisher=publisher,
        space=space,
        online=base.registry.__contains__,
        clock=base.reactor,
    )
    return UploadArea(
        catalogue=catalogue,
        contents=contents,
        block_tables=BlockTables(
            templates=templates,
            directory=base.directory,
            contents=contents,
            in_thread=in_thread,
            in_disk_thread=in_disk_thread,
        ),
        publisher=publisher,
        notifications=notifications,
        admission=admission,
        intake=UploadIntake(
            uploads=uploads,
            templates=templates,
            publisher=publisher,
            admission=admission,
            directory=base.directory,
            in_thread=in_thread,
            told_again=notifications.tell_end,
            now=base.reactor.seconds,
        ),
        requests=UploadRequests(
            uploads=uploads,
            templates=templates,
            terminals=base.repositories.terminals,
            publisher=publisher,
            admission=admission,
            tell=notifications.request,
            in_thread=in_thread,
        ),
        sweeper=Sweeper(
            templates=templates,
            uploads=uploads,
            audit_entries=base.repositories.audit_entries,
            directory=base.directory,
            alone=admission.alone,
            in_disk_thread=in_disk_thread,
        ),
    )
