"""One thread alone: nobody to wait for, so that a fault is a sum of its steps, along the way that chance decides.

Means are exact for any law of time. The 99th percentile takes each way's time as gamma with its exact mean and
variance (approx).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, Solution, repeats
from ..sources import BadInput

Floats = NDArray[np.float64]
ENDS = (Op.FAULT_END, Op.UPDATE_END)
READS, WRITES = 0, 1


@dataclass(frozen=True)
class Way:
    """What one thread has done so far; arrays (D,)."""

    chance: Floats
    mean_ns: Floats
    variance: Floats
    lines_ns: Floats
    """(L, D) service at each line"""
    held_ns: Floats
    """(2, D) under mmap_sem: read, write"""
    lock: int = -1
    attempts: int = 0
    cause: int = -1


def _time(network: Network, s: int) -> Floats:
    """Mean time of step s, ns, (D,): a line is always local, a shootdown interrupts nobody."""
    op, value = network.op[s], network.value_ns[:, s]
    if op == Op.WORK:
        return np.asarray(value * network.slowdown[:, 1])
    return network.line_local_ns if op == Op.LINE else np.zeros_like(value)


def _step(network: Network, s: int, way: Way) -> Way:
    """The way, one step on."""
    op, time = int(network.op[s]), _time(network, s)
    lock = {int(Op.READ_LOCK): READS, int(Op.WRITE_LOCK): WRITES, int(Op.READ_UNLOCK): -1, int(Op.WRITE_UNLOCK): -1}
    if op == Op.DOWNGRADE and network.rules.downgrade:
        return replace(way, lock=READS)
    if op in lock:
        return replace(way, lock=lock[op])
    if op == Op.ATTEMPT:
        return replace(way, attempts=way.attempts + 1)
    if op not in (Op.WORK, Op.LINE):
        return way
    lines, held = way.lines_ns.copy(), way.held_ns.copy()
    if op == Op.LINE:
        lines[network.arg[s]] += time
    if way.lock >= 0:
        held[way.lock] += time
    scv = network.scv[s] if op == Op.WORK else 0.0
    return replace(way, mean_ns=way.mean_ns + time, variance=way.variance + scv * time**2, lines_ns=lines, held_ns=held)


def _ways(network: Network, s: int, way: Way) -> Iterator[Way]:
    """All ways from step s to the end of the fault or update; only CHANCE can fail."""
    while network.op[s] not in ENDS:
        after = s + 1
        if network.op[s] == Op.CHANCE:
            p = network.value_ns[:, s]
            aborted = replace(way, chance=way.chance * p, cause=int(network.cause[s]), lock=-1)
            yield from _ways(network, int(network.fail[s]), aborted)
            way = replace(way, chance=way.chance * (1 - p))
        elif network.op[s] == Op.JUMP:
            after = int(network.arg[s])
        way, s = _step(network, s, way), after
    yield way


def _sections(network: Network) -> Iterator[tuple[str, float, list[Way]]]:
    """The cycle as what it does, how often, and its ways: fault, update, or a step between them."""
    size, times = len(network.value_ns), repeats(network)
    zero = np.zeros(size)
    start = Way(zero + 1, zero, zero, np.zeros((len(network.lines), size)), np.zeros((2, size)))
    s = int(network.entry[0])
    while network.op[s] != Op.CYCLE_END:
        if network.op[s] in (Op.FAULT_BEGIN, Op.UPDATE_BEGIN):
            kind, end = ("fault", Op.FAULT_END) if network.op[s] == Op.FAULT_BEGIN else ("update", Op.UPDATE_END)
            yield kind, float(times[s]), list(_ways(network, s + 1, start))
            s += int(np.flatnonzero(network.op[s:] == end)[0])
        elif network.op[s] in (Op.CHANCE, Op.JUMP):
            raise BadInput("one thread alone: chance decides only within a fault")
        else:
            yield "", float(times[s]), [_step(network, s, start)]
        s += 1


def gamma_mixture_quantile(q: float, weight: Floats, mean: Floats, variance: Floats) -> Floats:
    """Quantile of a mixture of gamma laws, by bisection, (D,).

    weight, mean, variance : (W, D); weights add up to 1

    >>> round(float(gamma_mixture_quantile(0.99, np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)))[0]), 3)
    4.605
    """
    from scipy.special import gammainc

    shape = mean**2 / np.maximum(variance, 1e-9 * mean**2)
    low, high = np.zeros(mean.shape[1]), (mean + 40 * np.sqrt(variance)).max(axis=0) * 1.001
    for _ in range(60):
        middle = (low + high) / 2
        below = (weight * gammainc(shape, shape * middle / mean)).sum(axis=0) < q
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


class _Cycle:
    """Sums over a cycle's sections and their ways."""

    def __init__(self, network: Network) -> None:
        self.sections = list(_sections(network))
        self.zero = np.zeros(len(network.value_ns))

    def total(self, what: str, kind: str = "") -> Floats:
        """Mean of a quantity of `Way` per cycle; in faults or updates, if given."""
        rows = [
            times * way.chance * getattr(way, what)
            for name, times, ways in self.sections
            for way in ways
            if kind in ("", name)
        ]
        return np.asarray(np.sum(rows, axis=0)) if rows else self.zero

    def times(self, kind: str) -> float:
        """Faults or updates per cycle."""
        return float(sum(times for name, times, _ in self.sections if name == kind))

    def tried(self, cause: int | None = None) -> Floats:
        """Attempts per cycle, (D,); those that abort by a cause, if given."""
        rows = [
            times * way.chance
            for _, times, ways in self.sections
            for way in ways
            if way.attempts and cause in (None, way.cause)
        ]
        return np.asarray(np.sum(rows, axis=0)) if rows else self.zero


def solve(network: Network) -> Solution:
    """Every draw of a network with one thread; `BadInput` for more, or where chance decides between faults."""
    if network.n_threads != 1:
        raise BadInput(f"this solves one thread, got {network.n_threads}")
    c = _Cycle(network)
    cycle, attempts = c.total("mean_ns"), c.tried()
    faults, updates = c.times("fault"), c.times("update")
    per_s = 1e9 / cycle
    read, write = c.total("held_ns") / cycle
    used = {"mmap_sem (write)": write, "mmap_sem (read)": read}
    used |= dict(zip(network.lines, c.total("lines_ns") / cycle, strict=True))
    return Solution(
        solver="one thread, exact", error_band=0.0, throughput_per_s=per_s * network.units_per_cycle,
        throughput_half_width=c.zero, faults_per_s=per_s * faults, updates_per_s=per_s * updates,
        attempt_share=attempts / max(faults, 1e-300),
        abort_share={name: c.tried(k) / np.maximum(attempts, 1e-300) for k, name in enumerate(network.causes)},
        fault_mean_ns=c.total("mean_ns", "fault") / max(faults, 1e-300),
        fault_p99_ns=_p99(c.sections) if faults else c.zero,
        update_mean_ns=c.total("mean_ns", "update") / max(updates, 1e-300), utilisation=used, busy_cpus=c.zero + 1,
    )  # fmt: skip


def _p99(sections: list[tuple[str, float, list[Way]]]) -> Floats:
    """99th percentile of a fault over all ways, ns, (D,)."""
    found = [(t * w.chance, w.mean_ns, w.variance) for kind, t, ways in sections if kind == "fault" for w in ways]
    weight, mean, variance = (np.array(column) for column in zip(*found, strict=True))
    return gamma_mixture_quantile(0.99, weight / weight.sum(axis=0), mean, variance)
