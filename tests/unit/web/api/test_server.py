"""Tests of swarms, health and welcome over HTTP."""

from __future__ import annotations

import time

from twisted.internet.defer import Deferred, fail, succeed

from tests.unit.fakes import torrent_status
from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, HASH, MAC, TEMPLATE, level, upload_disk
from voi import __version__
from voi.domain.uploads import Upload
from voi.errors import StorageMissing
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.tracker.announce import Counts


class SwarmTests(ApiCase):
    """GET swarms."""

    async def test_none(self) -> None:
        """Without torrents the list is empty."""
        self.assertEqual((await self.ask("GET", "/api/v1/swarms")).json, {"swarms": [], "total": 0, "offset": 0})

    async def test_published(self) -> None:
        """A published disk's swarm tells who has it and how many copies the server sent."""
        await self.publish(level(size=1000))
        self.tracker.known[HASH] = Counts(3, 4)
        self.seeding.states[HASH] = torrent_status(uploaded=1500, downloaded=900, upload_rate=70)
        self.assertEqual(
            (await self.ask("GET", "/api/v1/swarms")).json["swarms"],
            [
                {
                    "name": f"voi_0_{DISK}",
                    "info_hash": HASH.hex(),
                    "template": TEMPLATE,
                    "size": 1000,
                    "seeds": 3,
                    "leeches": 4,
                    "state": "seeding",
                    "server_sent": 1500,
                    "server_received": 900,
                    "copies": 1.5,
                    "upload_rate": 70,
                    "download_rate": 0,
                }
            ],
        )

    async def test_upload_and_absent(self) -> None:
        """An upload's swarm is shown, and one that the session does not hold is said to be absent."""
        disk = upload_disk(DiskName(DISK, 0), mac=MAC)
        await self.uploads.begin(Upload(0, TEMPLATE, "x", 0, "", MAC, time.time(), (disk,)))
        self.assertEqual((await self.ask("GET", "/api/v1/swarms")).json["swarms"], [])
        await self.uploads.receive(disk.id, HASH, 0, 0, 0, time.time())
        swarm = (await self.ask("GET", "/api/v1/swarms")).json["swarms"][0]
        self.assertEqual((swarm["state"], swarm["size"], swarm["copies"]), ("absent", 0, 0.0))


class CheckTests(ApiCase):
    """GET health."""

    async def test_checks(self) -> None:
        """Each check says how it is and why, in a form for every language; beside them the room on the disk."""
        self.checks["database"] = lambda: ""
        self.checks["bittorrent"] = lambda: Reason("torrents_failing", count=2)
        found = (await self.ask("GET", "/api/v1/health")).json
        self.assertEqual([(x["name"], x["ok"]) for x in found["checks"]], [("database", True), ("bittorrent", False)])
        self.assertEqual(found["checks"][0]["text"], "")
        self.assertEqual(found["checks"][1]["why"], {"code": "torrents_failing", "data": {"count": 2}})
        self.assertEqual((found["disk_free"], found["disk_total"]), self.disk)


class LagTests(ApiCase):
    """GET lag."""

    async def test_lag(self) -> None:
        """The probe's counts with their bounds, and what they come to."""
        self.lag.counts[0], self.lag.counts[8], self.lag.longest = 99, 1, 0.0005
        found = (await self.ask("GET", "/api/v1/lag")).json
        self.assertEqual((found["p50"], found["p99"], found["p999"]), (0.00025, 0.00025, 0.0005))
        self.assertEqual((found["longest"], found["interval"]), (0.0005, 0.01))
        self.assertEqual((found["counts"][8], len(found["upper_bounds"])), (1, len(found["counts"])))


class HealthTests(ApiCase):
    """GET healthz and /."""

    async def test_well(self) -> None:
        """A server whose checks are content is ok, and anybody may know."""
        self.checks.update(database=lambda: succeed(""), space=lambda: "")
        answer = await self.ask("GET", "/healthz", token=None)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json, {"status": "ok", "version": __version__, "checks": {"database": "ok", "space": "ok"}}
        )

    async def test_ill(self) -> None:
        """What is wrong is a 503 that says it, check by check."""
        broken: Deferred[str] = fail(StorageMissing("the database is gone"))
        self.checks.update(database=lambda: broken, space=lambda: "only 3 GiB are free", listening=lambda: "")
        answer = await self.ask("GET", "/healthz", token=None)
        self.assertEqual((answer.status, answer.json["status"]), (503, "failing"))
        self.assertEqual(
            answer.json["checks"],
            {"database": "the database is gone", "space": "only 3 GiB are free", "listening": "ok"},
        )

    async def test_check_that_fails(self) -> None:
        """A check with a fault of its own is a 503 without details, and in the log."""
        self.checks["odd"] = lambda: str(1 / 0)
        answer = await self.ask("GET", "/healthz", token=None)
        self.assertEqual(answer.status, 503)
        self.assertNotIn("division", answer.text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_welcome(self) -> None:
        """The root says where to read on."""
        answer = await self.ask("GET", "/api/v1", token=None)
        self.assertEqual((answer.status, answer.json["openapi"]), (200, "/api/v1/openapi.json"))
