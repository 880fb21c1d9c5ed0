"""The console's modules, one rule at a time: what is known of the server, and how it is asked and listened to."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase, terminal


class StoreTests(ModuleCase):
    """store.js: what pages share, and who is told of it."""

    def test_once_a_frame(self) -> None:
        """However often topics change, a listener to several of them is called once, with the next frame."""
        found = self.js(
            "const { changed, listen } = await use('store.js'); let calls = 0;"
            "listen(['a', 'b'], () => calls++); changed('a'); changed('a'); changed('b');"
            "const before = calls; const drawn = [frame(), frame()]; return [before, calls, drawn]"
        )
        self.assertEqual(found, [0, 1, [1, 0]])

    def test_listen_no_more(self) -> None:
        """A listener that stopped is not called, the others are."""
        found = self.js(
            "const { changed, listen } = await use('store.js'); const calls = [];"
            "const stop = listen(['a'], () => calls.push(1)); listen(['a'], () => calls.push(2));"
            "stop(); changed('a'); frame(); return calls"
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
        """What comes while the list is on its way is newer than the list."""
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
            "const { connect, disconnect, onRollout } = await use('live.js');"
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
        """An entry of the audit log about rooms means that terminals are elsewhere; one about an account does not."""
        found = self.live(
            "first.say('event', { kind: 'account.made' }); await pass(3); const before = paths();"
            "first.say('event', { kind: 'room.made' }); await pass(3); return [before, paths()]"
        )
        self.assertEqual(found, [[], ["rooms", "terminals"]])

    def test_rollout_news(self) -> None:
        """News of a rollout goes to its listeners, until they stop."""
        found = self.live(
            "const calls = []; const stop = onRollout((news) => calls.push(news.id));"
            "first.say('rollout', { id: 1 }); stop(); first.say('rollout', { id: 2 }); return calls"
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
        """An answer that the session has ended is passed on, but a wrong password is no ended session."""
        found = self.js(
            "const { change, get, onSignedOut } = await use('api.js'); let calls = 0; onSignedOut(() => calls++);"
            "answers.session = answers.rooms = { status: 401, error: { code: 'unauthorized' } };"
            "await change('POST', 'session', {}).catch(() => {}); const proving = calls;"
            "await get('rooms').catch(() => {}); return [proving, calls]"
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
