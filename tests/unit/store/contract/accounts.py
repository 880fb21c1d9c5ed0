"""The contracts of accounts, sessions and tokens."""

from __future__ import annotations

from functools import partial

from tests.unit.store.contract.case import Contract, there
from voi.domain.accounts import Role
from voi.errors import UnknownAccount, UnknownToken
from voi.store.interfaces.accounts import (
    IDLE_SECONDS,
    LONGEST_SECONDS,
    MOST_ACCOUNTS,
    MOST_SESSIONS,
    MOST_TOKENS,
    NOTED_SECONDS,
)


class AccountsContract(Contract):
    """`Accounts`."""

    async def test_made(self) -> None:
        """An account comes back as it was made, by name among the others, and has never signed in."""
        zhou = await self.accounts.add("zhou", "stored", Role.OPERATOR)
        admin = await self.accounts.add("admin", "other")
        self.assertEqual((zhou.role, zhou.last_login, admin.role), (Role.OPERATOR, None, Role.ADMINISTRATOR))
        self.assertEqual(await self.accounts.all(), [admin, zhou])
        self.assertEqual(await self.accounts.get("zhou"), zhou)
        self.assertEqual(await self.accounts.password("zhou"), "stored")

    async def test_unknown(self) -> None:
        """Who is not there has no account and no password, and cannot be changed."""
        self.assertIsNone(await self.accounts.get("nobody"))
        self.assertIsNone(await self.accounts.password("nobody"))
        await self.assertFailure(self.accounts.change("nobody", stored="x"), UnknownAccount)
        await self.assertFailure(self.accounts.delete("nobody"), UnknownAccount)

    async def test_name_taken(self) -> None:
        """A name is one account's, and the account that has it stays as it is."""
        await self.accounts.add("admin", "stored")
        await self.refused(self.accounts.add("admin", "other"), "account_exists", "name")
        self.assertEqual(await self.accounts.password("admin"), "stored")

    async def test_first(self) -> None:
        """The first account is an administrator's, told of before it is kept, and made once."""
        told: list[str] = []
        self.assertFalse(await self.accounts.there_are())

        def fail() -> None:
            raise ZeroDivisionError

        await self.assertFailure(self.accounts.add_first("admin", "stored", fail), ZeroDivisionError)
        self.assertFalse(await self.accounts.there_are(), "there is no account that nobody was told of")
        for name in ("admin", "other"):
            await self.accounts.add_first(name, "stored", partial(told.append, name))
        self.assertEqual((told, [x.name for x in await self.accounts.all()]), (["admin"], ["admin"]))
        self.assertIs(there(await self.accounts.get("admin")).role, Role.ADMINISTRATOR)
        self.assertTrue(await self.accounts.there_are())

    async def test_bounded(self) -> None:
        """There are so many accounts and no more."""
        made = [self.accounts.add(f"a{number}", "x") for number in range(MOST_ACCOUNTS)]
        for one in made:
            await one
        await self.refused(self.accounts.add("one more", "x"), "accounts_full", most=MOST_ACCOUNTS)

    async def test_changed(self) -> None:
        """What is not given stays."""
        await self.accounts.add("admin", "stored")
        await self.accounts.add("li", "stored")
        changed = await self.accounts.change("li", role=Role.OPERATOR)
        self.assertEqual((changed.role, await self.accounts.password("li")), (Role.OPERATOR, "stored"))
        changed = await self.accounts.change("li", stored="other")
        self.assertEqual((changed.role, await self.accounts.password("li")), (Role.OPERATOR, "other"))
        self.assertEqual(await self.accounts.get("li"), changed)

    async def test_last_administrator(self) -> None:
        """The last administrator stays one, and stays; another password is no matter."""
        await self.accounts.add("admin", "stored")
        await self.accounts.add("li", "stored", Role.OPERATOR)
        change = self.accounts.change("admin", role=Role.OPERATOR, stored="other")
        await self.refused(change, "last_administrator")
        self.assertEqual(await self.accounts.password("admin"), "stored", "nothing of a refused change is kept")
        await self.refused(self.accounts.delete("admin"), "last_administrator")
        await self.accounts.change("admin", role=Role.ADMINISTRATOR, stored="other")
        await self.accounts.change("li", role=Role.ADMINISTRATOR)
        self.assertEqual((await self.accounts.delete("admin")).name, "admin")
        self.assertEqual([account.name for account in await self.accounts.all()], ["li"])

    async def test_sessions(self) -> None:
        """A new password and the end of an account end its sessions; a new role holds for them at once."""
        sessions = self.repositories.sessions
        for name in ("admin", "li", "wang"):
            await self.accounts.add(name, "stored")
        cookies = {name: (await sessions.begin(name, 10.0))[0] for name in ("admin", "li", "wang")}
        await self.accounts.change("admin", stored="other")
        await self.accounts.delete("li")
        await self.accounts.change("wang", role=Role.OPERATOR)
        self.assertIsNone(await sessions.find(cookies["admin"], 11.0))
        self.assertIsNone(await sessions.find(cookies["li"], 11.0))
        self.assertIsNot(there(await sessions.find(cookies["wang"], 11.0)).role, Role.ADMINISTRATOR)


