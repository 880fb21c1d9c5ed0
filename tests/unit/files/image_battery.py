"""Images that are whole, broken and in between, always the same ones: by name, how to make each.

Used by the tests, where QEMU's own verdict is compared with ours, and by ``python -m tests.soak.images``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.unit.files.qcow2 import COMPRESSED, COPIED, ZERO, Made, Plan

Damage = Callable[[Made, random.Random], object]

WHOLE: dict[str, Plan] = {
    "v3": Plan(),
    "v2": Plan(version=2),
    "small": Plan(cluster_bits=9, guest_clusters=150),
    "large": Plan(cluster_bits=21, guest_clusters=6),
    "compressed": Plan(kinds="dc.zcc"),
    "compressed small": Plan(version=2, cluster_bits=9, kinds="dcc.c", guest_clusters=120),
    "snapshot": Plan(snapshot=True, cluster_bits=12),
    "snapshot of compressed": Plan(snapshot=True, kinds="dc.zca"),
    "difference": Plan(backing="/etc/some-base"),
    "difference v2": Plan(version=2, cluster_bits=12, backing="base.qcow2"),
    "counts of 1 bit": Plan(refcount_order=0),
    "counts of 2 bits": Plan(refcount_order=1, cluster_bits=12),
    "counts of 8 bits": Plan(refcount_order=3),
    "counts of 32 bits": Plan(refcount_order=5, cluster_bits=14),
    "counts of 64 bits": Plan(refcount_order=6, kinds="dc.zcc"),
    "empty": Plan(kinds="."),
    "zeros": Plan(kinds="za"),
}
"""Images that are whole."""


def _first(made: Made, random: random.Random) -> int:
    """Where an entry of a level 2 table is that names data, by chance; the table's first where none does."""
    found = [at for at in made.slots() if made.number(at) & ~(COPIED | COMPRESSED | ZERO)]
    return random.choice(found) if found else made.l2[0]


def _entry(change: Callable[[Made, int], int]) -> Damage:
    def damage(made: Made, random: random.Random) -> None:
        at = _first(made, random)
        made.put(at, change(made, made.number(at)))

    return damage


def _put(place: Callable[[Made], int], value: Callable[[Made], int], code: str = "Q") -> Damage:
    return lambda made, _: made.put(place(made), value(made), code)


def _cut(made: Made, size: int) -> None:
    del made.data[size:]


def _add(made: Made, size: int) -> Made:
    made.data += bytes(size)
    return made


def _end(made: Made) -> int:
    return len(made.data)


