"""The console's reasons.js: the server's sentences in the reader's language, by what they are made of."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import ModuleCase, terminal

ENGLISH = "as the server says"


def why(code: str, /, **data: Any) -> dict[str, Any]:
    """What a sentence is made of."""
    return {"code": code, "data": data}


class ReasonTests(ModuleCase):
    """One sentence at a time."""

    def said(self, reason: dict[str, Any] | None, language: str = "zh-CN") -> str:
        """A sentence whose English is `ENGLISH`."""
        text: str = self.js(
            "await (await use('i18n.js')).setLanguage(language);"
            "return (await use('reasons.js')).reasonText(english, reason)",
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
            self.said(space, "en"),
            "Level 0 · 6f1a8c52: the server needs 60.0 GB, but only 12.3 GB are free: "
            "move other files off its disk, or give it a larger one",
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

    def test_texts_of_others(self) -> None:
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

    def test_our_texts(self) -> None:
        """Roles, states and checks are called as everywhere else."""
        refused = self.said(why("role_refused", who="li", role="operator", required="administrator"))
        self.assertEqual(refused, "li 的角色是操作员，只有管理员可以执行此操作")
        self.assertEqual(self.said(why("rollout_ended", number=1, state="done")), "下发任务 1 已结束，状态：完成")
        full = self.said(why("check", check="disk space", why=why("os_disk_full")))
        self.assertEqual(full, "磁盘空间：磁盘空间已满")

    def test_disk_or_length(self) -> None:
        """What was expected is a disk in one sentence and a number of bytes in another."""
        table = self.said(why("table_size", length=1234, expected=5678))
        self.assertEqual(table, "块校验表为 1,234 字节，应为 5,678 字节")
        disk = "voi_0_6f1a8c52-0000-4000-8000-000000000000"
        torrent = self.said(why("torrent_of_another", disk="a", expected=disk))
        self.assertEqual(torrent, "种子对应的是 a，而不是 第 0 层 · 6f1a8c52")


class LaterTests(ModuleCase):
    """Reasons are loaded after the page: it is shown before they are there, and says them when they are."""

    _BEFORE = (
        "const { loadReasons, setLanguage, speak } = await use('i18n.js');"
        "speak('zh-CN', (await use('languages/zh-CN.js')).default);"
    )
    _FAILED = why("download_failed")

    def test_server_says_it_until_then(self) -> None:
        """The server's own sentence stands where the reasons are not there yet, and not in their place afterwards."""
        found = self.js(
            f"{self._BEFORE} const {{ reasonText }} = await use('reasons.js');"
            "const before = reasonText(english, reason);"
            "await loadReasons(); return [before, reasonText(english, reason)]",
            english=ENGLISH,
            reason=self._FAILED,
        )
        self.assertEqual(found, [ENGLISH, "终端报告下载失败"])

    def test_other_language_meanwhile(self) -> None:
        """Reasons that come after another language was chosen are not mixed into it."""
        found = self.js(
            f"{self._BEFORE} const {{ reasonText }} = await use('reasons.js');"
            "await Promise.all([loadReasons(), setLanguage('en')]); return reasonText(english, reason)",
            english=ENGLISH,
            reason=self._FAILED,
        )
        self.assertEqual(found, "the terminal reports that the download failed")

    def test_what_is_shown_already(self) -> None:
        """Tiles that were drawn before say it then, and so does a message at the edge of the page."""
        found = self.js(
            f"{self._BEFORE} const {{ html, render }} = await use('lib.js');"
            "const { changed, loadRooms, loadTerminals } = await use('store.js');"
            "const { notifyError, Notifications } = await use('notifications.js');"
            "const { RoomPage } = await use('pages/room.js');"
            "answers.rooms = { rooms: [room], unassigned: 0, proposals: [] };"
            "answers.terminals = { terminals: [seat] };"
            "await loadRooms(); await loadTerminals();"
            "const Page = () => html`<div><${RoomPage} id=${1} /><${Notifications} /></div>`;"
            "const draw = async () => { render(html`<${Page} />`, document.body); await settle(); frame();"
            "  await settle(); const found = document.querySelectorAll('.seat-note, .notification p');"
            "  return [...found].map((x) => x.textContent.trim()) };"
            "notifyError({ code: 'conflict', message: seat.reason, why: seat.why });"
            "const before = await draw(); await loadReasons(); changed('language'); return [before, await draw()]",
            room={"id": 1, "name": "One", "subnets": [], "online": 1, "total": 1},
            seat=terminal(room=1, state="failed", reason=ENGLISH, why=self._FAILED),
        )
        self.assertEqual(found, [[ENGLISH, ENGLISH], ["终端报告下载失败", "终端报告下载失败"]])
