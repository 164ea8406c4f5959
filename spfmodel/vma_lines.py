"""VMAs that threads fault in: a protocol that counts its readers in the VMA has as many lines as there are VMAs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import catalog
from .machine import Machine
from .network import Network, Op
from .primitives.cacheline import mean_service_ns
from .program import build
from .protocols import PROTOCOLS
from .solvers.mva import mva

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
PASSES = 6
"""of the fixed point between throughput and slowdown"""


def over_vmas(
    machine: Machine, protocol: str, threads: Sequence[int], vmas: Sequence[int], kernel: str = ""
) -> pd.DataFrame:
    """Faults per second of threads that fault all the time, each time in any of V VMAs; rows n_threads, vmas.

    Closed form (exact MVA): what one VMA's line is asked for is spread evenly over V lines; with V = 1 it is what
    `solve(..., solver="closed")` says of pft, but for aborts. No sleeping, no updates.
    """
    import pandas as pd

    rows = []
    for n in threads:
        network = build(machine, catalog.workload("pft"), PROTOCOLS[protocol], n, kernel=kernel or None)
        work, lines = _attempt(network)
        shared = lines.pop("vma_line", 0.0)
        for v in vmas:
            demand = np.array([*lines.values(), *[shared / v] * v])
            rate = _pace(n, _slowed(network, work, demand), demand)
            rows.append({"n_threads": n, "vmas": v, "protocol": protocol, "throughput_per_s": 1e9 * rate})
    return pd.DataFrame(rows)


def _slowed(network: Network, work: float, demand: Floats) -> float:
    """Work of one fault while as many CPUs work as do in the end: a fixed point, ns."""
    slow = work
    for _ in range(PASSES):
        busy = min(_pace(network.n_threads, slow, demand) * work, network.cpus)
        slow = work * float(np.interp(busy, np.arange(network.cpus + 1), network.slowdown[0]))
    return slow


def _pace(n_threads: int, think: float, demand: Floats) -> float:
    """Cycles per ns of threads that think and queue at lines."""
    return float(np.ravel(mva(n_threads, think, demand[demand > 0]).throughput)[-1])


def _attempt(network: Network) -> tuple[float, dict[str, float]]:
    """Work of one fault that does not abort, and its demand on each line, ns; the first draw."""
    inside = np.arange(len(network.op)) < np.flatnonzero(network.op == Op.FAULT_END)[0]
    tried = np.flatnonzero(network.op == Op.JUMP)
    inside &= (np.arange(len(network.op)) < tried[0]) if tried.size else True
    value = network.value_ns[0]
    lines = dict.fromkeys(network.lines, 0.0)
    for step in np.flatnonzero(inside & (network.op == Op.LINE)):
        local = float(network.line_local_ns[0])
        lines[network.lines[network.arg[step]]] += float(mean_service_ns(local, value[step], network.n_threads))
    return float(value[inside & (network.op == Op.WORK)].sum()), lines
