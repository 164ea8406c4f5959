"""Aborts that a run would never see, against exact chains and the closed form, down to 1e-8."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from small_networks import speculative
from systems import OLD, mmap_sem

from spfmodel import catalog
from spfmodel.network import Network, Op
from spfmodel.primitives.seqcount import abort_probability
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des, rare
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf
from spfmodel.sources import BadInput


def seldom(n: int, faults: float, same_vma: float) -> Network:
    """An update after so many speculative faults; times in ns."""
    return speculative(n, faults, 2000.0, 700.0, 4000.0, 1500.0, same_vma)  # type: ignore[arg-type]


def exactly(n: int, faults: float, same_vma: float) -> float:
    """The abort share of the chain in which an operation is an update with chance 1 / (faults + 1)."""
    return solve_spf(SpfParameters(n, 1 / (faults + 1), 2.0, 0.7, 4.0, 1.5, same_vma)).abort_share


@pytest.mark.parametrize(("n", "faults", "same_vma"), [(2, 1e3, 0.2), (4, 1e5, 1.0), (6, 1e7, 0.2)])
def test_rare_aborts_are_those_of_the_exact_chain(n: int, faults: float, same_vma: float) -> None:
    found, exact = rare.solve(seldom(n, faults, same_vma), events=2_000_000), exactly(n, faults, same_vma)
    assert found.share[0] == pytest.approx(exact, abs=1.6 * found.half_width[0])
    assert found.half_width[0] < 0.04 * exact
    assert found.by_cause["changed"][0] == pytest.approx(found.share[0])


def apart(seeds: int) -> Iterator[tuple[float, float]]:
    """Errors in half-widths, and relative half-widths."""
    for n, faults, same_vma in ((2, 1e3, 1.0), (3, 1e4, 0.02), (4, 1e6, 0.5), (6, 1e7, 1.0)):
        exact = exactly(n, faults, same_vma)
        for seed in range(seeds):
            found = rare.solve(seldom(n, faults, same_vma), seed=seed, events=800_000)
            yield (found.share[0] - exact) / found.half_width[0], found.half_width[0] / exact


@pytest.mark.verification
def test_the_interval_covers_the_exact_chain() -> None:
    """Rather more often than 95 %: the interval by batches or that by four runs is taken, whichever is wider."""
    error, width = np.array(list(apart(seeds=60))).T
    assert np.mean(np.abs(error) <= 1) >= 0.93
    assert np.std(error) > 0.25
    assert abs(np.mean(error)) < 0.1
    assert width.mean() < 0.06


def test_the_closed_form_says_the_same_of_1e_7() -> None:
    """P = 1 - (1 - X' H) L_S(X') of short updates: hold H 100 ns, window S 1.5 us, think 20 us; 4 threads."""
    faults = 2e6
    found = rare.solve(speculative(4, int(faults), 2e4, 700.0, 100.0, 1500.0, 1.0), events=2_000_000)
    formula = float(abort_probability(4 / (faults * 21_500.0), 100.0, 1500.0, 4, window_scv=1.0))
    assert formula == pytest.approx(1.1e-7, rel=0.05)
    assert found.share[0] == pytest.approx(formula, abs=1.6 * found.half_width[0])


def test_a_chance_without_updates_is_found_as_it_is() -> None:
    network = speculative(4, 10**6, 2000.0, 700.0, 4000.0, 1500.0, 1e-6, chance=3e-7)
    found = rare.solve(network, events=400_000)
    assert found.by_cause["chance"][0] == pytest.approx(3e-7, rel=0.01)
    assert found.by_cause["changed"][0] < 1e-9


def test_a_workload_whose_updates_are_rare_is_solved_for_each_draw() -> None:
    machine, workload = catalog.machine("x86-vm-16"), catalog.workload("in-memory-db")
    draws = {"same_vma": np.array([0.01, 0.02])}
    often = build(machine, workload, PROTOCOLS["spf_rwlock"], 8, draws=draws)
    network = replace(often, value_ns=np.where(often.op == Op.LOOP, 1e6, often.value_ns))
    found = rare.solve(network, events=600_000)
    changed = found.by_cause["vma_changed"]
    assert np.all(changed > 0)
    assert changed[1] / changed[0] == pytest.approx(2.0, rel=0.1)


def test_twins_have_the_updates_that_they_should() -> None:
    network = seldom(4, 1e5, 0.1)
    twin = rare.with_updates(network, 0.01)
    assert rare.updates_per_fault(twin) == pytest.approx(0.01)
    assert twin.faults_per_cycle == 100
    sure, more = rare.certain(twin)
    assert more == pytest.approx(10)
    assert sure.value_ns[0, sure.op == Op.SEQ_ODD] == 1
    assert rare.certain(seldom(4, 1e5, 1.0))[1] == 1


def test_what_is_not_rare_or_has_no_attempts_is_refused() -> None:
    with pytest.raises(BadInput, match="not rare"):
        rare.solve(seldom(4, 10.0, 1.0), events=100_000)
    with pytest.raises(BadInput, match="same program"):
        rare.solve(mmap_sem(OLD))
    assert des.solve(seldom(4, 10.0, 1.0), events=20_000).fallback_share[0] > 0.01
