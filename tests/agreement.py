"""How far the solvers are from each other: computed, tabulated, asserted in test_closed.py and test_agreement.py.

`python tests/agreement.py` writes docs/agreement.md.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import agreement_regimes
import numpy as np
from agreement_chains import chain_lines
from small_networks import reader_writer, speculative

from spfmodel.primitives.reader_writer import saturated_op_ns, saturated_op_ns_wake_all
from spfmodel.solvers import closed, ctmc
from spfmodel.solvers.policy_chains import Parameters, policy_throughput, wake_all_readers
from spfmodel.solvers.rwlock_chain import simple_system, solve_lock
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf

REGIMES = """\
Every protocol in five settings, on 3, 16 and 48 threads: `closed` and `ctmc` against `des` with the same rules and
exponential times; in the last two regimes, `closed` alone, four protocols with the kernel's rwsem, whose waiters sleep
(holds of 1.5 µs, wake-ups of 30 µs). The simulation's own noise is 1 to 2 %. Each system is a row of agreement.csv.
`auto` never takes `closed`; `Solution.error_band` of a formula is the 95 % column of its regime, rounded up."""
CHAINS = """\
Chains built from each protocol's table against `des`: twenty systems each, five programs on 2 to 5 threads, one run of
100,000 events each. Two threads have busy lines between them, too. Covered: the simulation's 95 % interval holds the
exact throughput. Aborts: the largest difference of a cause's share, in points of %."""


class Agreement(NamedTuple):
    """Errors of an approximation against an exact result, relative unless it says `absolute`."""

    what: str
    points: int
    mean: float
    median: float
    p95: float
    worst: float


def summarised(what: str, errors: list[float]) -> Agreement:
    """Statistics of absolute errors."""
    e = np.abs(errors)
    return Agreement(what, len(e), float(e.mean()), float(np.median(e)), float(np.quantile(e, 0.95)), float(e.max()))


def throughput(solution: closed.Solution) -> float:
    """Operations per ns of a one-draw solution."""
    return float(solution.throughput_per_s[0]) * 1e-9


def fcfs_errors() -> list[float]:
    """closed / exact chain - 1, reader/writer lock with exponential holds."""
    grid = product((2, 4, 8, 16, 32, 64), (1, 4, 19, 99), (1000.0, 5000.0, 25000.0), (500.0, 2000.0, 10000.0))
    errors = []
    for n, faults, think, write in grid:
        exact = solve_lock(simple_system(n, 1 / (1 + faults), think, 1000.0, write)).throughput
        errors.append(throughput(closed.solve(reader_writer(n, faults, think, 1000.0, write))) / exact - 1)
    return errors


def wake_all_errors() -> list[float]:
    """Capacity of the wake-all lock: formula / exact chain - 1."""
    errors = []
    for n, p, write in product((2, 4, 8, 16, 24), (0.02, 0.1, 0.5), (1.0, 5.0)):
        exact = policy_throughput(wake_all_readers, Parameters(n, p, 1e-7, 1.0, write))
        errors.append(1 / float(saturated_op_ns_wake_all(n, p, 1.0, write)[-1]) / exact - 1)
    return errors


SPF_GRID = list(product((2, 3, 4, 5), (4, 9, 39), (0.3, 1.0), (500.0, 2000.0), (1000.0, 4000.0)))


def speculation_errors() -> dict[str, dict[str, list[float]]]:
    """Errors of `closed` and `ctmc` against the exact small system, by the exact chance of abort."""
    out: dict[str, dict[str, list[float]]] = {}
    for n, faults, psi, write, think in SPF_GRID:
        exact = solve_spf(SpfParameters(n, 1 / (1 + faults), think, 1000.0, write, 800.0, psi))
        network = speculative(n, faults, think, 1000.0, write, 800.0, psi)
        kind = "aborts below 5 %" if exact.abort_share < 0.05 else "aborts of 5 % and more"
        for name, solver in (("closed", closed.solve), ("ctmc", ctmc.solve)):
            found = solver(network)
            pair = out.setdefault(f"{name}, {kind}", {"throughput": [], "abort share": []})
            pair["throughput"].append(throughput(found) / exact.throughput - 1)
            pair["abort share"].append(float(found.fallback_share[0]) - exact.abort_share)
    return out


def capacity_errors() -> list[float]:
    """Capacity of the FCFS lock: formula / exact chain with vanishing think time - 1."""
    errors = []
    for n, p, write in product((2, 4, 8, 16, 32), (0.02, 0.1, 0.5, 0.9), (0.3, 5.0)):
        exact = solve_lock(simple_system(n, p, 1e-9, 1.0, write)).throughput
        errors.append(1 / float(saturated_op_ns(n, p, 1.0, write)[-1]) / exact - 1)
    return errors


def agreement_table() -> list[Agreement]:
    """All comparisons, one row each."""
    rows = [
        summarised("capacity of the FCFS lock: formula against chain", capacity_errors()),
        summarised("capacity of the wake-all lock: formula against chain", wake_all_errors()),
        summarised("throughput, FCFS lock: closed against chain", fcfs_errors()),
    ]
    for name, pair in sorted(speculation_errors().items()):
        for quantity, errors in pair.items():
            label = "absolute" if quantity == "abort share" else "relative"
            rows.append(summarised(f"{quantity} ({label}), speculation: {name}", errors))
    return rows


def document() -> str:
    """docs/agreement.md, from the formulas and docs/agreement.csv."""
    lines = [
        "# How far the solvers are from each other",
        "",
        "Written by `python tests/agreement.py`. Errors in %.",
        "",
    ]
    lines += ["## By regime", "", REGIMES, "", agreement_regimes.tables(agreement_regimes.read_rows()), ""]
    lines += ["## The exact chain of small systems and the simulation", "", CHAINS, "", *chain_lines(), ""]
    lines += ["## Formulas against chains written by hand", ""]
    lines += ["| what | points | mean | median | 95 % | worst |", "|---|---|---|---|---|---|"]
    for row in agreement_table():
        numbers = " | ".join(f"{100 * x:.2g}" for x in row[2:])
        lines.append(f"| {row.what} | {row.points} | {numbers} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Simulate all systems anew (a minute or two) and write docs/agreement.csv and docs/agreement.md."""
    agreement_regimes.write_rows(map(agreement_regimes.compare, agreement_regimes.keys()))
    agreement_regimes.read_rows.cache_clear()
    (agreement_regimes.DOCS / "agreement.md").write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
