"""From an equilibrium to the `Solution` that all solvers share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Solution
from .aborts import Pace, race
from .cycle import Costs, Cycle
from .equilibrium import Flow, busy_cpus

Floats = NDArray[np.float64]


def _time(costs: Costs, flow: Flow) -> Floats:
    """Costs with slowdown and the queues at lines, ns, (D,)."""
    return np.asarray(costs[0] * flow.slowdown + costs[1:].sum(axis=0) * flow.stretch)


def _fault_times(cycle: Cycle, flow: Flow) -> tuple[Floats, Floats]:
    """Mean and 99th percentile of a fault, ns, (D,) each.

    The percentile takes waits for mmap_sem as exponential, the rest as constant: with a share s of
    faults that take the lock, base + W max(0, ln(100 s)).
    """
    c, spent = cycle.counts, cycle.spent
    faults = max(c.faults, 1.0)
    base = (_time(spent.fault, flow) + _time(flow.attempt, flow)) / faults
    after = _time(spent.fallback + spent.fallback_read, flow) / faults
    share = np.minimum((c.reads + flow.fallback * c.fallback_reads) / faults, 1.0)
    wait = flow.lock.read_wait_ns
    late = np.where(share > 0.01, np.log(np.maximum(100 * share, 1.0)) * wait + after, 0.0)
    return base + flow.fallback * after + share * wait, base + late


def _causes(network: Network, cycle: Cycle, flow: Flow) -> dict[str, Floats]:
    """Aborts / attempts by cause, in the order of the table; they sum to the fallback share."""
    if not cycle.hazards:
        return {}
    outcome = race(network, cycle, Pace(flow.lock.cycles_per_ns, flow.slowdown))
    shares = {name: np.zeros_like(flow.fallback) for name in network.causes}
    for hazard, failed in zip(cycle.hazards, outcome.failed, strict=True):
        name = network.causes[hazard.cause]
        shares[name] = shares[name] + failed
    return shares


def _utilisation(network: Network, cycle: Cycle, flow: Flow) -> dict[str, Floats]:
    spent = cycle.spent
    total = spent.outside + flow.attempt + spent.read + spent.write + spent.downgraded
    total = total + flow.fallback * (spent.fallback + spent.fallback_read)
    lines = {name: flow.lock.cycles_per_ns * total[1 + i] for i, name in enumerate(network.lines)}
    return {"mmap_sem": flow.lock.owned, **lines}


def solution(network: Network, cycle: Cycle, flow: Flow, solver: str) -> Solution:
    """Put an equilibrium into the shape that all solvers share."""
    per_s = flow.lock.cycles_per_ns * 1e9
    mean, p99 = _fault_times(cycle, flow)
    c = cycle.counts
    update = _time(cycle.spent.update, flow) / max(c.updates, 1.0) + flow.lock.write_wait_ns * (c.writes > 0)
    tries = c.attempts / c.faults if c.faults else 0.0
    return Solution(
        solver=solver, throughput_per_s=per_s * network.units_per_cycle,
        throughput_half_width=np.zeros_like(per_s), faults_per_s=per_s * c.faults,
        updates_per_s=per_s * c.updates, attempt_share=np.full_like(per_s, tries),
        abort_share=_causes(network, cycle, flow), fault_mean_ns=mean, fault_p99_ns=p99,
        update_mean_ns=update, utilisation=_utilisation(network, cycle, flow),
        busy_cpus=busy_cpus(network, flow),
    )  # fmt: skip
