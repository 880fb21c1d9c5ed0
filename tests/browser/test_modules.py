"""The console's modules, one rule at a time: what they decide, without a page around them."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase


def terminal(mac: str = "02:00:00:00:00:01", **fields: Any) -> dict[str, Any]:
    """A terminal as the API tells of it."""
    usual = {"name": "", "ip": "10.0.0.1", "room": None, "online": True, "online_since": None, "client_type": 1}
    state = {"state": "current", "progress": 0, "template": None, "version": 0, "boot_disk": None}
    return {**usual, **state, "mac": mac, "first_seen": "2026-01-01T00:00:00Z", "last_seen": None, **fields}


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
        """By the version of the image: a number, the newest, an older one, or none that is known; on or off."""
        numbers = {"new": 3, "old": 2, "unknown": 0}
        there = [
            terminal(name=name, template="t", version=version, newest=3, online=False)
            for name, version in numbers.items()
        ]
        there.append(terminal(name="bare", newest=0))
        for version, expected in (("newest", ["new"]), ("older", ["old"]), ("2", ["old"]), ("0", ["unknown"])):
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


class CourseTests(ModuleCase):
    """course.js: what the stream says, laid over a rollout that was read."""

    def merged(self, news: dict[str, Any], *, now: float = 110.0, **fields: Any) -> Any:
        """A rollout that had begun 5 seconds before the page's second 100, and then this news."""
        targets = [{"mac": "a", "state": "downloading", "progress": 0.5, "ip": "10.0.0.1"}]
        targets.append({"mac": "b", "state": "waiting", "progress": 0.0, "ip": "10.0.0.2"})
        rollout = {"state": "running", "elapsed": 5, "size": 100, "server_sent": 50, "copies": 0.5, "rates": []}
        return self.js(
            "const { merged, read } = await use('course.js'); return merged(read(rollout, 100), news, now)",
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
        """The whole is the mean over those that were not called off."""
        found = self.merged({"targets": [{"mac": "a", "progress": 1}, {"mac": "b", "state": "cancelled"}]})
        self.assertEqual(found["progress"], 1)

    def test_elapsed(self) -> None:
        """While it runs, time goes on by the page's clock; afterwards it stands."""
        self.assertEqual(self.merged({}, now=110)["elapsed"], 15)
        self.assertEqual(self.merged({}, now=110, state="done")["elapsed"], 5)

    def test_server_sent(self) -> None:
        """What the server sent never gets less: at the end the news says none."""
        self.assertEqual(self.merged({"server_sent": 0})["copies"], 0.5)
        self.assertEqual(self.merged({"server_sent": 200})["copies"], 2)

    def test_empty_image(self) -> None:
        """Of an image without bytes no copies are sent."""
        self.assertEqual(self.merged({"server_sent": 0}, size=0)["copies"], 0)

    def test_points(self) -> None:
        """A point of the plot is added once, and only when it is newer."""
        rates = self.merged({"point": [3, 1, 1]}, rates=[[1, 0, 0], [2, 0, 0]])["rates"]
        self.assertEqual([x[0] for x in rates], [1, 2, 3])
        self.assertEqual(len(self.merged({"point": [3, 9, 9]}, rates=rates)["rates"]), 3)

    def test_whole_course(self) -> None:
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
            "const { countOf } = await use('course.js');"
            "return countOf([{state: 'done'}, {state: 'done'}, {state: 'failed'}])"
        )
        self.assertEqual(counts, {"failed": 1, "downloading": 0, "waiting": 0, "done": 2, "cancelled": 0})


