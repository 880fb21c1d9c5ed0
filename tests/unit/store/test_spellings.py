"""Tests of m009_endings: what versions before kept as sentences alone is known by code, from every schema there was."""

from __future__ import annotations

import json
from pathlib import Path
from string import Formatter
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE
from voi.messages.english import SENTENCES
from voi.messages.reason import Reason, kept, plain, recall
from voi.store import spellings
from voi.store.database import Store
from voi.store.migrations import migrations
from voi.store.preparation import connect, migration_names, prepare
from voi.store.rollouts import SqlRollouts
from voi.store.spellings import code_and_values
from voi.store.uploads import SqlUploads

NAME: Final = f"voi_0_{DISK}"
SAMPLES: Final = {
    "disk": NAME,
    "mac": MAC,
    "number": "17",
    "path": "/srv/voi/disks/a b",
    "percent": "45%",
    "quoted": "'it\\'s'",
    "reason": "no progress for 5 minutes",
    "size": "3.0 GB",
    "system": "No space left on device",
    "text": "what others say",
    "uuid": DISK,
    "word": "name",
}
"""A value of each kind, as it stood in sentences."""

OLD: Final = (
    ("cancelled by an administrator", "cancelled", "cancelled"),
    ("asked for again", "asked_again", "asked_again"),
    ("the server failed; its log says why", "server_failed", "failed"),
    ("something that nobody says any more", None, "failed"),
)
"""A sentence as it was kept at an upload's disk, its code now, and how the disk ended."""


def code(beside: str) -> str | None:
    """The code in what is kept beside a text."""
    return str(json.loads(beside)["code"]) if beside else None


def say(sentence: str) -> str:
    """A spelling with a value in each place."""
    return "".join(
        text + (SAMPLES[kind or "text"] if name is not None else "")
        for text, name, kind, _ in Formatter().parse(sentence)
    )


class SpellingTests(SynchronousTestCase):
    """One text at a time."""

    def test_every_spelling(self) -> None:
        """Each text that was ever kept is read as its own sentence, and can be said in another language by it."""
        for wanted, sentence in spellings._SPELLINGS:
            text = say(sentence)
            again = recall(text, code_and_values(text))
            assert isinstance(again, Reason), text
            self.assertEqual((again.code, str(again)), (wanted, text))
            values = {name for _, name, _, _ in Formatter().parse(SENTENCES[wanted]) if name is not None}
            self.assertEqual(set(again.data), values, wanted)

    def test_values(self) -> None:
        """Values are read as what they are: numbers, bytes in either units, texts without their quotation marks."""
        for text, expected in (
            ("no progress for 5 minutes", {"minutes": 5}),
            (f"no progress for a day, at 45%: is {MAC} still there?", {"part": 0.45, "mac": MAC}),
            ("3.0 GB are needed on the server, 10 bytes are available", {"needed": 3_000_000_000, "available": 10}),
            ("1.5 KiB are needed on the server, 2.0 MiB are available", {"needed": 1536, "available": 2 << 20}),
            ('name: "it\'s" is no disk name (voi_<level>_<uuid>)', {"field": "name", "text": "it's"}),
        ):
            self.assertEqual(json.loads(code_and_values(text))["data"], expected, text)

    def test_sentences_within_sentences(self) -> None:
        """A reason within a reason is read too; what a terminal or libtorrent said within one stays as it was."""
        text = f"offline: tried again at its next login; the last try failed: {NAME}: no progress for 5 minutes"
        stalled = {"code": "stalled", "data": {"minutes": 5}}
        failed = {"code": "disk_failed", "data": {"disk": NAME, "why": stalled}}
        self.assertEqual(json.loads(code_and_values(text)), {"code": "off_after_failure", "data": {"why": failed}})
        text = f"{NAME}: bad luck; tried again in 15 seconds"
        self.assertEqual(json.loads(code_and_values(text))["data"], {"disk": NAME, "why": "bad luck", "seconds": 15})

    def test_of_others(self) -> None:
        """A text in which nothing is ours has no code."""
        for text in ("", "torn", "unexpected end", "piece 3 is wrong"):
            self.assertEqual(code_and_values(text), "")


def filled(path: Path, stop_before: str) -> Path:
    """A database as a version before left it, with sentences of its own."""
    db = connect(path)
    migrations.apply(db, stop_before=stop_before)
    db.execute(f"INSERT INTO templates VALUES ('{TEMPLATE}', 'Office', 1, '', 'g', 'Office', 0, 1, 1, 1)")
    for mac in (MAC, OTHER):
        insert(db, "terminals", mac=mac, ip="", client_type=1, first_seen=1, last_seen=1, tracker_key=mac)
    for number, (reason, _, _) in enumerate(OLD, 1):
        insert(db, "uploads", id=number, template_uuid=TEMPLATE, name="Office", sys_type=1, desc="", created=2**40)
        disk(db, number, "failed", reason)
    insert(db, "uploads", id=9, template_uuid=TEMPLATE, name="Office", sys_type=1, desc="", created=2**40)
    disk(db, 9, "requested", "10.0 GiB are needed on the server, 1.0 GiB are available")
    insert(db, "rollouts", template_uuid=TEMPLATE, version=1, created=1)
    for mac, reason in (
        (MAC, "offline: waits for its next login"),
        (OTHER, f"{NAME}: torn; tried again in 60 seconds"),
    ):
        insert(db, "rollout_targets", rollout_id=1, mac=mac, state="waiting", reason=reason, updated=1)
    insert(db, "commands", code=1002, body="{}", waits=0, created=1)
    insert(
        db,
        "command_outcomes",
        batch_no=1,
        mac=MAC,
        state="failed",
        reason=f"terminal {MAC} is offline",
        updated=1,
    )
    db.close()
    return path


