"""The draws of a network as design points for `lanes`: what all draws agree on is summed once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, repeats
from ..primitives.cacheline import mean_service_ns
from .cycle import Cycle, read_cycle
from .lanes import Points, Rules

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FLUSHES = 4
"""rounds in which the number of CPUs that a shootdown interrupts settles"""


PROGRAMS = 64
"""whose cycles are kept"""
_kept: dict[tuple[object, ...], Cycle] = {}


def cycle_of(network: Network) -> Cycle:
    """The cycle of a network's program, which is read once for all networks that have it; errors as `read_cycle`."""
    arrays = (a.tobytes() for a in (network.op, network.arg, network.cause, network.entry, repeats(network)))
    key = (*arrays, network.lines, bool(network.rules.downgrade))
    found = _kept.get(key) or read_cycle(network)
    if len(_kept) >= PROGRAMS:
        _kept.clear()
    _kept[key] = found
    return found


class Amounts(NamedTuple):
    """What terms add: a step's mean time, at lines that of the mix of hits and transfers, or such a product."""

    fixed: Floats
    """(T,) of each term in the first draw"""
    place: Ints
    """(T,) row of `varying`; -1: all draws agree"""
    varying: Floats
    """(V, D)"""


def columns(values: Floats) -> Floats:
    """The columns of (D, S) as contiguous rows (S, D); no copy where they are that already."""
    return np.require(values.T, np.float64, ["C", "W"])


def amounts(network: Network, cycle: Cycle) -> Amounts:
    """The amounts of a cycle's terms."""
    value, local, n = columns(network.value_ns), network.line_local_ns, network.n_threads
    line, own_varies = network.op == Op.LINE, bool(np.any(local != local[0]))
    varies = np.any(value != value[:, :1], axis=1) | (line & own_varies)
    first = np.where(line, mean_service_ns(local[0], value[:, 0], n), value[:, 0])
    fixed = first[cycle.step] * np.where(cycle.odd >= 0, first[cycle.odd], 1.0)
    place = np.full(len(cycle.step), -1)
    rows: list[Floats] = []
    known: dict[tuple[int, int], int] = {}
    for t in np.flatnonzero(varies[cycle.step] | ((cycle.odd >= 0) & varies[cycle.odd])):
        s, odd = int(cycle.step[t]), int(cycle.odd[t])
        if (s, odd) not in known:
            known[s, odd] = len(rows)
            row = mean_service_ns(local, value[s], n) if line[s] else value[s]
            rows.append(row * value[odd] if odd >= 0 else row)
        place[t] = known[s, odd]
    return Amounts(fixed, place, np.array(rows).reshape(len(rows), value.shape[1]))


def points_of(network: Network, cycle: Cycle, aborts: float) -> Points:
    """All draws of a network and its cycle. aborts : share of all attempts, in the first guess."""
    work, found, rows = network.scv[network.op == Op.WORK], amounts(network, cycle), cycle.layout.rows
    flush = (network.op == Op.FLUSH)[cycle.step]
    row, varies = cycle.row + rows * flush, found.place >= 0
    flushed = np.unique(cycle.row[flush])
    table = network.slowdown[: 1 if network.slowdown.strides[0] == 0 else None]
    return Points(
        value=found.varying, slowdown=np.require(table, np.float64, ["C", "W"]).ravel(),
        table_size=table.shape[1] if len(table) > 1 else 0, rwsem=columns(network.rwsem_ns),
        base=np.bincount(row[~varies], (found.fixed * cycle.times)[~varies], 2 * rows).astype(float),
        filled=np.unique(np.concatenate([row[varies], flushed])), flushed=flushed,
        used=np.isin(np.arange(rows), cycle.row).astype(np.int64), row=row[varies],
        amount=found.place[varies], times=cycle.times[varies], hazard=cycle.hazard_op,
        counts=np.array(cycle.counts, float), n_threads=int(network.n_threads), cpus=int(network.cpus),
        lines=len(network.lines), per_table=int(network.threads_per_page_table),
        flushes=FLUSHES if flush.any() else 1, aborts=float(aborts), scv=max(0.0, float(work[0])) if len(work) else 0.0,
        read_cv=float(np.sqrt(work[0])) if len(work) else 1.0, rules=rules_of(network),
    )  # fmt: skip


def rules_of(network: Network) -> Rules:
    """What the formulas know of mmap_sem's policy."""
    rules = network.rules
    return Rules(
        int(rules.sleep), int(rules.wake_all_readers), int(bool(rules.read_steal or rules.read_spin)),
        int(rules.write_spin), int(rules.spin_on_reader),
    )  # fmt: skip
