"""Where the threads of a simulation start: at random places of their cycles, as in a process that runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, repeats
from ..primitives.state import FTHREADS, FWIDTH, LOOPS, TURNS, Sim


def at_random_places(network: Network, seed: int) -> Network:
    """The network with each thread starting at one of its faults or updates, by how often a cycle has each.

    Where all start together, groups of readers that queue up once can stay together for ever.
    """
    rng, entry, often = np.random.default_rng(seed), network.entry.copy(), repeats(network)
    marks = np.isin(network.op, (Op.FAULT_BEGIN, Op.UPDATE_BEGIN))
    ends = np.flatnonzero(network.op == Op.CYCLE_END)
    for start in np.unique(network.entry):
        last = ends[ends >= start].min(initial=len(network.op))
        places = np.flatnonzero(marks[start:last]) + start
        mine = np.flatnonzero(network.entry == start)
        if places.size:
            entry[mine] = rng.choice(places, size=mine.size, p=often[places] / often[places].sum())
    return replace(network, entry=entry)


def loop_counts(network: Network) -> NDArray[np.float64]:
    """(S,) how often the loop around each step runs its body; 1 where there is none, and at its first step."""
    counts = np.ones(len(network.op))
    for s in np.flatnonzero(network.op == Op.LOOP):
        counts[network.arg[s] + 1 : s] = np.floor(network.value_ns[0, s])
    return counts


def inside_loops(network: Network, sim: Sim, seed: int) -> None:
    """Threads that start inside a loop have been through some of it; what comes now and then is due at random."""
    rng, n = np.random.default_rng(seed + 1), network.n_threads
    rows = sim.F[FTHREADS : FTHREADS + FWIDTH * n].reshape(n, FWIDTH)
    rows[:, LOOPS] = np.floor(rng.random(n) * loop_counts(network)[network.entry])
    gates = network.value_ns[0, network.op == Op.EVERY]
    if gates.size:
        rows[:, TURNS] = np.floor(rng.random(n) * np.floor(gates[0]))