class FormatTests(ModuleCase):
    """format.js: numbers as people read them."""

    def said(self, name: str, *values: Any) -> list[str]:
        """What a function says of each value."""
        return list(self.js(f"const {{ {name} }} = await use('format.js'); return values.map({name})", values=values))

    def test_sizes(self) -> None:
        """Three digits that count, in the unit that fits; rounding up never shows 1000."""
        found = self.said("size", 0, 999, 1000, 9_994, 9_995, 99_950, 999_500, 12_345_678_901, 10**18)
        expected = ["0 B", "999 B", "1.00 kB", "9.99 kB", "10.0 kB", "100 kB", "1.00 MB", "12.3 GB", "1,000,000 TB"]
        self.assertEqual(found, expected)

    def test_nothing_known(self) -> None:
        """What is not known is a dash, whatever it would be."""
        for name in ("size", "rate", "percent", "factor", "duration", "moment", "diskLabel"):
            self.assertEqual(self.said(name, None), ["–"], name)

    def test_standing_still(self) -> None:
        """A rate of nothing is a dash."""
        self.assertEqual(self.said("rate", 0, 1000), ["–", "1.00 kB/s"])

    def test_per_cent(self) -> None:
        """Rounded down, so that 100 is all of it; 0.29 is 29 all the same."""
        found = self.said("percent", 0, 0.29, 0.999999, 1, 1.5)
        self.assertEqual(found, ["0%", "29%", "99%", "100%", "100%"])

    def test_durations(self) -> None:
        """The two units that count; a second that is rounded up becomes a minute."""
        found = self.said("duration", -3, 0, 0.004, 0.5, 59.4, 59.6, 119.7, 599, 600, 3600, 90_000)
        expected = ["0 s", "0 s", "0.01 s", "0.5 s", "59 s", "1 min 0 s", "2 min 0 s", "9 min 59 s", "10 min"]
        self.assertEqual(found, [*expected, "1 h 0 min", "1 d 1 h"])

    def test_for_ever(self) -> None:
        """No end is no duration."""
        found = self.js("const { duration } = await use('format.js'); return [duration(Infinity), duration(NaN)]")
        self.assertEqual(found, ["–", "–"])

    def test_moments(self) -> None:
        """Today has a time, other days a date; midnight is 00, not 24."""
        found = self.js(
            "const { moment } = await use('format.js');"
            "const now = new Date(); now.setHours(0, 5, 9);"
            "return [moment(now.toISOString()), moment('2001-02-03T12:00:00Z')]"
        )
        self.assertEqual(found[0], "00:05:09")
        self.assertIn("2001", found[1])

    def test_factor(self) -> None:
        """Two digits behind the point."""
        self.assertEqual(self.said("factor", 1, 1.234), ["1.00×", "1.23×"])

    def test_disks(self) -> None:
        """A disk's name is told as level and the beginning of its uuid; another stays as it is."""
        found = self.said("diskLabel", "voi_1_6f1a8c52-0000-4000-8000-000000000000", "sda")
        self.assertEqual(found, ["Level 1 · 6f1a8c52", "sda"])

    def test_language(self) -> None:
        """A change of language changes what numbers and dates look like, at once."""
        found = self.js(
            "const { moment, rate } = await use('format.js'); const { setLanguage } = await use('i18n.js');"
            "const say = () => [rate(1000), moment('2001-02-03T12:00:00Z').slice(0, 5)];"
            "const before = say(); await setLanguage('zh-CN'); return [before, say()]"
        )
        self.assertEqual(found, [["1.00 kB/s", "Feb 3"], ["1.00 kB/秒", "2001年"]])


