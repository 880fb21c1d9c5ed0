"""No change without its entry in the audit log, and no entry without its change: every route, on a whole server."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import treq
from sqlite_utils import Database
from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from tests.unit.store.base import store_of
from voi.app import start as startup
from voi.app.service import VoiService
from voi.config import Config
from voi.demo.image import write_image
from voi.demo.processes import free_port
from voi.domain.templates import PublishedLevel, Template
from voi.names import DiskName
from voi.store.interfaces.audit import AuditFilter
from voi.store.templates import publish_level
from voi.terminals import wake

PASSWORD: Final = "correct horse battery"
BUSY: Final = "SELECT count(*) FROM upload_disks WHERE state NOT IN ('requested', 'published', 'failed')"
REFUSING: Final = "CREATE TRIGGER no_entry BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"


@dataclass
class Sent:
    """A request that goes well."""

    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class AuditedRouteTests(TestCase):
    """Each route that changes something, as it is put together for real."""

    timeout = 120

    def setUp(self) -> None:
        """A server on free ports, with nothing in it; nobody is woken for real."""
        self.path = Path(self.mktemp()).absolute()
        self.path.mkdir()
        self.patch(startup, "tell", lambda _text: None)
        self.patch(wake, "send", lambda macs, _addresses: len(macs))
        config = Config(
            data=str(self.path / "data"),
            terminals="tcp:0:interface=127.0.0.1",
            http="tcp:0:interface=127.0.0.1",
            bittorrent=f"127.0.0.1:{free_port()}",
        )
        self.server = VoiService(config, reactor)
        self.server.startService()
        self.addCleanup(self.server.stopService)
        self.agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        self.token = (self.path / "data" / "api-token").read_text().strip()
        self.macs = 0
        self.good: dict[tuple[str, str], Callable[[], Awaitable[Sent]]] = {
            ("POST", "/session"): self.signing_in,
            ("DELETE", "/session"): self.signing_out,
            ("PUT", "/session/password"): self.changing_password,
            ("POST", "/accounts"): self.account,
            ("PATCH", "/accounts/{name}"): self.changed_account,
            ("DELETE", "/accounts/{name}"): self.of_account,
            ("POST", "/tokens"): self.new_token,
            ("DELETE", "/tokens/{number}"): self.of_token,
            ("PATCH", "/settings"): self.settings,
            ("POST", "/rooms"): self.room,
            ("PATCH", "/rooms/{room_id}"): self.changed_room,
            ("DELETE", "/rooms/{room_id}"): self.of_room,
            ("PATCH", "/terminals"): self.renamed,
            ("POST", "/terminals/forget"): lambda: self.terminals("forget"),
            ("POST", "/terminals/wake"): lambda: self.terminals("wake"),
            ("POST", "/commands"): self.command,
            ("POST", "/templates"): self.imported,
            ("PATCH", "/templates/{uuid}"): self.changed_template,
            ("POST", "/templates/{uuid}/check"): self.checked_template,
            ("POST", "/uploads"): self.upload,
            ("DELETE", "/uploads/{upload_id}"): self.of_upload,
            ("POST", "/uploads/{upload_id}/retry"): lambda: self.failed_upload("retry"),
            ("POST", "/uploads/{upload_id}/dismiss"): lambda: self.failed_upload("dismiss"),
            ("POST", "/rollouts"): self.rollout,
            ("DELETE", "/orphans"): self.orphan,
            ("DELETE", "/rollouts/{rollout_id}"): self.of_rollout,
            ("POST", "/rollouts/{rollout_id}/cancel"): self.taken_out,
            ("POST", "/rollouts/{rollout_id}/retry"): self.retried,
        }

    silent: Mapping[tuple[str, str], str] = {
        ("POST", "/rollouts/preview"): "a question whose answer needs a body: nothing is changed",
    }
    outside: Mapping[tuple[str, str], str] = {
        ("POST", "/terminals/wake"): "packets are no rows: what was sent was sent, and is noted after that",
    }

    # Requests that go well, each with what it needs before.

    async def ask(self, method: str, sent: Sent) -> tuple[int, Any, str]:
        """A request; status, body, and the cookie that it gave."""
        given = {} if "cookie" in sent.headers else {"authorization": f"Bearer {self.token}"}
        headers = Headers({name: [value] for name, value in {**given, **sent.headers}.items()})
        url = f"http://127.0.0.1:{self.server.listeners.http_port}/api/v1{sent.path}"
        data = None if sent.body is None else json.dumps(sent.body).encode()
        answer = await treq.request(method, url, headers=headers, data=data, agent=self.agent)
        cookie = answer.headers.getRawHeaders("set-cookie", [""])[0].partition(";")[0]
        return answer.code, json.loads(await treq.content(answer)), cookie

    async def done(self, method: str, sent: Sent) -> Any:
        """The answer to a request that goes well."""
        status, body, _ = await self.ask(method, sent)
        self.assertLess(status, 300, body)
        return body

    async def orphan(self) -> Sent:
        """A file that no row names."""
        path = self.path / "data" / "torrents" / f"{uuid.uuid4().hex}00000000.torrent"
        path.write_bytes(b"torrent")
        os.utime(path, (1, 1))
        return Sent("/orphans")

    async def account(self) -> Sent:
        """A new one, with a name of its own."""
        name = f"li{uuid.uuid4().hex[:8]}"
        return Sent("/accounts", {"name": name, "password": PASSWORD, "role": "operator"})

    async def made_account(self) -> str:
        """The name of an account."""
        return str((await self.done("POST", await self.account()))["name"])

    async def signing_in(self) -> Sent:
        """Somebody's."""
        return Sent("/session", {"name": await self.made_account(), "password": PASSWORD})

    async def signed_in(self) -> Mapping[str, str]:
        """What a browser shows."""
        _, session, cookie = await self.ask("POST", await self.signing_in())
        return {"cookie": cookie, "x-csrf-token": session["csrf"]}

    async def signing_out(self) -> Sent:
        """Of a browser."""
        return Sent("/session", headers=await self.signed_in())

    async def changing_password(self) -> Sent:
        """Their own."""
        return Sent("/session/password", {"old": PASSWORD, "new": PASSWORD[::-1]}, await self.signed_in())

    async def changed_account(self) -> Sent:
        """Role and password together."""
        body = {"role": "administrator", "password": PASSWORD[::-1]}
        return Sent(f"/accounts/{await self.made_account()}", body)

    async def of_account(self) -> Sent:
        """An account's own path."""
        return Sent(f"/accounts/{await self.made_account()}")

    async def new_token(self) -> Sent:
        """For a program."""
        return Sent("/tokens", {"name": f"backup{uuid.uuid4().hex[:8]}"})

    async def of_token(self) -> Sent:
        """A token's own path."""
        made = await self.done("POST", await self.new_token())
        return Sent(f"/tokens/{made['id']}")

    async def settings(self) -> Sent:
        """What can be set."""
        return Sent("/settings", {"retention_days": 99})

    async def room(self) -> Sent:
        """A new one."""
        return Sent("/rooms", {"name": uuid.uuid4().hex[:8], "subnets": []})

    async def changed_room(self) -> Sent:
        """Another name."""
        return Sent((await self.of_room()).path, {"name": uuid.uuid4().hex[:8]})

    async def of_room(self) -> Sent:
        """A room's own path."""
        made = await self.done("POST", await self.room())
        return Sent(f"/rooms/{made['id']}")

    async def terminal(self) -> str:
        """A terminal that was here once."""
        self.macs += 1
        mac = f"02:00:00:00:00:{self.macs:02X}"
        await self.server.parts.base.repositories.terminals.touch(mac, "192.0.2.7", 2, 1_700_000_000.0)
        return mac

    async def renamed(self) -> Sent:
        """Name and room together."""
        room = await self.done("POST", await self.room())
        return Sent("/terminals", {"macs": [await self.terminal()], "name": "PC 7", "room": room["id"]})

    async def terminals(self, what: str) -> Sent:
        """Something done with a terminal."""
        return Sent(f"/terminals/{what}", {"macs": [await self.terminal()]})

    async def command(self) -> Sent:
        """For one that is off."""
        return Sent("/commands", {"command": "watermark", "switch": 1, "macs": [await self.terminal()]})

    async def imported(self) -> Sent:
        """An image of its own."""
        path = self.path / f"{uuid.uuid4()}.qcow2"
        write_image(path, 1 << 20, data_bytes=64 << 10, seed=1)
        return Sent("/templates", {"name": "Lab", "disks": [{"type": 0, "path": str(path)}]})

    async def template(self) -> str:
        """A template with one level, of which there are no files."""
        name = DiskName(str(uuid.uuid4()), 0)
        level = PublishedLevel(str(uuid.uuid4()), name, 0, 0, uuid.uuid4().bytes + b"abcd", 1000, 4096, 8, 1.0, None)

        def job(db: Database) -> Template:
            return publish_level(db, level, name="Classroom", sys_type=3, desc="")

        return (await store_of(self.server.parts.base.database).write(job)).uuid

    async def changed_template(self) -> Sent:
        """All that can be changed of it."""
        body = {"name": "Lab", "desc": "for CAD", "auto_update": True}
        return Sent(f"/templates/{await self.template()}", body)

    async def checked_template(self) -> Sent:
        """Its files."""
        return Sent(f"/templates/{await self.template()}/check")

    async def upload(self) -> Sent:
        """A new disk from a terminal that is off."""
        body = {
            "mac": await self.terminal(),
            "template": {"name": "Lab"},
            "disks": [str(DiskName(str(uuid.uuid4()), 0))],
        }
        return Sent("/uploads", body)

    async def of_upload(self) -> Sent:
        """An open upload's own path."""
        made = await self.done("POST", await self.upload())
        return Sent(f"/uploads/{made['id']}")

    async def failed_upload(self, what: str) -> Sent:
        """Something done with one that was cancelled."""
        sent = await self.of_upload()
        await self.done("DELETE", sent)
        return Sent(f"{sent.path}/{what}")

    async def rollout(self) -> Sent:
        """To a terminal that is off."""
        return Sent("/rollouts", {"template": await self.template(), "macs": [await self.terminal()]})

    async def of_rollout(self) -> Sent:
        """A rollout's own path."""
        made = await self.done("POST", await self.rollout())
        return Sent(f"/rollouts/{made['id']}")

    async def taken_out(self) -> Sent:
        """Its only terminal."""
        sent = await self.rollout()
        made = await self.done("POST", sent)
        return Sent(f"/rollouts/{made['id']}/cancel", {"macs": sent.body["macs"]})

    async def retried(self) -> Sent:
        """One whose terminal failed."""
        sent = await self.rollout()
        made = await self.done("POST", sent)
        rollouts, (mac,) = self.server.parts.base.repositories.rollouts, sent.body["macs"]
        work = await rollouts.plan(made["id"], mac, 2.0)
        assert work is not None
        await rollouts.failed(work.tasks[0], "no space left", 6, None, 3.0)
        return Sent(f"/rollouts/{made['id']}/retry")

    # What is looked at.

    async def settle(self) -> None:
        """Wait until nothing is under way: each pass goes through the store's threads."""
        parts = self.server.parts
        while True:
            for _ in range(12):
                await store_of(parts.base.database).write(lambda _db: None)
                await store_of(parts.base.database).read(lambda _db: None)
            if not await store_of(parts.base.database).read(lambda db: db.execute(BUSY).fetchone()[0]):
                return

    async def everything(self) -> list[str]:
        """All that is in the database."""
        await self.settle()
        return await store_of(self.server.parts.base.database).read(lambda db: list(db.conn.iterdump()))

    async def kinds(self) -> list[str]:
        """The kinds of all entries, newest first."""
        return [
            entry.kind for entry in await self.server.parts.base.repositories.audit_entries.find(AuditFilter(), 999)
        ]

    async def test_the_table_is_whole(self) -> None:
        """Every route that changes something is tried below, or says why not."""
        await self.server._starting
        changing = {
            (route.method, route.template.removeprefix("/api/v1"))
            for route in self.server.parts.web.api.routes
            if route.changes
        }
        self.assertEqual(changing, self.good.keys() | self.silent.keys())

    async def test_every_change_leaves_an_entry(self) -> None:
        """Whatever an administrator changes, who it was and what they did is in the audit log when it is answered."""
        await self.server._starting
        for (method, path), prepare in self.good.items():
            sent = await prepare()
            await self.settle()
            before = len(await self.kinds())
            await self.done(method, sent)
            self.assertGreater(len(await self.kinds()), before, f"{method} {path}")
            await self.settle()

    async def test_no_change_without_its_entry(self) -> None:
        """Where the entry cannot be written nothing is changed, and whoever asked is told so."""
        await self.server._starting
        store = store_of(self.server.parts.base.database)
        for (method, path), prepare in self.good.items():
            if (method, path) in self.outside:
                continue
            sent = await prepare()
            before = await self.everything()
            await store.write(lambda db: db.execute(REFUSING))
            status, body, _ = await self.ask(method, sent)
            await store.write(lambda db: db.execute("DROP TRIGGER no_entry"))
            self.assertGreaterEqual(status, 500, f"{method} {path}")
            self.assertIn("the disk is full", body["error"]["message"])
            self.assertEqual(await self.everything(), before, f"{method} {path}")
            await self.done(method, sent)
            await self.settle()
