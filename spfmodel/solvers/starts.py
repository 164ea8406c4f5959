"""Where the threads of a simulation start: at random places of their cycles, as in a process that runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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


def inside_loops(network: Network, sim: Sim, seed: int) -> None:
    """Threads that start inside a loop have been through some of it; what comes now and then is due at random."""
    rng, steps = np.random.default_rng(seed + 1), np.arange(len(network.op))
    gates = network.value_ns[0, network.op == Op.EVERY]
    for i, entry in enumerate(network.entry):
        row = FTHREADS + FWIDTH * i
        loop = np.flatnonzero((network.op == Op.LOOP) & (network.arg < entry) & (entry < steps))
        if loop.size:
            sim.F[row + LOOPS] = rng.integers(int(network.value_ns[0, loop[0]]))
        if gates.size:
            sim.F[row + TURNS] = rng.integers(int(gates[0]))
