"""Small systems of every protocol, by their exact chain and by simulation: a table of docs/agreement.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from tiny_systems import PROGRAMS, tiny

from spfmodel.network import Network, Solution
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des, table_chain

EVENTS = 100_000


class Small(NamedTuple):
    """A small system."""

    protocol: str
    program: str
    n_threads: int


def systems(protocol: str) -> list[Small]:
    """Twenty small systems of a protocol: every program, 2 to 5 threads."""
    return [Small(protocol, program, n) for n in (2, 3, 4, 5) for program in PROGRAMS]


@cache
def solved(which: Small) -> tuple[Network, Solution]:
    """A small network and its exact solution; two threads have lines between them, too."""
    lines = {"line_ns": 120.0, "memory_ratio": 0.4} if which.n_threads == 2 else {}
    network = tiny(PROTOCOLS[which.protocol], which.program, which.n_threads, **lines)
    return network, table_chain.solve(network)


def compared(which: Small, seed: int) -> tuple[float, bool, float]:
    """Error of the simulated throughput, whether its interval holds the exact one, and the aborts' largest error."""
    network, exact = solved(which)
    found = des.solve(network, seed=seed, events=EVENTS)
    off = float(found.throughput_per_s[0] - exact.throughput_per_s[0])
    aborts = [abs(float(found.abort_share[cause][0] - share[0])) for cause, share in exact.abort_share.items()]
    covered = abs(off) <= found.throughput_half_width[0]
    return off / float(exact.throughput_per_s[0]), bool(covered), max(aborts, default=0.0)


def chain_line(protocol: str) -> str:
    """The table's row of one protocol."""
    all_systems = systems(protocol)
    largest = table_chain.explore(solved(all_systems[-5])[0], 0, table_chain.MOST_STATES).chain.n_states
    off, covered, aborts = zip(*(compared(which, seed) for seed, which in enumerate(all_systems)), strict=True)
    median = 100 * float(np.median(np.abs(off)))
    return f"| {protocol} | {largest:,} | {median:.2g} | {sum(covered)} of 20 | {100 * max(aborts):.2g} |"


def chain_lines() -> Iterator[str]:
    """The table of all protocols."""
    yield "| protocol | states, five threads that map, touch and unmap | median error | covered | aborts |"
    yield "|---|---|---|---|---|"
    yield from map(chain_line, PROTOCOLS)