class LanguageTests(ModuleCase):
    """i18n.js: texts and languages."""

    def preferred(self, languages: list[str], kept: str = "") -> str:
        """The language for a browser that prefers these, and kept that one."""
        code: str = self.js(
            "Object.defineProperty(navigator, 'languages', { value: languages, configurable: true });"
            "kept ? localStorage.setItem('voi.language', kept) : localStorage.removeItem('voi.language');"
            "try { return (await use('i18n.js')).preferred() } finally { localStorage.removeItem('voi.language') }",
            languages=languages,
            kept=kept,
        )
        return code

    def test_first_that_is_there(self) -> None:
        """The first of the browser's languages that there is; English where there is none."""
        self.assertEqual(self.preferred(["de", "zh-TW", "en"]), "zh-CN")
        self.assertEqual(self.preferred(["en-GB", "zh-CN"]), "en")
        self.assertEqual(self.preferred(["de", "zha"]), "en")
        self.assertEqual(self.preferred([]), "en")

    def test_kept(self) -> None:
        """A choice made here wins over the browser's; one that is no language does not."""
        self.assertEqual(self.preferred(["en"], kept="zh-CN"), "zh-CN")
        self.assertEqual(self.preferred(["zh"], kept="toString"), "zh-CN")

    def test_one_and_others(self) -> None:
        """A text of two parts is chosen by the number, as the language counts."""
        found = self.js(
            "const { t, setLanguage } = await use('i18n.js');"
            "const of = () => [0, 1, 2].map((n) => t('terminals.n', { n }));"
            "const english = of(); await setLanguage('zh-CN'); return [english, of()]"
        )
        english, chinese = found
        self.assertEqual(english, ["0 terminals", "1 terminal", "2 terminals"])
        self.assertEqual(chinese, ["0 台终端", "1 台终端", "2 台终端"])

    def test_values(self) -> None:
        """Numbers get their separators, text goes in as it is, and what has no value stays visible."""
        found = self.js(
            "const { t } = await use('i18n.js');"
            "return [t('terminals.n', { n: 12345 }), t('ask.rename.title', { name: '{name}|$& ' }), t('rollout.n')]"
        )
        self.assertEqual(found, ["12,345 terminals", "Rename {name}|$& ", "Rollout {id}"])

    def test_unknown(self) -> None:
        """A key that is no text is shown, or told apart."""
        found = self.js("const { known, t } = await use('i18n.js'); return [t('no.such'), known('no.such')]")
        self.assertEqual(found, ["no.such", None])

    def test_document(self) -> None:
        """The page says what language it is in, for those who have it read out."""
        found = self.js("await (await use('i18n.js')).setLanguage('zh-CN'); return document.documentElement.lang")
        self.assertEqual(found, "zh-CN")

    def test_last_choice(self) -> None:
        """Of two choices made fast, the second is in use, whichever is there first."""
        found = self.js(
            "const { language, setLanguage, t } = await use('i18n.js');"
            "await Promise.all([setLanguage('zh-CN'), setLanguage('en')]);"
            "return [language(), t('nav.rooms')]"
        )
        self.assertEqual(found, ["en", "Rooms"])


class JournalTests(ModuleCase):
    """journal.js: entries in the reader's language."""

    def told(self, kind: str, **data: Any) -> str:
        """An entry whose English is "as the server says"."""
        text: str = self.js(
            "return (await use('journal.js')).told(entry)",
            entry={"kind": kind, "text": "as the server says", "data": data},
        )
        return text

    def test_known(self) -> None:
        """A kind that the language has is told in it."""
        self.assertEqual(self.told("server.started", version="1.2"), "The server started, version 1.2")

    def test_unknown(self) -> None:
        """Any other kind is told as the server does."""
        self.assertEqual(self.told("moon.landing"), "as the server says")

    def test_incomplete(self) -> None:
        """An entry of an older server, which lacks a value, is told as that server did."""
        self.assertEqual(self.told("server.started"), "as the server says")

    def test_whom(self) -> None:
        """One terminal is named, more are counted."""
        one = self.told("terminal.woken", count=1, terminal="02:00:00:00:00:01")
        self.assertEqual(one, "Woken: terminal 02:00:00:00:00:01")
        self.assertEqual(self.told("terminal.woken", count=1234), "Woken: 1,234 terminals")

    def test_role(self) -> None:
        """A role is told as people call it."""
        self.assertIn("role Operator", self.told("account.made", name="li", role="operator"))

    def test_actor(self) -> None:
        """Who did it: the server, a token, a terminal by name; an account as it is called."""
        found = self.js(
            "const { actor } = await use('journal.js');"
            "return ['server', 'token night shift', 'terminal 02:00', 'admin', 'constructor'].map(actor)"
        )
        self.assertEqual(found, ["Server", "Token night shift", "Terminal 02:00", "admin", "constructor"])

    def test_groups(self) -> None:
        """Every group by which the journal is filtered has a name."""
        found = self.js("const { GROUPS, groupName } = await use('journal.js'); return GROUPS.map(groupName)")
        self.assertEqual([name for name in found if name == name.lower()], [])


