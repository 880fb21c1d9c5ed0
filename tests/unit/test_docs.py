"""The pages of docs/, the README and the changelog, against the code: what can be held by a test is held here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import click
import docutils.core
import docutils.nodes
from twisted.trial.unittest import SynchronousTestCase

import voi
from tests.bench.__main__ import BENCHES
from voi.agent.options import PROGRAMS, TerminalConfig, TerminalOptions, make_config
from voi.app.options import Options as ServerOptions
from voi.auth.passwords import ATTEMPTS
from voi.cli.failures import STATUSES
from voi.cli.root import main
from voi.config import Config
from voi.domain.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD
from voi.domain.rollouts import RETRY_PAUSES
from voi.messages.english import SENTENCES
from voi.publishing.space import MARGIN
from voi.rollouts.stalls import STALL_SECONDS
from voi.store.interfaces.accounts import IDLE_SECONDS, LONGEST_SECONDS, MOST_ACCOUNTS, MOST_SESSIONS
from voi.store.preparation import migration_names
from voi.terminals.factory import MAX_CONNECTIONS
from voi.terminals.protocol import GRANT_SECONDS
from voi.tracker.announce_protocol import MOST_CONNECTIONS
from voi.tracker.policy import Policy
from voi.web.api.schemas.fields import MOST_MACS
from voi.web.api.schemas.server import SettingsChange
from voi.web.http.routing import BODY_LIMIT
from voi.web.live.streams import MOST_STREAMS
from voi.wire.codes import ALREADY_THERE, TERMINAL_TORRENT_ERROR, Code, DataType
from voi.wire.frame import BEFORE_LOGIN, LOGGED_IN, FrameReader
from voi.wire.session import _REQUESTS

ROOT = Path(voi.__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.rst", ROOT / "CHANGELOG.rst", *sorted(DOCS.glob("*.rst")))
LONGEST_LINE = 120

PLACES = ("voi", "tests", "docs", "twisted", ".ci", "build", "data")
"""First parts of paths in this repository: what begins so in a page is meant to be there."""


def text(page: Path | str) -> str:
    """What a page says."""
    return (DOCS / page if isinstance(page, str) else page).read_text("utf-8")


def tree(page: Path) -> docutils.nodes.document:
    """A page as docutils reads it; what it has to complain about is in the tree."""
    settings = {"report_level": 5, "halt_level": 5, "input_encoding": "utf-8"}
    found = docutils.core.publish_doctree(text(page), source_path=str(page), settings_overrides=settings)
    assert isinstance(found, docutils.nodes.document)
    return found


def terms(page: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The entries of a page that begin with names in literals, and what is said of them."""
    for entry in re.finditer(r"^(``[^`\n]+``(?:, ``[^`\n]+``)*)\n((?:    .*\n|\n(?=    ))+)", text(page), re.MULTILINE):
        yield tuple(re.findall(r"``([^`]+)``", entry[1])), entry[2]


