"""Our controlled runs as cells of the table that `validate` prints: each setting measured both ways, and predicted.

A machine file of a controlled kernel holds nothing but costs of one thread, or of one call among idle threads: every
run in which threads compete is predicted. An emulated guest's times mean nothing, but its shares and its ratios do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import catalog
from .controlled_runs import WORKLOADS, Run, runs
from .machine import Machine, Workload
from .network import Solution
from .prediction import Question, draws_for, interval
from .program import build, dedicated_updaters
from .protocols import PROTOCOLS
from .settings import parse, with_settings
from .solvers import des
from .structural import noise, term_of, with_odds
from .validate import Cell

Floats = NDArray[np.float64]
N_DRAWS = 8
EVENTS = 16_000
"""of a draw; more where updates are rare"""
UPDATES_SEEN = 8.0
"""cycles, each with its updates, that a draw sees at least"""
NONE = 1e-4
"""a smaller share of fallbacks counts as this: some tens of thousands of attempts were counted in a setting"""
KIND = "controlled"
PARAMETERS = ("faults_per_update", "one_vma", "dedicated_updaters", "updater_think_ns", "extra_vmas", "think_ns")
"""Columns that are parameters of fault-update by the same name; blank: as the workload says."""
SLEEPERS = (
    "a fault that sleeps for mmap_lock costs its CPU some 20 us of work beyond its latency, which the simulation "
    "leaves out, so that mmap_lock comes out too fast"
)
LAYOUT = (
    "nothing is contended: kernels of one tree, switched, differ by a third, in counted instructions by 2 to 4 %: "
    "it is where code and data lie in an emulated CPU"
)


class Miss(NamedTuple):
    """What explains misses of some settings."""

    quantity: str
    words: str
    """of the setting's name"""
    too_low: bool | None
    """predicted below measured, above, or either"""
    why: str


MISSES = (
    Miss("speedup", "threads=3", False, "three faulting threads and an updater on two CPUs: under mmap_lock they "
         "starve the updater even more than the simulation's do (1,081 updates/s; 173,898 under VMA locks)"),
    Miss("speedup", "dedicated_updaters=1", True, SLEEPERS),
    Miss("speedup", "faults_per_update=8 ", True, SLEEPERS),
    Miss("speedup", "faults_per_update=16 ", True, SLEEPERS),
    Miss("speedup", "mmap1 threads=1", None, LAYOUT),
    Miss("speedup", "pf2 threads=1", None, LAYOUT),
    Miss("speedup", "pf3 threads=1", None, LAYOUT),
    Miss("fallback_share", "update_op=madv", True, "regions 2 MiB apart need not begin where a page table does: "
         "neighbours share one, and MADV_DONTNEED clears it under the lock that a fault tries"),
    Miss("fallback_share", "update_op=mprot_own", True, "a sole updater changes the VMA each time, where two threads "
         "that toggle it find it as they want it every other time"),
    Miss("fallback_share", "pf", None, "one fault in a thousand finds its page locked, or does not try: no cause of "
         "the table"),
)  # fmt: skip
"""The first that fits a miss explains it."""


def nouns(run: Run) -> tuple[Machine, Workload, int]:
    """Machine, workload and number of faulting threads of a setting."""
    s, mode = run.setting, run.setting["mode"]
    workload = catalog.workload(WORKLOADS[mode])
    sets = [f"workload.touch={s['touch']}"] if s["touch"] == "kern" else []
    if mode == "anon":
        sets += [f"workload.{name}={s[name]}" for name in PARAMETERS if s[name]]
        sets += [f"workload.recycle_kib={s['region_kib']}"]
        sets += [f"workload.update_op={s['update_op']}"] if s["update_op"] else []
        sets += [] if s["faults_per_update"] else ["workload.faults_per_update=0"]
    elif mode != "mmap1":
        sets += [f"workload.{name}={s['region_kib']}" for name in ("touched_kib", "page_table_sharing_kib")]
    machine, workload, _ = with_settings(catalog.machine(run.pair.machine), workload, parse(sets))
    return machine, workload, int(s["threads"])


