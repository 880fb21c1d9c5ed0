"""The console's modules, one rule at a time: what a list shows, in which order, and how a rollout goes."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase, terminal


class FilterTests(ModuleCase):
    """filters.js: which terminals are shown."""

    def shown(self, terminals: list[dict[str, Any]], **wanted: str) -> list[str]:
        """The names of those that fit."""
        names: list[str] = self.js(
            "const { matcher } = await use('filters.js');"
            "return terminals.filter(matcher({q: '', room: '', state: '', image: '', ...wanted})).map((x) => x.name)",
            terminals=terminals,
            wanted=wanted,
        )
        return names

    def test_everything(self) -> None:
        """Without a filter all are shown."""
        self.assertEqual(self.shown([terminal(name="a"), terminal(name="b", online=False)]), ["a", "b"])

    def test_name(self) -> None:
        """A part of the name finds it, in whatever case."""
        self.assertEqual(self.shown([terminal(name="Lab-07"), terminal(name="Office")], q="lab-0"), ["Lab-07"])

    def test_mac_as_written(self) -> None:
        """A MAC is found with colons, with dashes and with nothing between its bytes."""
        there = [terminal("02:AB:00:00:00:01", name="a"), terminal("02:CD:00:00:00:01", name="b")]
        for written in ("02:ab", "02-AB-00", "02ab00"):
            self.assertEqual(self.shown(there, q=written), ["a"], written)

    def test_every_word(self) -> None:
        """All words must be found, each wherever it is."""
        there = [terminal(name="lab 1", ip="10.0.0.7"), terminal(name="lab 2", ip="10.0.1.7")]
        self.assertEqual(self.shown(there, q=" 10.0.1  lab "), ["lab 2"])

    def test_wide_space(self) -> None:
        """The space of a Chinese keyboard divides words too."""
        self.assertEqual(self.shown([terminal(name="机房 7")], q="机房\u30007"), ["机房 7"])

    def test_version(self) -> None:
        """By the version of the image: a number, newest, older, none that is whole, or unknown; on or off."""
        numbers = {"new": 3, "old": 2, "none": 0, "unknown": None}
        there = [
            terminal(name=name, template="t", version=version, newest=3, online=False)
            for name, version in numbers.items()
        ]
        there.append(terminal(name="bare", newest=0))
        for version, expected in (
            ("newest", ["new"]),
            ("older", ["old"]),
            ("2", ["old"]),
            ("0", ["none"]),
            ("unknown", ["unknown"]),
        ):
            self.assertEqual(self.shown(there, version=version), expected, version)

    def test_no_room(self) -> None:
        """Room 0 is that of terminals in none."""
        there = [terminal(name="in", room=1), terminal(name="out")]
        self.assertEqual(self.shown(there, room="0"), ["out"])
        self.assertEqual(self.shown(there, room="1"), ["in"])

    def test_online(self) -> None:
        """Whoever is online is shown whatever its state."""
        there = [terminal(name="a", state="failed"), terminal(name="b", state="offline", online=False)]
        self.assertEqual(self.shown(there, state="online"), ["a"])
        self.assertEqual(self.shown(there, state="failed"), ["a"])

    def test_image(self) -> None:
        """The template is compared as a whole."""
        there = [terminal(name="a", template="t-1"), terminal(name="b", template="t-12")]
        self.assertEqual(self.shown(there, image="t-1"), ["a"])

    def test_changed_name(self) -> None:
        """What was searched before is not remembered for a terminal that changed."""
        found = self.js(
            "const { matcher } = await use('filters.js');"
            "const match = matcher({q: 'new', room: '', state: '', image: ''});"
            "return [match(one), match({...one, name: 'new'})]",
            one=terminal(name="old"),
        )
        self.assertEqual(found, [False, True])


class OrderTests(ModuleCase):
    """filters.js: in which order terminals are shown."""

    def ordered(self, terminals: list[dict[str, Any]], sort: str) -> list[str]:
        """Their MACs' last bytes in order."""
        macs: list[str] = self.js(
            "const { comparer } = await use('filters.js');"
            "const names = {language: 'en', roomName: (id) => ({1: 'B', 2: 'A'})[id] ?? '', imageName: (x) => x ?? ''};"
            "return terminals.sort(comparer(sort, names)).map((x) => x.mac.slice(-2))",
            terminals=terminals,
            sort=sort,
        )
        return macs

    def three(self, field: str, *values: Any) -> list[dict[str, Any]]:
        """Terminals 01, 02, 03 … with these values."""
        return [terminal(f"02:00:00:00:00:{n:02}", **{field: value}) for n, value in enumerate(values, 1)]

    def test_numbers_in_names(self) -> None:
        """PC 9 comes before PC 10."""
        self.assertEqual(self.ordered(self.three("name", "PC 10", "PC 9", "pc 1"), "name"), ["03", "02", "01"])

    def test_nameless(self) -> None:
        """Those without a name come after all that have one, by their MACs."""
        self.assertEqual(self.ordered(self.three("name", "", "", "Z", "01"), "name"), ["04", "03", "01", "02"])

    def test_addresses(self) -> None:
        """Addresses are compared by number."""
        there = self.three("ip", "10.0.0.10", "10.0.0.9", "9.0.0.200")
        self.assertEqual(self.ordered(there, "ip"), ["03", "02", "01"])

    def test_down(self) -> None:
        """A dash turns the order around; what is equal stays in the order of names."""
        there = self.three("progress", 0.5, 0.5, 1)
        self.assertEqual(self.ordered(there, "-progress"), ["03", "01", "02"])

    def test_states(self) -> None:
        """States that want a person come first."""
        there = self.three("state", "offline", "current", "failed")
        self.assertEqual(self.ordered(there, "state"), ["03", "02", "01"])

    def test_rooms(self) -> None:
        """Rooms go by their names, not their numbers."""
        self.assertEqual(self.ordered(self.three("room", 1, 2), "room"), ["02", "01"])

    def test_version(self) -> None:
        """Within an image the older version comes first."""
        there = [terminal(f"02:00:00:00:00:0{n}", template="t", version=v) for n, v in ((1, 10), (2, 9))]
        self.assertEqual(self.ordered(there, "version"), ["02", "01"])

    def test_online_since(self) -> None:
        """Who is off counts as here for the shortest time, whenever that was."""
        there = [
            terminal("02:00:00:00:00:01", online_since="2026-01-02T00:00:00Z"),
            terminal("02:00:00:00:00:02", online_since="2026-01-01T00:00:00Z"),
            terminal("02:00:00:00:00:03", online_since="2026-01-03T00:00:00Z", online=False),
        ]
        self.assertEqual(self.ordered(there, "online_since"), ["03", "02", "01"])

    def test_unknown_column(self) -> None:
        """A column that is none, from an old bookmark, means the order of names."""
        self.assertEqual(self.ordered(self.three("name", "b", "a"), "-nonsense"), ["01", "02"])

    def test_new_and_gone(self) -> None:
        """An order that is kept takes in who is new and leaves out who is gone, even when their number is the same."""
        found = self.js(
            "const { Ordered } = await use('filters.js');"
            "const ordered = new Ordered();"
            "const compare = (a, b) => (a.mac < b.mac ? -1 : 1);"
            "const of = (...macs) => ordered.rows(new Map(macs.map((mac) => [mac, {mac}])), compare).map((x) => x.mac);"
            "return [of('b', 'a'), of('c', 'a'), of()]"
        )
        self.assertEqual(found, [["a", "b"], ["a", "c"], []])


