"""Reference simulation: docs/semantics.md in plain Python, written to be read.

An independent second reading of the page. It checks the fast solver, so it shares no code with it:
`simulate(network, ...)` plays one draw of a `Network`, event by event, with `random.Random`. The CPUs
are in reference_machine.py, the rwsem in reference_rwsem.py and reference_sleepers.py, the steps in
reference_program.py; here are the run and its statistics.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from statistics import fmean

from reference_program import Simulation
from reference_rwsem import Rwsem

from spfmodel.network import Network

BATCHES = 20
T_QUANTILE = 2.093
"""Student's t, 97.5 %, BATCHES - 1 degrees of freedom"""

Tally = dict[str, float]
"""running totals since the start: counts, and ns"""


def tally(simulation: Simulation) -> Tally:
    """All totals of a simulation at this moment."""
    causes = [f"abort:{k}" for k in range(len(simulation.network.causes))]
    return {cause: float(simulation.counts[cause]) for cause in causes} | {
        "s": simulation.calendar.now / 1e9,
        "ns": simulation.calendar.now,
        "units": simulation.counts["cycles"] * simulation.network.units_per_cycle,
        "faults": simulation.counts["faults"],
        "updates": simulation.counts["updates"],
        "attempts": simulation.counts["attempts"],
        "fault_ns": simulation.totals_ns["fault"],
        "update_ns": simulation.totals_ns["update"],
        "in_fault": simulation.in_fault.area,
        "busy_cpus": simulation.processors.busy.area,
        "writer_owned": simulation.rwsem.writer_owned.area,
        "reader_owned": simulation.rwsem.reader_owned.area,
    }


def measure(simulation: Simulation, cycles: int, warmup: int) -> list[Tally]:
    """Tallies at the end of the warm-up and of each of `BATCHES` equal batches of cycles."""
    tallies = []
    for batch in range(BATCHES + 1):
        until = warmup + round(cycles * batch / BATCHES)
        while simulation.counts["cycles"] < until:
            simulation.calendar.step()
        tallies.append(tally(simulation))
    return tallies


def ratio(tallies: list[Tally], above: str, below: str) -> tuple[float, float]:
    """Ratio of two totals after the warm-up, and half of its 95 % interval by batch means."""
    pairs = [(end[above] - start[above], end[below] - start[below]) for start, end in pairwise(tallies)]
    size = fmean(b for _, b in pairs)
    if size == 0:
        return 0.0, 0.0
    value = fmean(a for a, _ in pairs) / size
    squares = sum(((a - value * b) / size) ** 2 for a, b in pairs)
    return value, T_QUANTILE * sqrt(squares / (BATCHES - 1) / BATCHES)


def quotients(network: Network) -> dict[str, tuple[str, str]]:
    """Each result as total / total."""
    named = {
        "throughput_per_s": ("units", "s"),
        "faults_per_s": ("faults", "s"),
        "updates_per_s": ("updates", "s"),
        "attempt_share": ("attempts", "faults"),
        "fault_mean_ns": ("fault_ns", "faults"),
        "update_mean_ns": ("update_ns", "updates"),
        "faults_in_progress": ("in_fault", "ns"),
        "busy_cpus": ("busy_cpus", "ns"),
        "writer_owned": ("writer_owned", "ns"),
        "reader_owned": ("reader_owned", "ns"),
    }
    aborts = {f"abort_share:{c}": (f"abort:{k}", "attempts") for k, c in enumerate(network.causes)}
    return named | aborts


def simulate(
    network: Network,
    *,
    cycles: int,
    warmup: int | None = None,
    draw: int = 0,
    seed: int = 1,
    rwsem: type[Rwsem] = Rwsem,
) -> dict[str, tuple[float, float]]:
    """Play one draw for `warmup` + `cycles` cycles of all threads together.

    Result: by name (value, half of the 95 % interval): throughput_per_s, faults_per_s, updates_per_s,
    attempt_share, abort_share:CAUSE, fault_mean_ns, update_mean_ns, faults_in_progress, busy_cpus,
    and the shares of time in which a writer or readers own mmap_sem (writer_owned, reader_owned).
    """
    simulation = Simulation(network, draw=draw, seed=seed, rwsem=rwsem)
    tallies = measure(simulation, cycles, cycles // 10 if warmup is None else warmup)
    return {name: ratio(tallies, *pair) for name, pair in quotients(network).items()}
