"""What CPUs lose by working side by side: a slower core, a shared core, and what the kernel shares machine-wide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..program import CROWD
from ..solvers.mva import mva
from ..sources import Kind, Quantity
from .costs import SOURCE, Formula
from .robust import Estimate, combined

Floats = NDArray[np.float64]
STEPS = 40
"""halvings of an interval"""
MOST_CROWDING, MOST_RATIO = 5.0, 20.0
LEAST = 0.01
WIDTH = 1.3
"""factor to both sides: a sum of small differences is not known better"""


def crowding(alone_ns: Floats, together_ns: Floats, cpus: int) -> Floats:
    """How much longer work takes with very many CPUs, from how much longer it takes with `cpus` cores busy.

    slowdown(r) = 1 + c (1 - exp(-(r - 1) / CROWD)), solved for c
    """
    slower = np.asarray(together_ns / alone_ns) - 1
    return np.asarray(np.clip(slower / -np.expm1(-(cpus - 1) / CROWD), LEAST, MOST_CROWDING))


def sibling_gain(alone_ns: Floats, together_ns: Floats) -> Floats:
    """Extra capacity of a core whose second hardware thread is busy: two do 2 t1 / t2 of what one does."""
    return np.asarray(np.clip(2 * alone_ns / together_ns - 1, 0.05, 1.0))


def memory_demand(alone_ns: Floats, together_ns: Floats, slowdown: Floats, local_ns: Floats, processes: int) -> Floats:
    """Time of each fault at what processes share, ns, such that so many of them take `together_ns` a fault.

    One queueing station besides work of their own (exact mean value analysis), solved by halving. What a fault takes
    alone holds the station's local atomic already.
    """
    think = np.maximum((np.asarray(alone_ns) - local_ns) * slowdown, 1.0)
    low, high = np.full_like(think, 0.0), np.maximum(np.asarray(together_ns, float), 1.0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        slow = processes / mva(processes, think, middle[..., None]).throughput[-1] > together_ns
        low, high = np.where(slow, low, middle), np.where(slow, middle, high)
    return np.asarray(np.maximum((low + high) / 2, local_ns))


def ipi_target(found: Mapping[str, Floats], counts: tuple[int, ...]) -> Floats:
    """Slope of a shootdown's time with the number of CPUs that run: least squares through all of them."""
    n = np.array(counts, float)
    times = np.stack([found[f"zap_running@{k}"] for k in counts])
    slope = np.tensordot(n - n.mean(), times, 1) / np.sum((n - n.mean()) ** 2)
    return np.asarray(np.maximum(slope, 1.0))


def costs(found: Mapping[str, Estimate], cpus: int, cores: int, mm_share: float) -> dict[str, Quantity]:
    """Costs from runs side by side. mm_share : part of memory_ratio that processes do not share"""
    counts = tuple(sorted(int(n.partition("@")[2]) for n in found if n.startswith("zap_running@")))
    compute = ("compute_alone", "compute_cores")

    def memory(v: Mapping[str, Floats]) -> Floats:
        slower = np.maximum(v["compute_cores"] / v["compute_alone"], 1.0)
        demand = memory_demand(v["fault_process"], v["fault_processes"], slower, v["atomic_local"], cpus)
        return np.clip(demand / (1 - mm_share) / (2 * v["line"]), LEAST, MOST_RATIO)

    rows: tuple[tuple[str, tuple[str, ...], Formula, str], ...] = (
        ("crowding", compute, lambda v: crowding(v["compute_alone"], v["compute_cores"], cores),
         f"getppid on {cores} cores at once, over alone"),
        ("sibling_gain", ("compute_alone", "compute_siblings"),
         lambda v: sibling_gain(v["compute_alone"], v["compute_siblings"]), "getppid on both threads of a core"),
        ("memory_ratio", (*compute, "fault_process", "fault_processes", "atomic_local", "line"), memory,
         f"faults of {cpus} processes, over one's, beyond what getppid loses; they share {1 - mm_share:g} of it"),
        ("ipi_target_ns", tuple(f"zap_running@{k}" for k in counts) if len(counts) > 1 else ("absent",),
         lambda v: ipi_target(v, counts), "MADV_DONTNEED of a region while other CPUs run: slope with their number"),
    )  # fmt: skip
    out = {}
    for name, needs, formula, where in rows:
        if set(needs) <= set(found):
            value, low, high = combined(formula, {n: found[n] for n in needs})
            unit = "ns" if name.endswith("_ns") else "ratio"
            out[name] = Quantity(
                value=value, low=min(low, value / WIDTH), high=max(high, value * WIDTH), unit=unit,
                kind=Kind.MEASURED, source=SOURCE, where=where,
            )  # fmt: skip
    return out
