"""QEMU's check as a child process: what its answers mean, what it may do, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import voi
from tests.unit.files.qcow2 import Plan
from voi.errors import BadImage, Conflict
from voi.files.hashing import Cancelled
from voi.files.image_walk import walk_image
from voi.files.qemu_img import CannotStart, ChildLimits, Ended, QemuImg, refuse, run_confined

LIMITS = ChildLimits(10, 1 << 30, 30)


def answer(**numbers: int) -> str:
    """What ``qemu-img check`` prints."""
    return json.dumps({"filename": "json:{}", "format": "qcow2", **numbers})


class AnswerTests(SynchronousTestCase):
    """The rules by which an image is taken or refused."""

    def refused(self, ended: Ended, pattern: str) -> None:
        """It is refused, for this reason."""
        with self.assertRaises(BadImage) as caught:
            refuse(ended, LIMITS)
        self.assertRegex(caught.exception.reason, pattern)

    def test_good(self) -> None:
        """No errors; and leaks alone, which cost room only."""
        refuse(Ended(0, answer(**{"check-errors": 0}), ""), LIMITS)
        refuse(Ended(3, answer(leaks=12, **{"check-errors": 0}), "Leaked cluster 5"), LIMITS)

    def test_errors(self) -> None:
        """Corruptions, and errors of the check itself, are counted."""
        self.refused(Ended(2, answer(corruptions=3, leaks=1), "ERROR cluster 5"), r"finds 3 errors .*\(ERROR cluster 5")
        self.refused(Ended(1, answer(**{"check-errors": 2}), ""), "finds 2 errors")
        self.refused(Ended(0, answer(corruptions=1), ""), "finds 1 errors")

    def test_cannot_open(self) -> None:
        """Without an answer its complaint is told."""
        self.refused(Ended(1, "", "Could not open: Reftable too large"), "cannot open the image: Could not open: Ref")

    def test_no_end(self) -> None:
        """Killed for its time, by the limit of the processor, and a crash: refused, each with what happened."""
        self.refused(Ended(None, "", ""), "did not end within 30 seconds")
        self.refused(Ended(-signal.SIGXCPU, "", ""), "did not end within 10 seconds")
        self.refused(Ended(-signal.SIGSEGV, answer(), ""), "crashed while it read the image .signal 11")


class ConfinedTests(SynchronousTestCase):
    """What a child can do, tried with one of ours in the place of QEMU."""

    def run_python(self, code: str, limits: ChildLimits = LIMITS) -> Ended:
        """Run some Python within limits."""
        return run_confined(limits, sys.executable, "-I", "-S", "-c", code)

    def test_writes_nothing(self) -> None:
        """It cannot write to any file, not even to a new one of its own."""
        path = Path(self.mktemp()).absolute()
        ended = self.run_python(f"open({str(path)!r}, 'w').write('x' * 10000)")
        self.assertNotEqual(ended.status, 0)
        self.assertEqual(path.stat().st_size if path.exists() else 0, 0)

    def test_nothing_is_handed_down(self) -> None:
        """No descriptor but three, no environment, a session of its own, not in our directory."""
        kept = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(kept, True)
        self.addCleanup(os.close, kept)
        code = (
            "import os; print(sorted(int(x) for x in os.listdir('/proc/self/fd'))[:-1], sorted(os.environ), "
            "os.getsid(0) == os.getpid(), os.getcwd())"
        )
        self.assertEqual(self.run_python(code).out.strip(), "[0, 1, 2] ['LC_ALL', 'MALLOC_ARENA_MAX'] True /")

    def test_memory(self) -> None:
        """It gets no more memory than it may have."""
        ended = self.run_python("x = bytearray(2 << 30)")
        self.assertEqual(ended.status, 1)

    def test_processor(self) -> None:
        """It is killed when it has used its time on the processor."""
        ended = self.run_python("while True: pass", ChildLimits(1, 1 << 30, 60))
        self.assertIn(ended.status, (-signal.SIGXCPU, -signal.SIGKILL))

    def test_wall_clock(self) -> None:
        """It is killed when it has taken too long, with what it began."""
        ended = self.run_python("import time; print('here', flush=True); time.sleep(600)", ChildLimits(9, 1 << 30, 0.5))
        self.assertIsNone(ended.status)

    def test_pipes_closed_and_no_end(self) -> None:
        """Closing its pipes is no way to stay."""
        code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
        ended = self.run_python(code, ChildLimits(9, 1 << 30, 0.5))
        self.assertNotEqual(ended.status, 0)

    def test_cancelled(self) -> None:
        """It is killed when the check is called off."""
        call = (LIMITS, sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")
        self.assertRaises(Cancelled, run_confined, *call, cancelled=lambda: True)

    def test_says_very_much(self) -> None:
        """Millions of complaints are read and not kept."""
        ended = self.run_python("import sys\nfor _ in range(40): sys.stderr.write('ERROR \\x1b[2J cluster\\n' * 10000)")
        self.assertEqual((ended.status, ended.complaint), (0, "ERROR ?[2J cluster"))

    def test_cannot_start(self) -> None:
        """A program that is not there says nothing of an image."""
        self.assertRaises(CannotStart, run_confined, LIMITS, "/nowhere/qemu-img", "check")


class FindTests(SynchronousTestCase):
    """Looking for the program."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.patch(os, "environ", {**os.environ, "PATH": str(self.folder)})
        self.told: list[str] = []

    def program(self, script: str) -> QemuImg | None:
        """One in the place of QEMU's."""
        path = self.folder / "qemu-img"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return QemuImg.find(self.told.append)

    def test_absent(self) -> None:
        """That there is none is told."""
        self.assertIsNone(QemuImg.find(self.told.append))
        self.assertEqual(self.told, ["qemu-img is not installed"])

    def test_found(self) -> None:
        """Its version is known."""
        found = self.program("echo qemu-img version 9.1.0 of some sort")
        self.assertEqual(found, QemuImg(str(self.folder / "qemu-img"), "9.1.0"))
        self.assertEqual(self.told, [])

    def test_does_not_run(self) -> None:
        """One that does not run here is none, so that no image is refused for it."""
        self.assertIsNone(self.program("echo no libaio >&2; exit 127"))
        self.assertEqual(self.told, ["qemu-img does not run: no libaio"])


