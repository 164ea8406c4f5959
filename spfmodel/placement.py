"""Where threads run: which share of them on each socket, and what that makes of lines and of memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .machine import Machine

Floats = NDArray[np.float64]


def socket_shares(machine: Machine, n_threads: int) -> Floats:
    """Share of the threads on each socket, (sockets,).

    The scheduler is taken to fill a socket's cores before it spills over to the next, and to use
    siblings only when every core is busy.
    """
    per_socket = machine.cores / machine.sockets
    filled = np.clip(n_threads - per_socket * np.arange(machine.sockets), 0, per_socket)
    if n_threads > machine.cores:
        filled = np.full(machine.sockets, n_threads / machine.sockets)
    return np.asarray(filled / n_threads)


def cross_share(machine: Machine, n_threads: int) -> float:
    """Chance that the thread which used a line last runs on another socket: 1 - sum_s f_s^2."""
    return float(1 - np.sum(socket_shares(machine, n_threads) ** 2))


def node_crowding(machine: Machine, n_threads: int, mm_share: Floats) -> Floats:
    """Demand of what stays shared, over its demand when all sockets are full, (D,).

    A part g (`memory_mm_share`) is shared by the whole mm; the rest (zone and LRU locks) by the
    threads of one NUMA node, and the busiest node decides:
    (g + (1 - g) max_s f_s) / (g + (1 - g) / S)
    """
    busiest = float(socket_shares(machine, n_threads).max())
    return np.asarray((mm_share + (1 - mm_share) * busiest) / (mm_share + (1 - mm_share) / machine.sockets))


CROWD = 6.0
"""CPUs: a crowd's slowdown is reached as 1 - exp(-(r - 1) / CROWD) when r CPUs run."""


def slowdown(machine: Machine, sibling_gain: Floats, crowding: Floats) -> Floats:
    """(D, cpus + 1) factor on work when r CPUs run; (1, cpus + 1) if all draws agree on both arguments.

    A busy sibling adds only `sibling_gain` of a core; and work slows by up to `crowding` as turbo
    bins, shared cache and memory bandwidth are used up. sibling_gain, crowding : (D,) or (1,)
    """
    if not np.ptp(sibling_gain) and not np.ptp(crowding):
        sibling_gain, crowding = sibling_gain[:1], crowding[:1]
    running = np.arange(machine.cpus + 1, dtype=float)
    extra = np.maximum(0, running - machine.cores)
    capacity = np.minimum(running, machine.cores) + sibling_gain[:, None] * extra
    alone = np.where(running > 0, running / np.maximum(capacity, 1e-9), 1.0)
    slower: Floats = alone * (1 + crowding[:, None] * -np.expm1(-np.maximum(0, running - 1) / CROWD))
    return slower
