"""The reader/writer lock's chain, solved from one writer's start to the next: against sparse LU, and by its balance."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_lock_chain import by_lu, lumped_chain
from small_networks import reader_writer

from spfmodel.primitives.reader_writer import saturated_throughput
from spfmodel.solvers import ctmc, rwlock_chain
from spfmodel.solvers.mva import mva
from spfmodel.solvers.rwlock_chain import Law, LockSystem, drain_rates, lock_law, simple_system, solve_lock
from spfmodel.solvers.writer_epochs import room_for


def states(law: Law) -> np.ndarray:
    """All weights in the order of `lumped_chain`."""
    return np.concatenate([law.writer, law.reader, law.drained])


def behind_a_line(system: LockSystem, service: float) -> LockSystem:
    """The same lock where threads pass a first-come-first-served line first (Norton)."""
    n = len(system.arrival) - 1
    return system._replace(
        arrival=np.concatenate([[0.0], mva(n, 1 / system.arrival[1], np.array([service])).throughput])
    )


def systems(n: int) -> list[LockSystem]:
    """Light and busy locks, few and many writers, holds of other laws, another busy station."""
    plain = [simple_system(n, p, think, 1.0, 4.0) for p, think in ((1e-6, 9.0), (0.02, 9.0), (0.3, 600.0), (0.99, 0.1))]
    drained = [plain[1]._replace(drain=drain_rates(n, 1.0, cv)) for cv in (0.0, 2.5)]
    return [*plain, *drained, behind_a_line(simple_system(n, 0.6, 1e-3, 1.0, 4.0), 2.4)]


def releases(system: LockSystem, weight: np.ndarray) -> float:
    """Operations that end per unit time, from the weights of all states."""
    n = len(system.arrival) - 1
    others = np.concatenate([np.full(n, system.write_rate), system.complete])
    return float(weight @ np.concatenate([others, np.repeat(system.drain[1:n], np.arange(n - 1, 0, -1))]))


def residual(system: LockSystem, weight: np.ndarray) -> float:
    """Sum over the states of |flow in - flow out|, from the list of transitions, in shares of all moves."""
    chain = lumped_chain(system)
    flow = weight[chain.source] * chain.rate
    apart = np.bincount(chain.target, flow, chain.n_states) - np.bincount(chain.source, flow, chain.n_states)
    return float(np.abs(apart).sum() / (2 * releases(system, weight)))


@pytest.mark.parametrize("case", range(7))
@pytest.mark.parametrize("n", [2, 3, 4, 9, 40, 97, 160])
def test_every_state_weighs_what_sparse_lu_finds(n, case):
    system = systems(n)[case]
    law, exact = lock_law(system), by_lu(system)
    assert np.abs(states(law) - exact).sum() < 1e-12
    np.testing.assert_allclose(solve_lock(system).throughput, releases(system, exact), rtol=1e-12)


@given(
    st.integers(2, 30), st.floats(1e-4, 0.9999), st.floats(0.01, 100.0), st.floats(0.1, 5.0), st.floats(0.05, 50.0),
    st.floats(0.0, 4.0),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_lock_has_the_weights_of_sparse_lu(n, p, think, read, write, cv):
    system = simple_system(n, p, think, read, write)._replace(drain=drain_rates(n, read, cv))
    assert np.abs(states(lock_law(system)) - by_lu(system)).sum() < 1e-10


@pytest.mark.parametrize("case", range(7))
def test_iteration_finds_what_elimination_finds(case):
    system = systems(300)[case]
    rates, guess, room = rwlock_chain.rates_of(system), rwlock_chain.first_guess(system), room_for(300)
    laws = [rwlock_chain.law_from(rates, room, way(rates, room, guess)) for way in rwlock_chain.WAYS]
    assert np.abs(states(laws[0]) - states(laws[1])).sum() < 1e-10
    assert max(law.residual for law in laws) < 1e-12


@pytest.mark.parametrize("n", [7, 60])
def test_residual_is_that_of_the_list_of_transitions(n):
    """Also far from equilibrium: a guess, and three passes after it."""
    for system in systems(n):
        rates, guess, room = rwlock_chain.rates_of(system), rwlock_chain.first_guess(system), room_for(n)
        off = rwlock_chain.law_from(rates, room, guess[::-1])
        np.testing.assert_allclose(off.residual, residual(system, states(off)), rtol=1e-9, atol=1e-15)
        assert residual(system, states(lock_law(system))) < 1e-12
    assert off.residual > 1e-3


def test_an_iteration_that_fails_is_not_believed(monkeypatch):
    system = systems(130)[6]
    exact = states(lock_law(system))
    monkeypatch.setattr(rwlock_chain, "KRYLOV", 3)
    monkeypatch.setattr(rwlock_chain, "BALANCED", 1.0)
    assert np.abs(states(lock_law(system)) - exact).sum() > 1e-4
    monkeypatch.undo()
    monkeypatch.setattr(rwlock_chain, "KRYLOV", 3)
    assert np.abs(states(lock_law(system)) - exact).sum() < 1e-11


def test_two_thousand_threads_fit_in_little_memory():
    """8 bytes for each of 2 million states, the vectors of the iteration, and little else."""
    system = simple_system(2000, 0.05, 1e-3, 1.0, 4.0)
    tracemalloc.start()
    means = solve_lock(system)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 60e6
    assert means.residual < 1e-12
    np.testing.assert_allclose(means.throughput, saturated_throughput(2000, 0.05, 1.0, 4.0), rtol=1e-4)


@pytest.mark.parametrize("n", [3, 150])
@pytest.mark.parametrize("p", [1e-310, 1e-99, 1e-17, 1 - 2e-16])
@pytest.mark.parametrize(("think", "write"), [(1e-12, 1e6), (1e15, 1e-6), (1e15, 1e6)])
def test_extreme_locks_balance(n, p, think, write):
    """Little's law and the utilisation law, with rates that are 10^20 apart and types that are hardly ever seen."""
    means = solve_lock(simple_system(n, p, think, 1.0, write))
    assert means.residual < 1e-12
    np.testing.assert_allclose(means.outside, means.throughput * think, rtol=0, atol=1e-12 * n)
    np.testing.assert_allclose(means.writer, means.throughput * p * write, rtol=0, atol=1e-12)


def test_a_solution_tells_its_residual():
    assert ctmc.solve(reader_writer(4, 3, 1e3, 1e3, 3e3)).solver.endswith("residual below 1e-12")
    assert ctmc._method(3e-9).endswith("residual below 1e-8")
