"""How much less noise each technique leaves at equal work, over seeds: `python -m tests.benchmarks.variance`.

A variance ratio of 4 is an interval half as wide, or a quarter of the work. Intervals: bootstrap over the seeds, 95 %.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from small_networks import speculative
from systems import textbook

from spfmodel import catalog
from spfmodel.network import Network
from spfmodel.primitives.state import (
    ATTEMPTS,
    CAUSES,
    CYCLES,
    EXPECTED,
    FAULT_NS,
    SUMS_END,
    UPDATE_NS,
    UPDATES,
    WRITER_NS,
)  # fmt: skip
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des, rare
from spfmodel.solvers.starts import at_random_places

from .growth import Curve
from .row import Row

Floats = NDArray[np.float64]
SEEDS, EVENTS, RESAMPLES = 48, 60_000, 1000
MACHINE, WORKLOADS = "x86-vm-16", ("ebizzy-mTRp", "in-memory-db", "page_fault1", "multi-fault")
CANDIDATES = ("spf_rwlock", "spf_mmseq", "per_vma_lock")
TEXTBOOK = ((8, 0.02, 2e4, 1e3, 3e3), (8, 0.3, 2e4, 1e3, 3e3), (32, 0.1, 1.6e4, 1e3, 1e3))
"""(N, chance of an update, think, read hold, write hold), ns"""


@cache
def made(workload: str, protocol: str, threads: int) -> Network:
    """One draw."""
    return build(catalog.machine(MACHINE), catalog.workload(workload), PROTOCOLS[protocol], threads)


@cache
def real(workload: str, protocol: str, threads: int) -> Floats:
    """Tallies of a real workload, (SEEDS, B, K) by batch without warm-up."""
    return sampled(made(workload, protocol, threads))


def sampled(network: Network) -> Floats:
    """(SEEDS, B, K)."""
    runs = (des.begin(at_random_places(network, seed), 0, seed, EVENTS).out for seed in range(SEEDS))
    return np.array([des.without_warm_up(network, out) for out in runs])


def rates(tallies: Floats) -> Floats:
    """(SEEDS,) units per ns."""
    total = tallies.sum(axis=1)
    return np.asarray(total[:, -1] / total[:, -2])


def with_interval(ratio: Callable[[NDArray[np.intp]], float], seeds: int = SEEDS) -> dict[str, float]:
    """A variance ratio as a function of which seeds are taken, with its bootstrap interval."""
    rng = np.random.default_rng(1)
    again = [ratio(rng.integers(seeds, size=seeds)) for _ in range(RESAMPLES)]
    low, high = (float(x) for x in np.quantile(again, (0.025, 0.975)))
    return {"ratio": ratio(np.arange(seeds)), "low": low, "high": high}


def common_numbers(workload: str, protocol: str, threads: int) -> dict[str, float]:
    """Of the log gain: runs that share their seeds against runs that don't."""
    base, candidate = (np.log(rates(real(workload, name, threads))) for name in ("mmap_sem", protocol))
    return with_interval(
        lambda s: float((base[s].var() + candidate[s].var()) / max((candidate[s] - base[s]).var(), 1e-300))
    )


def chances(workload: str, protocol: str, threads: int) -> dict[str, float]:
    """Of the fallback share: aborts counted against aborts by their chances, in the same runs."""
    total = real(workload, protocol, threads).sum(axis=1)
    size = len(made(workload, protocol, threads).causes)
    attempts = np.maximum(total[:, ATTEMPTS - CYCLES], 1.0)
    counted, expected = (total[:, at - CYCLES : at - CYCLES + size].sum(axis=1) / attempts for at in (CAUSES, EXPECTED))
    return with_interval(lambda s: float(counted[s].var() / max(expected[s].var(), 1e-300)))


def controls(system: tuple[int, float, float, float, float]) -> dict[str, float]:
    """Of the throughput of a textbook lock: with the times drawn as control variates, whose means are known.

    By Little's law the time that was thought is N T - (time in faults and updates); the time that writers held is
    tallied. Coefficients: least squares over the seeds.
    """
    n, _, think, _, write = system
    total = sampled(textbook(*system)).sum(axis=1)
    clock = total[:, -2]
    thought = n * clock - total[:, FAULT_NS - CYCLES] - total[:, UPDATE_NS - CYCLES] - think * total[:, 0]
    held = total[:, WRITER_NS - CYCLES] - write * total[:, UPDATES - CYCLES]
    known, rate = np.stack([thought / clock, held / clock], axis=1), rates(total[:, None, :])

    def ratio(s: NDArray[np.intp]) -> float:
        apart, noise = known[s] - known[s].mean(axis=0), rate[s] - rate[s].mean()
        left = noise - apart @ np.linalg.lstsq(apart, noise, rcond=None)[0]
        return float(noise.var() * (len(s) - 3) / max((left @ left), 1e-300))

    return with_interval(ratio)