class OnePlaceTests(SynchronousTestCase):
    """Who starts QEMU's programs."""

    def test_one_place(self) -> None:
        """One module alone, which tells them of no backing file: whoever needs them goes through it."""
        root = Path(voi.__file__).parent
        found = [path for path in root.rglob("*.py") if re.search(r"[\"'](?:/\S*/)?qemu-\w+[\"']", path.read_text())]
        self.assertEqual([str(path.relative_to(root)) for path in found], ["files/qemu_img.py"])


class QemuTests(SynchronousTestCase):
    """The real one."""

    def setUp(self) -> None:
        if shutil.which("qemu-img") is None:
            raise SkipTest("qemu-img is not installed")
        qemu = QemuImg.find(self.fail)
        assert qemu is not None
        self.qemu = qemu
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def test_good_and_bad(self) -> None:
        """A whole image is taken, also one with a leak; one with a wrong count is refused."""
        path = Plan().make().write(self.folder / "image")
        header = walk_image(path)
        self.qemu.check(path, header)
        made = Plan().make()
        made.data += bytes(made.cluster)
        made.count(len(made.data) - made.cluster, 1).write(path)
        self.qemu.check(path, header)
        made.count(made.contents[0], 0).write(path)
        with self.assertRaises(BadImage) as caught:
            self.qemu.check(path, header)
        self.assertRegex(caught.exception.reason, "finds [0-9]+ errors in the image .ERROR")
        self.assertNotIn("json", caught.exception.reason)

    def test_backing_file_is_not_opened(self) -> None:
        """Not even where there is one: a pipe nobody writes to would be waited for."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        path = Plan(backing=str(pipe)).make().write(self.folder / "image")
        self.qemu.check(path, walk_image(path))

    def test_names(self) -> None:
        """What a file is called means nothing to QEMU."""
        path = Plan().make().write(self.folder / "nbd:unix=a,b;file.driver=x:{}")
        self.qemu.check(path, walk_image(path))

    def test_link(self) -> None:
        """A symbolic link is not followed."""
        path = Plan().make().write(self.folder / "image")
        (self.folder / "link").symlink_to(path)
        self.assertRaises(Conflict, self.qemu.check, self.folder / "link", walk_image(path))
