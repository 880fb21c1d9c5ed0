"""Tests of terminals and commands over HTTP."""

from __future__ import annotations

from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import DISK, HASH, MAC, OTHER, TEMPLATE, level
from voi.domain.command_outcomes import CommandResult
from voi.domain.terminals import ReportedLevel
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.web.api.schemas.rooms import subnets_of
from voi.wire.codes import Code


class TerminalTests(ApiCase):
    """GET terminals."""

    async def test_none(self) -> None:
        """Without terminals the list is empty."""
        self.assertEqual((await self.ask("GET", "/api/v1/terminals")).json, {"terminals": [], "total": 0, "offset": 0})

    async def test_terminal(self) -> None:
        """A terminal is shown with its disks, those that only it has among them."""
        await self.terminal(
            disks=[
                ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 8, 0),
                ReportedLevel(TEMPLATE, DiskName(DISK, 1), 0, 8, None),
            ]
        )
        await self.terminals.set_boot_disk(MAC, "voi_0_x", None, 1.0)
        await self.publish(level())
        self.registry.there.add(MAC)
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual(answer.status, 200)
        disk = {"uuid": DISK, "type": 0, "template": TEMPLATE, "template_name": "Classroom"}
        self.assertEqual(
            answer.json,
            {
                "mac": MAC,
                "name": "",
                "ip": "192.0.2.7",
                "room": None,
                "online": True,
                "online_since": "2023-11-14T22:15:00Z",
                "client_type": 2,
                "boot_disk": "voi_0_x",
                "template": TEMPLATE,
                "version": 1,
                "running": None,
                "newest": 1,
                "state": "current",
                "progress": 1.0,
                "rollout": None,
                "reason": "",
                "why": None,
                "disks": [
                    {
                        **disk,
                        "level": 0,
                        "name": f"voi_0_{DISK}",
                        "operate_id": 0,
                        "published": True,
                        "confirmed": True,
                    },
                    {
                        **disk,
                        "level": 1,
                        "name": f"voi_1_{DISK}",
                        "operate_id": None,
                        "published": False,
                        "confirmed": True,
                    },
                ],
                "first_seen": "2023-11-14T22:13:20Z",
                "last_seen": "2023-11-14T22:13:20Z",
            },
        )
        listed = (await self.ask("GET", "/api/v1/terminals")).json
        self.assertEqual(listed, {"terminals": [answer.json], "total": 1, "offset": 0})
        short = (await self.ask("GET", "/api/v1/terminals?disks=0")).json["terminals"]
        self.assertEqual(short, [{**answer.json, "disks": []}])

    async def test_spellings(self) -> None:
        """A MAC is found in any spelling; an offline terminal is shown as such."""
        await self.terminal()
        for text in (MAC, MAC.lower(), MAC.replace(":", "-"), MAC.replace(":", "")):
            answer = await self.ask("GET", f"/api/v1/terminals/{text}")
            self.assertEqual((answer.json["mac"], answer.json["online"]), (MAC, False))

    async def test_unknown(self) -> None:
        """A MAC that never logged in is 404 with its own code."""
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual((answer.status, answer.code), (404, "unknown_terminal"))

    async def test_text_is_data(self) -> None:
        """What a terminal writes comes back as the text that it is."""
        text = '<script>alert("1")</script>\x1b[31m 教室'
        await self.terminal()
        await self.terminals.set_boot_disk(MAC, text, None, 1.0)
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual(answer.json["boot_disk"], text)
        self.assertNotIn("\x1b", answer.text)


