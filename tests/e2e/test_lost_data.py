"""Database and disks that do not belong together, a damaged database, files to which nothing refers: real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.site import RECEIVER, PlainTerminal, SiteCase
from tests.unit.store.test_damage import add_terminals, mac_of, overwrite
from voi.files.hashing import sha256_file


class LostDataTests(SiteCase):
    """A server that has published something, and is stopped."""

    def setUp(self) -> None:
        """Publish it."""
        super().setUp()
        self.server.up()
        self.import_base(1)
        self.server.stop()
        self.data = self.server.data

    def refused(self, *words: str) -> None:
        """A start ends with status 1 and one line that has these words; the disks are as they were."""
        before = self.files()
        self.server.log.unlink()
        self.server.start()
        status = self.server.wait()
        said = [line for line in self.server.log.read_text().splitlines() if line.startswith("voi: ")]
        self.assertEqual((status, len(said)), (1, 1), self.server.tail())
        for word in words:
            self.assertIn(word, said[0])
        self.assertEqual(self.files(), before)
        self.server.stop()

    def files(self) -> dict[str, str]:
        """The disks, and their sums."""
        return {path.name: sha256_file(path) for path in (self.data / "disks").iterdir()}

    def templates(self) -> list[str]:
        """The names of all templates."""
        return [one["name"] for one in self.server.api("GET", "templates")["templates"]]

    def voi(self, *arguments: str) -> str:
        """The command; what it prints."""
        program = [sys.executable, "-c", "from voi.cli import main; main(prog_name='voi')", *arguments]
        env = {**os.environ, "VOI_SERVER": self.server.url, "VOI_TOKEN": self.server.token}
        return subprocess.run(program, capture_output=True, text=True, check=True, timeout=60, env=env).stdout

    def test_database_lost(self) -> None:
        """A database that is gone is no first start; put back, all is there. Told to, the server begins anew beside the
        disks, which then are swept.
        """
        copy = self.directory / "backup.sqlite"
        shutil.copy(self.data / "voi.sqlite", copy)
        database = self.data / "voi.sqlite"
        database.unlink()
        self.refused("missing or empty", "1 levels", "from a backup", str(self.data / "accept-disks"))
        database.touch()
        self.refused("missing or empty")
        shutil.copy(copy, database)
        self.server.up()
        self.assertEqual(self.templates(), ["Lab"])
        self.server.stop()

        database.unlink()
        (self.data / "accept-disks").touch()
        self.server.up()
        self.assertEqual(self.templates(), [])
        self.assertTrue((self.data / "disks" / str(self.base)).exists())
        self.assertFalse((self.data / "accept-disks").exists())
        for path in (self.data / "disks").iterdir():
            os.utime(path, (1, 1))
        self.assertIn(str(self.base), self.voi("sweep"))
        self.assertIn("deleted: 1 file,", self.voi("sweep", "--delete", "--yes"))
        self.assertFalse((self.data / "disks" / str(self.base)).exists())
        self.assertIn("nothing", self.voi("sweep").splitlines()[0])
        self.server.stop()
        self.server.up()

    def test_disks_not_mounted(self) -> None:
        """Empty disks are a file system that is not mounted; back again, all is there."""
        disks, elsewhere = self.data / "disks", self.directory / "elsewhere"
        disks.rename(elsewhere)
        disks.mkdir()
        self.refused("holds none of the 1 levels", "mount")
        disks.rmdir()
        elsewhere.rename(disks)
        self.server.up()
        self.assertEqual(self.templates(), ["Lab"])

    def test_disks_of_another(self) -> None:
        """Disks that belong to another server's database are not taken for one's own."""
        (self.data / "disks" / "identity").write_text("11111111-2222-4333-8444-555555555555\n")
        self.refused("belongs to another database")

    def test_damaged_database(self) -> None:
        """A page that was overwritten ends the start, with what to do; the file is not written to."""
        overwrite(self.data / "voi.sqlite", "sqlite_schema")
        damaged = (self.data / "voi.sqlite").read_bytes()
        self.refused("is damaged", "put a backup back", ".dump")
        self.assertEqual((self.data / "voi.sqlite").read_bytes(), damaged)

    def test_damaged_while_it_runs(self) -> None:
        """Who needs a page that was overwritten under the server is told what is wrong; health says so; nothing is
        written from then on, and what can be read is.
        """
        database = self.data / "voi.sqlite"
        add_terminals(database)
        self.server.log.unlink()
        self.server.up()
        self.wait(lambda: "voi is up" in self.server.log.read_text(), "the end of the start")
        mac = mac_of(overwrite(database, "terminals"))
        for one in (mac, RECEIVER):
            terminal = PlainTerminal(self.server, one)
            answer = terminal.log_in()
            terminal.close()
            self.assertEqual(answer["code"], 20724)
            self.assertIn("the database is damaged", answer["msg"])
            self.assertIn("put a backup back", answer["msg"])
        status, health = self.server.call("GET", "/healthz")
        self.assertEqual(status, 503)
        self.assertIn("the database is damaged", health["checks"]["database"])
        status, answer = self.server.call("POST", "/api/v1/rooms", {"name": "Hall", "subnets": []})
        self.assertEqual((status, answer["error"]["why"]["code"]), (500, "database_damaged"))
        self.assertEqual([one["name"] for one in self.server.api("GET", "uploads")["uploads"]], ["Lab"])
        self.server.stop()
        self.refused("is damaged")

    def test_disks_vanish(self) -> None:
        """Where the disks are no longer there while the server runs, it removes nothing and says so."""
        self.server.up()
        disks: Path = self.data / "disks"
        disks.rename(self.directory / "elsewhere")
        disks.mkdir()
        status, answer = self.server.call("DELETE", "/api/v1/orphans")
        self.assertEqual((status, answer["error"]["why"]["code"]), (409, "disks_not_ours"))
