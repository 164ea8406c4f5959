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
    total = np.zeros_like(cycle.spent.outside)
    if outcome is not None:
        for passed, costs in cycle.segments:
            total += outcome.reached[passed] * costs
    return total


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


def _flow(network: Network, cycle: Cycle, model: LockModel, phi: Floats, attempt: Costs, slow: Floats) -> Flow:
    """Solve the network at a given chance of fallback phi, with what attempts then spend."""
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


def busy_cpus(network: Network, flow: Flow) -> Floats:
    """Mean number of CPUs that run: threads that don't sleep for mmap_sem, (D,)."""
    load, lock = flow.load, flow.lock
    waiting = lock.cycles_per_ns * (load.reads * lock.read_wait_ns + load.writes * lock.write_wait_ns)
    asleep = waiting if network.rules.sleep else np.zeros_like(waiting)
    return np.clip(network.n_threads - asleep, 0.0, network.cpus)


def _lookup(network: Network, working: Floats) -> Floats:
    """The factor on work when so many CPUs work, linear between whole numbers, (D,)."""
    below = np.minimum(working.astype(int), network.cpus - 1)
    rows, part = np.arange(len(working)), working - below
    low = network.slowdown[rows, below]
    return np.asarray(low + part * (network.slowdown[rows, below + 1] - low))


def _slowdown(network: Network, working: Floats, slow: Floats, passes: int) -> Floats:
    """The factor s on work: s = table[w s] if w CPUs would work without it (spinning is no work), (D,)."""
    crowd = min(network.n_threads, network.cpus)
    if crowd == 1 or not np.ptp(network.slowdown[:, 1 : crowd + 1]):
        return network.slowdown[:, crowd]
    for _ in range(passes):
        slow = _lookup(network, np.clip(working * slow, 1.0, crowd))
    return slow


def _work(cycle: Cycle, phi: Floats, attempt: Costs) -> Floats:
    """Work per cycle before any slowdown, ns, (D,)."""
    spent = cycle.spent
    always = spent.outside[0] + spent.read[0] + spent.write[0] + spent.downgraded[0]
    after = spent.fallback[0] + spent.fallback_read[0]
    return np.asarray(always + attempt[0] + phi * after)


def _fallback(cycle: Cycle, outcome: Race | None) -> Floats:
    """Share of attempts that fall back, (D,); 0 without attempts."""
    return np.zeros(cycle.moves.shape) if outcome is None else np.asarray(1 - outcome.reached[-1])


def _extreme(cycle: Cycle, aborts: float) -> Race | None:
    """No attempt aborts (0.0), or all at their first hazard (1.0)."""
    if not cycle.hazards:
        return None
    shape = (len(cycle.hazards), len(cycle.moves))
    reached = np.concatenate([np.ones((1, shape[1])), np.full(shape, 1.0 - aborts)])
    return Race(reached, np.full(shape, aborts))


def equilibrium(network: Network, cycle: Cycle, model: LockModel, aborts: float = 0.0) -> Flow:
    """The pace at which aborts and slowdown are those of that pace, from one end (see `_extreme`)."""
    extreme, alone = _extreme(cycle, aborts), network.slowdown[:, 1]
    first = _fallback(cycle, extreme), _attempt(cycle, extreme)
    work = _work(cycle, *first)

    def at(pace: Floats) -> tuple[Floats, Flow]:
        slow = _slowdown(network, pace * work, alone, 3)
        outcome = race(network, cycle, Pace(pace, slow)) if cycle.hazards else None
        phi, attempt = _fallback(cycle, outcome), _attempt(cycle, outcome)
        slow = _slowdown(network, pace * _work(cycle, phi, attempt), slow, 1)
        flow = _flow(network, cycle, model, phi, attempt, slow)
        return flow.lock.cycles_per_ns, flow

    start = _flow(network, cycle, model, *first, alone)
    return fixed_point(at, start.lock.cycles_per_ns)[1]
