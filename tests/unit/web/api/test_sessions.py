"""Tests of signing in, accounts and tokens, and of what a browser must prove."""

from __future__ import annotations

from typing import Any

from tests.unit.web.api_case import TOKEN, Answer, ApiCase
from tests.unit.web.http.test_routing import concrete
from voi.domain.accounts import Role
from voi.store.interfaces.accounts import IDLE_SECONDS, LONGEST_SECONDS, MOST_SESSIONS
from voi.web.http.access import COOKIE

PASSWORD = "correct horse battery"


class SessionCase(ApiCase):
    """An administrator `admin` and an operator `li`, who can sign in."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.accounts.add("admin", "x")
        await self.accounts.add("li", "x", Role.OPERATOR)
        self.passwords.known = {"admin": PASSWORD, "li": PASSWORD}

    async def sign_in(self, name: str = "admin", password: str = PASSWORD) -> tuple[Answer, dict[str, str]]:
        """The answer, and the headers of a browser that is signed in."""
        answer = await self.ask("POST", "/api/v1/session", {"name": name, "password": password}, token=None)
        if answer.status != 200:
            return answer, {}
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer, {"Cookie": cookie, "X-CSRF-Token": answer.json["csrf"]}

    async def as_browser(
        self, headers: dict[str, str], method: str, path: str, body: Any = None, **more: str
    ) -> Answer:
        """A request with a cookie and no token."""
        return await self.ask(method, path, body, token=None, headers={**headers, **more})


class SignInTests(SessionCase):
    """In and out."""

    async def test_in(self) -> None:
        """The right password gives a cookie that no script reads and no other site sends, and who one is."""
        answer, headers = await self.sign_in()
        self.assertEqual(
            (answer.json["name"], answer.json["role"], answer.json["kind"]), ("admin", "administrator", "account")
        )
        attributes = answer.headers["set-cookie"].split("; ")[1:]
        for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(part, attributes)
        self.assertNotIn("Secure", attributes)  # over plain HTTP the browser would not send it
        current = await self.as_browser(headers, "GET", "/api/v1/session")
        self.assertEqual(current.json, answer.json)
        self.assertIsNotNone((await self.accounts.get("admin")).last_login)  # type: ignore[union-attr]  # it is there

    async def test_wrong(self) -> None:
        """A wrong password gives no cookie, and is counted for the address it came from."""
        answer, _ = await self.sign_in(password="wrong")
        self.assertEqual((answer.status, answer.code), (401, "unauthorized"))
        self.assertNotIn("set-cookie", answer.headers)
        self.assertEqual(self.passwords.asked_from, ["127.0.0.1"])

    async def test_out(self) -> None:
        """Signing out ends the session, and takes the cookie back."""
        _, headers = await self.sign_in()
        answer = await self.as_browser(headers, "DELETE", "/api/v1/session")
        self.assertIn("Max-Age=0", answer.headers["set-cookie"])
        self.assertEqual((await self.as_browser(headers, "GET", "/api/v1/session")).status, 401)

    async def test_ends(self) -> None:
        """A session ends when nobody used it for long, and after its time in any case."""
        cookie, session = await self.sessions.begin("admin", 1000.0)
        for now, there in ((1000.0 + IDLE_SECONDS - 1, True), (1000.0 + IDLE_SECONDS, False)):
            self.assertEqual(await self.sessions.find(cookie, now) is not None, there)
        await self.sessions.used(cookie, session, 1000.0 + LONGEST_SECONDS - 1)
        for now, there in ((1000.0 + LONGEST_SECONDS - 1, True), (1000.0 + LONGEST_SECONDS, False)):
            self.assertEqual(await self.sessions.find(cookie, now) is not None, there)

    async def test_bounded(self) -> None:
        """An account has so many sessions; the one used least recently gives way."""
        first, _ = await self.sessions.begin("admin", 1.0)
        for number in range(MOST_SESSIONS):
            last, _ = await self.sessions.begin("admin", 2.0 + number)
        self.assertIsNone(await self.sessions.find(first, 50.0))
        self.assertIsNotNone(await self.sessions.find(last, 50.0))

    async def test_password(self) -> None:
        """Another password needs the old one, ends all other sessions, and gives this browser a new one."""
        _, here = await self.sign_in()
        _, there = await self.sign_in()
        path = "/api/v1/session/password"
        wrong = await self.as_browser(here, "PUT", path, {"old": "wrong", "new": "long enough"})
        self.assertEqual((wrong.status, wrong.error_field), (400, "old"))
        short = await self.as_browser(here, "PUT", path, {"old": PASSWORD, "new": "short"})
        self.assertEqual((short.status, short.error_field), (400, "new"))
        right = await self.as_browser(here, "PUT", path, {"old": PASSWORD, "new": "long enough"})
        self.assertEqual(right.status, 200)
        self.assertEqual((await self.as_browser(there, "GET", "/api/v1/session")).status, 401)
        cookie = right.headers["set-cookie"].partition(";")[0]
        self.assertEqual((await self.as_browser({"Cookie": cookie}, "GET", "/api/v1/session")).status, 200)
        self.assertEqual(await self.accounts.password("admin"), "hash of long enough")

    async def test_of_a_token(self) -> None:
        """A token may ask who it is, and has no password."""
        found = await self.ask("GET", "/api/v1/session")
        self.assertEqual((found.json["kind"], found.json["role"], found.json["csrf"]), ("token", "administrator", ""))
        answer = await self.ask("PUT", "/api/v1/session/password", {"old": PASSWORD, "new": "long enough"})
        self.assertEqual(answer.status, 409)


class ProofTests(SessionCase):
    """A browser sends its cookie whoever asks it to."""

    async def test_every_change(self) -> None:
        """Every route that changes something refuses a cookie without the proof, or with a wrong one."""
        _, headers = await self.sign_in()
        for route in self.api.routes:
            if not route.changes or not route.token:
                continue
            for proof in (None, "wrong"):
                shown = {"Cookie": headers["Cookie"], **({"X-CSRF-Token": proof} if proof else {})}
                answer = await self.as_browser(shown, route.method, concrete(route), route.example or {})
                self.assertEqual((answer.status, answer.code), (403, "forbidden"), route.path)

    async def test_other_sites(self) -> None:
        """A page of another site is refused, by either of the browser's words, signing in included."""
        _, headers = await self.sign_in()
        for name, value in (
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://[bad"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ):
            for method, path, body in (
                ("POST", "/api/v1/tokens", {"name": "x"}),
                ("POST", "/api/v1/session", {"name": "admin", "password": PASSWORD}),
            ):
                answer = await self.as_browser(headers, method, path, body, **{name: value})
                self.assertEqual((answer.status, answer.code), (403, "forbidden"), (name, value, path))

    async def test_own_page(self) -> None:
        """The console's own page is let in."""
        _, headers = await self.sign_in()
        own = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        answer = await self.as_browser(headers, "POST", "/api/v1/tokens", {"name": "x"}, **own)
        self.assertEqual(answer.status, 201)

    async def test_behind_a_proxy(self) -> None:
        """Where the browser itself says that it is one site, it may be called otherwise than we are."""
        _, headers = await self.sign_in()
        behind = {"Origin": "https://voi.example", "Sec-Fetch-Site": "same-origin"}
        answer = await self.as_browser(headers, "POST", "/api/v1/tokens", {"name": "x"}, **behind)
        self.assertEqual(answer.status, 201)

    async def test_strange_cookies(self) -> None:
        """Cookies of others, and such as are none, are 401 and nothing worse."""
        for cookie in (f"{COOKIE}=", f"{COOKIE}=x", f"{COOKIE}={'A' * 43}", "a=b; c", "=", f'{COOKIE}="\\000', "ü=1"):
            answer = await self.ask("GET", "/api/v1/session", token=None, headers={"Cookie": cookie})
            self.assertEqual(answer.status, 401, cookie)

    async def test_cookie_among_others(self) -> None:
        """Ours is found among those of other programs on this host."""
        _, headers = await self.sign_in()
        answer = await self.as_browser({"Cookie": f"theme=dark; {headers['Cookie']}; x=1"}, "GET", "/api/v1/session")
        self.assertEqual(answer.status, 200)


class RoleTests(SessionCase):
    """What an operator may not."""

    async def test_operators(self) -> None:
        """Each route for administrators refuses an operator, signed in or by a token, and says so."""
        _, headers = await self.sign_in("li")
        token = (await self.ask("POST", "/api/v1/tokens", {"name": "program"})).json["token"]
        refused = set()
        for route in self.api.routes:
            if not route.token or route.role is Role.OPERATOR:
                continue
            refused.add((route.method, route.path.removeprefix("/api/v1/")))
            for answer in (
                await self.as_browser(headers, route.method, concrete(route), route.example or {}),
                await self.ask(route.method, concrete(route), route.example or {}, token=token),
            ):
                self.assertEqual((answer.status, answer.code), (403, "forbidden"), route.path)
                self.assertIn("administrator", answer.json["error"]["message"])
        self.assertLessEqual(
            {("POST", "templates"), ("PATCH", "templates/<uuid:uuid>"), ("POST", "uploads"), ("GET", "accounts")},
            refused,
        )

    async def test_demoted(self) -> None:
        """Another role counts from the next request on."""
        _, headers = await self.sign_in()
        await self.accounts.add("other", "x")
        await self.accounts.change("admin", role=Role.OPERATOR)
        self.assertEqual((await self.as_browser(headers, "GET", "/api/v1/accounts")).status, 403)


class AccountTests(SessionCase):
    """Accounts of people."""

    async def test_made(self) -> None:
        """A new account is listed, and what is kept of its password is a hash."""
        body = {"name": "王老师", "password": PASSWORD, "role": "operator"}
        answer = await self.ask("POST", "/api/v1/accounts", body)
        self.assertEqual((answer.status, answer.json["role"]), (201, "operator"))
        listed = (await self.ask("GET", "/api/v1/accounts")).json["accounts"]
        self.assertEqual([one["name"] for one in listed], ["admin", "li", "王老师"])
        self.assertEqual(await self.accounts.password("王老师"), f"hash of {PASSWORD}")

    async def test_bad(self) -> None:
        """Names and passwords that are none, and names that are taken, are refused with the field."""
        for body, status, field in (
            ({"name": "li", "password": PASSWORD}, 409, "name"),
            ({"name": "a/b", "password": PASSWORD}, 400, "name"),
            ({"name": "<b>", "password": PASSWORD}, 400, "name"),
            ({"name": "", "password": PASSWORD}, 400, "name"),
            ({"name": "new", "password": "short"}, 400, "password"),
            ({"name": "new", "password": PASSWORD, "role": "king"}, 400, "role"),
        ):
            answer = await self.ask("POST", "/api/v1/accounts", body)
            self.assertEqual((answer.status, answer.error_field), (status, field), body)

    async def test_refused_in_other_languages(self) -> None:
        """Beside the sentence of a refusal stands what it is made of."""
        answer = await self.ask("POST", "/api/v1/accounts", {"name": "new", "password": "short"})
        why = {"code": "password_length", "data": {"field": "password", "least": 8, "most": 256}}
        self.assertEqual(answer.json["error"]["why"], why)

    async def test_the_last_administrator(self) -> None:
        """The last administrator can neither be deleted nor demoted."""
        for method, body in (("DELETE", None), ("PATCH", {"role": "operator"})):
            self.assertEqual((await self.ask(method, "/api/v1/accounts/admin", body)).status, 409)

    async def test_deleted(self) -> None:
        """Who is signed in with a deleted account is so no more."""
        _, headers = await self.sign_in("li")
        self.assertEqual((await self.ask("DELETE", "/api/v1/accounts/li")).status, 200)
        self.assertEqual((await self.as_browser(headers, "GET", "/api/v1/session")).status, 401)

    async def test_oneself(self) -> None:
        """Nobody deletes the account they are signed in with, or gives it a password without the old one."""
        await self.accounts.add("other", "x")
        _, headers = await self.sign_in()
        for method, body in (("DELETE", None), ("PATCH", {"password": "long enough"})):
            self.assertEqual((await self.as_browser(headers, method, "/api/v1/accounts/admin", body)).status, 409)

    async def test_changed(self) -> None:
        """An administrator gives another account a password, which ends its sessions."""
        _, headers = await self.sign_in("li")
        answer = await self.ask("PATCH", "/api/v1/accounts/li", {"password": "long enough", "role": "administrator"})
        self.assertEqual((answer.status, answer.json["role"]), (200, "administrator"))
        self.assertEqual(await self.accounts.password("li"), "hash of long enough")
        self.assertEqual((await self.as_browser(headers, "GET", "/api/v1/session")).status, 401)


class TokenTests(SessionCase):
    """Tokens of programs."""

    async def test_made_and_revoked(self) -> None:
        """A token is told once, works, says when it was used, and does not work when it was revoked."""
        made = (await self.ask("POST", "/api/v1/tokens", {"name": "backup", "role": "administrator"})).json
        self.assertEqual((await self.ask("GET", "/api/v1/accounts", token=made["token"])).status, 200)
        (listed,) = (await self.ask("GET", "/api/v1/tokens")).json["tokens"]
        self.assertNotIn(made["token"], str(listed))
        self.assertEqual((listed["name"], listed["last_used"] is not None), ("backup", True))
        again = await self.ask("POST", "/api/v1/tokens", {"name": "backup"})
        self.assertEqual(
            (again.status, again.json["error"]["field"]), (409, "name"), "the audit log knows it by its name"
        )
        self.assertEqual((await self.ask("DELETE", f"/api/v1/tokens/{made['id']}")).status, 200)
        self.assertEqual((await self.ask("GET", "/api/v1/accounts", token=made["token"])).status, 401)

    async def test_not_in_the_database(self) -> None:
        """Who reads the database finds neither tokens nor cookies."""
        made = (await self.ask("POST", "/api/v1/tokens", {"name": "backup"})).json
        _, headers = await self.sign_in()

        def dump(db: Any) -> str:
            return "\n".join(str(line) for line in db.conn.iterdump())

        found = await self.store.read(dump)
        self.assertIn("backup", found)
        self.assertNotIn(made["token"], found)
        self.assertNotIn(headers["Cookie"].partition("=")[2], found)

    async def test_no_quick_hash_of_a_password(self) -> None:
        """No route that is given a password keeps anything by which its request is known again."""
        given = [route for route in self.api.routes if "password" in str(getattr(route.body, "__annotations__", ""))
                 or "PasswordChange" in str(route.body)]  # fmt: skip
        self.assertEqual(len(given), 4)
        self.assertEqual([route.path for route in given if route.repeatable and route.token], [])

    async def test_the_file(self) -> None:
        """The token of the data directory is an administrator's."""
        found = await self.ask("GET", "/api/v1/session", token=TOKEN)
        self.assertEqual(found.json["role"], "administrator")