class HistoryTests(ApiCase):
    """GET terminals/{mac}/history."""

    async def test_history(self) -> None:
        """Rollouts with what became of each, and when it was online, newest first."""
        await self.publish(level())
        await self.terminal()
        await self.terminals.seen(MAC, 1_700_000_060.0)
        await self.terminals.touch(MAC, "192.0.2.7", 2, 1_700_000_120.0)
        first = await self.rollouts.begin(TEMPLATE, [MAC], 1_700_000_130.0)
        await self.rollouts.cancel(first.id, 1_700_000_140.0)
        second = await self.rollouts.begin(TEMPLATE, [MAC], 1_700_000_150.0)
        work = await self.rollouts.plan(second.id, MAC, 1_700_000_151.0)
        assert work is not None
        held = ReportedLevel(TEMPLATE, DiskName(DISK, 0), operate_id=0)
        await self.rollouts.done(work.tasks[0], held, 1_700_000_160.0)
        found = (await self.ask("GET", f"/api/v1/terminals/{MAC}/history")).json
        self.assertEqual(
            [(x["rollout"], x["name"], x["version"], x["state"], x["updated"]) for x in found["rollouts"]],
            [
                (second.id, "Classroom", 1, "done", "2023-11-14T22:16:00Z"),
                (first.id, "Classroom", 1, "cancelled", "2023-11-14T22:15:40Z"),
            ],
        )
        self.assertEqual(found["rollouts"][1]["why"], {"code": "cancelled", "data": {}})
        self.assertEqual(
            found["online"],
            [
                {"since": "2023-11-14T22:15:20Z", "until": None},
                {"since": "2023-11-14T22:13:20Z", "until": "2023-11-14T22:14:20Z"},
            ],
        )

    async def test_unknown(self) -> None:
        """Of a terminal that never logged in there is none."""
        self.assertEqual((await self.ask("GET", f"/api/v1/terminals/{MAC}/history")).code, "unknown_terminal")