class RolloutStateTests(ModuleCase):
    """rollout-state.js: what the stream brings, laid over a rollout that was read."""

    def merged(self, news: dict[str, Any], *, now: float = 110.0, **fields: Any) -> Any:
        """A rollout that had begun 5 seconds before the page's second 100, and then this news."""
        targets = [{"mac": "a", "state": "downloading", "progress": 0.5, "ip": "10.0.0.1"}]
        targets.append({"mac": "b", "state": "waiting", "progress": 0.0, "ip": "10.0.0.2"})
        rollout = {"state": "running", "elapsed": 5, "size": 100, "server_sent": 50, "copies": 0.5, "rates": []}
        return self.js(
            "const { merged, read } = await use('rollout-state.js'); return merged(read(rollout, 100), news, now)",
            rollout={**rollout, "targets": targets, "progress": 0.25, **fields},
            news=news,
            now=now,
        )

    def test_targets(self) -> None:
        """News of one terminal changes what it tells and leaves the rest of it, and the others."""
        found = self.merged({"targets": [{"mac": "a", "progress": 0.75}]})
        self.assertEqual([x["progress"] for x in found["targets"]], [0.75, 0.0])
        self.assertEqual(found["targets"][0]["ip"], "10.0.0.1")

    def test_strange_target(self) -> None:
        """News of a terminal that is no target of it adds none."""
        self.assertEqual(len(self.merged({"targets": [{"mac": "z", "progress": 1}]})["targets"]), 2)

    def test_progress(self) -> None:
        """How far all of it is comes from the server alone, as for the list of rollouts: news of terminals changes
        nothing of it.
        """
        found = self.merged({"targets": [{"mac": "a", "progress": 1}, {"mac": "b", "state": "cancelled"}]})
        self.assertEqual(found["progress"], 0.25)
        found = self.js(
            "const { counted } = await use('rollout-state.js'); return counted({ id: 1, progress: 0 }, summary)",
            summary={"progress": 0.5, "counts": {"done": 1}, "ran": 1, "state": "running", "rate": 7},
        )
        self.assertEqual(found, {"id": 1, "progress": 0.5, "counts": {"done": 1}, "ran": 1})

    def test_elapsed(self) -> None:
        """While it runs, time goes on by the page's clock; afterwards it stands."""
        self.assertEqual(self.merged({}, now=110)["elapsed"], 15)
        self.assertEqual(self.merged({}, now=110, state="done")["elapsed"], 5)

    def test_server_sent(self) -> None:
        """What the server sent never gets less: at the end the news says none. What nobody measured stays unknown."""
        self.assertEqual(self.merged({"server_sent": None})["copies"], 0.5)
        unknown = self.merged({"server_sent": None}, server_sent=None, copies=None)
        self.assertEqual((unknown["server_sent"], unknown["copies"]), (None, None))
        self.assertEqual(self.merged({"server_sent": 50}, server_sent=None, copies=None)["copies"], 0.5)
        self.assertEqual(self.merged({"server_sent": 200})["copies"], 2)

    def test_empty_image(self) -> None:
        """How many copies of an image without bytes were sent nobody can say."""
        self.assertIsNone(self.merged({"server_sent": 0}, size=0)["copies"])

    def test_points(self) -> None:
        """A point of the plot is added once, and only when it is newer."""
        rates = self.merged({"point": [3, 1, 1]}, rates=[[1, 0, 0], [2, 0, 0]])["rates"]
        self.assertEqual([x[0] for x in rates], [1, 2, 3])
        self.assertEqual(len(self.merged({"point": [3, 9, 9]}, rates=rates)["rates"]), 3)

    def test_whole_rollout(self) -> None:
        """A plot has so many points at most, and still begins where the rollout began."""
        rates = [[n, n, 2 * n] for n in range(600)]
        found = self.merged({"point": [600, 0, 0]}, rates=rates)["rates"]
        self.assertLessEqual(len(found), 600)
        self.assertLess(found[0][0], 2)
        self.assertEqual(found[-1][0], 600)
        self.assertEqual(found[0][1:], [0.5, 1])

    def test_counts(self) -> None:
        """Targets are counted by state, and states without any are there with none."""
        counts = self.js(
            "const { countOf } = await use('rollout-state.js');"
            "return countOf([{state: 'done'}, {state: 'done'}, {state: 'failed'}])"
        )
        self.assertEqual(
            counts, {"failed": 1, "downloading": 0, "waiting": 0, "done": 2, "cancelled": 0, "superseded": 0}
        )


