"""Simulation of a `Network`: any hold law, the rwsem of its era, fallbacks, with confidence intervals.

Each draw is one run; runs of the same seed share their random streams thread by thread, so that
baseline and candidate are compared with common random numbers. Results depend on the seed only,
not on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.stats import t as student

from ..network import Network, Op, Solution
from ..primitives.chance import streams, uniform
from ..primitives.scheduler import make_runnable
from ..primitives.state import (
    ATTEMPTS, BINS, BUSY_NS, CAUSES, CYCLES, FAULT_NS, FAULTS, FIRST_LINE, FLAGS, LATENCY, LINE_LOCAL, PC, READER_NS,
    RUNNING, TIMES, UPDATE_NS, UPDATES, WRITER_NS, Sim, at, at_rest, calendar, schedule,
)  # fmt: skip
from .engine import run

Floats = NDArray[np.float64]
STAGGER = 5.0
"""Threads start at random within this many cycles' work, so that no order is imposed."""
BATCHES = 64
EVENTS = 200_000
"""Calendar pops per run, unless the caller wants more."""


@njit(cache=True)
def _start(sm: Sim, entry: NDArray[np.int32], stagger_ns: float) -> None:
    for i in range(entry.size):
        sm.I[at(i) + PC] = entry[i]
        if make_runnable(sm, i):
            schedule(sm, i, stagger_ns * uniform(sm, i), RUNNING)


def prepare(network: Network, draw: int, seed: int) -> Sim:
    """State and program of one draw, all threads about to start."""
    n = network.n_threads
    ints, floats = at_rest(n, network.cpus, network.threads_per_page_table, streams(seed, n))
    flags = network.rules[:-1]
    ints[FLAGS : FLAGS + len(flags)] = flags
    ints[FIRST_LINE] = CAUSES + len(network.causes)
    times = [*network.rwsem_ns[draw], network.rules.handoff_after_ns]
    floats[TIMES : TIMES + len(times)] = times
    floats[LINE_LOCAL] = network.line_local_ns[draw]
    code = np.stack([network.op, network.arg, network.fail, network.cause], axis=1).astype(np.int64).ravel()
    num = np.stack([network.value_ns[draw], network.scv], axis=1).ravel()
    sim = Sim(ints, floats, *calendar(n), code, num, network.slowdown[draw])
    work = network.value_ns[draw, network.op <= Op.LINE].sum() * max(1.0, network.faults_per_cycle)
    _start(sim, network.entry, STAGGER * work)
    return sim


