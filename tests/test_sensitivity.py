"""Which numbers matter: indices of functions with known ones, derivatives of closed forms, and what a gain hangs on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray
from scipy.special import ndtr

from spfmodel import catalog, symbolic
from spfmodel.indices import DELTA, LEVELS, elementary_effects, sobol
from spfmodel.pricing import prices
from spfmodel.primitives.cacheline import mean_service_ns
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.response import LAID_OUT, Study, believed, draws_at, elasticities, in_cells, outcomes, swings
from spfmodel.sensitivity import sensitivity
from spfmodel.solvers import des
from spfmodel.sources import Quantity

Floats = NDArray[np.float64]


def ishigami(u: Floats) -> Floats:
    """sin x1 + 7 sin^2 x2 + .1 x3^4 sin x1 on (-pi, pi)^3, from the unit cube (Ishigami and Homma 1990)."""
    x = np.pi * (2 * u - 1)
    return np.asarray(np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))


def g_function(u: Floats, a: Floats) -> Floats:
    """prod (|4 u_i - 2| + a_i) / (1 + a_i) (Saltelli and Sobol 1995)."""
    return np.asarray(np.prod((np.abs(4 * u - 2) + a[:, None]) / (1 + a[:, None]), axis=0))


def test_sobol_indices_of_the_ishigami_function() -> None:
    [(first, total)] = sobol(lambda z: ishigami(ndtr(z))[None], 3, points=2048, rng=np.random.default_rng(1))
    assert [i.value for i in first] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.01)
    assert [i.value for i in total] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.01)
    assert all(i.low <= i.value <= i.high for i in (*first, *total))


def test_sobol_indices_of_the_g_function_and_a_second_output() -> None:
    a = np.array([0.0, 1.0, 9.0])
    part = 1 / (3 * (1 + a) ** 2)
    first = part / (np.prod(1 + part) - 1)
    found = sobol(
        lambda z: np.stack([g_function(ndtr(z), a), z[2] - 2 * z[0]]), 3, points=2048, rng=np.random.default_rng(1)
    )
    assert [i.value for i in found[0][0]] == pytest.approx(first, abs=0.015)
    assert [i.value for i in found[1][1]] == pytest.approx([0.8, 0.0, 0.2], abs=0.01)


def test_elementary_effects_against_all_steps_of_the_grid() -> None:
    """mu* of the Ishigami function as the mean over every step that the grid has, not over random walks."""
    grid = np.arange(LEVELS) / (LEVELS - 1)
    points = np.array(list(itertools.product(grid, repeat=3))).T
    found = elementary_effects(ishigami, 3, trajectories=4000, rng=np.random.default_rng(1))
    for i in range(3):
        start = points[:, points[i] < 1 - DELTA + 1e-9]
        end = start.copy()
        end[i] += DELTA
        every = (ishigami(end) - ishigami(start)) / DELTA
        assert found.mu_star[i] == pytest.approx(np.abs(every).mean(), rel=0.03, abs=1e-9)
        assert found.sigma[i] == pytest.approx(every.std(), rel=0.05, abs=1e-9)


def test_elementary_effects_rank_the_g_function() -> None:
    a = np.array([99.0, 0.0, 9.0, 1.0])
    found = elementary_effects(lambda u: g_function(0.9 * u, a), 4, trajectories=30, rng=np.random.default_rng(2))
    assert np.argsort(-found.mu_star).tolist() == [1, 3, 2, 0]


def reading(n_threads: int = 4) -> Study:
    """pft under the ideal protocol, where one line is left, on a machine that does not slow down."""
    machine = catalog.uncalibrated("skylake-112")
    calm = replace(machine.costs["crowding"], value=1e-9, low=1e-9, high=1e-9)
    quiet = replace(machine, costs={**machine.costs, "crowding": calm})
    return Study(
        machine=quiet, workload=catalog.workload("pft"), candidate=PROTOCOLS["ideal"], baseline=PROTOCOLS["mmap_sem"],
        n_threads=n_threads,
    )  # fmt: skip


def test_elasticities_are_those_of_the_closed_form() -> None:
    """Threads that think and queue for one line: sympy's derivative of the machine repairman's throughput."""
    study = reading()
    costs = {**study.machine.costs, **study.workload.parameters}
    names = ("think_ns", "fault_entry_ns", "fault_work_ns", "vma_walk_ns", "pte_commit_ns", "memory_ratio")
    found = dict(zip(names, elasticities(study, {n: costs[n] for n in names})["throughput_per_s"], strict=True))
    think, service = symbolic.symbols("Z S")
    rate = symbolic.repairman_throughput(study.n_threads)
    by_think, by_service = (symbolic.elasticity(rate, x) for x in (think, service))
    assert sp.simplify(by_think + by_service + 1) == 0
    outside = [costs[n].value for n in names[:5]]
    far = prices(study.machine, study.workload, {}, study.n_threads)["memory_ns"][0]
    mean = float(mean_service_ns(costs["line_local_ns"].value, far, study.n_threads))
    here = {think: sum(outside), service: mean}
    each = [float(by_think.subs(here)) * value / sum(outside) for value in outside]
    assert [found[n] for n in names[:5]] == pytest.approx(each, rel=1e-3)
    moved = (1 - 1 / study.n_threads) * far / mean
    assert found["memory_ratio"] == pytest.approx(moved * float(by_service.subs(here)), rel=1e-3)
    assert -0.9 < found["memory_ratio"] < -0.01


def test_throughput_halves_if_all_times_double() -> None:
    """Euler: the elasticities of a rate in all times add up to -1, whatever the locks, the sleepers and the aborts."""
    m, w = catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp")
    study = Study(machine=m, workload=w, candidate=PROTOCOLS["spf_rwlock"], baseline=PROTOCOLS["mmap_sem"], n_threads=8)
    times = {name: q for name, q in {**m.costs, **w.parameters}.items() if q.unit == "ns"}
    found = elasticities(study, times)
    assert found["throughput_per_s"].sum() == pytest.approx(-1, abs=0.01)
    assert found["speedup"].sum() == pytest.approx(0, abs=0.01)
    assert found["fallback_share"].sum() == pytest.approx(0, abs=0.01)


def flat(q: Quantity, value: float) -> Quantity:
    return replace(q, value=value, low=value, high=value)


def vm() -> Study:
    """The 16-CPU virtual machine of 2018."""
    return Study(
        machine=catalog.machine("x86-vm-16"), workload=catalog.workload("ebizzy-mTRp"),
        candidate=PROTOCOLS["spf_rwlock"], baseline=PROTOCOLS["mmap_sem"], n_threads=16,
    )  # fmt: skip


def test_swings_are_the_outcome_at_the_ends_of_one_range() -> None:
    study = vm()
    known = believed(study.machine, study.workload)
    row = list(known).index("update_hold_ns")
    middle = {name: np.array([q.value]) for name, q in known.items()}
    low = {**middle, "update_hold_ns": np.array([known["update_hold_ns"].low])}
    here, there = (outcomes(study, draws)["speedup"][0] for draws in (middle, low))
    assert swings(study, known)["speedup"][row, 0] == pytest.approx(there - here, abs=1e-9)
    assert there > here


def test_believed_ranges_are_those_of_the_calibration() -> None:
    study = vm()
    known = believed(study.machine, study.workload)
    fitted = study.machine.calibrations["ebizzy-mTRp"].parameters["wake_ns"]
    assert (known["wake_ns"].low, known["wake_ns"].high) == (fitted.low, fitted.high)
    assert not [n for n in known if n.startswith("structural") or n.endswith("scv")]
    assert all(q.log_sd > 0 for q in known.values())


def test_draws_have_the_ranges_that_the_numbers_carry() -> None:
    known = believed(vm().machine, vm().workload)
    draws = draws_at(known, np.random.default_rng(1).standard_normal((len(known), 4000)))
    for name, q in known.items():
        if name != LAID_OUT and q.unit != "share":
            assert np.log(draws[name]).std() == pytest.approx(q.log_sd, rel=0.05)
    assert all(draws[n].max() <= 1 for n, q in known.items() if q.unit == "share")
    cells = in_cells({LAID_OUT: known[LAID_OUT].value * np.exp(np.linspace(-1, 1, 60))})[LAID_OUT]
    assert len(np.unique(draws[LAID_OUT])) == len(np.unique(cells)) == 6


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return {s.outcome: s for s in sensitivity(vm(), points=128)}


def test_first_indices_are_squared_correlations_where_the_outcome_is_nearly_linear(found: dict[str, Any]) -> None:
    """Two ways to one number: Saltelli's estimator, and the correlation over independent draws."""
    study = vm()
    known = believed(study.machine, study.workload)
    scores = np.random.default_rng(3).standard_normal((len(known), 1500))
    y = outcomes(study, draws_at(known, scores))["speedup"]
    squared = {n: np.corrcoef(z, y)[0, 1] ** 2 for n, z in zip(known, scores, strict=True)}
    for effect in found["speedup"].effects[:4]:
        assert effect.first.value == pytest.approx(squared[effect.name], abs=0.09)
    assert y.std() == pytest.approx(found["speedup"].spread, rel=0.08)