class ReasonTests(ModuleCase):
    """reasons.js: why, as people say it."""

    def said(self, text: str, field: str) -> str:
        """A sentence of the server about a part of a request."""
        sentence: str = self.js(
            "return (await use('reasons.js')).said(text, { code: 'too_long', data: { field, most: 64 } })",
            text=text,
            field=field,
        )
        return sentence

    def test_fields(self) -> None:
        """A part of a request is called as its form calls it, however deep it lies."""
        self.assertEqual(self.said("name: at most 64 characters", "name"), "Name: at most 64 characters")
        self.assertEqual(
            self.said("disks[0].path: at most 64 characters", "disks[0].path"),
            "Path on the server: at most 64 characters",
        )
        self.assertEqual(self.said("old: at most 64 characters", "old"), "Present password: at most 64 characters")

    def test_no_form(self) -> None:
        """One that no form has keeps its name, and a sentence that does not begin with it stays as it is."""
        self.assertEqual(self.said("switch: at most 64 characters", "switch"), "switch: at most 64 characters")
        self.assertEqual(self.said("at most 64 characters", "name"), "at most 64 characters")


class PlaceTests(ModuleCase):
    """router.js: places and their addresses."""

    def test_there_and_back(self) -> None:
        """Whatever a place is made of, its address leads back to it."""
        place = {"path": ["rooms", "a/b?c#d%41 é"], "query": {"q": "1+1=2&x?y#z", "room": "0"}}
        found = self.js(
            "const { hashOf, placeOf } = await use('router.js'); return placeOf(hashOf(place.path, place.query))",
            place=place,
        )
        self.assertEqual(found, place)

    def test_addresses(self) -> None:
        """A MAC reads as it is, and an empty value is left out."""
        found = self.js(
            "const { hashOf } = await use('router.js');"
            "return [hashOf(['terminals', '02:00'], { q: '', room: 0, state: null }), hashOf([])]"
        )
        self.assertEqual(found, ["#/terminals/02:00?room=0", "#/"])

    def test_damaged(self) -> None:
        """An address that nobody encoded is read as it is."""
        found = self.js("return (await use('router.js')).placeOf('#/terminals/100%')")
        self.assertEqual(found["path"], ["terminals", "100%"])

    def test_question_in_query(self) -> None:
        """A question mark that was typed into a query is part of it."""
        found = self.js("return (await use('router.js')).placeOf('#/events?q=who?&kind=room')")
        self.assertEqual(found, {"path": ["events"], "query": {"q": "who?", "kind": "room"}})

    def test_note(self) -> None:
        """Typing changes the address once it pauses, without a new entry in the history."""
        found = self.js(
            "const { note } = await use('router.js'); location.hash = '#/terminals'; const before = history.length;"
            "note(['terminals'], { q: 'a' }); await pass(0.2); note(['terminals'], { q: 'ab' }); await pass(0.2);"
            "const early = location.hash; await pass(0.2); return [early, location.hash, history.length - before]"
        )
        self.assertEqual(found, ["#/terminals", "#/terminals?q=ab", 0])

    def test_note_of_another_place(self) -> None:
        """What was noted of a place that was left since changes nothing."""
        found = self.js(
            "const { note } = await use('router.js'); location.hash = '#/terminals';"
            "note(['terminals'], { q: 'a' }); location.hash = '#/rooms'; await pass(1); return location.hash"
        )
        self.assertEqual(found, "#/rooms")


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