def section(page: str, title: str) -> str:
    """The text below a heading of the first kind, up to the next."""
    found = re.search(rf"^{re.escape(title)}\n-+\n(.*?)(?=^[^\n]+\n-+\n|\Z)", text(page), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def defaults(part: str) -> dict[str, str]:
    """The options of a part of the configuration's page, each with what stands there as its default."""
    known: dict[str, str] = {}
    body = section("configuration.rst", part)
    for entry in re.finditer(r"^``([\w-]+)``\n    (Default|No default)[:.]?(?: ``([^`]*)``\.)?", body, re.MULTILINE):
        known[entry[1]] = entry[3] or ""
    return known


def _sizes(line: str) -> list[int]:
    """The sizes in a line, in bytes."""
    units = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20}
    return [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (bytes|KiB|MiB)", line)]


class PageTests(SynchronousTestCase):
    """Every page, whatever it is about."""

    def test_parses(self) -> None:
        """Docutils reads each page without a warning."""
        for page in PAGES:
            complaints = [
                node.astext()
                for node in tree(page).findall(docutils.nodes.system_message)
                if node["level"] >= 2  # 1 is information, such as a link that is given twice
            ]
            self.assertEqual(complaints, [], page.name)

    def test_width(self) -> None:
        """No line is longer than an editor's window."""
        for page in PAGES:
            long = [n for n, line in enumerate(text(page).splitlines(), 1) if len(line) > LONGEST_LINE]
            self.assertEqual(long, [], page.name)

    def test_links(self) -> None:
        """Every link to a page, and every picture, is there."""
        for page in PAGES:
            document = tree(page)
            aims = [node["refuri"] for node in document.findall(docutils.nodes.reference) if "refuri" in node]
            aims += [node["uri"] for node in document.findall(docutils.nodes.image)]
            for aim in aims:
                if not aim.startswith(("http://", "https://", "mailto:")):
                    self.assertTrue((page.parent / aim.partition("#")[0]).is_file(), f"{page.name}: {aim}")

    def test_files_named(self) -> None:
        """Every file of this repository that a page names is there."""
        for page in PAGES:
            if page.name == "architecture.rst":
                continue  # has a test of its own
            for literal in re.findall(r"``([^`\s]+)``", text(page)):
                first, slash, _ = literal.partition("/")
                if slash and first in PLACES and not re.search(r"[A-Z]{4}|[*<]|^build/", literal):
                    self.assertTrue((ROOT / literal).exists(), f"{page.name}: {literal}")

    def test_index(self) -> None:
        """The index lists every page, and so does the README."""
        for page in DOCS.glob("*.rst"):
            if page.name != "index.rst":
                self.assertIn(f"<{page.name}>", text("index.rst"))
                self.assertIn(f"<docs/{page.name}>", text(ROOT / "README.rst"))


class ArchitectureTests(SynchronousTestCase):
    """The page about the packages."""

    def packages(self) -> list[str]:
        """The packages and modules that the page's table lists."""
        return re.findall(r"^``([\w/]+(?:\.py)?)``  ", section("architecture.rst", "The packages"), re.MULTILINE)

    def test_is_there(self) -> None:
        """Each package of the table is there."""
        gone = [name for name in self.packages() if name != "voi/" and not (ROOT / "voi" / name).exists()]
        self.assertEqual(gone, [])

    def test_is_listed(self) -> None:
        """Each package of the code is in the table, and each module beside them."""
        listed = {name.strip("/").split("/")[0].removesuffix(".py") for name in self.packages()}
        found = {path.name for path in (ROOT / "voi").iterdir() if (path / "__init__.py").exists()}
        found |= {path.stem for path in (ROOT / "voi").glob("*.py")} - {"__init__"}
        self.assertEqual(found - listed, set())

    def test_modules_named(self) -> None:
        """Each module that the page names is there."""
        named = re.findall(r"``([\w/]+\.py)``", text("architecture.rst"))
        self.assertGreater(len(named), 40)
        for name in named:
            found = [path for path in (ROOT / "voi").rglob(Path(name).name) if path.as_posix().endswith(f"/{name}")]
            found += [path for path in (ROOT / name,) if path.exists()]
            self.assertNotEqual(found, [], name)

    def test_connections(self) -> None:
        """Each signal that is connected in the assembly is in the table of who tells whom, and no other."""
        connected = re.findall(r"\.(\w+)\.connect\(", (ROOT / "voi" / "app" / "connections.py").read_text("utf-8"))
        told = re.findall(r"``(\w+)`` ", section("architecture.rst", "Connections between packages"))
        self.assertEqual(set(told), set(connected))


class ConfigurationTests(SynchronousTestCase):
    """The page about options and settings."""

    def test_server(self) -> None:
        """Every option of the server, with the default that it has."""
        known = defaults("The server: ``twistd voi``")
        config = Config()
        for name in Config.__struct_fields__:
            value = getattr(config, name)
            self.assertEqual(known.pop(name, None), str(value).lower() if isinstance(value, bool) else str(value), name)
        self.assertEqual(known, {})

    def test_terminal(self) -> None:
        """Every option of the reference terminal; numbers with their default."""
        known = defaults("The terminal: ``twistd voi-terminal``")
        config = make_config({"server": "h", "disks": "d", "mac": "AA:BB:CC:DD:EE:FF"})
        names = {name.replace("_", "-") for name in TerminalConfig.__dataclass_fields__}
        self.assertEqual(set(known), names - {"server-host", "server-port"} | {"server"})
        for name, said in known.items():
            value = getattr(config, name.replace("-", "_"), None)
            if isinstance(value, int):
                self.assertEqual(said, str(value).lower(), name)
        for command in PROGRAMS:
            self.assertIn(f"``{command}``", section("configuration.rst", "The terminal: ``twistd voi-terminal``"))

    def test_command_lines(self) -> None:
        """No option of a command line is missing from the page."""
        for options in (ServerOptions, TerminalOptions):
            rows = [*getattr(options, "optParameters", ()), *getattr(options, "optFlags", ())]
            for name in (str(row[0]) for row in rows):
                spelt = {f"``{name}``", f"``{name.replace('-', '_')}``"}
                self.assertTrue(any(one in text("configuration.rst") for one in spelt), name)

    def test_settings(self) -> None:
        """Every setting of the running server."""
        for name in SettingsChange.__struct_fields__:
            self.assertIn(f"``{name}``", section("configuration.rst", "While the server runs"))

    def test_command(self) -> None:
        """Every option that says which server `voi` asks, with its variable of the environment."""
        body = section("configuration.rst", "The command: ``voi``")
        for option in main.params:
            if isinstance(option, click.Option) and option.name != "version":
                self.assertIn(f"``--{option.name}``", body)
                for variable in [option.envvar] if isinstance(option.envvar, str) else option.envvar or ():
                    self.assertIn(f"``{variable}``", body)

    def test_fixed_numbers(self) -> None:
        """The bounds that an administrator may meet are those of the code."""
        body = " ".join(section("configuration.rst", "Fixed numbers").split())
        for said in (
            f"{IDLE_SECONDS / 3600:.0f} hours without use, {LONGEST_SECONDS / 86400:.0f} days in any case; "
            f"{MOST_SESSIONS} for each account",
            f"{ATTEMPTS} a minute from one address",
            f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
            f"accounts, tokens {MOST_ACCOUNTS:,} of each",
            f"live pages and programs {MOST_STREAMS:,}",
            f"terminals in one request {MOST_MACS:,}",
            f"a request's body {BODY_LIMIT >> 20} MiB",
            f"connections of terminals {MAX_CONNECTIONS:,}",
            f"connections at the HTTP port {MOST_CONNECTIONS:,}",
            f"torrents that may be announced {Policy().most_swarms:,}",
            f"kept free on the disk {MARGIN >> 20} MiB",
            f"login at a terminal {GRANT_SECONDS / 60:.0f} minutes",
            f"a download without progress tried again after {STALL_SECONDS / 60:.0f} minutes",
        ):
            self.assertIn(said, body)

    def test_tries(self) -> None:
        """How often, and after which pauses, a download is tried again."""
        self.assertEqual(RETRY_PAUSES, (15.0, 60.0, 300.0, 900.0, 3600.0))
        self.assertIn("after 15 s, 1, 5, 15 and 60 minutes", text("configuration.rst"))


class TroubleshootingTests(SynchronousTestCase):
    """The page that says what to do."""

    def test_reasons(self) -> None:
        """Each reason of the catalogue stands there once, and no other."""
        listed = [code for codes, _ in terms("troubleshooting.rst") for code in codes]
        self.assertEqual(sorted(listed), sorted(SENTENCES))

    def test_something_is_said(self) -> None:
        """Each entry says something."""
        for codes, said in terms("troubleshooting.rst"):
            self.assertGreater(len(said.split()), 3, codes)


class ProtocolTests(SynchronousTestCase):
    """The page about the terminal protocol."""

    def codes(self, body: str) -> set[int]:
        """The numbers of a text that may be service codes."""
        return {int(number) for number in re.findall(r"\b(?:1[019]\d\d|9[09]\d\d)\b", body)}

    def test_service_codes(self) -> None:
        """Every service code that the server knows is named, before the list of those that it does not."""
        before, _, _ = text("protocol.rst").rpartition("What is not answered yet\n---")
        self.assertEqual({int(code) for code in Code} - self.codes(before), set())

    def test_not_answered(self) -> None:
        """What is listed as not answered, or never sent, is just that."""
        after = section("protocol.rst", "What is not answered yet")
        unanswered, _, never_sent = after.partition("Commands of the family")
        self.assertEqual(self.codes(unanswered) & {int(code) for code in _REQUESTS}, set())
        never, _, _ = never_sent.partition("What follows")
        self.assertEqual(self.codes(never) & {int(code) for code in Code}, set())

    def test_example(self) -> None:
        """The header that is shown byte for byte is the one that is described."""
        shown = re.search(r"^    ((?:[0-9a-f]{2} +){23}[0-9a-f]{2})$", text("protocol.rst"), re.MULTILINE)
        assert shown is not None
        reader = FrameReader(LOGGED_IN)
        reader.feed(bytes.fromhex(shown[1]) + b"{" + b" " * 41 + b"}")
        frame = reader.next_frame()
        assert frame is not None
        found = (frame.service_code, frame.request_code, len(frame.data), frame.data_type, frame.client_type)
        self.assertEqual((*found, frame.direction, frame.token), (9001, 1, 43, DataType.JSON, 1, 1, b""))

    def test_bounds(self) -> None:
        """The bounds of a frame's parts, before the login and after it."""
        rows = dict(re.findall(r"^``(data|token|supplementary)``(.*)$", text("protocol.rst"), re.MULTILINE))
        for row, name in ((" of type JSON", "json"), (" of other types", "binary")):
            self.assertIn(f"``data``{row}", text("protocol.rst"))
            line = next(x for x in text("protocol.rst").splitlines() if x.startswith(f"``data``{row}"))
            self.assertEqual(_sizes(line), [getattr(BEFORE_LOGIN, name), getattr(LOGGED_IN, name)])
        self.assertEqual(_sizes(rows["token"]), [BEFORE_LOGIN.token, LOGGED_IN.token])
        self.assertEqual(_sizes(rows["supplementary"]), [BEFORE_LOGIN.supplementary, LOGGED_IN.supplementary])

    def test_layouts(self) -> None:
        """Where each field of the torrent body stands, in each of its layouts."""
        columns = [[int(number) if (number := row[at].strip()) else None for row in self._layout()] for at in (2, 3, 4)]
        lengths = [{"36 c": 36, "i8": 1, "i32": 4, "i64": 8, "": 0}[row[1]] for row in self._layout()]
        for column, size in zip(columns, (66, 74, 150), strict=True):
            there = [(offset, length) for offset, length in zip(column, lengths, strict=True) if offset is not None]
            at = 0
            for offset, length in sorted(there):
                self.assertEqual(offset, at)
                at += length
            self.assertEqual(at, size)

    def _layout(self) -> list[list[str]]:
        """The rows of the table of section 3: field, type, and the offset in each layout."""
        lines = section("protocol.rst", "3. The torrent body").splitlines()
        bars = [n for n, line in enumerate(lines) if line.startswith("====")]
        spans = [(part.start(), part.end()) for part in re.finditer("=+", lines[bars[0]])]
        return [[line[begin:end].strip() for begin, end in spans] for line in lines[bars[1] + 1 : bars[2]]]

    def test_reply_codes(self) -> None:
        """The table of codes in answers is what the errors of the code say, and nothing else."""
        body = section("protocol.rst", "6. Codes in answers")
        listed = {int(number) for number in re.findall(r"^(-?\d+) {3,}\w", body, re.MULTILINE)}
        given = {0}
        for path in (ROOT / "voi").rglob("*.py"):
            if "agent" not in path.parts:  # the reference terminal has codes of its own
                given.update(int(x) for x in re.findall(r"^    wire_code\b[^=\n]*= (-?\d+)$", text(path), re.MULTILINE))
        self.assertIn(60016, given)
        self.assertEqual(listed, given)
        for code in (ALREADY_THERE, TERMINAL_TORRENT_ERROR):
            self.assertIn(str(code), body)

    def test_sections(self) -> None:
        """Every section of the protocol that a docstring cites is there."""
        cited: set[str] = set()
        for path in (ROOT / "voi").rglob("*.py"):
            cited.update(re.findall(r"[Pp]rotocol sections? (\d)", text(path)))
        self.assertIn("1", cited)
        there = set(re.findall(r"^(\d)\. .+\n-+\n", text("protocol.rst"), re.MULTILINE))
        self.assertEqual(cited - there, set())

    def test_headings(self) -> None:
        """So is every heading within one."""
        code = "".join(text(path) for path in sorted((ROOT / "voi").rglob("*.py")))
        cited = set(re.findall(r'[Pp]rotocol section \d,\s+"([^"]+)"', code))
        self.assertIn("session", cited)
        there = {heading.lower() for heading in re.findall(r"^(.+)\n~+\n", text("protocol.rst"), re.MULTILINE)}
        self.assertEqual(cited - there, set())


class OperationsTests(SynchronousTestCase):
    """The page about running a server."""

    def test_migrations(self) -> None:
        """Every step of the database is named where the upgrade is told, and no other."""
        rows = re.findall(r"^``(m\d+_\w+)``  ", section("operations.rst", "Upgrading"), re.MULTILINE)
        self.assertEqual(sorted(rows), sorted(migration_names()))


class CommandTests(SynchronousTestCase):
    """Commands that pages tell one to type."""

    def literal_lines(self) -> Iterator[tuple[str, list[str]]]:
        """The words of every line in a literal block, and of every inline literal, that begins like a command."""
        for page in PAGES:
            document = tree(page)
            lines = [node.astext() for node in document.findall(docutils.nodes.literal)]
            for block in document.findall(docutils.nodes.literal_block):
                lines += block.astext().splitlines()
            for line in lines:
                yield page.name, line.split()

    def test_voi(self) -> None:
        """Every `voi` command that a page tells of exists, down to the last word."""
        seen = 0
        for page, words in self.literal_lines():
            if words[:1] != ["voi"] or len(words) < 2 or not words[1].isalpha() or words[1].isupper():
                continue
            command = main.get_command(click.Context(main), words[1])
            self.assertIsNotNone(command, f"{page}: {' '.join(words)}")
            if isinstance(command, click.Group) and len(words) > 2:
                self.assertIn(words[2], command.commands, f"{page}: {' '.join(words)}")
            seen += 1
        self.assertGreater(seen, 15)

    def test_tox(self) -> None:
        """Every environment of tox that a page names exists."""
        tox = ConfigParser()
        tox.read(ROOT / "tox.ini")
        known = {name.partition(":")[2] for name in tox.sections()}
        for name in [name for name in known if name.startswith("{")]:
            known |= set(name.strip("{}").split(","))
        for page in PAGES:
            for name in re.findall(r"tox -e ([\w-]+)", text(page)):
                self.assertIn(name, known, page.name)

    def test_benches(self) -> None:
        """Every bench of the table is one, and every one is in it."""
        listed = set(re.findall(r"^``(\w+)``  ", section("speed.rst", "Measuring it again"), re.MULTILINE))
        self.assertEqual(listed, set(BENCHES))

    def test_exit_statuses(self) -> None:
        """Every exit status of `voi` is told."""
        said = re.search(r"Exit status:\n\n(.*?)\n\n", text("usage.rst"), re.DOTALL)
        assert said is not None
        listed = re.findall(r"^(\d+)  ", said[1], re.MULTILINE)
        self.assertEqual(list(map(int, listed)), list(STATUSES))


class MetadataTests(SynchronousTestCase):
    """What an index of packages would show."""

    def test_versions_of_python(self) -> None:
        """The classifiers begin with the oldest Python that is allowed."""
        project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
        versions = [x.rpartition(" ")[2] for x in project["classifiers"] if ":: Python :: 3." in x]
        self.assertEqual(project["requires-python"], f">={versions[0]}")

    def test_typed(self) -> None:
        """The marker that lets others check their code against our types."""
        self.assertTrue((ROOT / "voi" / "py.typed").exists())

    def test_changelog(self) -> None:
        """The changelog's newest version is the one that the code says, or one that is being worked on."""
        newest = re.search(r"^(\d+\.\d+\.\d+)( \(unreleased\))?\n-+\n", text(ROOT / "CHANGELOG.rst"), re.MULTILINE)
        assert newest is not None
        self.assertEqual(newest[1], voi.__version__.partition(".dev")[0].removesuffix("."))

    def test_changelog_by_kind(self) -> None:
        """Each version's entries stand below what kind of change they are."""
        kinds = re.findall(r"^(\w[\w ]+)\n~+\n", text(ROOT / "CHANGELOG.rst"), re.MULTILINE)
        self.assertEqual(set(kinds) - {"Added", "Changed", "Fixed", "Removed", "Security", "Not there yet"}, set())
        self.assertIn("Added", kinds)


class GlossaryTests(SynchronousTestCase):
    """The page of words."""

    def test_chinese(self) -> None:
        """Every Chinese word of the glossary is one that the console uses."""
        languages = ROOT / "voi" / "web" / "console" / "static" / "languages"
        console = "".join(text(path) for path in languages.glob("zh-CN*.js"))
        words = re.findall(r"[\u4e00-\u9fff]+", text("glossary.rst"))
        self.assertGreater(len(words), 15)
        self.assertEqual([word for word in words if word not in console], [])
