"""Options: the command line, the file, and what is refused."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from voi.agent.machine import own_mac
from voi.agent.options import TerminalConfig, TerminalOptions


class OptionsTests(SynchronousTestCase):
    """The options of a terminal."""

    def parse(self, *arguments: str) -> TerminalConfig:
        options = TerminalOptions()
        options.parseOptions(["--mac", "02-00-00-00-00-fe", "--disks", "/disks", *arguments])
        return options.config

    def file(self, text: str) -> str:
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def test_command_line(self) -> None:
        """The values of the command line arrive in their canonical forms."""
        config = self.parse("--server", "voi.example:50010", "--upload-limit", "1000")
        self.assertEqual((config.server_host, config.server_port), ("voi.example", 50010))
        self.assertEqual((config.mac, config.upload_limit), ("02:00:00:00:00:FE", 1000))

    def test_default_port(self) -> None:
        """Without a port it is the family's, also for IPv6 addresses."""
        for text, host in (("voi", "voi"), ("fd00::1", "fd00::1"), ("[fd00::1]", "fd00::1")):
            config = self.parse("--server", text)
            self.assertEqual((config.server_host, config.server_port), (host, 50007))

    def test_unknown_key_in_file(self) -> None:
        """A mistyped key of the file is an error that names it."""
        path = self.file('server = "voi"\nupload_limits = 5\n')
        with self.assertRaisesRegex(UsageError, "upload-limits"):
            self.parse("--config", path)

    def test_encryption(self) -> None:
        """A switch, on the command line or in the file; anything but true or false is an error."""
        on, off = self.file('server = "voi"\nencryption = true\n'), self.file('server = "voi"\n')
        found = [self.parse("--config", path).encryption for path in (on, off)]
        self.assertEqual(found, [True, False])
        self.assertTrue(self.parse("--config", off, "--encryption").encryption)
        with self.assertRaisesRegex(UsageError, "encryption"):
            self.parse("--config", self.file('server = "voi"\nencryption = 1\n'))

    def test_unknown_command(self) -> None:
        """So is one in its table of commands."""
        with self.assertRaisesRegex(UsageError, "reboot"):
            self.parse("--config", self.file('server = "voi"\n[commands]\nreboot = "x"\n'))

    def test_commands(self) -> None:
        """Commands are words, or a line that is split as a shell would, without a shell."""
        text = 'server = "voi"\n[commands]\nrestart = "systemctl reboot"\nshutdown = ["echo", "a b"]\n'
        config = self.parse("--config", self.file(text))
        self.assertEqual(config.commands, {"restart": ("systemctl", "reboot"), "shutdown": ("echo", "a b")})

    def test_command_line_over_file(self) -> None:
        """What the command line says counts more."""
        path = self.file('server = "file"\nbittorrent_port = 7000\n')
        config = self.parse("--config", path, "--server", "line")
        self.assertEqual((config.server_host, config.bittorrent_port), ("line", 7000))

    def test_refused(self) -> None:
        """Values that cannot be are refused before anything starts."""
        for arguments in (
            (),
            ("--server", "voi:0"),
            ("--server", "voi", "--count", "0"),
            ("--server", "voi", "--address", "nowhere"),
            ("--server", "voi", "--boot-disk", "../voi_0"),
            ("--server", "voi", "--bittorrent-port", "x"),
        ):
            with self.assertRaises(UsageError, msg=str(arguments)):
                self.parse(*arguments)

    def test_count(self) -> None:
        """Several terminals have directories, MAC addresses and loopback addresses of their own."""
        first, second, third = self.parse("--server", "voi", "--count", "3").each()
        self.assertEqual([c.mac[-5:] for c in (first, second, third)], ["00:FE", "00:FF", "01:00"])
        self.assertEqual([str(c.disks) for c in (first, third)], ["/disks/01", "/disks/03"])
        self.assertEqual([c.address for c in (first, second)], ["127.0.0.10", "127.0.0.11"])

    def test_piece_length(self) -> None:
        """A piece length is a power of two that torrents may have, or none."""
        self.assertEqual(self.parse("--server", "voi").piece_length, 0)
        self.assertEqual(self.parse("--server", "voi", "--piece-length", "4194304").piece_length, 4 << 20)
        for wrong in ("100000", "8192", "33554432", "x"):
            with self.assertRaisesRegex(UsageError, "piece-length"):
                self.parse("--server", "voi", "--piece-length", wrong)


class MachineTests(SynchronousTestCase):
    """Which MAC address is this machine's."""

    def test_default_route_first(self) -> None:
        """The interface with the default route is the one."""
        root = Path(self.mktemp())
        for name, mac in (("lo", "00:00:00:00:00:00"), ("br0", "02:00:00:00:00:aa"), ("eth9", "02:00:00:00:00:bb")):
            (root / "sys/class/net" / name).mkdir(parents=True)
            (root / "sys/class/net" / name / "address").write_text(mac + "\n")
        self.assertEqual(own_mac(root), "02:00:00:00:00:AA")
        (root / "proc/net").mkdir(parents=True)
        (root / "proc/net/route").write_text(
            "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth9 00000000 01 3 0 0 100 00000000 0 0 0\n"
        )
        self.assertEqual(own_mac(root), "02:00:00:00:00:BB")

    def test_none(self) -> None:
        """A machine without a network has none."""
        self.assertIsNone(own_mac(Path(self.mktemp())))