class StoreTests(ModuleCase):
    """store.js: what pages share, and who hears of it."""

    def test_once_a_frame(self) -> None:
        """However often topics change, who listens to several of them hears once, with the next frame."""
        found = self.js(
            "const { changed, listen } = await use('store.js'); let heard = 0;"
            "listen(['a', 'b'], () => heard++); changed('a'); changed('a'); changed('b');"
            "const before = heard; const drawn = [frame(), frame()]; return [before, heard, drawn]"
        )
        self.assertEqual(found, [0, 1, [1, 0]])

    def test_listen_no_more(self) -> None:
        """Who stopped listening hears nothing, the others do."""
        found = self.js(
            "const { changed, listen } = await use('store.js'); const heard = [];"
            "const stop = listen(['a'], () => heard.push(1)); listen(['a'], () => heard.push(2));"
            "stop(); changed('a'); frame(); return heard"
        )
        self.assertEqual(found, [2])

    def loaded(self, body: str, *terminals: dict[str, Any]) -> Any:
        """Call with ``store`` in which these terminals are loaded."""
        return self.js(
            "const all = await use('store.js'); const { store } = all; answers.terminals = { terminals };"
            f"await all.loadTerminals(); {body}",
            terminals=list(terminals),
        )

    def test_merge(self) -> None:
        """News of a terminal changes what it tells; the terminal is a new object, and the others are not."""
        found = self.loaded(
            "const [a, b] = [...store.terminals.values()];"
            "const strange = all.mergeTerminals([{ mac: a.mac, progress: 0.5 }]);"
            "const now = store.terminals.get(a.mac);"
            "return [strange, now.progress, now.name, now === a, store.terminals.get(b.mac) === b]",
            terminal("02:00:00:00:00:01", name="one"),
            terminal("02:00:00:00:00:02"),
        )
        self.assertEqual(found, [False, 0.5, "one", False, True])

    def test_strange(self) -> None:
        """A part of a terminal that is not known is not shown as one, but the list must be read again."""
        found = self.loaded(
            "const strange = all.mergeTerminals([{ mac: 'x', progress: 1 }]); return [strange, store.terminals.size]"
        )
        self.assertEqual(found, [True, 0])

    def test_new(self) -> None:
        """All of a terminal that is not known yet is taken."""
        found = self.loaded(
            "const strange = all.mergeTerminals([{ mac: 'x', first_seen: 'now' }]);"
            "return [strange, store.terminals.size]"
        )
        self.assertEqual(found, [False, 1])

    def test_news_on_the_way(self) -> None:
        """What is heard while the list is on its way is newer than the list."""
        found = self.js(
            "const { loadTerminals, mergeTerminals, store } = await use('store.js');"
            "let send; answers.terminals = () => new Promise((resolve) => { send = () => resolve({ terminals }); });"
            "const reading = loadTerminals(); mergeTerminals([{ mac: terminals[0].mac, state: 'failed' }]);"
            "await settle(); send(); await reading; return store.terminals.get(terminals[0].mac).state",
            terminals=[terminal(state="waiting")],
        )
        self.assertEqual(found, "failed")

    def test_gone_on_the_way(self) -> None:
        """A terminal that is forgotten while the list is on its way is not in it."""
        found = self.js(
            "const { dropTerminals, loadTerminals, store } = await use('store.js');"
            "let send; answers.terminals = () => new Promise((resolve) => { send = () => resolve({ terminals }); });"
            "const reading = loadTerminals(); dropTerminals([terminals[0].mac]);"
            "await settle(); send(); await reading; return store.terminals.size",
            terminals=[terminal()],
        )
        self.assertEqual(found, 0)

    def test_back_on_the_way(self) -> None:
        """One that was forgotten and came back while the list is on its way is there."""
        found = self.js(
            "const { dropTerminals, loadTerminals, mergeTerminals, store } = await use('store.js');"
            "let send; answers.terminals = () => new Promise((resolve) => { send = () => resolve({ terminals: [] }) });"
            "const reading = loadTerminals(); dropTerminals([one.mac]); mergeTerminals([one]);"
            "await settle(); send(); await reading; return store.terminals.get(one.mac)?.state",
            one=terminal(),
        )
        self.assertEqual(found, "current")

    def test_read_once(self) -> None:
        """All who ask at the same time get one answer; who asks later, another."""
        found = self.js(
            "const { loadTerminals } = await use('store.js'); answers.terminals = { terminals: [] };"
            "await Promise.all([loadTerminals(), loadTerminals()]); const once = asked.length;"
            "await loadTerminals(); return [once, asked.length]"
        )
        self.assertEqual(found, [1, 2])

    def test_read_again_after_failure(self) -> None:
        """A list that could not be read can be asked for again."""
        found = self.js(
            "const { loadTerminals, store } = await use('store.js');"
            "const failed = await loadTerminals().catch((error) => error.code);"
            "answers.terminals = { terminals: [] }; await loadTerminals(); return [failed, store.terminalsLoaded]"
        )
        self.assertEqual(found, ["unreachable", True])

    def test_signed_out_on_the_way(self) -> None:
        """What arrives for somebody who has signed out is not kept for the next."""
        found = self.js(
            "const { clear, loadTerminals, store } = await use('store.js');"
            "let send; answers.terminals = () => new Promise((resolve) => { send = () => resolve({ terminals }); });"
            "const reading = loadTerminals(); await settle(); clear(); send(); await reading;"
            "return [store.terminals.size, store.terminalsLoaded]",
            terminals=[terminal()],
        )
        self.assertEqual(found, [0, False])

    def test_rollouts(self) -> None:
        """The newest rollouts are kept, so many at most."""
        found = self.js(
            "const { mergeRollouts, store } = await use('store.js');"
            "for (let id = 1; id <= 300; id++) mergeRollouts([{ id }]);"
            "return [store.rollouts.size, Math.min(...store.rollouts.keys())]"
        )
        self.assertEqual(found, [200, 101])

    def test_may(self) -> None:
        """Whoever is signed in may act; only administrators change templates and accounts; nobody may nothing."""
        found = self.js(
            "const { may, store } = await use('store.js');"
            "const of = (session) => { store.session = session; return ['operate', 'templates', 'accounts'].map(may) };"
            "return [of(null), of({ role: 'operator' }), of({ role: 'administrator' })]"
        )
        self.assertEqual(found, [[False] * 3, [True, False, False], [True] * 3])


