"""Tests of voi.cli.completion."""

from __future__ import annotations

from typing import Any

from tests.unit.cli.scripted import OTHER_UUID, UUID, ScriptedCase


class CompletionTests(ScriptedCase):
    """Scripts for shells, and names."""

    def complete(self, *words: str, **env: Any) -> list[str]:
        """What is offered for the last word, as bash asks for it."""
        line = {"COMP_WORDS": " ".join(("voi", *words)), "COMP_CWORD": str(len(words))}
        shell = {"_VOI_COMPLETE": "bash_complete", "VOI_SERVER": self.server, "VOI_TOKEN": "secret"}
        result = self.bare(env={**shell, **line, **env})
        self.assertEqual(result.stderr, "")
        return [text.split(",", 1)[1] for text in result.stdout.splitlines() if text]

    def test_scripts(self) -> None:
        """Each shell gets its own script, that asks `voi` itself."""
        for shell in ("bash", "zsh", "fish"):
            result = self.bare("completion", shell)
            self.assertEqual(result.exit_code, 0)
            self.assertIn(f"_VOI_COMPLETE={shell}_complete", result.stdout)
        self.assertEqual(self.bare("completion", "cmd").exit_code, 2)

    def test_commands(self) -> None:
        """Commands are completed without a server."""
        self.assertEqual(self.complete("rollout", "st", VOI_SERVER="http://127.0.0.1:1"), ["start"])

    def test_templates(self) -> None:
        """Templates are completed by name."""
        self.templates((UUID, "Office"), (OTHER_UUID, "Other"))
        self.assertEqual(self.complete("rollout", "start", "Off"), ["Office"])
        self.assertEqual(self.complete("upload", "02:00:00:00:00:01", "O"), ["Office", "Other"])

    def test_server_before_the_command(self) -> None:
        """The server that was named before the command is the one that is asked."""
        self.templates((UUID, "Office"))
        found = self.complete("--server", self.server, "rollout", "start", "Off", VOI_SERVER="http://127.0.0.1:1")
        self.assertEqual(found, ["Office"])

    def test_rooms(self) -> None:
        """Rooms are completed by name."""
        self.rooms((1, "Physics"), (2, "Chemistry"))
        self.assertEqual(self.complete("restart", "--room", "Ph"), ["Physics"])

    def test_hostile_names(self) -> None:
        """A name that a shell would interpret is completed by its uuid, and so is one that two have."""
        for name in ("$(reboot)", "a b", "a;b", "`x`", "-rf", "a\nb", "\x1b[2J", "*", "a'b"):
            self.templates((UUID, name))
            self.assertEqual(self.complete("rollout", "start", ""), [UUID], name)
        self.templates((UUID, "Office"), (OTHER_UUID, "Office"))
        self.assertEqual(self.complete("rollout", "start", "Off"), [UUID, OTHER_UUID])

    def test_no_server(self) -> None:
        """Without a server nothing is offered, and nothing is printed into the command line."""
        self.assertEqual(self.complete("rollout", "start", "", VOI_SERVER="http://127.0.0.1:1"), [])
        self.assertEqual(self.complete("rollout", "start", "", VOI_SERVER="nonsense"), [])
