"""The server as a process: starting, refusing to start, stopping; commands; a seed terminal by hand; bad input."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import unittest
import urllib.request
from typing import Any

from tests.e2e.site import MIB, RECEIVER, UPLOADER, PlainTerminal, SiteCase
from tests.unit.wire.builders import HEADER, frame
from voi.demo.processes import LOOPBACK, ServerProcess
from voi.domain import metainfo
from voi.names import DiskName
from voi.wire import torrent_body


class StartTests(SiteCase):
    """What stands in the way of a start is one line, and the exit status says so."""

    def refused(self, server: ServerProcess) -> str:
        """Start a server that cannot; what it said."""
        server.start()
        status = server.wait()
        said = [line for line in server.log.read_text().splitlines() if line.startswith("voi: ")]
        self.assertEqual((status, len(said)), (1, 1), server.tail())
        self.assertNotIn("Traceback", server.log.read_text())
        return said[0]

    def other(self) -> ServerProcess:
        """A second server in a directory of its own."""
        return self.child(ServerProcess(self.directory / "other"))

    def test_busy_ports(self) -> None:
        """Each port that is taken is named, and nothing is left behind."""
        for option in ("terminals_port", "http_port", "bittorrent_port"):
            with socket.socket() as taken:
                taken.bind((LOOPBACK, 0))
                taken.listen()
                server = ServerProcess(self.directory / option)
                arguments = [
                    a.replace(str(getattr(server, option)), str(taken.getsockname()[1])) for a in server._arguments
                ]
                server._arguments = arguments
                said = self.refused(self.child(server))
                self.assertIn(str(taken.getsockname()[1]), said)
                self.assertIn("in use", said)

    def test_password_after_a_start_that_failed(self) -> None:
        """A first start that fails tells no password; the one that succeeds tells it, and it signs in."""
        with socket.socket() as taken:
            taken.bind((LOOPBACK, self.server.http_port))
            taken.listen()
            self.refused(self.server)
        self.assertNotIn("password", self.server.log.read_text())
        self.server.up()
        signing_in = {"name": "admin", "password": self.server.admin_password}
        self.assertEqual(self.server.call("POST", "/api/v1/session", signing_in)[0], 200)
        self.assertEqual(self.server.log.read_text().count("admin password: "), 1)

    def test_log_names_what_listens(self) -> None:
        """The log of a start and a stop says what listens where, and names nothing by its address in memory."""
        self.server.up()
        _ = self.server.admin_password  # which is told when all is open
        self.server.stop()
        text = self.server.log.read_text()
        for line in (
            f"terminals: tcp {LOOPBACK}:{self.server.terminals_port}",
            f"console: http://{LOOPBACK}:{self.server.http_port}/",
            f"tracker: udp {LOOPBACK}:{self.server.http_port}",
            f"bittorrent: tcp {LOOPBACK}:{self.server.bittorrent_port}",
        ):
            self.assertIn(f"{line}\n", text)
        self.assertNotIn("0x", text)

    def test_unwritable_directory(self) -> None:
        """A data directory that cannot be."""
        other = self.other()
        (self.directory / "file").write_text("")
        other._arguments.append(f"--data={self.directory / 'file' / 'data'}")
        self.assertIn("Not a directory", self.refused(other))

    def test_second_server(self) -> None:
        """Two servers on one directory."""
        self.server.up()
        other = self.other()
        other._arguments.append(f"--data={self.server.data}")
        self.assertIn("in use by another", self.refused(other))

    def test_newer_database(self) -> None:
        """A database that a later version wrote."""
        self.server.up()
        self.server.stop()
        with sqlite3.connect(self.server.data / "voi.sqlite") as db:
            db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('voi', 'm999', 'x')")
        self.assertIn("newer version", self.refused(self.server))

    def test_unknown_key_in_the_file(self) -> None:
        """A configuration with a key that nobody knows."""
        other = self.other()
        config = self.directory / "voi.toml"
        config.write_text('terminal = "tcp:1"\n')
        other._arguments.append(f"--config={config}")
        other.start()
        self.assertNotEqual(other.wait(), 0)
        self.assertIn("terminal", other.tail())

    def test_first_start_and_the_next(self) -> None:
        """The password is printed once, the token is its owner's alone, and a clean stop is fast and quiet."""
        self.server.up()
        self.assertEqual((self.server.data / "api-token").stat().st_mode & 0o777, 0o600)
        self.assertEqual((self.server.data / "voi.sqlite").stat().st_mode & 0o777, 0o600)
        token = self.server.token
        self.assertEqual(self.server.stop(), -signal.SIGTERM)  # twistd ends by the signal that asked it to
        self.server.up()
        self.assertEqual(self.server.log.read_text().count("admin password: "), 1)
        self.assertNotIn("/healthz", self.server.log.read_text(), "requests are not logged")
        self.assertEqual(self.server.token, token)

    def test_seeds_after_a_stop(self) -> None:
        """A published disk is seeded again after a clean stop and after `kill -9`."""
        self.server.up()
        self.import_base()
        for end in (self.server.stop, self.server.kill):
            end()
            self.server.up()
            self.wait(lambda: self.swarm()["state"] == "seeding", "the disk to be seeded")