class SessionsContract(Contract):
    """`Sessions`."""

    def setUp(self) -> None:
        """Add them."""
        super().setUp()
        self.sessions = self.repositories.sessions

    async def test_begun(self) -> None:
        """A session is found by its cookie alone, and is noted as the account's last login."""
        await self.accounts.add("admin", "x")
        cookie, session = await self.sessions.begin("admin", 10.0)
        self.assertEqual(await self.sessions.find(cookie, 11.0), session)
        self.assertEqual((session.account, session.role, session.created), ("admin", Role.ADMINISTRATOR, 10.0))
        self.assertIsNone(await self.sessions.find(session.csrf, 11.0))
        self.assertEqual(there(await self.accounts.get("admin")).last_login, 10.0)
        other, second = await self.sessions.begin("admin", 10.0)
        self.assertNotEqual((cookie, session.csrf), (other, second.csrf))

    async def test_no_account(self) -> None:
        """Who has no account is not signed in."""
        await self.assertFailure(self.sessions.begin("nobody", 10.0), UnknownAccount)

    async def test_ends(self) -> None:
        """A session ends when nobody used it for long, and after its time in any case."""
        await self.accounts.add("admin", "x")
        cookie, session = await self.sessions.begin("admin", 1000.0)
        for now, lives in ((1000.0 + IDLE_SECONDS - 1, True), (1000.0 + IDLE_SECONDS, False)):
            self.assertEqual(await self.sessions.find(cookie, now) is not None, lives)
        await self.sessions.used(cookie, session, 1000.0 + LONGEST_SECONDS - 1)
        for now, lives in ((1000.0 + LONGEST_SECONDS - 1, True), (1000.0 + LONGEST_SECONDS, False)):
            self.assertEqual(await self.sessions.find(cookie, now) is not None, lives)

    async def test_written_by_a_clock_that_was_ahead(self) -> None:
        """A session that began two years ahead has ended, and goes for the next; one that began an hour ahead lives."""
        await self.accounts.add("admin", "x")
        years, _ = await self.sessions.begin("admin", 1000.0 + 63_072_000.0)
        self.assertIsNone(await self.sessions.find(years, 1000.0))
        hour, _ = await self.sessions.begin("admin", 1000.0 + 3600.0)
        self.assertIsNotNone(await self.sessions.find(hour, 1000.0))
        self.assertIsNone(await self.sessions.find(years, 1000.0 + 63_072_000.0))

    async def test_last_login(self) -> None:
        """What people read goes by the time of day, where that was set since."""
        await self.accounts.add("admin", "x")
        await self.sessions.begin("admin", 1000.0, signed_in=5000.0)
        self.assertEqual(there(await self.accounts.get("admin")).last_login, 5000.0)

    async def test_noted_now_and_then(self) -> None:
        """Not each use is written down."""
        await self.accounts.add("admin", "x")
        cookie, session = await self.sessions.begin("admin", 1000.0)
        await self.sessions.used(cookie, session, 1000.0 + NOTED_SECONDS - 1)
        self.assertEqual(there(await self.sessions.find(cookie, 1100.0)).seen, 1000.0)
        await self.sessions.used(cookie, session, 1000.0 + NOTED_SECONDS)
        self.assertEqual(there(await self.sessions.find(cookie, 1100.0)).seen, 1000.0 + NOTED_SECONDS)

    async def test_bounded(self) -> None:
        """Of too many, the one used least recently gives way; another account's does not."""
        await self.accounts.add("admin", "x")
        await self.accounts.add("li", "x")
        others = (await self.sessions.begin("li", 1.0))[0]
        cookies = [(await self.sessions.begin("admin", 10.0 + number))[0] for number in range(MOST_SESSIONS)]
        first = there(await self.sessions.find(cookies[0], 100.0))
        await self.sessions.used(cookies[0], first, 100.0)
        await self.sessions.begin("admin", 101.0)
        lives = [await self.sessions.find(cookie, 102.0) is not None for cookie in cookies]
        self.assertEqual((lives.count(False), lives[1]), (1, False))
        self.assertIsNotNone(await self.sessions.find(others, 102.0))

    async def test_signed_out(self) -> None:
        """A session that was ended is gone, and ending it again is no error."""
        await self.accounts.add("admin", "x")
        cookie, _ = await self.sessions.begin("admin", 10.0)
        for _ in range(2):
            await self.sessions.end(cookie)
            self.assertIsNone(await self.sessions.find(cookie, 11.0))


