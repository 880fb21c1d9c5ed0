"""The console's modules, one rule at a time: how things are said, in which language, where one is."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase


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

    def test_no_progress(self) -> None:
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
        """Of a text with forms, the number chooses, as the language counts."""
        found = self.js(
            "const { t, setLanguage } = await use('i18n.js');"
            "const of = () => [0, 1, 2].map((n) => t('terminals.n', { n }));"
            "const english = of(); await setLanguage('zh-CN'); return [english, of()]"
        )
        english, chinese = found
        self.assertEqual(english, ["0 terminals", "1 terminal", "2 terminals"])
        self.assertEqual(chinese, ["0 台终端", "1 台终端", "2 台终端"])

    def test_three_forms(self) -> None:
        """A language that counts in three forms needs nothing but its texts; a form that is missing is the last one."""
        found = self.js(
            "const { speak, t } = await use('i18n.js');"
            "speak('pl', { pc: { one: '{n} a', few: '{n} b', many: '{n} c', other: '{n} d' },"
            "  part: { one: '{count} a', other: '{count} d' } });"
            "return [[1, 3, 5, 22, 1.5].map((n) => t('pc', { n })), [1, 3].map((count) => t('part', { count }))]"
        )
        self.assertEqual(found, [["1 a", "3 b", "5 c", "22 b", "1,5 d"], ["1 a", "3 d"]])

    def test_forms_of_each_language(self) -> None:
        """A text with forms has exactly those in which its language counts; one that counts in one form has none."""
        found = self.js(
            "const { LANGUAGES } = await use('i18n.js'); const wrong = [];"
            "for (const language of Object.keys(LANGUAGES)) {"
            "  const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort().join();"
            "  const [first, reasons] = ["
            "    await use(`languages/${language}.js`), await use(`languages/${language}.reasons.js`)];"
            "  const texts = { ...first.default, ...reasons.default };"
            "  for (const [key, text] of Object.entries(texts))"
            "    if (typeof text !== 'string' && Object.keys(text).sort().join() !== needed) wrong.push(key);"
            "} return wrong"
        )
        self.assertEqual(found, [])

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


class AuditEntryTests(ModuleCase):
    """audit-entries.js: entries in the reader's language."""

    def told(self, kind: str, **data: Any) -> str:
        """An entry whose English is "as the server says"."""
        text: str = self.js(
            "return (await use('audit-entries.js')).sentenceOf(entry)",
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

    def test_lists(self) -> None:
        """What the server lists has the commas of the reader's language."""
        entry = {"kind": "room.made", "text": "", "data": {"name": "Lab", "subnets": "10.0.1.0/24, 10.0.2.0/24"}}
        found = self.js(
            "await (await use('i18n.js')).setLanguage('zh-CN');"
            "return (await use('audit-entries.js')).sentenceOf(entry)",
            entry=entry,
        )
        self.assertEqual(found, "新建教室：Lab；子网：10.0.1.0/24、10.0.2.0/24")

    def test_role(self) -> None:
        """A role is told as people call it."""
        self.assertIn("role Operator", self.told("account.made", name="li", role="operator"))

    def test_actor(self) -> None:
        """Who did it: the server, a token, a terminal by name; an account as it is called."""
        found = self.js(
            "const { actor } = await use('format.js');"
            "return ['server', 'token night shift', 'terminal 02:00', 'admin', 'constructor'].map(actor)"
        )
        self.assertEqual(found, ["Server", "Token night shift", "Terminal 02:00", "admin", "constructor"])

    def test_groups(self) -> None:
        """Every group by which the audit log is filtered has a name."""
        found = self.js("const { GROUPS, groupName } = await use('audit-entries.js'); return GROUPS.map(groupName)")
        self.assertEqual([name for name in found if name == name.lower()], [])


class ReasonTests(ModuleCase):
    """reasons.js: a sentence that the console does not know, with its field as people call it."""

    def said(self, text: str, field: str) -> str:
        """A sentence of the server about a part of a request."""
        sentence: str = self.js(
            "const { reasonText } = await use('reasons.js');"
            "return reasonText(text, { code: 'of_a_newer_server', data: { field, most: 64 } })",
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
        self.assertEqual(self.said("old: at most 64 characters", "old"), "Current password: at most 64 characters")

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
            "const { keepQuery } = await use('router.js'); location.hash = '#/terminals';"
            "const before = history.length; keepQuery(['terminals'], { q: 'a' }); await pass(0.2);"
            "keepQuery(['terminals'], { q: 'ab' }); await pass(0.2);"
            "const early = location.hash; await pass(0.2); return [early, location.hash, history.length - before]"
        )
        self.assertEqual(found, ["#/terminals", "#/terminals?q=ab", 0])

    def test_note_of_another_place(self) -> None:
        """What was noted of a place that was left since changes nothing."""
        found = self.js(
            "const { keepQuery } = await use('router.js'); location.hash = '#/terminals';"
            "keepQuery(['terminals'], { q: 'a' }); location.hash = '#/rooms'; await pass(1); return location.hash"
        )
        self.assertEqual(found, "#/rooms")