def test_what_a_gain_and_a_share_of_fallbacks_hang_on(found: dict[str, Any]) -> None:
    """Throughput and gain hang on the hold of an update; how often attempts fall back on how often updates hit.

    Sums of indices: S1 <= 1 <= ST; both are 1 where effects only add up, as in the gain. In the fallback share they
    don't: how far a page table is shared matters only while the PTE lock is held.
    """
    assert set(found) == {"speedup", "throughput_per_s", "fallback_share"}
    assert found["speedup"].effects[0].name == found["throughput_per_s"].effects[0].name == "update_hold_ns"
    assert found["fallback_share"].effects[0].name == "same_vma"
    for outcome in found.values():
        assert 0.9 < outcome.covered < 1.1
        first, total = (sum(getattr(e, k).value for e in outcome.effects if e.first) for k in ("first", "total"))
        assert first < 1.15
        assert total > 0.9
        assert outcome.outcome == "fallback_share" or (first > 0.85 and total < 1.15)
        assert all(e.total is None for e in outcome.effects[-5:])


@pytest.mark.verification
def test_the_simulation_ranks_the_costs_alike(found: dict[str, Any]) -> None:
    """The largest swings of ln(speed-up), by the simulation with common random numbers."""
    study = vm()
    known = believed(study.machine, study.workload)
    names = [e.name for e in found["speedup"].effects[:6]]
    closed = {e.name: e.at_high - e.at_low for e in found["speedup"].effects}
    simulated = {}
    for name in names:
        ends = np.array([known[name].low, known[name].high])
        draws = {n: ends if n == name else np.full(2, q.value) for n, q in known.items()}
        base, other = (
            des.solve(build(study.machine, study.workload, p, 16, draws=draws), events=400_000)
            for p in (study.baseline, study.candidate)
        )
        gain = np.log(other.throughput_per_s / base.throughput_per_s)
        simulated[name] = float(gain[1] - gain[0])
    assert min(simulated, key=simulated.__getitem__) == names[0]
    for name in names[:3]:
        assert np.sign(simulated[name]) == np.sign(closed[name])
