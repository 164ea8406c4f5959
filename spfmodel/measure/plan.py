"""What one round of a measurement consists of: probes by name, each of which gives batches of nanoseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import probes
from .facts import text
from .job import Call, Touch
from .probes import Found, Host, alone
from .processes import faults_per_s
from .together import COLD_NS, HOT_NS, Setting, compute, line_transfer, shootdown, wake_up, window
from .topology import Topology, pairs

WINDOW_NS = 25_000_000
"""of a load"""
MOST_WRITERS = 16
"""threads of the contended write-only loop"""
RARELY = 3
"""rounds between two of a costly probe"""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One part of a round."""

    name: str
    run: Callable[[int], Found]
    """the number of the round -> batches by name"""
    rare: bool = False


def writers(cpus: int) -> int:
    """Threads of the write-only loops."""
    return min(cpus, MOST_WRITERS)


def plan(host: Host, topology: Topology) -> list[Probe]:
    """The probes of this machine."""
    lone = {
        "system calls": probes.system_calls,
        "faults": probes.faults,
        "updates": probes.updates,
        "giving back": probes.zaps,
    }
    found = [Probe(name=name, run=partial(_alone, host, probe)) for name, probe in lone.items()]
    near = pairs(topology)
    found += [Probe(name=f"line transfer, {kind}", run=partial(_line, host, kind, mine)) for kind, mine in near.items()]
    if near:
        pair = (near.get("socket") or near.get("smt") or near["cross"])[0]
        found += [Probe(name="wake-ups", run=partial(_wake, host, pair))]
    found += [Probe(name="cores side by side", run=partial(_compute, host, topology))]
    counts = sorted({0, *(2**k for k in range(12) if 2**k < len(host.cpus)), len(host.cpus) - 1})
    found += [Probe(name="TLB shootdown", run=partial(_shootdown, host, counts))]
    found += [Probe(name="updates alone and by turns", run=partial(_write_only, host))]
    found += [Probe(name="processes", run=partial(_processes, host))]
    return [*found, Probe(name="many VMAs", run=partial(_vmas, host), rare=True)]


def _alone(host: Host, probe: Callable[[Host], Found], _round: int) -> Found:
    return alone(host, probe)


def _line(host: Host, kind: str, mine: Sequence[tuple[int, int]], number: int) -> Found:
    trips, atomics = line_transfer(host, mine[number % len(mine)])
    return {f"pingpong_{kind}": trips, f"atomic_shared_{kind}": atomics}


def _wake(host: Host, pair: tuple[int, int], _round: int) -> Found:
    out = {}
    for name, rest in (("cold", COLD_NS), ("hot", HOT_NS)):
        out[f"wake_{name}"], out[f"wake_send_{name}"] = wake_up(host, pair, rest)
    return out


def _compute(host: Host, topology: Topology, _round: int) -> Found:
    cores = [cpu for cpu in host.cpus if topology.core[cpu] == cpu]
    siblings = [cpu for cpu in host.cpus if topology.core[cpu] == cores[0]][:2]
    out = {"compute_alone": compute(host, cores[:1])}
    if len(cores) > 1:
        out["compute_cores"] = compute(host, cores)
    if len(siblings) > 1:
        out["compute_siblings"] = compute(host, siblings)
    return out


def _shootdown(host: Host, counts: list[int], _round: int) -> Found:
    return {f"zap_running@{k}": shootdown(host, k) for k in counts}


def _write_only(host: Host, _round: int) -> Found:
    """Time between two updates of all threads together, ns; nothing else is done."""
    n = writers(len(host.cpus))
    out = {}
    for name, op in (("brk", Call.BRK), ("mmap", Call.MMAP)):
        many = window(host, Setting(threads=n, how=Touch.NONE, op=op), WINDOW_NS)
        if n > 1 and not many.refused:
            out[f"{name}_contended"] = np.array([1e9 / max(many.updates_per_s, 1e-9) / 2])
    return out


def _processes(host: Host, _round: int) -> Found:
    """Time of a fault of a process, alone and with one on every CPU, ns."""
    out = {}
    for name, n in (("fault_process", 1), ("fault_processes", len(host.cpus))):
        out[name] = np.array([1e9 * n / faults_per_s(host, Setting(threads=n), WINDOW_NS)])
    return out


def _vmas(host: Host, _round: int) -> Found:
    return alone(host, lambda h: probes.many_vmas(h, vma_counts()))


def vma_counts() -> tuple[int, ...]:
    """Numbers of VMAs to try: what the kernel allows this process yet."""
    limit = text("/proc/sys/vm/max_map_count")
    used = text("/proc/self/maps").count("\n")
    return probes.most_vmas(int(limit) if limit.isdigit() else 65530, used)


def rounds(found: list[Probe], most: int) -> Iterator[tuple[int, list[Probe]]]:
    """Round by round, what is to be run."""
    for number in range(most):
        yield number, [probe for probe in found if not probe.rare or number % RARELY == 0]