class CommandTests(SiteCase):
    """Commands to real terminals."""

    def outcomes(self, number: int) -> dict[str, str]:
        """How a command stands at each terminal."""
        return {x["mac"]: x["state"] for x in self.server.api("GET", f"commands/{number}")["outcomes"]}

    def test_each_terminal_has_an_outcome(self) -> None:
        """Who is there answers; who is off fails a restart, and gets the watermark at its next login."""
        self.server.up()
        marker = self.directory / "restarted"
        config = self.directory / "terminal.toml"
        config.write_text(f'[commands]\nrestart = ["touch", "{marker}"]\n')
        receivers = self.receivers(1, f"--config={config}")
        gone = PlainTerminal(self.server, UPLOADER)
        gone.log_in()
        gone.close()
        self.wait(lambda: not self.terminal(UPLOADER)["online"], "the other one to be off")
        restart = self.server.api("POST", "commands", {"command": "restart", "macs": "all"})["batch_no"]
        both = {RECEIVER: "done", UPLOADER: "failed"}
        self.wait(lambda: self.outcomes(restart) == both, "an outcome for each")
        self.wait(marker.exists, "the terminal's own command")
        mark = {"command": "watermark", "macs": [UPLOADER], "switch": 1}
        number = self.server.api("POST", "commands", mark)["batch_no"]
        self.assertEqual(self.outcomes(number), {UPLOADER: "waiting"})
        back = PlainTerminal(self.server, UPLOADER)
        back.log_in()
        command = back.receive()
        self.assertEqual((command.service_code, json.loads(command.data)["switch"]), (1022, 1))
        back.answer(command)
        self.wait(lambda: self.outcomes(number) == {UPLOADER: "done"}, "the watermark")
        back.close()
        self.assertTrue(receivers.running)

    def test_cancel(self) -> None:
        """A cancelled rollout stops at the terminal, and stays cancelled when that comes back."""
        self.server._arguments.append(f"--upload-limit={4 * MIB}")
        self.server.up()
        self.import_base(64)
        receivers = self.receivers()
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.rollout(number)["targets"][0]["progress"] > 0.1, "a beginning")
        self.assertEqual(self.server.call("DELETE", f"/api/v1/rollouts/{number}")[0] // 100, 2)
        self.assertEqual(self.rollout(number)["state"], "cancelled")
        self.wait(lambda: self.swarm()["leeches"] == 0, "the terminal to leave the swarm")
        receivers.stop()
        receivers.start()
        self.wait(lambda: self.terminal(RECEIVER)["online"], "the terminal")
        self.assertEqual(self.rollout(number)["targets"][0]["state"], "cancelled")
        self.assertEqual(self.swarm()["leeches"], 0)


class SeedTerminalTests(SiteCase):
    """A terminal of the seed's dialect: no token, no heartbeats, the names of its own document."""

    def setUp(self) -> None:
        """A server with a seed terminal that has logged in."""
        super().setUp()
        self.server.up()
        self.plain = PlainTerminal(self.server, "02-00-00-00-0a-01")
        self.addCleanup(self.plain.close)
        self.assertEqual(len(self.plain.log_in()["data"]["token"]), 32)

    def admin(self) -> None:
        """The administrator logs in at the terminal, with the password's MD5."""
        digest = hashlib.md5(self.server.admin_password.encode()).hexdigest()
        body = {"mac": self.plain.mac, "username": "admin", "password": digest}
        self.assertEqual(self.plain.ask(9008, body)["code"], 0)

    def test_questions(self) -> None:
        """Date, boot disk, tracker, order query, and what nobody knows."""
        self.assertRegex(self.plain.ask(9003)["data"]["datetime"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        self.assertEqual(self.plain.ask(9010, {"mac": self.plain.mac})["data"], {"batch_no": 0, "terminal_id": -1})
        self.assertEqual(self.plain.ask(9012, {"boot_disk": str(self.base)})["code"], 60024)
        self.assertEqual(self.plain.ask(9027, {"torrent_name": str(self.base)})["code"], 60033)
        self.assertEqual(self.plain.ask(9020, {})["code"], 20724)
        self.assertEqual(self.plain.ask(4711)["code"], -1)
        self.import_base()
        found = self.plain.ask(9012, {"boot_disk": str(self.base)})["data"]
        self.assertEqual((found["name"], found["uuid"], found["desktop_group_name"]), ("Lab", self.template, "Lab"))
        http, udp = self.plain.ask(9019, {"mac": self.plain.mac})["data"]["tracker"]
        self.assertRegex(http, rf"^http://127\.0\.0\.1:{self.server.http_port}/[0-9a-f]{{32}}/announce$")
        self.assertEqual(udp, http.replace("http:", "udp:"))
        self.assertEqual(self.terminal("02:00:00:00:0A:01")["boot_disk"], str(self.base))

    def test_administrator(self) -> None:
        """A wrong password is 60022, and after some of them even the right one has to wait; plain works too."""
        body = {"username": "admin", "password": "wrong"}
        plain = {"user_name": "admin", "password": self.server.admin_password}
        self.assertEqual(self.plain.ask(9008, plain)["code"], 0)
        for _ in range(5):
            self.assertEqual(self.plain.ask(9008, body)["code"], 60022)
        answer = self.plain.ask(9008, plain)
        self.assertEqual(answer["code"], 60022)
        self.assertIn("wait", answer["msg"])

    def question(self, disk: DiskName) -> dict[str, object]:
        """A 9018."""
        disks = [{"uuid": disk.uuid, "type": 0, "prefix": "voi", "diff_level": disk.level, "real_size": 2048}]
        return {"uuid": self.template, "sys_type": 1, "name": "By hand", "desc": "", "disks": disks}

    def test_no_upload_without_an_administrator(self) -> None:
        """9018 answers 0, 9014 is refused, and nothing is fetched."""
        self.assertEqual(self.plain.ask(9018, self.question(self.base))["data"]["can_update"], 0)
        torrent = metainfo.build(self.base, MIB, 65536, bytes(20 * 16), None)
        body = torrent_body.TorrentBody(torrent, self.base.uuid, 0, real_size=2048)
        self.assertEqual(self.plain.ask(9014, torrent_body.encode_upload(body))["code"], 60028)
        self.assertEqual(list((self.server.data / "incoming").iterdir()), [])

    def test_hostile_torrents(self) -> None:
        """Two files, a path, too many pieces, no torrent at all: each has its code, and the server goes on."""
        self.admin()
        self.assertEqual(self.plain.ask(9018, self.question(self.base))["data"]["can_update"], 1)

        def upload(torrent: bytes) -> int:
            body = torrent_body.TorrentBody(torrent, self.base.uuid, 0, real_size=2048)
            code: int = self.plain.ask(9014, torrent_body.encode_upload(body))["code"]
            return code

        good = metainfo.build(self.base, MIB, 65536, bytes(20 * 16), None)
        name = b"42:" + str(self.base).encode()
        self.assertIn(name, good)
        two = good.replace(b"6:lengthi1048576e", b"5:filesld6:lengthi1e4:pathl1:aeed6:lengthi1e4:pathl1:beee")
        self.assertEqual(upload(two), 60028)
        self.assertEqual(upload(good.replace(name, b"42:" + b"../" * 13 + b"etc")), 60028)
        huge = metainfo.build(self.base, MIB, 65536, bytes(20 * 16), None).replace(b"i1048576e", b"i99999999999999e")
        self.assertEqual(upload(huge), 60028)
        self.assertEqual(upload(b"d4:infod6:pieces1099511627776:xee"), 60023)
        self.assertEqual(upload(b"\x00" * 100), 60023)
        self.assertEqual(self.plain.ask(9014, b"x" * 50)["code"], 88888)
        self.assertEqual(self.plain.ask(9014, b"d4:name5:helloe")["code"] in (60023, 60028), True)
        self.assertEqual(self.plain.ask(9000, {"mac": self.plain.mac})["code"], 0)
        self.assertEqual(list((self.server.data / "incoming").iterdir()), [])

    def test_refused_at_the_request(self) -> None:
        """A torrent that is refused after a 1020 says why at the upload that was asked for, in any form."""
        self.assertEqual(self.plain.ask(9011, self.question(self.base))["code"], 0)
        asked = self.server.api("POST", "uploads", {"mac": "02:00:00:00:0A:01", "template": self.template})
        command = self.plain.receive()
        self.assertEqual(command.service_code, 1020)
        self.plain.answer(command)

        def refused(body: Any) -> str:
            self.assertNotEqual(self.plain.ask(9014, body)["code"], 0)
            (disk,) = self.server.api("GET", f"uploads/{asked['id']}")["disks"]
            self.assertEqual(disk["state"], "requested")
            return str(disk["why"]["code"])

        good = metainfo.build(self.base, MIB, 65536, bytes(20 * 16), None)
        bad = good.replace(b"7:privatei1e", b"7:privatei7e")
        body = torrent_body.TorrentBody(bad, self.base.uuid, 0, real_size=2048)
        self.assertEqual(refused(torrent_body.encode_upload(body)), "torrent_private")
        self.assertEqual(refused(torrent_body.encode_upload(body)[:-1]), "body_lengths")
        json_form = {"uuid": self.base.uuid, "dif_level": 0, "data_len": 1, "data": base64.b64encode(bad).decode()}
        self.assertEqual(refused(json_form), "data_length")
        self.assertEqual(refused({**json_form, "data_len": len(bad)}), "torrent_private")

    def test_task(self) -> None:
        """A rollout to it: 1015 below a mebibyte, its own tracker key inside; its report ends the rollout."""
        self.import_base()
        number = self.roll_out(["02:00:00:00:0A:01"])
        command = self.plain.receive()
        self.assertEqual((command.service_code, command.direction), (1015, 1))
        self.assertLess(len(command.data) + len(command.token), 1 << 20)
        body = torrent_body.parse(command.data)
        url, _udp = self.plain.ask(9019)["data"]["tracker"]
        self.assertEqual(metainfo.parse(body.torrent, self.base).announce, url)
        reply = {"code": 0, "msg": "Success", "data": {"mac": self.plain.mac, "batch_no": body.task_uuid}}
        self.plain.send(frame(1015, reply, number=0, direction=2))
        self.wait(lambda: self.rollout(number)["targets"][0]["state"] == "downloading", "the answer")
        state = {"mac": self.plain.mac, "torrent_name": str(self.base), "progress": 50, "state": "downloading"}
        self.assertEqual(self.plain.ask(9025, {**state, "download_rate": "1000"})["code"], 0)
        self.assertEqual(self.rollout(number)["targets"][0]["progress"], 0.5)
        result = {"mac": self.plain.mac, "ip": "127.0.0.1", "disk": str(self.base), "result": 1}
        self.assertEqual(self.plain.ask(9015, result)["code"], 0)
        self.done(number)

    def test_second_login(self) -> None:
        """The newer connection of a MAC replaces the older one."""
        other = PlainTerminal(self.server, self.plain.mac)
        self.addCleanup(other.close)
        other.log_in()
        self.assertTrue(self.plain.closed())
        self.assertTrue(self.terminal("02:00:00:00:0A:01")["online"])

    def test_clean_close(self) -> None:
        """Offline at once."""
        self.plain.close()
        self.wait(lambda: not self.terminal("02:00:00:00:0A:01")["online"], "it to be offline", 5)


class HostileTests(SiteCase):
    """Whatever is sent to the ports, a normal terminal is served."""

    def test_frames(self) -> None:
        """Random bytes and random frames: closed connections and codes, nothing else; one log line for each end."""
        self.server.up()
        normal = PlainTerminal(self.server, RECEIVER)
        normal.log_in()
        dice = random.Random(4)
        for index in range(100):
            client = PlainTerminal(self.server, UPLOADER)
            if index % 2:
                client.log_in()
            if index % 3:
                client.send(dice.randbytes(dice.randrange(1, 3000)))
            else:
                header = HEADER.pack(1, 0, 9014, 1, (16 << 20) + 1, 0, 0, 1, 1, 0, 0)
                client.send(header)
                self.assertTrue(client.closed())
            client.close()
        self.assertEqual(normal.ask(9000, {"mac": RECEIVER})["code"], 0)
        normal.close()
        self.assertNotIn("Traceback", self.server.log.read_text())

    def test_requests(self) -> None:
        """Strange HTTP requests are answered or closed, and the API goes on."""
        self.server.up()
        for request in (
            b"GET /x/announce?info_hash=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\r\n",
            b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
            b"BREW / HTCPCP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        ):
            with socket.create_connection((LOOPBACK, self.server.http_port), timeout=10) as client:
                try:
                    client.sendall(request)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except OSError:  # hung up on, maybe before all of it was sent
                    pass
        self.assertEqual(self.server.call("GET", "/healthz")[0], 200)
        self.assertNotIn("Traceback", self.server.log.read_text())


class ForeignClientTests(SiteCase):
    """A client that nobody here wrote, given a torrent of the server's and a terminal's tracker key."""

    def test_aria2c(self) -> None:
        """aria2c completes a published disk."""
        if shutil.which("aria2c") is None:
            raise unittest.SkipTest("aria2c is not installed")
        self.server.up()
        self.import_base()
        plain = PlainTerminal(self.server, RECEIVER)
        plain.log_in()
        url, _udp = plain.ask(9019)["data"]["tracker"]
        (stored,) = (self.server.data / "torrents").glob("*.torrent")
        torrent = self.directory / "disk.torrent"
        torrent.write_bytes(metainfo.with_announce(stored.read_bytes(), url))
        place = self.directory / "aria2"
        command = ["aria2c", f"--dir={place}", "--seed-time=0", "--enable-dht=false", "--bt-enable-lpd=false"]
        command += ["--enable-peer-exchange=false", "--no-conf", str(torrent)]
        subprocess.run(command, check=True, capture_output=True, timeout=90)
        self.assert_equal_copies(place)
        plain.close()

    def test_unknown_key(self) -> None:
        """An announce with a key that names no terminal is a bencoded failure."""
        self.server.up()
        url = f"{self.server.url}/{'0' * 32}/announce?info_hash={'a' * 20}&peer_id={'b' * 20}&port=1&left=0"
        with urllib.request.urlopen(url) as answer:
            self.assertTrue(answer.read().startswith(b"d14:failure reason"))
