"""What other machines' counters say about a workload: how often threads meet in one VMA, one page table.

Two facts of a workload can't be read from its source: the chance that an update moves the sequence
of the VMA in which a thread faults (`same_vma`), and how much address space lies between two
threads' pages (`page_table_sharing_kib`). The abort counters of *another* machine show both: the
share of vma_changed is proportional to the first, that of pte_lock to the chance that two threads
share a page table. The machine that is predicted is never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import catalog, published
from .machine import Calibration, Draws, FittedParameter, Machine, Workload
from .pricing import ENTRIES_PER_LOCK
from .program import build
from .protocols import PROTOCOLS
from .solvers import des

Floats = NDArray[np.float64]
N_DRAWS = 16
PASSES = 3
LOG_SD = 0.7
"""one machine's word is good to a factor of 3 (90 %)"""
LEARNT = ("same_vma", "page_table_sharing_kib")


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """How threads meet under a workload, as one machine's counters show it."""

    machine: str
    same_vma: float
    page_table_sharing_kib: float


def meeting(machine: Machine, workload: Workload, draws: Mapping[str, Floats], root: Path | None) -> Meeting | None:
    """Solve for both facts so that the simulated shares equal the measured ones; None without counters."""
    counts = published.fallback_shares(machine, workload, root)
    counts = counts[counts["pte_lock"].gt(0)]
    if counts.empty:
        return None
    want_vma, want_pte = (float(np.exp(np.log(counts[c]).mean())) for c in ("vma_changed", "pte_lock"))
    n = published.default_threads(machine, workload)
    span_kib = machine.page_kib * ENTRIES_PER_LOCK[machine.arch]
    few = {name: values[:N_DRAWS] for name, values in draws.items()}
    same, chance = 0.1, 0.5
    for _ in range(PASSES):
        each = span_kib / (1 + chance * (n - 1))
        vma, pte = _shares(machine, workload, few, n, same, each)
        same = min(1.0, same * want_vma / max(vma, 1e-6))
        chance = float(np.clip(chance * want_pte / max(pte, 1e-6), 1 / n, 1.0))
    each = span_kib / (1 + chance * (n - 1))
    return Meeting(machine=machine.name, same_vma=same, page_table_sharing_kib=each)


def _shares(
    machine: Machine, workload: Workload, draws: Mapping[str, Floats], n: int, same: float, each_kib: float
) -> tuple[float, float]:
    """Simulated shares of vma_changed and pte_lock, median over the draws."""
    size = len(next(iter(draws.values())))
    fixed = {"same_vma": np.full(size, same), "page_table_sharing_kib": np.full(size, each_kib)}
    network = build(machine, workload, PROTOCOLS["spf_rwlock"], n, draws={**draws, **fixed})
    found = des.solve(network, events=150_000)
    return float(np.median(found.abort_share["vma_changed"])), float(np.median(found.abort_share["pte_lock"]))


def taught(
    calibrations: Mapping[str, Iterable[Calibration]], seed: int, root: Path | None = None
) -> dict[str, list[Calibration]]:
    """Every machine's calibrations with what the *others'* counters teach about their workloads.

    calibrations : by machine, fitted to baseline rows alone
    """
    known = {name: list(found) for name, found in calibrations.items()}
    seen = {
        (name, c.workload): meeting(
            catalog.uncalibrated(name, root), catalog.workload(c.workload, root), c.draws.by_name(), root
        )
        for name, found in known.items()
        for c in found
        if any(p.do == "fault" for p in catalog.workload(c.workload, root).program)
    }
    out: dict[str, list[Calibration]] = {}
    for name, found in known.items():
        out[name] = []
        for c in found:
            others = [m for (o, w), m in seen.items() if m is not None and w == c.workload and o != name]
            out[name].append(_with_meeting(c, others, seed) if others else c)
    return out


def _with_meeting(c: Calibration, others: list[Meeting], seed: int) -> Calibration:
    """Replace the columns of what was learnt elsewhere; the baseline rows say nothing about them."""
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(4)[3])
    columns = c.draws.by_name()
    size = len(c.draws.values)
    parameters = dict(c.parameters)
    for name in LEARNT:
        middle = float(np.exp(np.mean([np.log(getattr(m, name)) for m in others])))
        values = middle * np.exp(LOG_SD * rng.standard_normal(size))
        values = np.minimum(values, 1.0) if name == "same_vma" else values
        columns[name] = np.array([float(f"{v:.5g}") for v in values])
        low, median, high = (float(q) for q in np.quantile(columns[name], (0.05, 0.5, 0.95)))
        unit = "share" if name == "same_vma" else "KiB"
        parameters[name] = FittedParameter(median=median, low=low, high=high, unit=unit, origin="prior")
    draws = Draws(names=tuple(columns), values=np.stack(list(columns.values()), axis=1))
    rows = tuple(f"counters of {m.machine}" for m in others)
    return replace(c, draws=draws, parameters=parameters, rows=(*c.rows, *rows))
