"""A small system of any protocol as an exact Markov chain, built from the program that the simulation reads.

For the textbook lock with a CPU per thread, and exponential times of the network's means. Threads that are alike
are lumped. What the chain gives is exact to rounding: throughput, aborts by cause, mean times, utilisations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, Solution
from ..sources import BadInput
from .markov import Chain, stationary, stationary_by_sweeps
from .table_program import IN_FAULT, IN_UPDATE, places, table_of
from .table_state import (
    COUNT,
    COUNT_WIDTH,
    FLAGS_WIDTH,
    PLACE,
    PLACE_WIDTH,
    READS,
    WRITES,
    Instant,
    State,
    Table,
)  # fmt: skip
from .table_steps import ATTEMPTS, CAUSES, CYCLES, FAULTS, UPDATES, moves, settle

Floats = NDArray[np.float64]
MOST_STATES = 300_000


# -- the chain ------------------------------------------------------------------------------------


class Small(NamedTuple):
    """All states that recur, T transitions between them, and what is counted on the way."""

    states: NDArray[np.int64]
    """(K, N) packed threads"""
    chain: Chain
    counted: Floats
    """(K, C) rate at which each thing is counted in each state, per ns"""


def _starts(network: Network, table: Table) -> Iterator[State]:
    """The states in which the first instant may end."""
    m = Instant(table, (0,) * network.n_threads)
    m.pc = [int(s) - 1 for s in network.entry]
    m.ready = list(range(network.n_threads))
    for course in settle(m):
        yield course.packed()


def explore(network: Network, draw: int, most: int) -> Small:
    """The chain of one draw, from the program; `BadInput` where it would have more than `most` states."""
    table = table_of(network, draw)
    states = list(dict.fromkeys(_starts(network, table)))
    index = {state: k for k, state in enumerate(states)}
    source, target, rates, codes = [], [], [], []
    for k, state in enumerate(states):
        for after, rate, seen in moves(table, state):
            if after not in index:
                if len(states) >= most:
                    raise BadInput(f"the exact chain would have more than {most:,} states: use fewer threads, or des")
                index[after] = len(states)
                states.append(after)
            source.append(k)
            target.append(index[after])
            rates.append(rate)
            codes += [(k, code, rate) for code in seen]
    counted = np.zeros((len(states), CAUSES + len(network.causes)))
    if codes:
        row, code, amount = zip(*codes, strict=True)
        np.add.at(counted, (np.array(row), np.array(code)), np.array(amount))
    chain = Chain(len(states), np.array(source), np.array(target), np.array(rates))
    return _recurrent(np.array(states), chain, counted)


def _recurrent(states: NDArray[np.int64], chain: Chain, counted: Floats) -> Small:
    """Without the states that are left for good."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(chain.rate)), (chain.source, chain.target)), shape=(chain.n_states,) * 2)
    _, kind = connected_components(links.tocsr(), connection="strong")
    leaves = kind[chain.source] != kind[chain.target]
    (last,) = set(np.unique(kind)) - set(kind[chain.source[leaves]])
    kept = np.flatnonzero(kind == last)
    new = np.full(chain.n_states, -1)
    new[kept] = np.arange(len(kept))
    inside = new[chain.source] >= 0
    source, target = new[chain.source[inside]], new[chain.target[inside]]
    return Small(states[kept], Chain(len(kept), source, target, chain.rate[inside]), counted[kept])


SWEPT = 500
"""From so many states on a chain is solved by sweeps: with four queues, elimination fills in."""


def _weights(chain: Chain) -> Floats:
    """Stationary probabilities, (K,)."""
    return stationary(chain) if chain.n_states < SWEPT else stationary_by_sweeps(chain)


# -- what it gives --------------------------------------------------------------------------------


def _means(network: Network, small: Small) -> dict[str, float]:
    """Figures of one draw, by the names of `_solution`."""
    p = _weights(small.chain)
    rate = p @ small.counted * 1e9
    flags = small.states & ((1 << FLAGS_WIDTH) - 1)
    place = (small.states >> (FLAGS_WIDTH + 2 * COUNT_WIDTH)) % PLACE
    pc = small.states >> (FLAGS_WIDTH + 2 * COUNT_WIDTH + PLACE_WIDTH)
    where = np.array(places(network))[pc]
    done = rate[FAULTS] / network.faults_per_cycle if network.faults_per_cycle > 0 else rate[CYCLES]
    found = {
        "throughput": done * network.units_per_cycle, "faults": rate[FAULTS], "updates": rate[UPDATES],
        "attempts": rate[ATTEMPTS] / max(rate[FAULTS], 1e-300),
        "fault_ns": float(p @ (where == IN_FAULT).sum(axis=1)) * 1e9 / max(rate[FAULTS], 1e-300),
        "update_ns": float(p @ (where == IN_UPDATE).sum(axis=1)) * 1e9 / max(rate[UPDATES], 1e-300),
        "u:mmap_sem (write)": float(p @ (flags & WRITES > 0).any(axis=1)),
        "u:mmap_sem (read)": float(p @ (flags & READS > 0).any(axis=1)),
    }  # fmt: skip
    for c, cause in enumerate(network.causes):
        found["a:" + cause] = rate[CAUSES + c] / max(rate[ATTEMPTS], 1e-300)
    at_line, line = network.op[pc] == Op.LINE, network.arg[pc]
    for k, name in enumerate(network.lines):
        found["u:" + name] = float(p @ (at_line & (line == k) & (place > 0)).any(axis=1))
    return found


def _check(network: Network) -> None:
    """Refuse what is no small system of the textbook lock with a CPU per thread."""
    rules = network.rules
    if not rules.handoff_direct or rules.sleep or network.n_threads > network.cpus:
        raise BadInput("the exact chain knows only the textbook lock with a CPU per thread: use des")
    counts = network.value_ns[:, np.isin(network.op, (Op.LOOP, Op.EVERY))]
    if network.n_threads >= PLACE or np.any(counts >= COUNT):
        raise BadInput(f"the exact chain is for fewer than {PLACE} threads and counts below {COUNT}: use des")


def solve(network: Network, most_states: int = MOST_STATES) -> Solution:
    """Every draw's exact chain; fault_p99_ns is nan, since the chain has no clock for a single fault.

    network : rules FCFS and a CPU per thread (see `solvers.textbook`); its scv are not used: all times are
    exponential, local atomics (`line_local_ns`), too. `BadInput` for other rules or more than `most_states` states.
    """
    _check(network)
    draws = range(len(network.value_ns))
    rows = [_means(network, explore(network, draw, most_states)) for draw in draws]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    size = len(rows)

    def prefixed(prefix: str) -> dict[str, Floats]:
        return {name[2:]: values for name, values in table.items() if name.startswith(prefix)}

    return Solution(
        solver="ctmc, exact, from the table", error_band=0.0, throughput_per_s=table["throughput"],
        throughput_half_width=np.zeros(size), faults_per_s=table["faults"], updates_per_s=table["updates"],
        attempt_share=table["attempts"], abort_share=prefixed("a:"), fault_mean_ns=table["fault_ns"],
        fault_p99_ns=np.full(size, np.nan), update_mean_ns=table["update_ns"], utilisation=prefixed("u:"),
        busy_cpus=np.full(size, float(network.n_threads)),
    )  # fmt: skip
