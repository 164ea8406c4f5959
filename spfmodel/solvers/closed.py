"""Closed forms: from a network's program to its `Solution`, at once for all draws (approx).

Lines are product-form stations, mmap_sem is a server of rate X_sat(n), and the pace of the network is the
one at which attempts abort as often as they must. 100,000 draws of 16 threads take under a second.

What is left out: the order of a cycle's steps, waits at page-table spinlocks, pre-emption of holders,
barging and stealing beyond `lock_models.handoff_op_ns`, and the bursts in which aborted faults queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, Solution
from .cycle import read_cycle
from .equilibrium import equilibrium
from .lock_models import LockModel, flow_equivalent_lock
from .outcome import solution

Floats = NDArray[np.float64]
FLUSHES = 4
"""rounds in which the number of CPUs that a shootdown interrupts settles"""
CHUNK = 4096
"""draws per pass: the working arrays stay in a core's cache"""


def _slice(network: Network, start: int) -> Network:
    part = slice(start, start + CHUNK)
    return replace(
        network, value_ns=network.value_ns[part], line_local_ns=network.line_local_ns[part],
        rwsem_ns=network.rwsem_ns[part], slowdown=network.slowdown[part],
    )  # fmt: skip


def _join(parts: list[Solution], name: str) -> Any:
    """One field of consecutive draws, joined: an array, or arrays by name."""
    values = [getattr(part, name) for part in parts]
    if isinstance(values[0], Mapping):
        return {key: np.concatenate([v[key] for v in values]) for key in values[0]}
    return np.concatenate(values)


def _joined(parts: list[Solution]) -> Solution:
    """Solutions of consecutive draws as one."""
    if len(parts) == 1:
        return parts[0]
    names = [f.name for f in fields(Solution) if f.name not in ("solver", "error_band")]
    return replace(parts[0], **{name: _join(parts, name) for name in names})


def solve_with(network: Network, model: LockModel, solver: str, aborts: float = 0.0) -> Solution:
    """Solve all draws with a model of mmap_sem, from no aborts (0.0) or nothing but aborts (1.0)."""
    parts = []
    for start in range(0, len(network.value_ns), CHUNK):
        parts.append(_solve_part(_slice(network, start), model, solver, aborts))
    return _joined(parts)


def _solve_part(network: Network, model: LockModel, solver: str, aborts: float) -> Solution:
    """Some draws. A TLB shootdown takes as long as CPUs run, which run as the shootdowns let them: FLUSHES rounds."""
    flushes = bool(np.any(network.op == Op.FLUSH))
    others = np.full(len(network.value_ns), min(network.n_threads, network.cpus) - 1.0)
    for _ in range(FLUSHES if flushes else 1):
        part = flush_as_work(network, others)
        cycle = read_cycle(part)
        found = solution(part, cycle, equilibrium(part, cycle, model, aborts), solver)
        others = np.sqrt(np.maximum(others, 1e-3) * np.maximum(found.busy_cpus - 1, 1e-3))
    return found


def flush_as_work(network: Network, others: Floats) -> Network:
    """The same program where each FLUSH is work, `others` (D,) times as long: the CPUs that it interrupts."""
    flush = network.op == Op.FLUSH
    value = np.where(flush, network.value_ns * others[:, None], network.value_ns)
    return replace(network, op=np.where(flush, np.int32(Op.WORK), network.op), value_ns=value)


def solve(network: Network) -> Solution:
    """Throughput, latencies and aborts of a network by formulas (approx).

    Of two equilibria, if there are two, it is the one with fewer aborts: see `both_ends`.
    fault_p99_ns takes waits for mmap_sem as exponential.
    """
    return solve_with(network, flow_equivalent_lock, "closed")


class Ends(NamedTuple):
    """The equilibria reached from no aborts and from nothing but aborts, and where they differ."""

    low: Solution
    high: Solution
    differ: NDArray[np.bool_]
    """(D,) their throughput differs by more than 1e-4"""


def both_ends(network: Network) -> Ends:
    """Solve from both ends; speculation can lock in at many aborts where updates are frequent."""
    low, high = (solve_with(network, flow_equivalent_lock, "closed", a) for a in (0.0, 1.0))
    apart = np.abs(low.throughput_per_s - high.throughput_per_s) > 1e-4 * low.throughput_per_s
    return Ends(low, high, apart)
