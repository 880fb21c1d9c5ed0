"""The console's reasons.js: the server's sentences in the reader's language, by what they are made of."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase

ENGLISH = "as the server says"


def why(code: str, /, **data: Any) -> dict[str, Any]:
    """What a sentence is made of."""
    return {"code": code, "data": data}


class ReasonTests(ModuleCase):
    """One sentence at a time."""

    def said(self, reason: dict[str, Any] | None, language: str = "zh-CN") -> str:
        """A sentence whose English is `ENGLISH`."""
        text: str = self.js(
            "await (await use('i18n.js')).setLanguage(language);return (await use('reasons.js')).said(english, reason)",
            language=language,
            english=ENGLISH,
            reason=reason,
        )
        return text

    def test_in_chinese(self) -> None:
        """A reason within a reason is said too, durations and disks as the console says them."""
        inner = why("stalled", minutes=5.02)
        reason = why("tried_again", disk="voi_1_6f1a8c52-0000-4000-8000-000000000000", why=inner, seconds=60.02)
        self.assertEqual(self.said(reason), "第 1 层 · 6f1a8c52：5 分钟内没有进展；1 分钟后重试")

    def test_in_english(self) -> None:
        """English has names, sizes and times as Chinese does, not what a program would write."""
        disk = "voi_0_6f1a8c52-0000-4000-8000-000000000000"
        reason = why("tried_again", disk=disk, why=why("stalled", minutes=5.02), seconds=15.2)
        self.assertEqual(self.said(reason, "en"), "Level 0 · 6f1a8c52: no progress for 5 min; next attempt in 15 s")
        space = why("disk_failed", disk=disk, why=why("no_space", needed=60_000_000_000, available=12_345_678_901))
        self.assertEqual(
            self.said(space, "en"), "Level 0 · 6f1a8c52: the server needs 60.0 GB, but only 12.3 GB are free"
        )

    def test_one_and_many_in_english(self) -> None:
        """A count has its form."""
        found = [self.said(why("terminals_stuck", number=7, count=count), "en") for count in (1, 1234)]
        expected = ["rollout 7: 1 terminal receives nothing", "rollout 7: 1,234 terminals receive nothing"]
        self.assertEqual(found, expected)

    def test_sizes_that_look_the_same(self) -> None:
        """Two sizes that differ by less than one sees are shown to the byte, or the sentence would deny itself."""
        sizes = {"disk": "a", "parent": "b", "size": 60_000_000_512, "parent_size": 60_000_000_000}
        self.assertEqual(
            self.said(why("parent_size", **sizes), "en"),
            "a has a disk size of 60,000,000,512 B, but its parent b has 60,000,000,000 B: "
            "a difference disk must have the size of its parent",
        )

    def test_who(self) -> None:
        """Who asked is told as everywhere else: a token is not an English word in a Chinese sentence."""
        refused = self.said(why("role_refused", who="token night", role="operator", required="administrator"))
        self.assertEqual(refused, "令牌 night 的角色是操作员，只有管理员可以执行此操作")

    def test_words_of_others(self) -> None:
        """What a terminal said is shown as it is, whatever is in it."""
        said = self.said(why("terminal_answered", code=50010, text="no {code} <b>here</b>"))
        self.assertEqual(said, "终端返回错误 50010：no {code} <b>here</b>")

    def test_nothing_more_known(self) -> None:
        """Where only the text is known, or this console does not know the code or one within, the text is shown."""
        for reason in (None, why("not_in_any_language"), why("waits_for_login", why=why("not_in_any_language"))):
            self.assertEqual(self.said(reason), ENGLISH, reason)

    def test_fields_as_in_forms(self) -> None:
        """A part of a request is called as its form calls it; one that no form has, as it is."""
        for path, name in (("old", "当前密码"), ("disks[0].path", "服务器上的路径"), ("subnets[2]", "子网")):
            self.assertEqual(self.said(why("too_short", field=path, fewest=1)), f"{name}：至少 1 个字符")
        self.assertEqual(self.said(why("too_short", field="constructor", fewest=1)), "constructor：至少 1 个字符")

    def test_sizes_and_numbers(self) -> None:
        """Bytes have units, shares are per cent, counts have separators and numbers of things have none."""
        space = self.said(why("no_space", needed=60_000_000_000, available=12_000_000_000))
        self.assertEqual(
            space, "服务器需要 60.0 GB 空间，只有 12.0 GB 可用；请从服务器磁盘移走其他文件，或换用更大的磁盘"
        )
        late = self.said(why("upload_stalled", part=0.4567, mac="M"))
        self.assertEqual(late, "停在 45% 已一天没有进展，请检查 M 是否还在线")
        stuck = self.said(why("terminals_stuck", number=1234, count=1234))
        self.assertEqual(stuck, "下发任务 1234：有 1,234 台终端没有收到数据")

    def test_words_of_ours(self) -> None:
        """Roles, states and checks are called as everywhere else."""
        refused = self.said(why("role_refused", who="li", role="operator", required="administrator"))
        self.assertEqual(refused, "li 的角色是操作员，只有管理员可以执行此操作")
        self.assertEqual(self.said(why("rollout_ended", number=1, state="done")), "下发任务 1 已结束，状态：完成")
        full = self.said(why("check", check="disk space", why=why("os_disk_full")))
        self.assertEqual(full, "磁盘空间：磁盘空间已满")