DAMAGE: dict[str, Damage] = {
    "nothing": lambda made, _: None,
    # Cut off.
    "cut in half": lambda made, _: _cut(made, len(made.data) // 2),
    "cut by one cluster": lambda made, _: _cut(made, len(made.data) - made.cluster),
    "cut by one byte": lambda made, _: _cut(made, len(made.data) - 1),
    "cut anywhere": lambda made, random: _cut(made, random.randrange(len(made.data))),
    "cut behind the header": lambda made, _: _cut(made, made.cluster),
    "cut in level 1": lambda made, _: _cut(made, made.l1 + 3),
    "cut behind level 1": lambda made, _: _cut(made, made.l1 + made.cluster),
    "longer": lambda made, _: _add(made, 3 * made.cluster + 5),
    # The header.
    "virtual size 1": _put(lambda m: 24, lambda m: 1),
    "virtual size 511": _put(lambda m: 24, lambda m: 511),
    "virtual size 512": _put(lambda m: 24, lambda m: 512),
    "virtual size odd": _put(lambda m: 24, lambda m: m.number(24) - 100),
    "virtual size too large": _put(lambda m: 24, lambda m: 1 << 60),
    "refcount table huge": _put(lambda m: 56, lambda m: 1 << 31, "I"),
    "refcount table large": _put(lambda m: 56, lambda m: 200, "I"),
    "refcount table none": _put(lambda m: 56, lambda m: 0, "I"),
    "refcount table elsewhere": _put(lambda m: 48, lambda m: m.l1),
    "refcount table outside": _put(lambda m: 48, lambda m: 1 << 50),
    "level 1 elsewhere": _put(lambda m: 40, lambda m: m.block),
    "level 1 unaligned": _put(lambda m: 40, lambda m: m.l1 + 8),
    "level 1 long": _put(lambda m: 36, lambda m: 500, "I"),
    "snapshots of nothing": _put(lambda m: 60, lambda m: 1, "I"),
    "snapshot table is data": lambda made, _: (made.put(60, 1, "I"), made.put(64, (made.contents or made.l2)[0])),
    "snapshot table is level 2": lambda made, _: (made.put(60, 1, "I"), made.put(64, made.l2[0])),
    "more snapshots": _put(lambda m: 60, lambda m: 3, "I"),
    "dirty": _put(lambda m: 72, lambda m: 1 if m.version == 3 else 0),
    "corrupt": _put(lambda m: 72, lambda m: 2 if m.version == 3 else 0),
    "subclusters": _put(lambda m: 72, lambda m: 16 if m.version == 3 else 0),
    "unknown feature": _put(lambda m: 72, lambda m: 1 << 33 if m.version == 3 else 0),
    # Level 1.
    "level 1 entry unaligned": _put(lambda m: m.l1, lambda m: m.number(m.l1) + 512 if m.cluster > 512 else 1),
    "level 1 entry outside": _put(lambda m: m.l1, lambda m: _end(m) + 64 * m.cluster | COPIED),
    "level 1 entry far outside": _put(lambda m: m.l1, lambda m: 1 << 55 | COPIED),
    "level 1 entry on the header": _put(lambda m: m.l1, lambda m: COPIED),
    "level 1 entry on level 1": _put(lambda m: m.l1, lambda m: m.l1 | COPIED),
    "level 1 entry on counts": _put(lambda m: m.l1, lambda m: m.block | COPIED),
    "level 1 entry reserved": _put(lambda m: m.l1, lambda m: m.number(m.l1) | 1 << 60),
    "level 1 entry says shared": _put(lambda m: m.l1, lambda m: m.number(m.l1) ^ COPIED),
    "level 1 entry lost": _put(lambda m: m.l1, lambda m: 0),
    # Level 2.
    "entry unaligned": _entry(lambda m, e: e + 512),
    "entry outside": _entry(lambda m, e: COPIED | _end(m) + 10 * m.cluster),
    "entry far outside": _entry(lambda m, e: COPIED | 1 << 54),
    "entry just outside": _entry(lambda m, e: COPIED | _end(m)),
    "entry on level 1": _entry(lambda m, e: COPIED | m.l1),
    "entry on level 2": _entry(lambda m, e: COPIED | m.l2[0]),
    "entry on counts": _entry(lambda m, e: COPIED | m.block),
    "entry reserved": _entry(lambda m, e: e | 1 << 58),
    "entry reserved low": _entry(lambda m, e: e | 4),
    "entry says otherwise": _entry(lambda m, e: e ^ COPIED),
    "entry becomes zero": _entry(lambda m, e: e | ZERO),
    "entry lost": _entry(lambda m, e: 0),
    "entry of another": lambda made, random: made.put(_first(made, random), made.number(_first(made, random))),
    "entry becomes compressed": _entry(lambda m, e: (e | COMPRESSED) & ~COPIED),
    "compressed outside": _entry(lambda m, e: COMPRESSED | _end(m) + 2 * m.cluster),
    "compressed over the end": _entry(lambda m, e: COMPRESSED | _end(m) - 512 | 3 << (70 - m.cluster.bit_length() + 1)),
    "compressed on level 1": _entry(lambda m, e: COMPRESSED | m.l1),
    # Counts.
    "count 0 of data": lambda made, random: made.count(random.choice(made.contents or made.l2), 0),
    "count 7 of data": lambda made, random: made.count(
        random.choice(made.contents or made.l2), min(7, (1 << made.refcount_bits) - 1)
    ),
    "count 0 of level 2": lambda made, _: made.count(made.l2[0], 0),
    "count 0 of the header": lambda made, _: made.count(0, 0),
    "count of a leak": lambda made, _: _add(made, made.cluster).count(_end(made) - made.cluster, 1),
    "no block": _put(lambda m: m.table, lambda m: 0),
    "block outside": _put(lambda m: m.table, lambda m: _end(m) + m.cluster),
    "block unaligned": _put(lambda m: m.table, lambda m: m.block + 512),
    "block reserved": _put(lambda m: m.table, lambda m: m.block | 3),
    "block twice": _put(lambda m: m.table + 8, lambda m: m.block),
    "second block outside": _put(lambda m: m.table + 8, lambda m: 1 << 45),
    "shared, and counted so": lambda made, random: _share(made, random),
    "shared with a table, and counted so": lambda made, random: _share(made, random, made.l1),
    # Snapshots.
    "snapshot's level 1 outside": lambda made, _: (
        made.snapshots and made.put(made.snapshots, _end(made) + made.cluster)
    ),
    "snapshot's level 1 unaligned": lambda made, _: made.snapshots and made.put(made.snapshots, made.snapshot_l1 + 8),
    "snapshot's level 1 long": lambda made, _: made.snapshots and made.put(made.snapshots + 8, 1 << 30, "I"),
    "snapshot's extra data long": lambda made, _: made.snapshots and made.put(made.snapshots + 36, 5000, "I"),
    "snapshot's extra data none": lambda made, _: made.snapshots and made.put(made.snapshots + 36, 0, "I"),
    "snapshot's entry outside": lambda made, _: made.snapshots and made.put(made.snapshot_l1, _end(made)),
}
"""What can happen to one, by its name."""


def _share(made: Made, random: random.Random, target: int = 0) -> None:
    """Two entries name the same cluster, and its count says two."""
    found = made.slots()
    if len(found) < 2 or len(made.contents) < 2 or made.refcount_bits < 2:
        return
    shared = target or made.contents[0]
    for at in found:
        if made.number(at) & 0xFF_FFFF_FFFF_FE00 == shared:
            made.put(at, made.number(at) & ~COPIED)
    other = random.choice([at for at in found if made.number(at) & 0xFF_FFFF_FFFF_FE00 in made.contents[1:]] or found)
    made.put(other, shared)
    made.count(shared, 2 + bool(made.snapshots) * 2)


FITTING: dict[str, tuple[str, ...]] = {"large": ("nothing", "cut in half", "entry outside", "count 0 of data")}
"""Of an image with 2 MiB clusters, which is slow to write, only these."""


def named() -> Iterator[tuple[str, Made]]:
    """Each image that is whole, with each kind of damage that makes a difference to it; about three hundred."""
    turn = 0
    for damage, change in DAMAGE.items():
        for name, plan in WHOLE.items():
            turn += 1
            everywhere = damage in ("nothing", "cut in half")
            if name in FITTING:
                if damage not in FITTING[name]:
                    continue
            elif not everywhere and (turn % 4 and not (damage.startswith("snapshot'") and plan.snapshot)):
                continue  # every kind of damage on some four of them
            made = plan.make()
            change(made, random.Random(f"{damage} {name}"))
            yield f"{name}: {damage}", made


def flipped(count: int, seed: str = "flips") -> Iterator[tuple[str, Made]]:
    """Images with one to three bits or bytes changed, in the header and the tables alone."""
    source = random.Random(seed)
    names = [name for name in WHOLE if name not in FITTING]
    for number in range(count):
        name = source.choice(names)
        made = WHOLE[name].make()
        told = []
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            tables = [(0, 112), (made.table, 16), (made.block, 96), (made.l1, 16), *((at, 256) for at in made.l2)]
            if made.snapshots:
                tables += [(made.snapshots, 72), (made.snapshot_l1, 16)]
            start, length = source.choice(tables)
            at = start + source.randrange(length)
            if source.random() < 0.5:
                made.data[at] ^= 1 << source.randrange(8)
            else:
                made.data[at] = source.randrange(256)
            told.append(str(at))
        if source.random() < 0.1:
            _cut(made, source.randrange(made.cluster, len(made.data)))
        yield f"{name}: flipped {number} at {', '.join(told)}", made