class UpgradeTests(SynchronousTestCase):
    """A database of each version before."""

    def test_from_every_schema(self) -> None:
        """Whichever version made it: what an administrator called off is known, and each sentence has a code."""
        for before in sorted(migration_names())[1:]:
            if before > "m009_endings":
                continue
            path = filled(Path(self.mktemp()), before)
            prepare(path)
            db = connect(path)
            found = db.execute(
                "SELECT why, ending FROM upload_disks WHERE state = 'failed' ORDER BY upload_id"
            ).fetchall()
            self.assertEqual([(code(why), ending) for why, ending in found], [(x, y) for _, x, y in OLD], before)
            ((why, ending),) = db.execute("SELECT why, ending FROM upload_disks WHERE state != 'failed'").fetchall()
            self.assertEqual((code(why), ending), ("no_space", ""))
            targets = db.execute("SELECT why FROM rollout_targets ORDER BY mac").fetchall()
            self.assertEqual([code(why) for (why,) in targets], ["goes_on_at_login", "tried_again"])
            self.assertEqual(
                [code(x) for (x,) in db.execute("SELECT why FROM command_outcomes").fetchall()], ["offline"]
            )
            self.assertTrue(path.with_name(f"{path.name}.before-{before}").exists())
            db.close()

    def test_taken_over(self) -> None:
        """What a newer rollout took over is told from what a person called off, whichever version wrote it."""
        for before in ("m008_askers", "m010_since_login"):
            path = filled(Path(self.mktemp()), before)
            db = connect(path)
            db.execute("UPDATE rollout_targets SET state = 'cancelled'")
            reasons = ("replaced by rollout 7", "cancelled by an administrator")
            for mac, reason in zip((MAC, OTHER), reasons, strict=True):
                db.execute("UPDATE rollout_targets SET reason = ? WHERE mac = ?", [reason, mac])
                if before == "m010_since_login":
                    db.execute("UPDATE rollout_targets SET why = ? WHERE mac = ?", [code_and_values(reason), mac])
            db.close()
            prepare(path)
            db = connect(path)
            found = db.execute("SELECT state FROM rollout_targets ORDER BY mac").fetchall()
            self.assertEqual([state for (state,) in found], ["superseded", "cancelled"], before)
            db.close()

    def test_words_of_today(self) -> None:
        """What has its code already keeps it, whatever its words are."""
        path = filled(Path(self.mktemp()), "m009_endings")
        db = connect(path)
        beside = kept(Reason("cancelled"))
        db.execute("UPDATE upload_disks SET reason = 'called off', why = ? WHERE upload_id = 4", [beside])
        prepare(path)
        found = db.execute("SELECT reason, why, ending FROM upload_disks WHERE upload_id = 4").fetchone()
        self.assertEqual(found, ("called off", beside, "cancelled"))
        db.close()


class AfterwardsTests(StoreCase):
    """An upgraded database in use."""

    def setUp(self) -> None:
        """With what the first version left."""
        super().setUp()
        path = filled(self.path / "old.sqlite", "m002_console")
        prepare(path)
        self.old = Store(path, reactor)  # type: ignore[arg-type]  # the module is the reactor
        self.addCleanup(self.old.close)

    async def test_attention(self) -> None:
        """Uploads that failed need attention, those that an administrator called off do not come back."""
        failed = [upload.id for upload in await SqlUploads(self.old).failed()]
        self.assertEqual(failed, [4, 3])

    async def test_reasons(self) -> None:
        """Reasons are what they would be had they been kept today, but for their words."""
        rollout = await SqlRollouts(self.old).get(1)
        assert rollout is not None
        waiting, failed = (target.reason for target in rollout.targets)
        self.assertEqual((waiting, plain(waiting)["code"]), ("offline: waits for its next login", "goes_on_at_login"))
        self.assertEqual(plain(failed)["data"], {"disk": NAME, "why": "torn", "seconds": 60})


def insert(db: Database, table: str, **values: Any) -> None:
    """A row in the columns that the schema has."""
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))


def disk(db: Database, number: int, state: str, reason: str) -> None:
    """A disk of an upload, each of another name."""
    insert(
        db,
        "upload_disks",
        id=str(number),
        upload_id=number,
        disk_uuid=f"{number}{DISK[1:]}",
        level=0,
        type=0,
        real_size=1,
        reserve_size=1,
        state=state,
        reason=reason,
        created=1,
        updated=1,
    )