class ListTests(ApiCase):
    """The list of terminals: chosen, in order, a page of it."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        """Four terminals: PC 2 and PC 10 in the lab, one without a name, one of another network."""
        await super().setUp()
        for number, (name, ip) in enumerate(
            (("PC 10", "10.0.1.9"), ("PC 2", "10.0.1.10"), ("", "10.0.1.2"), ("x", ""))
        ):
            mac = f"02:00:00:00:00:{number + 1:02}"
            await self.terminals.touch(mac, ip or "2001:db8::1", 2, 1_700_000_000.0 + number)
            await self.rooms.rename(mac, name)
        self.lab = await self.rooms.add("Lab", subnets_of(["10.0.1.0/28"]), 1.0)
        self.registry.there.update((MAC, OTHER))

    async def macs(self, query: str = "") -> list[int]:
        """The last digits of those that come."""
        answer = await self.ask("GET", f"/api/v1/terminals{query}")
        self.assertEqual(answer.status, 200, answer.text)
        return [int(terminal["mac"][-2:]) for terminal in answer.json["terminals"]]

    async def test_order(self) -> None:
        """By each column, both ways; numbers within names count as numbers, those without a name come last."""
        for column, expected in (
            ("mac", [1, 2, 3, 4]),
            ("-mac", [4, 3, 2, 1]),
            ("name", [2, 1, 4, 3]),
            ("-name", [4, 1, 2, 3]),
            ("ip", [3, 1, 2, 4]),
            ("last_seen", [1, 2, 3, 4]),
            ("-last_seen", [4, 3, 2, 1]),
            ("room", [1, 2, 3, 4]),
            ("state", [1, 2, 3, 4]),
            ("-state", [3, 4, 1, 2]),
            ("version", [1, 2, 3, 4]),
        ):
            self.assertEqual(await self.macs(f"?sort={column}"), expected, column)

    async def test_chosen(self) -> None:
        """By a part of name, MAC or address, by room, state, template, and whether it is online."""
        for query, expected in (
            ("?q=pc", [1, 2]),
            ("?q=%20PC%202%20", [2]),
            ("?q=0.1.1", [2]),
            ("?q=00-03", [3]),
            ("?q=nothing", []),
            (f"?room={self.lab.id}", [1, 2, 3]),
            ("?room=0", [4]),
            ("?room=999", []),
            ("?online=1", [1, 2]),
            ("?online=false", [3, 4]),
            ("?state=unreported", [1, 2]),
            ("?state=offline", [3, 4]),
            ("?state=failed", []),
            (f"?image={TEMPLATE}", []),
            (f"?q=10.0&room={self.lab.id}&online=0", [3]),
        ):
            self.assertEqual(await self.macs(query), expected, query)

    async def test_template(self) -> None:
        """A template's terminals are those that have any of it."""
        await self.publish(level())
        await self.terminals.add_level(MAC, ReportedLevel(TEMPLATE, DiskName(DISK, 0), operate_id=0))
        self.assertEqual(await self.macs(f"?image={TEMPLATE.upper()}"), [1])
        self.assertEqual(await self.macs("?state=current"), [1])

    async def test_version(self) -> None:
        """By the version of the template that they boot, online or not: a number, the newest, an older one, and 0 for
        one that is not known; as many as the template's page counts.
        """
        await self.publish(level(), level(1, info_hash=HASH[::-1]))
        held = {1: (0, 1), 2: (0,), 3: (1,)}
        for number, levels in held.items():
            for one in levels:
                mac = f"02:00:00:00:00:{number:02}"
                await self.terminals.add_level(mac, ReportedLevel(TEMPLATE, DiskName(DISK, one), operate_id=one))
        for version, expected in (("newest", [1]), ("older", [2]), ("2", [1]), ("1", [2]), ("0", [3]), ("7", [])):
            for image in ("", f"&image={TEMPLATE}"):
                self.assertEqual(await self.macs(f"?version={version}{image}"), expected, version)
        self.assertEqual(await self.macs(f"?version=newest&image={DISK}"), [])
        view = (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")).json
        counts = [view[f"terminals_{name}"] for name in ("current", "outdated", "incomplete", "unknown")]
        self.assertEqual(counts, [1, 1, 1, 0])

    async def test_version_that_is_not_known(self) -> None:
        """One that logged in and has not said what it has is neither up to date nor outdated; it is counted, found and
        sorted as one of which nothing is known.
        """
        await self.publish(level(), level(1, info_hash=HASH[::-1]))
        for number in (1, 2):
            mac = f"02:00:00:00:00:{number:02}"
            for one in (0, 1):
                await self.terminals.add_level(mac, ReportedLevel(TEMPLATE, DiskName(DISK, one), operate_id=one))
            self.registry.there.add(mac)
        await self.terminals.touch("02:00:00:00:00:01", "192.0.2.7", 2, 9.0)
        self.assertEqual(await self.macs("?version=unknown"), [1])
        self.assertEqual(await self.macs("?state=unknown"), [1])
        self.assertEqual(await self.macs("?version=newest"), [2])
        self.assertEqual(await self.macs("?version=0"), [])
        self.assertEqual((await self.macs("?sort=version"))[0], 2)
        one = (await self.ask("GET", "/api/v1/terminals/02:00:00:00:00:01")).json
        self.assertEqual((one["version"], one["state"], one["progress"]), (None, "unknown", None))
        self.assertEqual([disk["confirmed"] for disk in one["disks"]], [False, False])
        view = (await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")).json
        counts = [view[f"terminals_{name}"] for name in ("current", "outdated", "incomplete", "unknown")]
        self.assertEqual(counts, [1, 0, 0, 1])
        totals = (await self.ask("GET", "/api/v1/overview")).json["terminals"]
        self.assertEqual((totals["current"], totals["outdated"], totals["unknown"]), (1, 0, 1))

    async def test_version_that_runs(self) -> None:
        """What a terminal has and what it runs are two numbers: updated, it runs the older one until it restarts."""
        await self.publish(level(), level(1, info_hash=HASH[::-1]))
        mac = "02:00:00:00:00:01"
        self.registry.there.add(mac)
        await self.terminals.touch(mac, "192.0.2.7", 2, 9.0)
        for one in (0, 1):
            await self.terminals.add_level(mac, ReportedLevel(TEMPLATE, DiskName(DISK, one), operate_id=one))
        await self.terminals.set_boot_disk(mac, f"voi_0_{DISK}", None, 9.0)
        found = (await self.ask("GET", f"/api/v1/terminals/{mac}")).json
        self.assertEqual((found["version"], found["running"]), (2, 1))
        await self.terminals.set_boot_disk(mac, f"voi_1_{DISK}", None, 9.0)
        self.assertEqual((await self.ask("GET", f"/api/v1/terminals/{mac}")).json["running"], 2)
        self.assertEqual((await self.ask("GET", f"/api/v1/templates/{TEMPLATE}")).json["terminals_running"], 1)

    async def test_page(self) -> None:
        """A page says how many there are in all."""
        answer = await self.ask("GET", "/api/v1/terminals?sort=name&offset=1&limit=2")
        self.assertEqual([x["name"] for x in answer.json["terminals"]], ["PC 10", "x"])
        self.assertEqual((answer.json["total"], answer.json["offset"]), (4, 1))
        self.assertEqual(await self.macs("?offset=4"), [])

    async def test_rollout(self) -> None:
        """State, progress and reason are those of the newest rollout."""
        await self.publish(level())
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.rollouts.explain(rollout.id, MAC, "waits for its turn", 2.0)
        (found,) = (await self.ask("GET", "/api/v1/terminals?state=waiting")).json["terminals"]
        self.assertEqual(
            [found[name] for name in ("mac", "template", "version", "newest", "progress", "rollout", "reason")],
            [MAC, TEMPLATE, 0, 1, 0.25, rollout.id, "waits for its turn"],
        )

    async def test_refusals(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        for query, field in (
            ("?sort=colour", "sort"),
            ("?state=happy", "state"),
            ("?version=best", "version"),
            ("?limit=0", "limit"),
            ("?limit=10001", "limit"),
            ("?offset=-1", "offset"),
            ("?room=x", "room"),
            ("?image=x", "image"),
            ("?online=maybe", "online"),
            ("?colour=red", "colour"),
            (f"?q={'x' * 101}", "q"),
        ):
            answer = await self.ask("GET", f"/api/v1/terminals{query}")
            self.assertEqual((answer.status, answer.error_field), (400, field), query)


class CommandTests(ApiCase):
    """POST and GET commands."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.terminal(MAC)
        await self.terminal(OTHER)

    async def test_command(self) -> None:
        """A command is given to each terminal once, and answered with where its outcomes are."""
        body = {"command": "restart", "macs": [MAC.lower(), MAC.replace(":", "")]}
        answer = await self.ask("POST", "/api/v1/commands", body)
        self.assertEqual(answer.status, 202)
        self.assertEqual(self.given, [(Code.RESTART, {}, [MAC])])
        number = answer.json["batch_no"]
        self.assertEqual(answer.json, {"batch_no": number})
        self.assertEqual(answer.headers["location"], f"/api/v1/commands/{number}")
        await self.commands.end([CommandResult(number, MAC, "failed", "it is off", 1_700_000_000.0)])
        outcomes = (await self.ask("GET", answer.headers["location"])).json
        self.assertEqual((outcomes["command"], outcomes["switch"]), ("restart", None))
        self.assertEqual(
            outcomes["outcomes"],
            [
                {
                    "mac": MAC,
                    "state": "failed",
                    "reason": "it is off",
                    "why": None,
                    "updated": "2023-11-14T22:13:20Z",
                }
            ],
        )

    async def test_outcome_in_other_languages(self) -> None:
        """Beside the reason of an outcome stands what it is made of."""
        answer = await self.ask("POST", "/api/v1/commands", {"command": "watermark", "switch": 1, "macs": [MAC]})
        reason = Reason("waits_for_login", why=Reason("offline", mac=MAC))
        await self.commands.end([CommandResult(answer.json["batch_no"], MAC, "waiting", reason, 1_700_000_000.0)])
        why = {"code": "waits_for_login", "data": {"why": {"code": "offline", "data": {"mac": MAC}}}}
        (outcome,) = (await self.ask("GET", answer.headers["location"])).json["outcomes"]
        self.assertEqual((outcome["reason"], outcome["why"]), (str(reason), why))
        (command,) = (await self.ask("GET", f"/api/v1/terminals/{MAC}/commands")).json["commands"]
        self.assertEqual((command["reason"], command["why"]), (str(reason), why))

    async def test_of_a_terminal(self) -> None:
        """A terminal's last commands come newest first, each with what became of it there."""
        for command in ("restart", "shutdown"):
            answer = await self.ask("POST", "/api/v1/commands", {"command": command, "macs": [MAC, OTHER]})
        await self.commands.end(
            [CommandResult(answer.json["batch_no"], MAC, "failed", "it is offline", 1_700_000_000.0)]
        )
        found = (await self.ask("GET", f"/api/v1/terminals/{MAC}/commands")).json["commands"]
        self.assertEqual([(x["command"], x["state"]) for x in found], [("shutdown", "failed"), ("restart", "waiting")])
        self.assertEqual((found[0]["reason"], found[0]["updated"]), ("it is offline", "2023-11-14T22:13:20Z"))

    async def test_in_the_journal(self) -> None:
        """Who gave a command to whom is found at each of its terminals, and how many of them get it later."""
        self.registry.there.add(MAC)
        await self.ask("POST", "/api/v1/commands", {"command": "watermark", "switch": 1, "macs": [MAC, OTHER]})
        (found,) = (await self.ask("GET", f"/api/v1/terminals/{OTHER}/events")).json["events"]
        self.assertEqual((found["kind"], found["who"]), ("command.watermark_on", "token api-token"))
        self.assertEqual((found["data"]["count"], found["mac"]), (2, None))
        self.assertEqual(found["text"], "Watermark on: 2 terminals; sent at once: 1, at the next login: 1")

    async def test_all(self) -> None:
        """`all` is every terminal that ever logged in, the offline ones too."""
        await self.ask("POST", "/api/v1/commands", {"command": "shutdown", "macs": "all"})
        self.assertEqual(self.given, [(Code.SHUT_DOWN, {}, [MAC, OTHER])])

    async def test_watermark(self) -> None:
        """The watermark is switched on and off."""
        for switch in (0, 1):
            answer = await self.ask(
                "POST", "/api/v1/commands", {"command": "watermark", "macs": [MAC], "switch": switch}
            )
            shown = (await self.ask("GET", answer.headers["location"])).json
            self.assertEqual((shown["command"], shown["switch"]), ("watermark", switch))
        self.assertEqual([fields for _, fields, _ in self.given], [{"switch": 0}, {"switch": 1}])

    async def test_unknown_terminal(self) -> None:
        """One unknown MAC is named, and nothing is sent to anybody."""
        unknown = "02:00:00:00:00:99"
        answer = await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": [MAC, unknown]})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_terminal", "macs"))
        self.assertIn(unknown, answer.json["error"]["message"])
        self.assertEqual(self.given, [])

    async def test_refusals(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        for body, field in (
            ({"command": "dance", "macs": "all"}, "command"),
            ({"command": "restart"}, "macs"),
            ({"command": "restart", "macs": "everybody"}, "macs"),
            ({"command": "restart", "macs": []}, "macs"),
            ({"command": "restart", "macs": [MAC, "x"]}, "macs[1]"),
            ({"command": "restart", "macs": [MAC, 7]}, "macs[1]"),
            ({"command": "restart", "macs": "all", "switch": 1}, "switch"),
            ({"command": "watermark", "macs": "all"}, "switch"),
            ({"command": "watermark", "macs": "all", "switch": 2}, "switch"),
            ({"command": "watermark", "macs": "all", "swich": 1}, "swich"),
        ):
            answer = await self.ask("POST", "/api/v1/commands", body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
        self.assertEqual(self.given, [])


class NobodyTests(ApiCase):
    """A server that no terminal has found yet."""

    async def test_all_of_nobody(self) -> None:
        """A command for nobody is refused: it would look as if it had been done."""
        answer = await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": "all"})
        self.assertEqual((answer.status, answer.code), (409, "conflict"))