class LiveTests(ModuleCase):
    """live.js: the one stream, lost and found again."""

    def live(self, body: str, **values: Any) -> Any:
        """Call with a stream that is connected, and everything loaded."""
        return self.js(
            "const { connect, disconnect, hearRollout } = await use('live.js');"
            "const { listen, loadTerminals, store } = await use('store.js');"
            "Object.assign(answers, { terminals: { terminals: [one] }, rooms: { rooms: [], unassigned: 0,"
            " proposals: [] }, templates: { templates: [] }, session: {} });"
            "await loadTerminals(); connect(); const first = streams[0]; first.say('hello', { version: '1' });"
            "const paths = () => asked.map((x) => x.path.replace('api/v1/', '').split('?')[0]).sort();"
            f"asked.length = 0; {body}",
            one=terminal(),
            **values,
        )

    def test_hello(self) -> None:
        """A stream that says hello is live; the first one needs nothing read again."""
        self.assertEqual(self.live("return [store.connection, paths()]"), ["live", []])

    def test_terminals(self) -> None:
        """News of terminals is in the store at once."""
        found = self.live("first.say('terminals', [{ ...one, progress: 0.5 }]); return [...store.terminals.values()]")
        self.assertEqual([x["progress"] for x in found], [0.5])

    def test_gone(self) -> None:
        """A terminal that was forgotten is there no more."""
        self.assertEqual(self.live("first.say('gone', [one.mac]); return store.terminals.size"), 0)

    def test_lost(self) -> None:
        """A stream that ends is said to be lost, and opened again, each time after a longer pause."""
        found = self.live(
            "const opened = []; first.fail();"
            "for (const pause of [1, 2, 4, 8, 15, 15]) { await pass(pause - 0.1); opened.push(streams.length);"
            " await pass(0.1); opened.push(streams.length); streams.at(-1).fail(); }"
            "return [store.connection, opened]"
        )
        self.assertEqual(found, ["lost", [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7]])

    def test_found_again(self) -> None:
        """After a gap everything that pages share is read again, and what they read themselves too."""
        found = self.live(
            "let again = 0; listen(['again'], () => again++); first.fail(); await pass(1); asked.length = 0;"
            "streams[1].say('hello', { version: '1' }); await settle(); frame();"
            "return [store.connection, paths(), again]"
        )
        self.assertEqual(found, ["live", ["rooms", "templates", "terminals"], 1])

    def test_pauses_begin_anew(self) -> None:
        """After a stream that worked the first pause is short again."""
        found = self.live(
            "for (let n = 0; n < 4; n++) { streams.at(-1).fail(); await pass(15); }"
            "streams.at(-1).say('hello', { version: '1' }); const before = streams.length;"
            "streams.at(-1).fail(); await pass(1); return streams.length - before"
        )
        self.assertEqual(found, 1)

    def test_closed(self) -> None:
        """A stream that was replaced or lost is closed."""
        found = self.live(
            "first.fail(); await pass(1); const lost = first.closed;"
            "streams[1].say('hello', { version: '1' }); connect(7); const both = streams[1].closed;"
            "streams[2].say('hello', { version: '1' });"
            "return [lost, both, streams[1].closed, streams[2].closed, streams[2].path]"
        )
        self.assertEqual(found, [True, False, True, False, "api/v1/events/stream?rollout=7"])

    def test_no_gap(self) -> None:
        """One that was replaced while it worked leaves nothing to be read again."""
        self.assertEqual(self.live("connect(7); streams[1].say('hello', { version: '1' }); return paths()"), [])

    def test_same_rollout(self) -> None:
        """Whoever goes on to a page that wants the same news keeps the stream."""
        self.assertEqual(self.live("connect(); connect(null); return streams.length"), 1)

    def test_silence(self) -> None:
        """A stream that says nothing for long is asked after, and lost where nobody answers."""
        found = self.live(
            "await pass(55); const alive = [store.connection, paths().length > 0];"
            "delete answers.session; await pass(60); return [...alive, store.connection]"
        )
        self.assertEqual(found, ["live", True, "lost"])

    def test_other_version(self) -> None:
        """A server of another version than the page's makes it say so."""
        found = self.live(
            "const before = store.outdated; first.fail(); await pass(1); streams[1].say('hello', { version: '2' });"
            "return [before, store.outdated]"
        )
        self.assertEqual(found, [False, True])

    def test_resync(self) -> None:
        """A page that was too slow for the news reads everything again."""
        found = self.live("first.say('resync', {}); await settle(); return paths()")
        self.assertEqual(found, ["rooms", "templates", "terminals"])

    def test_read_again_once(self) -> None:
        """However many changes ask for a list, it is read once in a few seconds."""
        found = self.live("for (let n = 0; n < 50; n++) first.say('templates', []); await pass(10); return paths()")
        self.assertEqual(found, ["templates"])

    def test_strange_terminal(self) -> None:
        """A terminal that is not known makes the list be read, and the rooms, whose numbers changed."""
        found = self.live("first.say('terminals', [{ mac: 'new', progress: 0 }]); await pass(3); return paths()")
        self.assertEqual(found, ["rooms", "terminals"])

    def test_room_events(self) -> None:
        """An entry of the journal about rooms means that terminals are elsewhere; one about an account does not."""
        found = self.live(
            "first.say('event', { kind: 'account.made' }); await pass(3); const before = paths();"
            "first.say('event', { kind: 'room.made' }); await pass(3); return [before, paths()]"
        )
        self.assertEqual(found, [[], ["rooms", "terminals"]])

    def test_rollout_news(self) -> None:
        """News of a rollout is told to who hears it, until that one stops."""
        found = self.live(
            "const heard = []; const stop = hearRollout((news) => heard.push(news.id));"
            "first.say('rollout', { id: 1 }); stop(); first.say('rollout', { id: 2 }); return heard"
        )
        self.assertEqual(found, [1])

    def test_hidden(self) -> None:
        """A page that nobody looks at gives its stream back after a while, and all of it when it is seen again."""
        found = self.live(
            "let hidden = true; Object.defineProperty(document, 'hidden', { get: () => hidden });"
            "const turn = () => document.dispatchEvent(new Event('visibilitychange'));"
            "turn(); await pass(29); const soon = first.closed; await pass(1); const later = first.closed;"
            "hidden = false; turn(); asked.length = 0; streams[1].say('hello', { version: '1' }); await settle();"
            "return [soon, later, streams.length, paths()]"
        )
        self.assertEqual(found, [False, True, 2, ["rooms", "templates", "terminals"]])

    def test_disconnected(self) -> None:
        """After signing out nothing is opened, asked for or awaited any more."""
        found = self.live(
            "first.say('templates', []); disconnect(); await pass(120);"
            "return [first.closed, streams.length, paths(), timers.size]"
        )
        self.assertEqual(found, [True, 1, [], 0])

    def test_disconnected_while_lost(self) -> None:
        """Nor is it when that happens between two tries."""
        found = self.live("first.fail(); await settle(); disconnect(); await pass(60); return streams.length")
        self.assertEqual(found, 1)


