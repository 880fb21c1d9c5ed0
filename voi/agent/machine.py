"""What this machine is called on its network: the MAC address of the interface that leads outside."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from voi.errors import BadMac
from voi.names import canonical_mac

_NO_MAC: Final = "00:00:00:00:00:00"  # that of the loopback interface


def own_mac(root: Path = Path("/")) -> str | None:
    """The MAC address of the interface with the default route, else of the first one that has an address; or None."""
    interfaces = root / "sys/class/net"
    names = sorted(path.name for path in interfaces.iterdir()) if interfaces.is_dir() else []
    for name in [*_default_routes(root / "proc/net/route"), *names]:
        mac = _mac_of(interfaces / name / "address")
        if mac is not None:
            return mac
    return None


def _default_routes(table: Path) -> list[str]:
    """Interfaces of default routes, best metric first."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    routes = [line.split() for line in lines]
    default = [(int(route[6]), route[0]) for route in routes if len(route) > 7 and route[1] == route[7] == "00000000"]
    return [name for _metric, name in sorted(default)]


def _mac_of(path: Path) -> str | None:
    try:
        mac = canonical_mac(path.read_text().strip())
    except (OSError, BadMac):
        return None
    return None if mac == _NO_MAC else mac
