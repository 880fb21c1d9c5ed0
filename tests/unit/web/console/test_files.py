"""The console's files: both languages whole, every text there, small, nothing from elsewhere, nothing as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi.web
from voi.domain.audit import KINDS
from voi.messages.english import SENTENCES

CONSOLE = Path(voi.web.__file__).parent / "console" / "static"
_LANGUAGE = re.compile(r'^  "?(?P<code>[a-zA-Z-]+)"?: "[^"]+",$', re.MULTILINE)
LANGUAGES = _LANGUAGE.findall((CONSOLE / "i18n.js").read_text("utf-8").partition("LANGUAGES = {")[2].partition("}")[0])
FIRST_LOAD_BYTES = 300_000
LATER = {"vendor/uplot/uPlot.iife.min.js", "vendor/uplot/uPlot.min.css"}
"""Loaded by the page that first draws a plot."""
NAMESPACES = ("http://www.w3.org/2000/svg",)
"""Names that look like addresses and are never fetched."""

_IMPORT = re.compile(r"""(?:from|import)\s+["'](?P<path>[^"']+)["']""")
_CALL = re.compile(r"""\b(?:t|known)\(\s*(?:"(?P<whole>[^"]+)"|`(?P<begin>[^`$]*)\$\{)""")
_UNIT = re.compile(r'"(?P<key>unit\.\w+)"')
_VALUE = re.compile(r"\{(\w+)\}")
_FORMATTED = re.compile(r"\{(\w+)[!:][^}]*\}")
_UNITS = re.compile(r"(\{(?:seconds|minutes|size)\}) (?:seconds|minutes|bytes|s)\b")
_FIELD = re.compile(r'^  \w+: "(?P<key>[\w.]+)",$', re.MULTILINE)


def own(*suffixes: str) -> list[Path]:
    """Our own files of these kinds, without what others wrote."""
    return [path for path in sorted(CONSOLE.rglob("*")) if path.suffix in suffixes and "vendor" not in path.parts]


def sources() -> list[Path]:
    """Our modules, without the texts."""
    return [path for path in own(".js") if path.parent.name != "languages"]


def reasons() -> dict[str, str]:
    """The server's sentences as the English file has them: quoted and measured by the console, not by Python."""
    found = {}
    for code, text in SENTENCES.items():
        quoted = re.sub(r"\{(\w+)!r\}", r"“{\1}”", text)
        found[f"reason.{code}"] = _UNITS.sub(r"\1", _FORMATTED.sub(r"{\1}", quoted))
    return found


def texts(language: str) -> Mapping[str, str | dict[str, str]]:
    """A language's texts, of some the forms; keys that are there twice are an error."""

    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{language}: a key is there twice"
        return dict(pairs)

    read = [_read(CONSOLE / "languages" / name, once) for name in files_of(language)]
    return once([pair for part in read for pair in part.items()])


def _read(path: Path, pairs: Callable[[list[tuple[str, str]]], dict[str, str]]) -> dict[str, str]:
    """The texts of one file."""
    _, body = path.read_text("utf-8").split("export default ")
    read = json.loads(body.strip().removesuffix(";"), object_pairs_hook=pairs)
    assert isinstance(read, dict)
    return read


def files_of(language: str) -> tuple[str, str]:
    """The files of a language: what a page needs to be shown, and the reasons, which come after it."""
    return f"{language}.js", f"{language}.reasons.js"


def forms(text: str | dict[str, str]) -> dict[str, str]:
    """A text by its forms; one without is "other" for every number."""
    return {"other": text} if isinstance(text, str) else text


def values(text: str | dict[str, str]) -> set[str]:
    """What is filled into a text, whatever its form."""
    return set(_VALUE.findall(" ".join(forms(text).values())))


def first_load() -> set[Path]:
    """Every file that a browser fetches to show the console: the page, what it names, what those import."""
    page = CONSOLE / "index.html"
    named = re.findall(r'(?:src|href)="console/([^"]+)"', page.read_text("utf-8"))
    found = {page}
    ahead = [CONSOLE / name for name in named]
    while ahead:
        path = ahead.pop().resolve()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".js" and "vendor" not in path.parts:
            ahead += [path.parent / name for name in _IMPORT.findall(path.read_text("utf-8"))]
    return found