def solved(run: Run, seed: int = 1) -> tuple[Machine, Workload, Solution, Solution]:
    """Baseline and candidate of one setting, over N_DRAWS draws of its costs."""
    machine, workload, n = nouns(run)
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS["mmap_sem"], n_draws=N_DRAWS, seed=seed)
    draws = draws_for(question)
    sides = []
    for name in ("mmap_sem", run.pair.protocol):
        network = build(machine, workload, PROTOCOLS[name], n, draws=draws)
        faults = network.faults_per_cycle * (n + dedicated_updaters(workload))
        events = int(max(EVENTS, UPDATES_SEEN * 8 * faults))
        sides.append(des.solve(network, seed=seed, events=events, replicas=2))
    return machine, workload, *sides  # type: ignore[return-value]


def cells_of(run: Run, seed: int = 1) -> list[Cell]:
    """The speed-up of one setting, and its fallback share where one was counted, beside their predictions."""
    machine, workload, base, found = solved(run, seed)
    gain, odds = noise(seed, int(run.setting["threads"]), N_DRAWS)
    term = term_of(machine, workload, base_threads(run))
    ratio = found.throughput_per_s / base.throughput_per_s
    draws = {"speedup": ratio * np.exp(machine.costs[f"structural_sd_{term}"].value * gain)}
    if run.fallback is not None and found.attempt_share.max() > 0:
        factor = np.exp(machine.costs["structural_sd_fallback"].value * odds)
        draws["fallback_share"] = np.maximum(with_odds(found.fallback_share, factor), NONE)
    per_s = base.throughput_per_s
    return [_cell(run, workload, quantity, values, per_s, draws["speedup"]) for quantity, values in draws.items()]


def _cell(run: Run, workload: Workload, quantity: str, draws: Floats, base_per_s: Floats, gain: Floats) -> Cell:
    seen = run.speedup if quantity == "speedup" else (max(run.fallback or 0.0, NONE),) * 3
    low, middle, high = seen
    told, wide = interval(draws, 0.8), interval(draws, 0.95)
    inside = wide.low <= middle <= wide.high
    error = float(np.log(told.median / middle))
    # a run's own quartiles reach into the interval: no miss
    missed = wide.high < low or high < wide.low
    return Cell(
        machine=run.pair.machine, workload=workload.name, protocol=run.pair.protocol,
        n_threads=int(run.setting["threads"]), quantity=quantity, kind=KIND, mode=workload.choice("mode"),
        predicted=told, predicted95=wide, measured=middle, measured_low=low, measured_high=high,
        throughput_per_s=interval(base_per_s * gain, 0.8), baseline_throughput_per_s=interval(base_per_s, 0.8),
        error=error, covered=told.low <= middle <= told.high, covered95=inside,
        range_only=False, calibrated_on=(), candidate_rows=(run.name,),
        known_miss=_why(run, quantity, error) if missed else "",
    )  # fmt: skip


def _why(run: Run, quantity: str, error: float) -> str:
    """Mechanism of a miss of the 95 % interval."""
    fits = (m for m in MISSES if m.quantity == quantity and m.words in run.name and m.too_low in (None, error < 0))
    return next((m.why for m in fits), "not explained")


def base_threads(run: Run) -> int:
    """Threads of a run, updaters included."""
    return int(run.setting["threads"]) + int(run.setting["dedicated_updaters"] or 0)


def cells(only: Sequence[Run] | None = None, seed: int = 1, jobs: int = 1) -> list[Cell]:
    """Every setting as cells of kind `controlled`: one vote for each machine and workload.

    only : some settings; jobs : processes
    """
    from joblib import Parallel, delayed  # type: ignore[import-untyped, unused-ignore]

    some = runs() if only is None else only
    found = Parallel(n_jobs=jobs)(delayed(cells_of)(run, seed) for run in some)
    return [cell for each in found for cell in each]
