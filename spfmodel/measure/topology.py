"""Which CPUs there are, and how any two of them lie: siblings of a core, in one socket, across sockets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/devices/system")
CLASSES = ("smt", "socket", "cross")
"""how two CPUs lie: hardware threads of one core; cores of one socket; sockets"""


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The CPUs that this process may use."""

    core: Mapping[int, int]
    """CPU -> the lowest CPU of its core"""
    socket: Mapping[int, int]
    """CPU -> number of its package"""
    numa_nodes: int

    @property
    def cpus(self) -> list[int]:
        """In the order in which threads are placed: a socket's cores, the next one's, then siblings."""
        return sorted(self.core, key=lambda c: (self.core[c] != c, self.socket[c], c))

    @property
    def cores(self) -> int:
        """Physical cores."""
        return len(set(self.core.values()))

    @property
    def sockets(self) -> int:
        """Packages."""
        return len(set(self.socket.values()))

    def kind(self, one: int, other: int) -> str:
        """How two CPUs lie: one of CLASSES."""
        if self.socket[one] != self.socket[other]:
            return "cross"
        return "smt" if self.core[one] == self.core[other] else "socket"


def parse_list(text: str) -> list[int]:
    """CPU numbers of a list as the kernel writes them.

    >>> parse_list("0-2,8")
    [0, 1, 2, 8]
    """
    out: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        out += range(int(first), int(last or first) + 1) if part else []
    return out


def read(usable: Iterable[int] | None = None, sysfs: Path = SYSFS) -> Topology:
    """The topology from sysfs, of the CPUs that may be used; what sysfs does not say is a core and a socket of its own.

    usable : CPUs; None: those that this process may run on
    """
    cpus = sorted(os.sched_getaffinity(0) if usable is None else usable)
    core, socket = {}, {}
    for cpu in cpus:
        folder = sysfs / "cpu" / f"cpu{cpu}" / "topology"
        text = _text(folder / "core_cpus_list") or _text(folder / "thread_siblings_list") or str(cpu)
        core[cpu] = min([*set(parse_list(text)) & set(cpus), cpu])
        package = _text(folder / "physical_package_id")
        socket[cpu] = max(int(package), 0) if package.lstrip("-").isdigit() else 0
    nodes = [f for f in sysfs.glob("node/node[0-9]*") if set(parse_list(_text(f / "cpulist"))) & set(cpus)]
    return Topology(core=core, socket=socket, numa_nodes=max(1, len(nodes)))


def pairs(topology: Topology, most: int = 3) -> dict[str, Sequence[tuple[int, int]]]:
    """Up to `most` pairs of CPUs of each class that this machine has, spread over it."""
    out: dict[str, list[tuple[int, int]]] = {name: [] for name in CLASSES}
    cpus = topology.cpus
    for one in cpus:
        for other in reversed(cpus):
            mine = out[topology.kind(one, other)]
            taken = {cpu for pair in mine for cpu in pair}
            if one < other and len(mine) < most and not {one, other} & taken:
                mine.append((one, other))
    return {name: found for name, found in out.items() if found}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
