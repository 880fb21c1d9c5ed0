"""The option `encryption` of a server, and terminals that know nothing of it: real sessions on loopback."""

from __future__ import annotations

import libtorrent as lt

from tests.unit.seeding.swarm import HOST, NAME, Peer, SwarmCase, content, hash_of
from voi.seeding.alerts import Finished
from voi.seeding.interfaces import TorrentStatus
from voi.seeding.settings import server_settings, terminal_settings

SLOW = 2_000_000
"""Bytes a second: of 2 MiB there is always something missing when a test looks at the connection."""
LONG = 2 << 20


class EncryptionTests(SwarmCase):
    """A server that seeds with encryption on, and one that fetches from it."""

    async def server(self) -> tuple[Peer, bytes]:
        """The server and its torrent."""
        return await self.seeder(LONG, settings=server_settings((HOST, 0), encryption=True, upload_limit=SLOW))

    async def terminal(self, torrent: bytes, settings: lt.settings_pack | None = None) -> Peer:
        """A terminal that has begun to download and is not connected yet."""
        terminal = await self.peer("terminal", settings=settings)
        await terminal.seeding.download(torrent, terminal.files)
        return terminal

    async def encrypted(self, torrent: bytes, terminal: Peer) -> bool:
        """Whether the data comes encrypted; the download then goes on to its end."""
        await terminal.events.until(TorrentStatus, lambda status: status.peers > 0 and status.done > 0)
        held = terminal.seeding._torrents.get(hash_of(torrent))
        assert held is not None and held.handle is not None
        flags = [peer.flags for peer in held.handle.get_peer_info() if peer.total_download]
        self.assertEqual(len(flags), 1)
        await terminal.events.until(Finished)
        await terminal.seeding.flush(hash_of(torrent))
        self.assertEqual((terminal.files / NAME).read_bytes(), content(LONG))
        return bool(flags[0] & lt.peer_info.rc4_encrypted)

    async def test_server_connects(self) -> None:
        """A connection that the server opens to a terminal is encrypted."""
        server, torrent = await self.server()
        terminal = await self.terminal(torrent)
        server.seeding.connect(hash_of(torrent), HOST, terminal.port)
        self.assertTrue(await self.encrypted(torrent, terminal))

    async def test_terminal_connects(self) -> None:
        """A terminal opens a plain connection, and is served."""
        server, torrent = await self.server()
        terminal = await self.terminal(torrent)
        terminal.seeding.connect(hash_of(torrent), HOST, server.port)
        self.assertFalse(await self.encrypted(torrent, terminal))

    async def test_both_ends(self) -> None:
        """With the option at the terminal too, what the terminal opens is encrypted."""
        server, torrent = await self.server()
        terminal = await self.terminal(torrent, terminal_settings((HOST, 0), encryption=True))
        terminal.seeding.connect(hash_of(torrent), HOST, server.port)
        self.assertTrue(await self.encrypted(torrent, terminal))

    async def test_client_that_knows_no_encryption(self) -> None:
        """The server tries again in plain where a client does not understand it."""
        server, torrent = await self.server()
        refusing = terminal_settings((HOST, 0))
        refusing["in_enc_policy"] = lt.enc_policy.pe_disabled
        terminal = await self.terminal(torrent, refusing)
        server.seeding.connect(hash_of(torrent), HOST, terminal.port)
        self.assertFalse(await self.encrypted(torrent, terminal))

    async def test_client_that_insists(self) -> None:
        """A client that refuses plain connections is served, by a server without the option too."""
        insisting = terminal_settings((HOST, 0))
        insisting["out_enc_policy"] = insisting["in_enc_policy"] = lt.enc_policy.pe_forced
        insisting["allowed_enc_level"] = lt.enc_level.pe_rc4
        server, torrent = await self.seeder(LONG, settings=server_settings((HOST, 0), upload_limit=SLOW))
        terminal = await self.terminal(torrent, insisting)
        terminal.seeding.connect(hash_of(torrent), HOST, server.port)
        self.assertTrue(await self.encrypted(torrent, terminal))

    async def test_usually_plain(self) -> None:
        """Without the option a server opens plain connections."""
        server, torrent = await self.seeder(LONG, settings=server_settings((HOST, 0), upload_limit=SLOW))
        terminal = await self.terminal(torrent)
        server.seeding.connect(hash_of(torrent), HOST, terminal.port)
        self.assertFalse(await self.encrypted(torrent, terminal))
