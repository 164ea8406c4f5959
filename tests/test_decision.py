"""Decision maps: points are those of the exact chain, dots are published values, hatching follows the interval."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from spfmodel import asks, catalog, decision, load_workload, plots, published_gains, vma_lines
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import solve
from spfmodel.sources import BadInput
from spfmodel.structural import sd_of

MACHINE = catalog.uncalibrated("skylake-112")
GRID = decision.Map(
    machine=MACHINE, workload=load_workload("fault-update"), protocols=("mmap_sem", "spf_mmseq"), threads=(2, 4),
    faults_per_update=(8,), events=200_000,
)  # fmt: skip
READERS = replace(GRID, workload=load_workload("pft"), faults_per_update=(), solver="closed", threads=(8,))


def point(network_of: str, threads: int, solver: str, workload: str = "pft") -> float:
    """Throughput of one hand-made question."""
    network = build(MACHINE, load_workload(workload), PROTOCOLS[network_of], threads)
    return float(solve(network, solver=solver, seed=7, events=200_000).throughput_per_s[0])


def test_points_are_those_of_the_simulator_and_of_the_exact_chain() -> None:
    """The closed form of a map, beside a simulation and the chain of the same network."""
    found = decision.points(READERS).set_index("protocol")["throughput_per_s"]
    for protocol in READERS.protocols:
        assert found[protocol] == pytest.approx(point(protocol, 8, "des"), rel=0.1)
        assert found[protocol] == pytest.approx(point(protocol, 8, "ctmc"), rel=0.1)


def test_a_simulated_point_does_not_hang_on_its_seed() -> None:
    first, second = (decision.points(replace(GRID, seed=seed)) for seed in (1, 2))
    assert second["speedup"].to_numpy() == pytest.approx(first["speedup"].to_numpy(), rel=0.15)
    assert (first.loc[first["protocol"] == "mmap_sem", "speedup"] == 1).all()
    assert (first.loc[first["protocol"] == "spf_mmseq", "fallback_share"] > 0).all()


def test_a_run_too_short_for_an_update_is_refused() -> None:
    with pytest.raises(BadInput, match="no update"):
        decision.points(replace(GRID, faults_per_update=(4096,), most_events=5000))


def test_a_cost_as_an_axis_moves_what_hangs_on_it() -> None:
    slow = decision.points(replace(READERS, cost="fault_work_ns", amounts=(500.0, 5000.0)))
    rate = slow.pivot_table("throughput_per_s", "amount", "protocol")
    assert (rate.loc[500.0] > rate.loc[5000.0]).all()


def test_the_spread_holds_the_structural_term() -> None:
    table = decision.spread(replace(GRID, threads=(4,)))
    assert table["sd"].iloc[0] > sd_of(MACHINE, GRID.workload, 4)


def test_dots_are_the_published_gains() -> None:
    """Each dot is the median of ratios of the table of published throughputs."""
    seen = published_gains.measured(["spf_mmseq"]).query("machine == 'skylake-112' and workload == 'pft'")
    pairs = asks.pairs().query("machine == 'skylake-112' and protocol == 'spf_mmseq' and workload == 'pft'")
    for n, gain in zip(seen["n_threads"], seen["speedup"], strict=True):
        mine = pairs[(pairs["threads"].map(tuple) == (n,)) & (pairs["mode"] == "threads")]
        assert gain == pytest.approx(mine["speedup"].median())
    assert len(seen) > 3
    assert (seen["faults_per_update"] == np.inf).all()


def test_the_map_is_hatched_where_the_interval_holds_no_change() -> None:
    """A gain of 1.2 everywhere: sure where the standard deviation is .1, not sure where it is .2."""
    corners = pd.DataFrame({"x": [1.0, 10, 1, 10], "y": [1.0, 1, 10, 10], "speedup": 1.2})
    drawn = {}
    for sd in (0.1, 0.2):
        axes = plots.gain_map(corners, "x", "y", spread=corners.assign(sd=sd))
        drawn[sd] = any("///" in getattr(c, "hatches", []) for c in axes.collections)
        plt.close("all")
    assert drawn == {0.1: False, 0.2: True}


def test_one_vma_is_the_map_of_pft() -> None:
    """A count in one VMA: what the closed solver says of all threads in one VMA; more VMAs are never worse."""
    found = vma_lines.over_vmas(MACHINE, "spf_rcu", (8,), (1, 2, 8))["throughput_per_s"].to_numpy()
    assert (np.diff(found) >= 0).all()
    one = decision.points(replace(READERS, protocols=("spf_rcu",)))["throughput_per_s"]
    assert found[0] == pytest.approx(float(one.iloc[0]), rel=0.02)
