"""Tests of voi.wire.messages."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import MAC, TEMPLATE, UUID, fields
from voi.errors import Malformed
from voi.messages.reason import Reason, code_of, same
from voi.wire import messages
from voi.wire.json_body import convert, decode_object, encode
from voi.wire.messages import (
    AdminLogin,
    Disk,
    DownloadResult,
    GroupUpload,
    TaskState,
    TemplateBody,
    decode_reason,
    encode_reason,
)


class DecodeTests(SynchronousTestCase):
    """Numbers and names as deployed terminals write them."""

    def test_wrong_type_is_named(self) -> None:
        """The message says where a wrong type stands."""
        error = self.assertRaises(
            Malformed, messages.decode_template, {"uuid": TEMPLATE, "disks": [{"uuid": UUID, "type": "x"}]}
        )
        self.assertIn("disks[0].type", error.message)

    def test_both_user_spellings(self) -> None:
        """user_name is username."""
        body = convert(fields('{"user_name": "admin", "password": "x"}'), AdminLogin)
        self.assertEqual(body.username, "admin")

    def test_decimal_strings(self) -> None:
        """Numbers may come as text, as family clients send sizes and rates."""
        state = convert(
            fields('{"torrent_name": "x", "progress": 12, "state": "downloading", "download_rate": "1048576"}'),
            TaskState,
        )
        self.assertEqual((state.progress, state.download_rate), (12, 1048576))

    def test_failed_download(self) -> None:
        """Finished with nothing is a failure, finished with everything is not."""
        for progress, failed in ((0, True), (100, False)):
            state = TaskState(torrent_name="x", progress=progress, state="finished")
            self.assertIs(state.failed, failed)


class DiskTests(SynchronousTestCase):
    """Disks and templates in all their spellings."""

    def test_every_spelling_is_read(self) -> None:
        """Seed and family call the same things differently."""
        for level, reserve in (
            ("diff_level", "resrver_size"),
            ("dif_level", "reserve_size"),
            ("dif_level", "reserve_space"),
        ):
            text = json.dumps({"uuid": TEMPLATE, "disks": [{"uuid": UUID.upper(), level: "2", reserve: "7"}]})
            body = messages.decode_template(fields(text))
            self.assertEqual(body.disks[0], Disk(uuid=UUID, diff_level=2, reserve_size=7))

    def test_canonical_spelling_wins(self) -> None:
        """Where both spellings stand, the canonical one counts."""
        text = json.dumps({"uuid": TEMPLATE, "disks": [{"uuid": UUID, "dif_level": 1, "diff_level": 2}]})
        self.assertEqual(messages.decode_template(fields(text)).disks[0].diff_level, 2)

    def test_both_spellings_are_written(self) -> None:
        """Seed and family terminals each find the name they know."""
        written = Disk(uuid=UUID, diff_level=1, reserve_size=5).to_wire()
        self.assertEqual((written["diff_level"], written["dif_level"]), (1, 1))
        self.assertEqual((written["resrver_size"], written["reserve_size"], written["reserve_space"]), (5, 5, 5))

    def test_desktop_form(self) -> None:
        """The family's 1020 hides the template under `desktop`."""
        flat = {"uuid": TEMPLATE, "name": "n", "disks": [{"uuid": UUID}]}
        self.assertEqual(messages.decode_template({"batch_no": 1, "desktop": flat}), messages.decode_template(flat))

    def test_group_form(self) -> None:
        """The family's 9018 names a desktop group."""
        body = messages.decode_may_upload({"mac": MAC, "desktop_group_uuid": TEMPLATE})
        self.assertEqual(body, GroupUpload(mac=MAC, desktop_group_uuid=TEMPLATE))

    def test_bounds(self) -> None:
        """Too many disks, an impossible level and an impossible size are malformed."""
        disk = {"uuid": UUID}
        for disks in (
            [disk] * 65,
            [{**disk, "diff_level": 6}],
            [{**disk, "real_size": 2**60}],
            [{**disk, "real_size": -1}],
        ):
            self.assertRaises(Malformed, messages.decode_template, {"uuid": TEMPLATE, "disks": disks})

    def test_round_trip(self) -> None:
        """What a body writes, it reads."""
        body = TemplateBody(uuid=TEMPLATE, name="n", disks=[Disk(uuid=UUID, diff_level=1, operate_id=3)])
        self.assertEqual(messages.decode_template(decode_object(encode(body.to_wire()))), body)

    def test_download_result_names(self) -> None:
        """The family's draft says name instead of disk."""
        for key in ("disk", "name"):
            self.assertEqual(messages.decode_download_result({key: "d", "result": "1"}).disk, "d")


class ReplyTests(SynchronousTestCase):
    """The envelope."""

    def test_success(self) -> None:
        """Code 0, msg Success, and data only where there is some."""
        self.assertEqual(json.loads(encode(messages.success())), {"code": 0, "msg": "Success"})
        self.assertEqual(json.loads(encode(messages.success(a=1)))["data"], {"a": 1})

    def test_tolerance(self) -> None:
        """An answer without a code is an error, data of another type is no data."""
        self.assertEqual(messages.decode_reply(b'{"data": []}').code, -1)
        self.assertIsNone(messages.decode_reply(b'{"code": "0", "data": "x"}').data)
        odd = messages.decode_reply(b'{"code": 0, "msg": null, "data": {"mac": "", "batch_no": 1}}')
        self.assertEqual((odd.msg, odd.data), ("", {"mac": "", "batch_no": 1}))
        self.assertEqual(len(messages.decode_reply(b'{"code": 0, "msg": "' + b"x" * 9000 + b'"}').msg), 256)


class ReasonTests(SynchronousTestCase):
    """Why a download failed, as the reference terminal adds it to 9015 and 9025."""

    def test_survives_the_wire(self) -> None:
        """A reason of the catalogue comes out as the same reason, with those in it."""
        reason = Reason("disk_failed", disk="voi_0_x", why=Reason("download_failed"))
        wire = json.loads(json.dumps({"mac": MAC, "disk": "voi_0_x", "result": 2, "reason": encode_reason(reason)}))
        self.assertTrue(same(messages.decode_download_result(wire).why, reason))

    def test_none_is_no_reason(self) -> None:
        """A terminal that says nothing, as deployed ones do, gives no reason."""
        self.assertEqual(convert({"mac": MAC, "disk": "voi_0_x", "result": 2}, DownloadResult).why, "")

    def test_text_of_its_own(self) -> None:
        """A sentence that this version does not know is shown in the terminal's words, cut to what is kept."""
        found = decode_reason({"text": "x" * 1000, "code": "of_a_later_version", "data": {}})
        self.assertEqual((found, code_of(found)), ("x" * messages.LONGEST_MESSAGE, ""))

    @given(
        st.dictionaries(
            st.sampled_from(["text", "code", "data"]),
            st.recursive(
                st.none() | st.integers() | st.floats() | st.text() | st.sampled_from(["disk_failed", "no_space"]),
                lambda inner: (
                    st.lists(inner) | st.dictionaries(st.sampled_from(["why", "disk", "code", "data"]), inner)
                ),
            ),
        )
        | st.integers()
    )
    def test_anything_else(self, found: object) -> None:
        """Whatever a hostile terminal puts there is a short text or nothing, and breaks nothing."""
        self.assertLessEqual(len(decode_reason(found)), messages.LONGEST_MESSAGE)