class TokensContract(Contract):
    """`Tokens`."""

    def setUp(self) -> None:
        """Add them."""
        super().setUp()
        self.tokens = self.repositories.tokens

    async def test_made(self) -> None:
        """A token is found by what was told once; all of them come oldest first."""
        secret, token = await self.tokens.make("zabbix", Role.OPERATOR, 10.0)
        _, other = await self.tokens.make("backup", Role.ADMINISTRATOR, 11.0)
        self.assertEqual(await self.tokens.find(secret), token)
        self.assertEqual(
            (token.name, token.role, token.created, token.last_used), ("zabbix", Role.OPERATOR, 10.0, None)
        )
        self.assertIsNone(await self.tokens.find("something else"))
        self.assertEqual(await self.tokens.all(), [token, other])

    async def test_name_taken(self) -> None:
        """A name is one token's."""
        await self.tokens.make("backup", Role.OPERATOR, 10.0)
        await self.refused(self.tokens.make("backup", Role.OPERATOR, 11.0), "token_exists", "name")

    async def test_bounded(self) -> None:
        """There are so many tokens and no more."""
        for one in [self.tokens.make(f"t{number}", Role.OPERATOR, 1.0) for number in range(MOST_TOKENS)]:
            await one
        await self.refused(self.tokens.make("one more", Role.OPERATOR, 1.0), "tokens_full", most=MOST_TOKENS)

    async def test_noted_now_and_then(self) -> None:
        """The first use is written down, and then not each."""
        secret, token = await self.tokens.make("backup", Role.OPERATOR, 10.0)
        noted = []
        for now in (20.0, 20.0 + NOTED_SECONDS - 1, 20.0 + NOTED_SECONDS):
            await self.tokens.used(there(await self.tokens.find(secret)), now)
            noted.append(there(await self.tokens.find(secret)).last_used)
        self.assertEqual(noted, [20.0, 20.0, 20.0 + NOTED_SECONDS])
        self.assertIsNone(token.last_used)

    async def test_revoked(self) -> None:
        """A token that was taken back opens nothing any more; its number is not given again."""
        secret, token = await self.tokens.make("backup", Role.OPERATOR, 10.0)
        self.assertEqual(await self.tokens.revoke(token.id), token)
        self.assertIsNone(await self.tokens.find(secret))
        await self.assertFailure(self.tokens.revoke(token.id), UnknownToken)
