"""Simulation of a `Network`: any hold law, the rwsem of its era, fallbacks, with confidence intervals.

Each draw is one run; runs of the same seed share their random streams thread by thread, so that
baseline and candidate are compared with common random numbers. Results depend on the seed only,
not on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, Solution, repeats
from ..primitives.random_stream import streams
from ..primitives.state import (
    ATTEMPTS,
    BINS,
    BUSY_NS,
    CAUSES,
    CYCLES,
    EXPECTED,
    FAULT_NS,
    FAULTS,
    FIRST_LINE,
    FLAGS,
    LATENCY,
    LEAVES,
    LINE_LOCAL,
    MAX_FLAGS,
    MAX_LINES,
    READER_NS,
    SUMS_END,
    TALLY_END,
    TIMES,
    UPDATE_NS,
    UPDATES,
    WINDOWS,
    WRITER_NS,
    Sim,
    at_rest,
    calendar,
)  # fmt: skip
from .batches import BATCHES, TINY, mser5, over_runs, percentile
from .engine import run
from .starts import at_random_places, inside_loops
from .windows import windows

Floats = NDArray[np.float64]
STAGGER = 5.0
"""Threads start at random within this many cycles' work, so that no order is imposed."""
LONG_CYCLE_NS = 20_000.0
"""of a longer cycle only so much counts: its threads start at random places anyway"""
NOBODY = np.zeros(0, np.int32)
"""starts when a run goes on"""
SLICES = 320
"""Equal shares of a run's events, to find its warm-up in."""
EVENTS = 200_000
"""Calendar pops per draw, unless the caller wants more."""
MOST_DOUBLINGS = 8
"""of a run that goes on until its interval is narrow enough"""
FEWEST_CYCLES = 50.0
"""of each thread in each run before an interval is trusted to end it: shorter runs have not left where they began"""


def _check(network: Network) -> None:
    """Refuse a network that the state arrays cannot hold."""
    counted = len(network.causes) + len(network.lines)
    if counted > TALLY_END - CAUSES or len(network.lines) > MAX_LINES:
        raise ValueError(f"des counts at most {TALLY_END - CAUSES} causes and lines, {MAX_LINES} of them lines")
    if network.slowdown.shape[1] != network.cpus + 1:
        raise ValueError(f"slowdown needs cpus + 1 = {network.cpus + 1} columns, got {network.slowdown.shape[1]}")


def prepare(network: Network, draw: int, seed: int) -> Sim:
    """State and program of one draw, all threads at rest."""
    _check(network)
    n, rules = network.n_threads, network.rules
    ints, floats = at_rest(n, network.cpus, network.threads_per_page_table, streams(seed, n))
    ints[FLAGS : FLAGS + MAX_FLAGS] = np.pad(rules.flags(), (0, MAX_FLAGS - len(rules.flags())))
    ints[FIRST_LINE] = CAUSES + len(network.causes)
    times = [*network.rwsem_ns[draw], *rules.times_ns()]
    floats[TIMES : TIMES + len(times)] = times
    floats[LINE_LOCAL] = network.line_local_ns[draw]
    steps = np.stack([network.op, network.arg, network.fail, network.cause], axis=1).astype(np.int64).ravel()
    relied, books = windows(network, draw)
    code, ints[WINDOWS] = np.concatenate([steps, relied]), len(steps)
    num = np.stack([network.value_ns[draw], books], axis=1).ravel()
    slowdown = np.ascontiguousarray(network.slowdown[draw])
    due, keys, tree = calendar(n + rules.spin_on_reader)
    ints[LEAVES] = due.size
    return Sim(ints, floats, due, keys, tree, code, num, slowdown)


class Run(NamedTuple):
    """One run so far, which can go on."""

    sim: Sim
    out: Floats
    """(SLICES + 1, K) cumulative tallies after each slice, the clock last"""
    histogram: Floats
    """(BINS,) of fault times"""
    per_slice: int
    """events"""