class LanguageTests(SynchronousTestCase):
    """Texts in every language."""

    def test_same_keys(self) -> None:
        """No language lacks a text that another has."""
        first, *others = (texts(language) for language in LANGUAGES)
        for other in others:
            self.assertEqual(set(first) ^ set(other), set())

    def test_same_values(self) -> None:
        """A text takes the same values in every language."""
        first, *others = (texts(language) for language in LANGUAGES)
        for other in others:
            differ = [key for key in first if values(first[key]) != values(other[key])]
            self.assertEqual(differ, [])

    def test_used_keys_exist(self) -> None:
        """Every key that a module asks for is there; of one that is put together, something with that beginning."""
        have = set(texts("en"))
        for path in sources():
            for call in _CALL.finditer(path.read_text("utf-8")):
                if call["whole"]:
                    self.assertIn(call["whole"], have, path.name)
                else:
                    self.assertTrue(any(key.startswith(call["begin"]) for key in have), f"{path.name}: {call['begin']}")

    def test_no_key_unused(self) -> None:
        """Every text is asked for somewhere."""
        code = "\n".join(path.read_text("utf-8") for path in sources())
        calls = list(_CALL.finditer(code))
        whole = {call["whole"] for call in calls} | set(_UNIT.findall(code))
        begins = tuple(call["begin"] for call in calls if call["begin"])
        self.assertEqual([key for key in texts("en") if key not in whole and not key.startswith(begins)], [])

    def test_every_kind_of_entry(self) -> None:
        """Each kind of entry in the audit log has its sentence, with the values of the English one, and none is
        left.
        """
        for language in LANGUAGES:
            sentences = {
                key.removeprefix("event."): values(text)
                for key, text in texts(language).items()
                if key.startswith("event.") and "." in key.removeprefix("event.")
            }
            self.assertEqual(sentences, {kind: set(_VALUE.findall(text)) for kind, text in KINDS.items()}, language)

    def test_every_reason(self) -> None:
        """Every language says each sentence of the server, with the same values."""
        for language in LANGUAGES:
            said = {key: values(text) for key, text in texts(language).items() if key.startswith("reason.")}
            self.assertEqual(said, {key: values(text) for key, text in reasons().items()}, language)

    def test_one_english(self) -> None:
        """The console's English is the server's, but for units, quotes, and the forms that only it can choose."""
        english = texts("en")
        wanted = {key: text for key, text in reasons().items() if isinstance(english[key], str)}
        self.assertEqual({key: english[key] for key in wanted}, wanted)

    def test_reasons_say_fields_as_forms_do(self) -> None:
        """A field that is called otherwise in its form is so in a reason."""
        keys = _FIELD.findall((CONSOLE / "reasons.js").read_text("utf-8"))
        self.assertNotEqual(keys, [])
        self.assertEqual([key for key in keys if key not in texts("en")], [])

    def test_nothing_empty(self) -> None:
        """No text is empty."""
        for language in LANGUAGES:
            found = texts(language)
            self.assertEqual([key for key in found if not all(form.strip() for form in forms(found[key]).values())], [])

    def test_every_text_has_a_last_form(self) -> None:
        """A text with forms has the one for all numbers that no other form is for."""
        for language in LANGUAGES:
            self.assertEqual([key for key, text in texts(language).items() if "other" not in forms(text)], [], language)

    def test_list_of_languages(self) -> None:
        """What the console offers is what there are files for."""
        files = sorted(path.name for path in (CONSOLE / "languages").iterdir())
        self.assertEqual(sorted(name for language in LANGUAGES for name in files_of(language)), files)

    def test_reasons_apart(self) -> None:
        """Reasons are in the file that comes after the page, and nothing else is."""
        for language in LANGUAGES:
            first, later = (_read(CONSOLE / "languages" / name, dict) for name in files_of(language))
            self.assertEqual([key for key in first if key.startswith("reason.")], [], language)
            self.assertEqual([key for key in later if not key.startswith("reason.")], [], language)


class FileTests(SynchronousTestCase):
    """What a browser gets."""

    def test_first_load_is_small(self) -> None:
        """All files of the first load, with the larger language, stay under the bound, uncompressed."""
        files = first_load()
        language = max((CONSOLE / "languages" / files_of(code)[0]).stat().st_size for code in LANGUAGES)
        self.assertLess(sum(path.stat().st_size for path in files) + language, FIRST_LOAD_BYTES)

    def test_every_file_is_reached(self) -> None:
        """Each module and stylesheet is loaded at first, is a language, or is loaded later; none is left over."""
        reached = {path.relative_to(CONSOLE).as_posix() for path in first_load()}
        reached |= LATER | {f"languages/{name}" for code in LANGUAGES for name in files_of(code)}
        files = {p.relative_to(CONSOLE).as_posix() for p in CONSOLE.rglob("*") if p.suffix in (".js", ".css", ".svg")}
        self.assertEqual(files ^ (reached - {"index.html"}), set())

    def test_nothing_from_elsewhere(self) -> None:
        """No file of ours names an address on another machine."""
        for path in own(".js", ".css", ".html", ".svg"):
            text = path.read_text("utf-8")
            for namespace in NAMESPACES:
                text = text.replace(namespace, "")
            self.assertNotRegex(text, r"https?://|[\"'(]//\w", path.name)

    def test_no_markup_from_text(self) -> None:
        """No module makes markup or code out of text."""
        for path in own(".js"):
            self.assertNotRegex(
                path.read_text("utf-8"),
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
                path.name,
            )

    def test_nothing_inline(self) -> None:
        """The page has no script and no style of its own: the Content-Security-Policy would not let them work."""
        page = (CONSOLE / "index.html").read_text("utf-8")
        self.assertNotRegex(page, r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)")

    def test_imports_are_relative(self) -> None:
        """Modules import by path: a bare name would need an import map."""
        for path in own(".js"):
            for name in _IMPORT.findall(path.read_text("utf-8")):
                self.assertTrue(name.startswith(("./", "../")), f"{path.name}: {name}")
                self.assertTrue((path.parent / name).is_file(), f"{path.name}: {name}")

    def test_first_line_says_the_purpose(self) -> None:
        """Each module and stylesheet begins with a comment."""
        for path in own(".js", ".css"):
            self.assertTrue(path.read_text("utf-8").startswith(("// ", "/* ")), path.name)

    def test_licences(self) -> None:
        """Everything from others has its licence beside it and its line in the list."""
        vendor = CONSOLE / "vendor"
        listed = (vendor / "README.rst").read_text("utf-8")
        for directory in (path for path in vendor.iterdir() if path.is_dir()):
            self.assertTrue((directory / "LICENSE").is_file(), directory.name)
            self.assertIn(directory.name, listed)
