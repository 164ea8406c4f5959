"""Systems of every protocol by regime, solved by simulation and by formulas: one row each of docs/agreement.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tiny_systems import tiny

from spfmodel.network import Network, Solution
from spfmodel.primitives.reader_writer import ERAS
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des, regime, solve

DOCS = Path(__file__).parents[1] / "docs"
EVENTS = 400_000
THREADS = (3, 16, 48)
SETTINGS = {
    "faults, free lines": ("touch", 1, {"line_ns": 20.0, "memory_ratio": 0.3}, 4000.0, 0.0),
    "faults, busy lines": ("touch", 1, {"line_ns": 100.0, "memory_ratio": 0.5}, 500.0, 0.0),
    "updates seldom": ("map, touch, unmap", 8, {"line_ns": 20.0, "memory_ratio": 0.3}, 0.0, 600.0),
    "updates often": ("map, touch, unmap", 1, {"line_ns": 20.0, "memory_ratio": 0.3}, 500.0, 0.0),
    "one VMA protected": ("protect, touch", 8, {"same_vma": 1.0}, 0.0, 300.0),
}
"""Program, faults, costs, think time in ns, and think time per thread in ns."""
WAKE_NS = np.array([[30e3, 15e3, 1500.0, 200.0, 2000.0, 3e6, 0.8]])
"""waking, hot, sending, spin hand-off, switch, slice; chance to steal"""
SLEEPING = ("mmap_sem", "spf_rwlock", "spf_mmseq", "per_vma_lock")
LOCKS = ("textbook", "to-4.19", "from-5.11")


class Key(NamedTuple):
    """What a system is."""

    protocol: str
    setting: str
    lock: str
    n_threads: int
    cpus: int


class Row(NamedTuple):
    """How far off the formulas are. Errors: throughput relative to the simulation's, aborts as a difference."""

    key: Key
    regime: str
    noise: float
    """half of the simulation's 95 % interval, relative"""
    closed: float
    closed_aborts: float
    ctmc: float | None
    """None: not the textbook lock"""
    ctmc_aborts: float | None


def keys() -> list[Key]:
    """All systems: every protocol with the textbook lock; some with the kernel's, with and without a CPU each."""
    plain = [Key(p, s, "textbook", n, n) for p, s, n in product(PROTOCOLS, SETTINGS, THREADS)]
    settings = ("updates seldom", "updates often")
    sleeping = [Key(p, s, lock, n, n) for p, s, lock, n in product(SLEEPING, settings, LOCKS[1:], THREADS)]
    crowds = [Key(p, s, lock, 16, 8) for p, s, lock in product(SLEEPING, settings, LOCKS[1:])]
    return plain + sleeping + crowds


def network_of(key: Key) -> Network:
    """The system itself."""
    program, faults, costs, think, think_each = SETTINGS[key.setting]
    costs = {**costs, "think_ns": think + think_each * key.n_threads}
    network = tiny(PROTOCOLS[key.protocol], program, key.n_threads, faults=faults, page_table_sharing=False, **costs)
    if key.lock == "textbook":
        return network
    slowdown = network.slowdown[:, : key.cpus + 1]
    return replace(network, rules=ERAS[key.lock], rwsem_ns=WAKE_NS, cpus=key.cpus, slowdown=slowdown)


def compare(key: Key) -> Row:
    """Solve a system by simulation, `closed` and, with the textbook lock, `ctmc`."""
    network = network_of(key)
    sample = des.solve(network, events=EVENTS)

    def errors(found: Solution) -> tuple[float, float]:
        ratio = found.throughput_per_s / sample.throughput_per_s
        return float(ratio[0] - 1), float(found.fallback_share[0] - sample.fallback_share[0])

    formulas = solve(network, solver="closed")
    chain = errors(solve(network, solver="ctmc")) if key.lock == "textbook" else (None, None)
    return Row(key, regime.regime(network, formulas), regime.sampled_band(sample), *errors(formulas), *chain)


def written(row: Row) -> list[str]:
    """A row of the file; what is left out is empty."""
    numbers = (row.noise, row.closed, row.closed_aborts, row.ctmc, row.ctmc_aborts)
    return [*map(str, row.key), row.regime, *("" if x is None else f"{x:.4f}" for x in numbers)]


def write_rows(rows: Iterable[Row], file: Path = DOCS / "agreement.csv") -> None:
    """All rows as a CSV file."""
    head = [*Key._fields, *Row._fields[1:]]
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([head, *map(written, rows)])


@cache
def read_rows(file: Path = DOCS / "agreement.csv") -> tuple[Row, ...]:
    """The rows as they were written."""

    def parsed(cells: dict[str, str]) -> Row:
        key = Key(cells["protocol"], cells["setting"], cells["lock"], int(cells["n_threads"]), int(cells["cpus"]))
        ctmc = [float(cells[name]) if cells[name] else None for name in ("ctmc", "ctmc_aborts")]
        noise, closed, aborts = (float(cells[name]) for name in ("noise", "closed", "closed_aborts"))
        return Row(key, cells["regime"], noise, closed, aborts, *ctmc)

    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(parsed(cells) for cells in csv.DictReader(lines))


def spread(errors: Iterable[float]) -> tuple[int, float, float, float]:
    """Number, median, 95 % and largest of absolute errors."""
    e = np.abs(list(errors))
    return len(e), float(np.median(e)), float(np.quantile(e, 0.95)), float(e.max())


def by_regime(rows: Iterable[Row]) -> Iterator[tuple[str, str, tuple[int, float, float, float], float]]:
    """(regime, solver, spread of the throughput's errors, 95 % of the aborts' errors)."""
    known = list(rows)
    for name in regime.REGIMES:
        mine = [row for row in known if row.regime == name]
        for solver in ("closed", "ctmc"):
            pairs = [(getattr(r, solver), getattr(r, f"{solver}_aborts")) for r in mine]
            told = [(e, a) for e, a in pairs if e is not None]
            if told:
                throughput, aborts = zip(*told, strict=True)
                yield name, solver, spread(throughput), spread(aborts)[2]


def by_protocol(rows: Iterable[Row]) -> Iterator[tuple[str, list[str]]]:
    """A protocol, and for each setting the largest error of `closed` with the textbook lock, in %."""
    known = [row for row in rows if row.key.lock == "textbook"]
    for name in PROTOCOLS:
        mine = [row for row in known if row.key.protocol == name]
        cells = [max((abs(r.closed) for r in mine if r.key.setting == s), default=0.0) for s in SETTINGS]
        yield name, [f"{100 * x:.2g}" for x in cells]


def tables(rows: Iterable[Row]) -> str:
    """Both tables, as Markdown."""
    known = list(rows)
    lines = ["| regime | solver | systems | median | 95 % | worst | aborts, 95 % |", "|---|---|---|---|---|---|---|"]
    for name, solver, (count, *errors), aborts in by_regime(known):
        cells = " | ".join(f"{100 * x:.2g}" for x in (*errors, aborts))
        lines.append(f"| {name} | {solver} | {count} | {cells} |")
    lines += ["", "Worst error of `closed` in the throughput by protocol, textbook lock, 3, 16 and 48 threads:", ""]
    lines += ["| protocol | " + " | ".join(SETTINGS) + " |", "|---" * (1 + len(SETTINGS)) + "|"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in by_protocol(known)]
    return "\n".join(lines)