def begin(network: Network, draw: int, seed: int, events: int, stagger: float = STAGGER) -> Run:
    """The first `events` calendar pops of a run."""
    sim = prepare(network, draw, seed)
    inside_loops(network, sim, seed)
    timed = network.op <= Op.LINE
    work = (network.value_ns[draw, timed] * repeats(network)[timed]).sum()
    out, per_slice = np.zeros((SLICES + 1, SUMS_END - CYCLES + 1)), max(1, events // SLICES)
    run(sim, network.entry, stagger * min(work, LONG_CYCLE_NS), per_slice, out)
    return Run(sim, out, sim.I[LATENCY : LATENCY + BINS].astype(float), per_slice)


def doubled(so_far: Run) -> Run:
    """The same run, gone on until it is twice as long; its slices are twice as long, too."""
    sim, more = so_far.sim, np.zeros_like(so_far.out)
    run(sim, NOBODY, 0.0, so_far.per_slice, more)
    out = np.concatenate([so_far.out, more[1:]])[::2]
    histogram = so_far.histogram + sim.I[LATENCY : LATENCY + BINS]
    return Run(sim, out, histogram, 2 * so_far.per_slice)


def simulate(network: Network, draw: int, seed: int, events: int, stagger: float = STAGGER) -> tuple[Floats, Floats]:
    """Cumulative tallies after each slice of the run, (SLICES + 1, K), and the histogram of fault times."""
    made = begin(network, draw, seed, events, stagger)
    return made.out, made.histogram


def _done(network: Network, slices: Floats) -> Floats:
    """Cycles' worth of work done in each slice of a run, (SLICES,); counted by faults where there are any."""
    cycles, faults, updates = slices[:, 0], slices[:, FAULTS - CYCLES], slices[:, UPDATES - CYCLES]
    done = faults / network.faults_per_cycle if network.faults_per_cycle > 0 else cycles
    return done if done.sum() > 0 else updates / max(network.updates_per_cycle, 1.0)


def without_warm_up(network: Network, cumulative: Floats) -> Floats:
    """Tallies of one run without its warm-up, in BATCHES, (BATCHES, K); the last column is the units done."""
    slices = np.diff(cumulative, axis=0)
    done, clock = _done(network, slices), slices[:, -1]
    slices = np.column_stack([slices, done * network.units_per_cycle])
    start = mser5(done / np.maximum(clock, max(1e-9 * clock.mean(), TINY)))
    size = (len(slices) - start) // BATCHES
    batches = slices[len(slices) - size * BATCHES :].reshape(BATCHES, size, -1)
    return np.asarray(batches.sum(axis=1))


def _summary(network: Network, runs: Sequence[Run]) -> dict[str, float]:
    """Figures of one draw's runs, by name."""
    kept = np.array([without_warm_up(network, made.out) for made in runs])
    histogram = np.sum([made.histogram for made in runs], axis=0)
    rate, half = over_runs(kept[..., -1], kept[..., -2])
    total = np.sum(kept, axis=(0, 1))[:-1]
    faults, updates, attempts = (total[column - CYCLES] for column in (FAULTS, UPDATES, ATTEMPTS))
    clock = total[-1]
    out = {
        "throughput": rate * 1e9, "half": half * 1e9, "faults": faults / clock * 1e9, "updates": updates / clock * 1e9,
        "attempts": attempts / max(faults, 1.0), "fault_ns": total[FAULT_NS - CYCLES] / max(faults, 1.0),
        "p99": percentile(histogram, 0.99), "update_ns": total[UPDATE_NS - CYCLES] / max(updates, 1.0),
        "busy": total[BUSY_NS - CYCLES] / clock, "u:mmap_sem (write)": total[WRITER_NS - CYCLES] / clock,
        "u:mmap_sem (read)": total[READER_NS - CYCLES] / clock, "cycles": total[0] / len(runs) / network.n_threads,
    }  # fmt: skip
    aborts = kept[..., EXPECTED - CYCLES : EXPECTED - CYCLES + len(network.causes)].sum(axis=-1)
    out["fallback half"] = over_runs(aborts, kept[..., ATTEMPTS - CYCLES])[1] if attempts > 0 else 0.0
    for j, cause in enumerate(network.causes):
        out["a:" + cause] = max(total[EXPECTED - CYCLES + j], 0.0) / max(attempts, 1.0)
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
        fallback_half_width=table["fallback half"],
    )  # fmt: skip


def _one(starts: Sequence[tuple[Network, int]], draw: int, events: int, until: float) -> dict[str, float]:
    """Figures of one draw: a run from each start, made longer together until the interval is narrow enough."""
    network = starts[0][0]
    runs = [begin(start, draw, seed, events) for start, seed in starts]
    row = _summary(network, runs)
    for _ in range(MOST_DOUBLINGS if until > 0 else 0):
        if row["half"] <= until * row["throughput"] and row["cycles"] >= FEWEST_CYCLES:
            break
        runs = [doubled(made) for made in runs]
        row = _summary(network, runs)
    return row


def solve(
    network: Network,
    *,
    seed: int = 1,
    events: int = EVENTS,
    replicas: int = 4,
    workers: int = 2,
    tick: Callable[[], None] = lambda: None,
    until: float = 0.0,
) -> Solution:
    """Simulate every draw of the network.

    seed : of the random streams, shared by all draws; events : calendar pops per draw, in all;
    replicas : runs per draw from different starts (the order of a FIFO queue can persist for long);
    workers : threads (the result does not depend on it); tick : called after each run;
    until : if positive, each draw's runs go on, doubling, until half of the throughput's 95 % interval is at most
    this share of it, or MOST_DOUBLINGS are done (then the interval says that it is wider)
    """
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(replicas)]
    starts = [(at_random_places(network, s), s) for s in seeds]

    def one(draw: int) -> dict[str, float]:
        row = _one(starts, draw, events // replicas, until)
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
