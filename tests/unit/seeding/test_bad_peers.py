"""Pieces that fail, between real sessions on addresses of loopback: who is told of, banned, blocked, forgiven."""

from __future__ import annotations

import random

import libtorrent as lt

from tests.unit.seeding.swarm import HOST, NAME, PIECE, Peer, SwarmCase, content, hash_of
from voi.seeding.alerts import BytesSent, Finished, PeerBanned, PieceFailed
from voi.seeding.settings import server_settings, terminal_settings

BAD, NEW = "127.0.0.2", "127.0.0.3"


class BadPeerCase(SwarmCase):
    """A seed at 127.0.0.1, one whose copy is damaged at 127.0.0.2, and a newcomer at 127.0.0.3."""

    async def prepare(self, damaged: int = PIECE) -> None:
        self.good, self.torrent = await self.seeder(settings=self.quiet(HOST))
        self.key = hash_of(self.torrent)
        self.bad = await self.peer("bad", settings=self.quiet(BAD))
        data = content()
        wrong = random.Random(3).randbytes(damaged)
        (self.bad.files / NAME).write_bytes(wrong + data[damaged:])
        path = self.bad.files / NAME
        await self.bad.seeding.mark_verified(self.key, path)
        await self.bad.seeding.seed(self.torrent, self.bad.files)
        self.new = await self.peer("new", settings=terminal_settings((NEW, 0)))
        await self.new.seeding.download(self.torrent, self.new.files)

    def quiet(self, host: str) -> lt.settings_pack:
        """A terminal's settings, but it connects to nobody: whoever bans it has no second visit from it."""
        return {**terminal_settings((host, 0)), "connection_speed": 0}

    def meet(self, other: Peer, host: str) -> None:
        self.new.seeding.connect(self.key, host, other.port)

    def whole(self) -> bool:
        return (self.new.files / NAME).read_bytes() == content()


class BannedTests(BadPeerCase):
    """What is told of a peer that sends what does not match."""

    async def test_ban(self) -> None:
        """Who sent a wrong piece alone is banned, by the address and port that it listens on."""
        await self.prepare()
        self.meet(self.bad, BAD)
        banned = await self.new.events.until(PeerBanned)
        self.assertEqual(banned, PeerBanned(self.key, BAD, self.bad.port))
        await self.new.events.until(PieceFailed)  # it is told after the ban
        self.assertEqual(self.new.seeding.failed_pieces, 1)

    async def test_forgiven(self) -> None:
        """A ban lasts, until the peer is forgiven; then it is connected to again, and gives the rest."""
        await self.prepare()
        self.meet(self.bad, BAD)
        await self.new.events.until(PeerBanned)
        (self.bad.files / NAME).write_bytes(content())
        self.new.seeding.forgive(self.key, BAD, self.bad.port)
        await self.new.events.until(Finished)
        await self.new.seeding.flush(self.key)
        self.assertTrue(self.whole())

    async def test_who_sent_it(self) -> None:
        """After a first failure it is known of each further wrong piece who sent it."""
        await self.prepare(damaged=16 * PIECE)
        self.meet(self.bad, BAD)
        await self.new.events.until(PeerBanned)
        self.new.seeding.forgive(self.key, BAD, self.bad.port)
        failed = await self.new.events.until(PieceFailed, lambda event: bool(event.senders))
        self.assertEqual(failed.senders, (BAD,))

    async def test_blocked(self) -> None:
        """A blocked address is connected to no more, and others are; the download ends without it."""
        await self.prepare()
        self.new.seeding.block([BAD])
        self.meet(self.bad, BAD)
        self.bad.seeding.connect(self.key, NEW, self.new.port)
        self.meet(self.good, HOST)
        await self.new.events.until(Finished)
        self.assertEqual(self.new.events.of(PieceFailed), [])

    async def test_no_ban_is_kept(self) -> None:
        """A restart forgets who was banned: the server may be among them."""
        await self.prepare()
        self.meet(self.bad, BAD)
        await self.new.events.until(PeerBanned)
        await self.new.seeding.stop()
        (self.bad.files / NAME).write_bytes(content())
        again = await self.peer("new", settings=terminal_settings((NEW, 0)))
        await again.seeding.download(self.torrent, again.files)
        again.seeding.connect(self.key, BAD, self.bad.port)
        await again.events.until(Finished)


class BytesSentTests(SwarmCase):
    """What a server says that it sent."""

    async def test_short_transfer(self) -> None:
        """Every byte of a transfer that is over at once is told, and to which address it went."""
        seeder, torrent = await self.seeder(size=(1 << 20) + 5, settings=server_settings((HOST, 0)))
        leech = await self.peer("leech", settings=terminal_settings((NEW, 0)))
        await leech.seeding.download(torrent, leech.files)
        leech.seeding.connect(hash_of(torrent), HOST, seeder.port)
        await leech.events.until(Finished)
        told = 0
        while told < (1 << 20) + 5:
            event = await seeder.events.until(BytesSent)
            seeder.events.events.remove(event)
            self.assertEqual({host for host, _, _ in event.sent}, {NEW})
            told += sum(size for _, _, size in event.sent)
        self.assertEqual(told, (1 << 20) + 5)