def seldom(faults: int, same_vma: float) -> dict[str, float]:
    """Of a rare abort share: what counting as many attempts would leave, p / attempts, against `rare.solve`."""
    network, work = speculative(4, faults, 2000.0, 700.0, 4000.0, 1500.0, same_vma), 800_000
    found = np.array([rare.solve(network, seed=seed, events=work).share[0] for seed in range(SEEDS // 2)])
    attempts = (work + 3 * rare.PILOT) / 2  # two calendar pops an attempt: the end of its think time, and its own
    return with_interval(lambda s: float(found.mean() / attempts / max(found[s].var(), 1e-300)), len(found))


def measured() -> Iterator[dict[str, Any]]:
    """All rows."""
    for workload in WORKLOADS:
        for threads in (4, 16):
            for protocol in CANDIDATES:
                where = {"workload": workload, "threads": threads, "protocol": protocol}
                yield {"technique": "common random numbers", "of": "log gain", **where} | common_numbers(
                    workload, protocol, threads
                )
                if real(workload, protocol, threads)[..., EXPECTED - CYCLES : SUMS_END - CYCLES].any():
                    yield {"technique": "aborts by chance", "of": "fallback share", **where} | chances(
                        workload, protocol, threads
                    )
    for system in TEXTBOOK:
        n, p, think, _, write = system
        name = f"textbook lock: {p:.0%} updates, think {think / 1e3:g} us, write {write / 1e3:g} us"
        yield {
            "technique": "control variates", "of": "throughput", "workload": name, "threads": n, "protocol": "mmap_sem"
        } | controls(system)  # fmt: skip
    for faults, same_vma in ((10**4, 1.0), (10**6, 1.0), (10**7, 0.1)):
        name = f"an update after {faults:.0e} faults, {same_vma:g} of them in this VMA"
        yield {
            "technique": "twins with more updates", "of": "fallback share", "workload": name, "threads": 4,
            "protocol": "one sequence",
        } | seldom(faults, same_vma)  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Each: technique, of (what), workload, threads, protocol, and the variance ratio with its interval."""
    return list(measured())


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """Rows for `make bench`: each technique where it gives most on a kernel's lock; all of them if `long`."""
    some = (
        {"technique": "aborts by chance", "of": "fallback share", "workload": "in-memory-db", "threads": 16,
         "protocol": "spf_rwlock"} | chances("in-memory-db", "spf_rwlock", 16),
        {"technique": "common random numbers", "of": "log gain", "workload": "multi-fault", "threads": 16,
         "protocol": "per_vma_lock"} | common_numbers("multi-fault", "per_vma_lock", 16),
        {"technique": "twins with more updates", "of": "fallback share", "workload": "an update after 1e+06 faults",
         "threads": 4, "protocol": "one sequence"} | seldom(10**6, 1.0),
    )  # fmt: skip
    return [_row(**found) for found in (rows() if long else some)], []


def _row(
    technique: str, of: str, workload: str, threads: int, protocol: str, ratio: float, low: float, high: float
) -> Row:  # fmt: skip
    return Row(
        subject="variance", name=f"{technique}, {of} of {workload}, {threads} threads, {protocol}", ours=ratio,
        unit="times less variance at equal work", note=f"95 % interval {low:.3g} to {high:.3g}",
    )  # fmt: skip


def table(found: list[dict[str, Any]]) -> str:
    """As Markdown."""
    head = "| technique | of | workload | threads | protocol | variance ratio | 95 % interval |"
    head += "\n|---|---|---|--:|---|--:|---|"
    lines = [
        f"| {r['technique']} | {r['of']} | {r['workload']} | {r['threads']} | {r['protocol']} | "
        f"{r['ratio']:.3g} | {r['low']:.3g} to {r['high']:.3g} |"
        for r in sorted(found, key=lambda r: str(r["technique"]))
    ]
    return "\n".join([head, *lines]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(rows()))