def simulate(network: Network, draw: int, seed: int, events: int) -> tuple[Floats, Floats]:
    """Cumulative tallies after each batch, (BATCHES + 1, K), and the histogram of fault times."""
    sim = prepare(network, draw, seed)
    out = run(sim, BATCHES, max(1, events // BATCHES))
    return out, sim.I[LATENCY : LATENCY + BINS].astype(float)


def mser5(series: Floats) -> int:
    """Warm-up to drop (White 1997): where the standard error of what is left is least, in fives.

    series : (B,) batch values -> number of leading batches, at most half
    >>> mser5(np.array([9.0] * 5 + [1.0, 1.1] * 20))
    5
    """
    cuts = range(0, len(series) // 2 + 1, 5)
    scores = [np.var(series[c:]) / (len(series) - c) for c in cuts]
    return cuts[int(np.argmin(scores))]


def ratio_interval(top: Floats, bottom: Floats) -> tuple[float, float]:
    """Ratio of sums over batches and half its 95 % interval, by the jackknife-like linearisation."""
    ratio = top.sum() / bottom.sum()
    residual = top - ratio * bottom
    n = len(top)
    half = student.ppf(0.975, n - 1) * residual.std(ddof=1) / np.sqrt(n) / bottom.mean()
    return float(ratio), float(half)


def percentile(histogram: Floats, q: float) -> float:
    """Quantile of fault times from the histogram of 16 bins an octave, in ns (0 if empty)."""
    total = histogram.sum()
    if total == 0:
        return 0.0
    cumulated = np.cumsum(histogram) / total
    place = int(np.searchsorted(cumulated, q))
    below = cumulated[place - 1] if place else 0.0
    part = (q - below) / max(cumulated[place] - below, 1e-300)
    return float(2.0 ** ((place + part) / 16.0))


def _warm(network: Network, cumulative: Floats) -> Floats:
    """Tallies per batch of one run with the warm-up removed, (B, K); the last column is the work done."""
    batch = np.diff(cumulative, axis=0)
    done = batch[:, FAULTS - CYCLES] / network.faults_per_cycle if network.faults_per_cycle > 1 else batch[:, 0]
    if done.sum() == 0:
        done = batch[:, UPDATES - CYCLES] / max(network.updates_per_cycle, 1.0)
    batch = np.column_stack([batch, done * network.units_per_cycle])
    return batch[mser5(done / batch[:, -2]) :]


def _summary(network: Network, runs: list[tuple[Floats, Floats]]) -> dict[str, float]:
    """Figures of one draw's runs, by name."""
    keep = np.concatenate([_warm(network, cumulative) for cumulative, _ in runs])
    histogram = np.sum([h for _, h in runs], axis=0)
    rate, half = ratio_interval(keep[:, -1], keep[:, -2])
    total = keep.sum(axis=0)[:-1]
    clock, faults, updates, attempts = total[-1], total[FAULTS - CYCLES], total[UPDATES - CYCLES], total[ATTEMPTS - CYCLES]
    out = {
        "throughput": rate * 1e9, "half": half * 1e9, "faults": faults / clock * 1e9, "updates": updates / clock * 1e9,
        "attempts": attempts / max(faults, 1.0), "fault_ns": total[FAULT_NS - CYCLES] / max(faults, 1.0),
        "p99": percentile(histogram, 0.99), "update_ns": total[UPDATE_NS - CYCLES] / max(updates, 1.0),
        "busy": total[BUSY_NS - CYCLES] / clock, "u:mmap_sem (write)": total[WRITER_NS - CYCLES] / clock,
        "u:mmap_sem (read)": total[READER_NS - CYCLES] / clock,
    }  # fmt: skip
    for j, cause in enumerate(network.causes):
        out["a:" + cause] = total[CAUSES - CYCLES + j] / max(attempts, 1.0)
    for j, line in enumerate(network.lines):
        out["u:" + line] = total[CAUSES - CYCLES + len(network.causes) + j] / clock
    return out


def _collect(rows: list[dict[str, float]]) -> Solution:
    """Runs, one a draw, as a `Solution`."""
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def prefixed(prefix: str) -> dict[str, Floats]:
        return {key[2:]: value for key, value in table.items() if key.startswith(prefix)}

    return Solution(
        solver="des", throughput_per_s=table["throughput"], throughput_half_width=table["half"],
        faults_per_s=table["faults"], updates_per_s=table["updates"], attempt_share=table["attempts"],
        abort_share=prefixed("a:"), fault_mean_ns=table["fault_ns"], fault_p99_ns=table["p99"],
        update_mean_ns=table["update_ns"], utilisation=prefixed("u:"), busy_cpus=table["busy"],
    )  # fmt: skip


def solve(
    network: Network,
    *,
    seed: int = 1,
    events: int = EVENTS,
    replicas: int = 4,
    workers: int = 2,
    tick: Callable[[], None] = lambda: None,
) -> Solution:
    """Simulate every draw of the network.

    seed : of the random streams, shared by all draws; events : calendar pops per draw, in all;
    replicas : runs per draw from different starts (the order of a FIFO queue can persist for long);
    workers : threads (the result does not depend on it); tick : called after each run
    """

    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(replicas)]

    def one(draw: int) -> dict[str, float]:
        row = _summary(network, [simulate(network, draw, s, events // replicas) for s in seeds])
        tick()
        return row

    draws = range(network.value_ns.shape[0])
    rows: Iterable[dict[str, float]]
    if workers > 1 and len(draws) > 1:
        with ThreadPoolExecutor(workers) as pool:
            rows = pool.map(one, draws)
    else:
        rows = map(one, draws)
    return _collect(list(rows))
