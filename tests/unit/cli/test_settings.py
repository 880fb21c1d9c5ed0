"""Tests of voi.cli.settings."""

from __future__ import annotations

from pathlib import Path

from click.testing import Result

from tests.unit.cli.scripted import ScriptedCase


class SettingsTests(ScriptedCase):
    """Which server, and which token."""

    def setUp(self) -> None:
        super().setUp()
        self.templates()
        self.script.say("GET", "/swarms", {"swarms": []})

    def write(self, text: str, mode: int = 0o600) -> Path:
        """The file of settings."""
        path = self.home / "voi.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    def asked(self, *arguments: str, env: dict[str, str | None] | None = None) -> tuple[Result, str | None]:
        """What became of a harmless command, and the token that it showed."""
        self.script.asked.clear()
        result = self.bare("templates", *arguments, env=env)
        return result, self.script.asked[0].token if self.script.asked else None

    def test_file(self) -> None:
        """The file says server and token."""
        self.write(f'server = "{self.server}/"\ntoken = "from-file"\n')
        result, token = self.asked()
        self.assertEqual((result.exit_code, token), (0, "Bearer from-file"), result.stderr)

    def test_order(self) -> None:
        """The environment goes before the file, the option first."""
        self.write(f'server = "{self.server}"\ntoken = "from-file"\n')
        env: dict[str, str | None] = {"VOI_TOKEN": "from-environment"}
        self.assertEqual(self.asked(env=env)[1], "Bearer from-environment")
        self.assertEqual(self.asked("--token", "from-option", env=env)[1], "Bearer from-option")

    def test_before_the_command(self) -> None:
        """Options before the command hold too, but for those that the command has itself."""
        env: dict[str, str | None] = {"VOI_TOKEN": "from-environment", "VOI_SERVER": "http://127.0.0.1:1"}
        for arguments, token in (
            (("--server", self.server, "templates"), "from-environment"),
            (("--server", self.server, "--token", "before", "templates"), "before"),
            (
                ("--server", "http://127.0.0.1:1", "--token", "before", "token", "list", "--server", self.server),
                "before",
            ),
            (("--server", self.server, "--token", "before", "token", "list", "--token", "behind"), "behind"),
        ):
            self.script.asked.clear()
            self.script.say("GET", "/tokens", {"tokens": []})
            result = self.bare(*arguments, env=env)
            self.assertEqual(result.exit_code, 0, (arguments, result.stderr))
            self.assertEqual(self.script.asked[0].token, f"Bearer {token}")

    def test_token_of_another_server(self) -> None:
        """The file's token is not shown to a server that an option names."""
        self.write('server = "http://192.0.2.1:50021"\ntoken = "from-file"\n')
        result, token = self.asked("--server", self.server, "--data", self.mktemp())
        self.assertEqual((result.exit_code, token), (5, None))

    def test_token_of_the_data_directory(self) -> None:
        """Without any other token, the server's own file is read."""
        data = Path(self.mktemp())
        data.mkdir()
        (data / "api-token").write_text("from-directory\n")
        self.assertEqual(self.asked("--server", self.server, "--data", str(data))[1], "Bearer from-directory")
        self.write(f'server = "{self.server}"\ndata = "{data.absolute()}"\n')
        self.assertEqual(self.asked()[1], "Bearer from-directory")

    def test_data_directory_by_itself(self) -> None:
        """On the server itself the token is found where the server was started; another machine's is not asked so."""
        here = Path(self.mktemp())
        (here / "data").mkdir(parents=True)
        (here / "data" / "api-token").write_text("from-here\n")
        self.patch(__import__("voi.cli.settings", fromlist=["x"]), "DATA_DIRECTORIES", (here / "data",))
        self.assertEqual(self.asked("--server", self.server)[1], "Bearer from-here")
        result, _ = self.asked("--server", "http://192.0.2.1:50021")
        self.assertEqual(result.exit_code, 5)
        self.assertIn("voi token make", result.stderr)

    def test_no_token(self) -> None:
        """Without any token it says where one could come from, and sends no request."""
        result, token = self.asked("--server", self.server, "--data", self.mktemp())
        self.assertEqual((result.exit_code, token), (5, None))
        self.assertIn("api-token: No such file or directory", result.stderr)
        self.assertIn("VOI_TOKEN", result.stderr)

    def test_unknown_key(self) -> None:
        """A mistyped key is not silently ignored."""
        self.write('servr = "http://192.0.2.1"\n')
        result, _ = self.asked()
        self.assertEqual(result.exit_code, 2)
        self.assertIn("servr", result.stderr)

    def test_wrong_files(self) -> None:
        """What is no TOML, no UTF-8, or of another type is exit status 2 and one line."""
        for text in ("server = ", "server = 7", 'token = "\\ud800"'):
            self.write(text)
            result, _ = self.asked()
            self.assertEqual((result.exit_code, result.stderr.count("\n")), (2, 1), result.stderr)

    def test_file_that_others_read(self) -> None:
        """A file that is open to others is refused, with what to do."""
        for mode in (0o640, 0o604, 0o620):
            path = self.write(f'server = "{self.server}"\ntoken = "x"\n', mode)
            result, token = self.asked()
            self.assertEqual((result.exit_code, token), (2, None))
            self.assertIn(f"chmod 600 {path}", result.stderr)

    def test_wrong_servers(self) -> None:
        """Only HTTP is spoken, to something that is an address."""
        for server in ("file:///etc/passwd", "127.0.0.1", "http://", "http://[", "http://a b", "http://x:99999"):
            self.assertEqual(self.asked("--server", server, "--token", "x")[0].exit_code, 2, server)

    def test_wrong_token(self) -> None:
        """A token that could not stand in a header is refused before anything is sent."""
        result, token = self.asked("--server", self.server, "--token", "a\nb")
        self.assertEqual((result.exit_code, token), (2, None))

    def test_no_server(self) -> None:
        """A server that does not answer is an exit status of its own."""
        result, _ = self.asked("--server", "http://127.0.0.1:1", "--token", "x")
        self.assertEqual(result.exit_code, 4)
        self.assertIn("no answer from http://127.0.0.1:1", result.stderr)

    def test_wrong_token_at_the_server(self) -> None:
        """A token that the server does not know is an exit status of its own."""
        self.refuse("GET", "/templates", "no", 401)
        result, _ = self.asked("--server", self.server, "--token", "x")
        self.assertEqual(result.exit_code, 5)
