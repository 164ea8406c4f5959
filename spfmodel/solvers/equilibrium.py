"""The network in equilibrium: lines by MVA, mmap_sem by a lock model, and the pace at which attempts abort.

`LockModel` is the one part in which `closed` and `ctmc` differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op
from .aborts import Pace, Race, fixed_point, race, time_of
from .cycle import Costs, Cycle
from .lock_models import LockAnswer, LockLoad, LockModel
from .mva import mva

Floats = NDArray[np.float64]


class Flow(NamedTuple):
    """A network in equilibrium at a given chance of abort."""

    lock: LockAnswer
    fallback: Floats
    """(D,) fallbacks / attempts"""
    attempt: Costs
    """what attempts spend per cycle, cut short by aborts"""
    slowdown: Floats
    """(D,)"""
    stretch: Floats
    """(D,) time at a line / service there"""
    load: LockLoad


def _attempt(cycle: Cycle, outcome: Race | None) -> Costs:
    """Costs of a cycle's attempts: every segment as often as it is reached."""
    if outcome is None or not cycle.segments:
        return np.zeros_like(cycle.spent.outside)
    return np.asarray(sum(g * s for g, s in zip(outcome.reached, cycle.segments, strict=True)))


def _load(network: Network, cycle: Cycle, attempt: Costs, phi: Floats, slow: Floats) -> LockLoad:
    """What reaches mmap_sem, and how fast the rest of the network can feed it.

    Lines inside a hold count twice, as part of the hold and as a station, so the think time gives their
    service back. What follows a downgrade counts as a read hold of its own.
    """
    c, spent = cycle.counts, cycle.spent
    reads = c.reads + c.downgrades + phi * c.fallback_reads
    held_reads = spent.read + spent.downgraded + phi * spent.fallback_read
    outside = spent.outside + attempt + phi * spent.fallback
    held = held_reads[1:] + spent.write[1:]
    think = np.maximum(outside[0] * slow - held.sum(axis=0), 0.0)
    demand = outside[1:] + held
    read_ns = time_of(held_reads, slow) / np.maximum(reads, 1e-300)
    write_ns = time_of(spent.write, slow) / max(c.writes, 1.0)
    used = np.moveaxis(demand[np.any(demand > 0, axis=1)], 0, -1)
    return LockLoad(
        mva(network.n_threads, np.maximum(think, 1e-6), used).throughput, reads, np.full_like(phi, c.writes),
        read_ns, write_ns, _read_cv(network), network.rules, network.rwsem_ns, network.cpus,
    )  # fmt: skip


def _read_cv(network: Network) -> float:
    """Coefficient of variation of work, which makes up most of a hold."""
    scv = network.scv[network.op == Op.WORK]
    return float(np.sqrt(scv[0])) if len(scv) else 1.0


def _flow(network: Network, cycle: Cycle, model: LockModel, outcome: Race | None, slow: Floats) -> Flow:
    """Solve the network for given outcomes of attempts (None: no attempts)."""
    phi = np.zeros_like(slow) if outcome is None else 1 - outcome.reached[-1]
    attempt = _attempt(cycle, outcome)
    load = _load(network, cycle, attempt, phi, slow)
    lock = model(load)
    spent = cycle.spent
    lines = spent.outside[1:] + attempt[1:] + phi * spent.fallback[1:]
    held = spent.read + spent.downgraded + phi * spent.fallback_read + spent.write
    work = (spent.outside[0] + attempt[0] + phi * spent.fallback[0] + held[0]) * slow
    service = lines.sum(axis=0) + held[1:].sum(axis=0)
    most = network.cpus / np.maximum(work + service, 1e-300)
    lock = lock._replace(cycles_per_ns=np.minimum(lock.cycles_per_ns, most))
    think = np.maximum(work - held[0] * slow - held[1:].sum(axis=0), 0.0)
    at_lines = (network.n_threads - lock.inside) / lock.cycles_per_ns - think
    crowd = network.cpus < network.n_threads
    stretch = np.ones_like(slow) if crowd else np.maximum(at_lines / np.maximum(service, 1e-300), 1.0)
    return Flow(lock, phi, attempt, slow, stretch, load)


def _settle(network: Network, cycle: Cycle, model: LockModel, slow: Floats, aborts: float) -> Flow:
    """The fixed point of pace and aborts, reached from no aborts (0.0) or nothing but aborts (1.0)."""
    if not cycle.hazards:
        return _flow(network, cycle, model, None, slow)

    def at(pace: Floats) -> tuple[Floats, Flow]:
        flow = _flow(network, cycle, model, race(network, cycle, Pace(pace, slow)), slow)
        return flow.lock.cycles_per_ns, flow

    shape = (len(cycle.hazards), len(slow))
    extreme = Race(
        np.concatenate([np.ones((1, shape[1])), np.full(shape, 1.0 - aborts)]), np.full(shape, aborts)
    )
    start = _flow(network, cycle, model, extreme, slow).lock.cycles_per_ns
    return fixed_point(at, start)[1]


def busy_cpus(network: Network, flow: Flow) -> Floats:
    """Mean number of CPUs that run: threads that don't sleep for mmap_sem, (D,)."""
    load, lock = flow.load, flow.lock
    waiting = lock.cycles_per_ns * (load.reads * lock.read_wait_ns + load.writes * lock.write_wait_ns)
    asleep = waiting if network.rules.sleep else np.zeros_like(waiting)
    return np.clip(network.n_threads - asleep, 0.0, network.cpus)


def _slowdown(network: Network, busy: Floats) -> Floats:
    return np.interp(busy, np.arange(network.cpus + 1), network.slowdown)


def equilibrium(network: Network, cycle: Cycle, model: LockModel, aborts: float = 0.0) -> Flow:
    """Settle pace, aborts and the slowdown of work by busy siblings (two passes refine it)."""
    crowd = min(network.n_threads, network.cpus)
    slow = _slowdown(network, np.full(len(network.value_ns), float(crowd)))
    flow = _settle(network, cycle, model, slow, aborts)
    for _ in range(2 if np.ptp(network.slowdown[1 : crowd + 1]) > 0 else 0):
        flow = _settle(network, cycle, model, _slowdown(network, busy_cpus(network, flow)), aborts)
    return flow