class RequestTests(ModuleCase):
    """api.js: what is sent, and what comes of it."""

    def test_proof_and_key(self) -> None:
        """A change carries the session's proof and a key of its own."""
        found = self.js(
            "const { change, setCsrf } = await use('api.js'); answers.rooms = { id: 1 }; setCsrf('proof');"
            "await change('POST', 'rooms', { name: 'x' }); await change('POST', 'rooms', { name: 'x' });"
            "const keys = asked.map((x) => x.headers['Idempotency-Key']);"
            "return [asked[0].headers['X-CSRF-Token'], asked[0].body, new Set(keys).size, keys[0].length]"
        )
        self.assertEqual(found, ["proof", '{"name":"x"}', 2, 32])

    def test_same_key_again(self) -> None:
        """A change whose answer was lost is sent again with the same key, three times at most."""
        found = self.js(
            "const { change } = await use('api.js');"
            "const failed = change('POST', 'rooms', {}).catch((error) => error.code);"
            "await settle(); await pass(10); const code = await failed;"
            "return [code, asked.length, new Set(asked.map((x) => x.headers['Idempotency-Key'])).size]"
        )
        self.assertEqual(found, ["unreachable", 3, 1])

    def test_once_without_key(self) -> None:
        """What the server keeps no answer of is sent once, with the proof and without a key."""
        found = self.js(
            "const { changeOnce, setCsrf } = await use('api.js'); setCsrf('proof');"
            "const failed = changeOnce('POST', 'tokens', { name: 'x' }).catch((error) => error.code);"
            "await settle(); await pass(10); const { headers } = asked[0];"
            "return [await failed, asked.length, headers['X-CSRF-Token'], 'Idempotency-Key' in headers]"
        )
        self.assertEqual(found, ["unreachable", 1, "proof", False])

    def test_refused_once(self) -> None:
        """A change that was refused is not sent again."""
        found = self.js(
            "const { change } = await use('api.js');"
            "answers.rooms = { status: 409, error: { code: 'conflict', message: 'no', field: 'name' } };"
            "const error = await change('POST', 'rooms', {}).catch((problem) => problem);"
            "await pass(10); return [asked.length, error.status, error.code, error.message, error.field]"
        )
        self.assertEqual(found, [1, 409, "conflict", "no", "name"])

    def test_signed_out(self) -> None:
        """An answer that nobody is signed in is heard of, but a wrong password is no ended session."""
        found = self.js(
            "const { change, get, onSignedOut } = await use('api.js'); let heard = 0; onSignedOut(() => heard++);"
            "answers.session = answers.rooms = { status: 401, error: { code: 'unauthorized' } };"
            "await change('POST', 'session', {}).catch(() => {}); const proving = heard;"
            "await get('rooms').catch(() => {}); return [proving, heard]"
        )
        self.assertEqual(found, [0, 1])

    def test_no_json(self) -> None:
        """An error page of something between us and the server is an error with its status."""
        found = self.js(
            "const { get } = await use('api.js');"
            "globalThis.fetch = async () => ({ ok: false, status: 502, text: async () => '<h1>Bad Gateway</h1>' });"
            "const error = await get('rooms').catch((problem) => problem); return [error.status, error.code]"
        )
        self.assertEqual(found, [502, "http_502"])

    def test_query(self) -> None:
        """What is empty is not asked for; what is zero is."""
        found = self.js(
            "const { query } = await use('api.js'); return [query({ a: '', b: null, room: 0, q: 'a&b' }), query({})]"
        )
        self.assertEqual(found, ["?room=0&q=a%26b", ""])
