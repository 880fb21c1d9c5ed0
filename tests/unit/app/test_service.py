"""The server and the reference terminal in one process, on loopback: the main job in small."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from unittest import mock

import treq
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from tests.unit.store.base import store_of
from tests.unit.tracker.fakes import peer_id, query
from voi.agent import twistd as terminal
from voi.agent.options import make_config
from voi.agent.service import TerminalService
from voi.app import start as startup
from voi.app import twistd as server
from voi.app.options import Options
from voi.app.service import VoiService
from voi.config import Config
from voi.demo.image import write_image
from voi.demo.processes import free_port
from voi.errors import StartupError
from voi.names import DiskName
from voi.seeding.session import TorrentSession
from voi.web.metrics.routes import MEDIA

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
NAME = DiskName("0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b", 0)
TEMPLATE = "11111111-2222-4333-8444-555555555555"


class ServiceTests(TestCase):
    """`twistd voi` and `twistd voi-terminal`, put together as they are by twistd."""

    timeout = 60

    def setUp(self) -> None:
        """A server on free ports; a terminal with a disk, and one without."""
        self.path = Path(self.mktemp()).absolute()
        self.path.mkdir()
        self.told: list[str] = []
        self.patch(startup, "tell", self.told.append)
        self.pool = HTTPConnectionPool(reactor, persistent=False)

    def start_server(self, http: str = "tcp:0:interface=127.0.0.1") -> None:
        """Start it, and stop it when the test is over."""
        config = Config(
            data=str(self.path / "data"),
            terminals="tcp:0:interface=127.0.0.1",
            http=http,
            bittorrent=f"127.0.0.1:{free_port()}",
        )
        self.server = VoiService(config, reactor)
        self.server.startService()
        self.addCleanup(self.server.stopService)

    def start_terminal(self, mac: str, address: str, directory: Path) -> TerminalService:
        """Start a terminal, and stop it when the test is over."""
        port = self.server.listeners.terminals_port
        values = {"server": f"127.0.0.1:{port}", "mac": mac, "disks": str(directory), "address": address}
        service = TerminalService(make_config(values), reactor=reactor)
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def api(self, method: str, path: str, body: object = None) -> Any:
        """A request to the API that goes well."""
        token = (self.path / "data" / "api-token").read_text().strip()
        url = f"http://127.0.0.1:{self.server.listeners.http_port}{path}"
        agent = Agent(reactor, pool=self.pool)
        headers = Headers({"Authorization": [f"Bearer {token}"]})
        data = b"" if body is None else json.dumps(body).encode()
        answer = await treq.request(method, url, headers=headers, data=data, agent=agent)
        content = json.loads(await treq.content(answer))
        self.assertLess(answer.code, 300, content)
        return content

    async def scrape(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """The metrics: values by name and labels."""
        token = (self.path / "data" / "api-token").read_text().strip()
        url = f"http://127.0.0.1:{self.server.listeners.http_port}/metrics"
        headers = Headers({"Authorization": [f"Bearer {token}"]})
        answer = await treq.get(url, headers=headers, agent=Agent(reactor, pool=self.pool))
        self.assertEqual(answer.code, 200)
        self.assertEqual(answer.headers.getRawHeaders("content-type"), [MEDIA])
        families = text_string_to_metric_families(await answer.text("utf-8"))
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    async def until(self, condition: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Ask again and again; trial's own timeout ends it."""
        while not (value := await condition()):
            await deferLater(reactor, 0.02)
        return value

    async def exchange(self) -> tuple[Path, Path]:
        """A terminal uploads when it is asked to, the other one gets it; where each has its disks."""
        self.start_server()
        one, two = self.path / "one", self.path / "two"
        one.mkdir()
        write_image(one / str(NAME), 1 << 24, data_bytes=1 << 20, seed=1)
        (one / "template.toml").write_text(f'uuid = "{TEMPLATE}"\nname = "Office"\n')
        self.start_terminal(MAC, "127.0.0.9", one)
        self.start_terminal(OTHER, "127.0.0.10", two)

        async def reported() -> Any:
            found = (await self.api("GET", "/api/v1/terminals"))["terminals"]
            return len(found) == 2 and all(x["online"] for x in found) and found[0]["disks"]

        await self.until(reported)
        self.assertEqual((await self.api("GET", "/healthz"))["status"], "ok")
        await self.api("POST", "/api/v1/uploads", {"mac": MAC, "template": TEMPLATE})

        async def ready() -> bool:
            templates = (await self.api("GET", "/api/v1/templates"))["templates"]
            return [x["state"] for x in templates] == ["ready"]

        await self.until(ready)
        made = await self.api("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": "all"})

        async def done() -> bool:
            return bool((await self.api("GET", f"/api/v1/rollouts/{made['id']}"))["state"] == "done")

        await self.until(done)
        return one, two

    async def test_main_job(self) -> None:
        """A terminal uploads when it is asked to, the other one gets it; then both go, and the server stops."""
        one, two = await self.exchange()
        self.assertEqual((two / str(NAME)).read_bytes(), (one / str(NAME)).read_bytes())
        await self.measured((one / str(NAME)).stat().st_size)
        await self.password()
        self.assertEqual(len(self.told), 1)
        command = await self.api("POST", "/api/v1/commands", {"command": "restart", "macs": "all"})

        async def answered() -> bool:
            outcomes = (await self.api("GET", f"/api/v1/commands/{command['batch_no']}"))["outcomes"]
            return [x["state"] for x in outcomes] == ["done", "done"]

        await self.until(answered)
        await self.wrote_down("rollout.finished")
        overview = await self.api("GET", "/api/v1/overview")
        totals = {"online": 2, "total": 2, "current": 2, "unknown": 0, "unreported": 0, "outdated": 0, "failed": 0}
        self.assertEqual(overview["terminals"], totals)
        self.assertGreater(overview["disk"]["total"], overview["disk"]["free"])
        found = await self.api("GET", f"/api/v1/terminals/{OTHER}")
        self.assertEqual((found["state"], found["version"], found["template"]), ("current", 1, TEMPLATE))
        events = (await self.api("GET", "/api/v1/events"))["events"]
        kinds = [event["kind"] for event in reversed(events)]
        self.assertEqual(
            sorted(kinds),
            [
                "command.restart",
                "rollout.begun",
                "rollout.finished",
                "server.started",
                "terminal.first",
                "terminal.first",
                "upload.begun",
                "upload.published",
                "upload.requested",
            ],
        )

    async def wrote_down(self, kind: str) -> None:
        """Wait until the audit log has such an entry."""

        async def there() -> bool:
            return bool((await self.api("GET", f"/api/v1/events?kind={kind}"))["events"])

        await self.until(there)

    def open_to_others(self) -> dict[str, int]:
        """Whatever server and terminals keep that has not the mode it should, with the one it has."""
        secret = ("api-token", "voi.sqlite")  # and what SQLite and an upgrade put beside it
        found = {}
        for root in (self.path / "data", self.path / "two", self.path / "one" / ".voi"):
            if not root.exists():
                continue
            for path in (root, *root.rglob("*")):
                mode = path.stat().st_mode & 0o777
                if mode != (0o750 if path.is_dir() else 0o600 if path.name.startswith(secret) else 0o640):
                    found[str(path.relative_to(self.path))] = mode
        return found

    async def test_nobody_else_reads_disks(self) -> None:
        """Disks, torrents, database and their directories are closed to others, however open the service's umask is."""
        self.addCleanup(os.umask, os.umask(0))
        await self.exchange()
        self.assertEqual(self.open_to_others(), {})

    async def test_the_group_reads_disks(self) -> None:
        """A umask that shuts out the group as well changes nothing: what makes backups may be in it."""
        self.addCleanup(os.umask, os.umask(0o077))
        await self.exchange()
        self.assertEqual(self.open_to_others(), {})

    async def test_open_files_are_closed_at_the_next_start(self) -> None:
        """What an earlier version left open to others is closed; a file of an administrator's own is let be."""
        self.start_server()
        await self.wrote_down("server.started")
        await self.server.stopService()
        data = self.path / "data"
        for name in (
            "disks/voi_0_x",
            "incoming/voi_1_x",
            "torrents/x.torrent",
            "resume/x.resume",
            "voi.sqlite.before-m1",
        ):
            (data / name).touch(0o666)
        for directory in (data, *(path for path in data.iterdir() if path.is_dir())):
            directory.chmod(0o777)
        own = data / "key.pem"
        own.touch(0o600)
        self.start_server()
        self.assertEqual(self.open_to_others(), {"data/key.pem": 0o600})

    async def test_stop_is_written_down(self) -> None:
        """The next start finds in the audit log that the server was stopped, and when it was started."""
        self.start_server()
        await self.wrote_down("server.started")
        await self.server.stopService()
        self.start_server()
        await self.wrote_down("server.stopped")

    async def test_forgotten_terminal(self) -> None:
        """A terminal that is forgotten has no tracker key any more, and is a new one when it comes back."""
        self.start_server()
        one = self.path / "one"
        one.mkdir()
        service = self.start_terminal(MAC, "127.0.0.9", one)
        await self.wrote_down("terminal.first")

        async def online() -> bool:
            found = (await self.api("GET", "/api/v1/terminals"))["terminals"]
            return bool(found and found[0]["online"])

        async def offline() -> bool:
            return not await online()

        await self.until(online)
        key = (await self.server.parts.base.repositories.terminals.get(MAC)).tracker_key  # type: ignore[union-attr]  # it is there
        self.assertEqual(self.server.parts.base.keys.terminal_for(key), MAC)
        await service.stopService()
        await self.until(offline)
        await store_of(self.server.parts.base.database).write(lambda _db: None)  # when it left is written down
        await self.api("POST", "/api/v1/terminals/forget", {"macs": [MAC]})
        self.assertIsNone(self.server.parts.base.keys.terminal_for(key))
        self.start_terminal(MAC, "127.0.0.9", one)
        await self.until(online)
        events = (await self.api("GET", "/api/v1/events?kind=terminal.first"))["events"]
        self.assertEqual(len(events), 2)

    async def measured(self, size: int) -> None:
        """What the metrics say after two terminals and the server exchanged one disk."""

        async def settled() -> Any:
            found = await self.scrape()
            # What BitTorrent says is up to a second old.
            received = found["voi_bittorrent_bytes_total", frozenset({("direction", "received")})]
            return found if received >= size else None

        found = await self.until(settled)

        def value(name: str, **labels: str) -> float:
            return float(found[name, frozenset(labels.items())])

        torrent = str(NAME)
        for expected, name, labels in (
            (2, "voi_terminals", {"state": "current"}),
            (0, "voi_terminals", {"state": "offline"}),
            (2, "voi_terminal_sessions", {}),
            (2, "voi_terminal_connections", {}),
            (1, "voi_terminal_frames_received_total", {"code": "9014"}),
            (1, "voi_terminal_frames_sent_total", {"code": "1015"}),
            (0, "voi_terminal_frames_received_total", {"code": "other"}),
            (0, "voi_terminal_errors_total", {"code": "framing"}),
            (0, "voi_tracker_announces_total", {"protocol": "http", "outcome": "failed"}),
            (1, "voi_tracker_swarms", {}),
            (1, "voi_published_disks", {}),
            (1, "voi_bittorrent_torrents", {"state": "seeding"}),
            (1, "voi_torrent_info", {"torrent": torrent, "template": "Office", "template_uuid": TEMPLATE}),
            (size, "voi_torrent_size_bytes", {"torrent": torrent}),
            (1, "voi_rollouts", {"state": "done"}),
            (0, "voi_rollout_targets", {"state": "downloading"}),
            (1, "voi_upload_disks", {"state": "published"}),
            (1, "voi_health_check", {"check": "bittorrent"}),
            (1, "voi_database_worker_up", {"worker": "writer"}),
        ):
            self.assertEqual(value(name, **labels), expected, (name, labels))
        announced = [value("voi_tracker_announces_total", protocol=x, outcome="answered") for x in ("http", "udp")]
        self.assertGreaterEqual(sum(announced), 2)
        # How much the server had to send is the terminals' choice: they have each other.
        self.assertIn(("voi_torrent_bytes_total", frozenset({("torrent", torrent), ("direction", "sent")})), found)
        for name, labels in (
            ("voi_tracker_peers", {}),
            ("voi_torrent_peers", {"torrent": torrent, "role": "seed"}),
            ("voi_reactor_lag_seconds_count", {}),
            ("voi_database_size_bytes", {"file": "main"}),
            ("voi_disk_free_bytes", {}),
            ("process_resident_memory_bytes", {}),
        ):
            self.assertGreater(value(name, **labels), 0, name)

    async def test_metrics_need_a_token(self) -> None:
        """They say who and what there is, so not everybody may read them; a token that may only look is enough."""
        self.start_server()
        url = f"http://127.0.0.1:{self.server.listeners.http_port}/metrics"
        named = (await self.api("POST", "/api/v1/tokens", {"name": "monitoring", "role": "operator"}))["token"]
        for token, status in (("", 401), ("wrong", 401), (named, 200)):
            headers = Headers({"Authorization": [f"Bearer {token}"]} if token else {})
            answer = await treq.get(url, headers=headers, agent=Agent(reactor, pool=self.pool))
            self.assertEqual(answer.code, status, token)
            await answer.text()

    async def session(self, method: str, path: str, body: object, **headers: str) -> tuple[int, Any, str]:
        """A request as a browser sends it, without a token; status, answer, and the cookie that came."""
        agent = Agent(reactor, pool=self.pool)
        url = f"http://127.0.0.1:{self.server.listeners.http_port}{path}"
        given = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
        answer = await treq.request(method, url, headers=given, json=body, agent=agent)
        cookie = answer.headers.getRawHeaders("set-cookie", [""])[0].partition(";")[0]
        return answer.code, json.loads(await treq.content(answer)), cookie

    async def password(self) -> str:
        """The administrator's, once it is told."""

        async def told() -> list[str]:
            return self.told

        line: str = (await self.until(told))[-1]
        await store_of(self.server.parts.base.database).write(lambda _db: None)  # it is kept right after it was told
        return line.removeprefix("admin password: ")

    async def test_a_start_that_fails_tells_no_password(self) -> None:
        """Where BitTorrent's port is taken at the last moment nothing is told; the next start tells what works."""
        failures: list[object] = []

        async def failed() -> bool:
            return bool(failures)

        with (
            mock.patch.object(VoiService, "_start_failed", lambda _self, failure: failures.append(failure)),
            mock.patch.object(TorrentSession, "start", lambda _self: fail(StartupError("taken"))),
        ):
            self.start_server()
            await self.until(failed)
        await self.server.stopService()
        self.assertEqual(self.told, [])
        self.start_server()
        body = {"name": "admin", "password": await self.password()}
        self.assertEqual((await self.session("POST", "/api/v1/session", body))[0], 200)

    async def test_the_console_takes_the_password_itself(self) -> None:
        """What a 9008 shows to everybody on the wire neither signs in nor changes a password; the password does both.

        The new one looks like an MD5 and is a password all the same.
        """
        self.start_server()
        password = await self.password()
        form = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        status, _, cookie = await self.session("POST", "/api/v1/session", {"name": "admin", "password": form})
        self.assertEqual((status, cookie), (401, ""))
        status, who, cookie = await self.session("POST", "/api/v1/session", {"name": "admin", "password": password})
        self.assertEqual(status, 200)
        new = "0123456789abcdef" * 2
        for old, expected in ((form, 400), (password, 200)):
            change = {"old": old, "new": new}
            status, answer, _ = await self.session(
                "PUT", "/api/v1/session/password", change, cookie=cookie, x_csrf_token=who["csrf"]
            )
            self.assertEqual(status, expected, answer)
        status, _, _ = await self.session("POST", "/api/v1/session", {"name": "admin", "password": new})
        self.assertEqual(status, 200)

    async def test_a_disk_that_is_gone(self) -> None:
        """A published disk whose file was removed is reported, and the server comes up without it."""
        self.start_server()
        await self.published()
        await self.server.stopService()
        for file in (self.path / "data" / "torrents").iterdir():
            file.unlink()
        self.start_server()

        async def up() -> bool:
            return bool((await self.api("GET", "/api/v1/swarms"))["swarms"] and self.server.parts.swarm.own_peer.port)

        await self.until(up)

    async def published(self) -> bytes:
        """Publish an image; the info-hash of it."""
        image = self.path / "image"
        write_image(image, 1 << 24, data_bytes=1 << 18)
        made = await self.api("POST", "/api/v1/templates", {"name": "x", "disks": [{"type": 0, "path": str(image)}]})

        async def ready() -> bool:
            return bool((await self.api("GET", f"/api/v1/templates/{made['uuid']}"))["state"] == "ready")

        await self.until(ready)
        [level] = (await self.server.parts.base.repositories.templates.get(made["uuid"])).levels  # type: ignore[union-attr]  # it is there
        return level.info_hash

    async def test_first_announces_after_a_restart(self) -> None:
        """Whoever announces as soon as a port is open is answered: keys and torrents are known by then."""
        self.start_server()
        info_hash = await self.published()
        keys = [
            (
                await self.server.parts.base.repositories.terminals.touch(
                    f"02:00:00:00:01:{number:02X}", "127.0.0.1", 1, 1.0
                )
            ).tracker_key
            for number in range(40)
        ]
        await self.server.stopService()
        self.start_server()
        agent, port = Agent(reactor, pool=self.pool), self.server.listeners.http_port

        async def announce(number: int) -> bytes:
            said = query(info_hash=info_hash, peer_id=peer_id(number), port=7000 + number).decode()
            answer = await treq.get(f"http://127.0.0.1:{port}/{keys[number]}/announce?{said}", agent=agent)
            body: bytes = await answer.content()
            return body

        answers = await gatherResults([Deferred.fromCoroutine(announce(number)) for number in range(40)])
        self.assertEqual([body for body in answers if b"failure reason" in body], [])
        self.assertEqual(len(self.server.parts.swarm.tracker.peers(info_hash)), 40)

    async def test_rooms_reach_the_tracker(self) -> None:
        """A room that is made, filled by hand or removed over the API counts for whom the tracker names, at once."""
        self.start_server()
        parts, info_hash = self.server.parts, bytes(range(20))
        parts.swarm.tracker.admit(info_hash)
        keys = {}
        for mac, host in ((MAC, "127.0.1.5"), (OTHER, "127.0.2.5")):
            terminal = await parts.base.repositories.terminals.touch(mac, host, 1, 1.0)
            keys[mac] = terminal.tracker_key
            parts.base.keys.learn(terminal.tracker_key, mac)

        def seed_is_told() -> bool:
            """Whether the seed in one network is told of who downloads in the other: only in one room it is."""
            parts.swarm.tracker.announce(keys[MAC], query(info_hash=info_hash), "127.0.1.5", "127.0.0.1")
            seed = query(info_hash=info_hash, left=0, peer_id=peer_id(2))
            return bytes([127, 0, 1, 5]) in parts.swarm.tracker.announce(keys[OTHER], seed, "127.0.2.5", "127.0.0.1")

        self.assertFalse(seed_is_told())
        room = await self.api("POST", "/api/v1/rooms", {"name": "Lab", "subnets": ["127.0.0.0/16"]})
        self.assertTrue(seed_is_told())
        await self.api("PATCH", f"/api/v1/rooms/{room['id']}", {"subnets": ["127.0.1.0/24"]})
        self.assertFalse(seed_is_told())
        await self.api("PATCH", "/api/v1/terminals", {"macs": [OTHER], "room": room["id"]})
        self.assertTrue(seed_is_told())
        await self.api("PATCH", "/api/v1/terminals", {"macs": [OTHER], "room": 0})
        self.assertFalse(seed_is_told())
        await self.api("PATCH", "/api/v1/terminals", {"macs": [OTHER], "room": room["id"]})
        await self.api("DELETE", f"/api/v1/rooms/{room['id']}")
        self.assertFalse(seed_is_told())

    async def test_rooms_after_a_restart(self) -> None:
        """The rooms of before are known when the first port is open."""
        self.start_server()
        await self.api("POST", "/api/v1/rooms", {"name": "Lab", "subnets": ["127.0.0.0/16"]})
        await self.server.stopService()
        self.start_server()
        self.assertIsNotNone(self.server.parts.base.room_directory.room_of(MAC, "127.0.9.9"))

    async def test_urls(self) -> None:
        """The tracker's URL has the host by which the terminal reached us, whatever its kind."""
        self.start_server()
        port = self.server.listeners.http_port
        for host, shown in (
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("fe80::1%eth0", "[fe80::1]"),
        ):
            self.assertEqual(self.server.listeners.tracker_url(host, "k"), f"http://{shown}:{port}/k/announce")
            self.assertEqual(
                self.server.listeners.tracker_urls(host, "k"),
                [f"http://{shown}:{port}/k/announce", f"udp://{shown}:{port}/k/announce"],
            )

    async def test_udp_port_taken(self) -> None:
        """A UDP port that somebody else has costs the UDP tracker alone, and the log says so."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            port = free_port()  # of TCP
            other.bind(("127.0.0.1", port))
            with capturedLogs() as events:
                self.start_server(http=f"tcp:{port}:interface=127.0.0.1")
            said = [event for event in events if "no UDP tracker" in str(event.get("log_format"))]
            self.assertEqual([(event["port"], event["error"]) for event in said], [(port, "Address already in use")])
            self.assertEqual(
                self.server.listeners.tracker_urls("10.0.0.1", "k"), [f"http://10.0.0.1:{port}/k/announce"]
            )
            self.assertEqual((await self.api("GET", "/api/v1/swarms"))["swarms"], [])

    async def test_stopped_while_it_starts(self) -> None:
        """A stop right after the start is clean, and the next start finds everything free."""
        for _ in range(2):
            self.start_server()
            await self.server.stopService()


class PluginTests(TestCase):
    """What twistd finds."""

    def test_makers(self) -> None:
        """Options become services."""
        options = Options()
        options.parseOptions([f"--data={self.mktemp()}"])
        self.assertIsInstance(server.makeService(options), VoiService)
        terminals = terminal.Options()
        terminals.parseOptions(["--server=127.0.0.1", f"--disks={self.mktemp()}", f"--mac={MAC}", "--count=2"])
        self.assertEqual(len(list(terminal.makeService(terminals))), 2)  # type: ignore[call-overload]  # a MultiService