class WindowTests(ModuleCase):
    """parts/window.js: which rows of a long table exist."""

    def in_sight(self, top: int, height: int, count: int) -> tuple[int, int]:
        """Rows of 40 pixels with 2 to spare."""
        found = self.js(
            "return (await use('parts/window.js')).inSight(top, height, 40, count, 2)",
            top=top,
            height=height,
            count=count,
        )
        return found["first"], found["last"]

    def test_in_sight(self) -> None:
        """The rows in sight, a part of one counts, and the spare ones on each side."""
        self.assertEqual(self.in_sight(430, 100, 1000), (8, 16))

    def test_edges(self) -> None:
        """There is nothing before the first and after the last."""
        self.assertEqual(self.in_sight(0, 100, 4), (0, 4))

    def test_none(self) -> None:
        """Of no rows none is in sight."""
        self.assertEqual(self.in_sight(400, 100, 0), (0, 0))

    def test_fewer_than_before(self) -> None:
        """A list that became short while it was scrolled far down still shows its end."""
        self.assertEqual(self.in_sight(40_000, 400, 10), (9, 10))

    def test_reach(self) -> None:
        """Scrolling goes no further than it takes to see a row."""
        found = self.js(
            "const { reach } = await use('parts/window.js');"
            "return [reach(5, 400, 200, 40), reach(12, 400, 200, 40), reach(20, 400, 200, 40)]"
        )
        self.assertEqual(found, [200, 400, 640])
