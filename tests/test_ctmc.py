"""Exact chains: against published values, other ways to write the same chain, limits, and the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_table import Oracle, oracle, oracles
from reference_lock_chain import lumped_chain
from small_networks import reader_writer, speculative

from spfmodel.primitives.reader_writer import ERAS, saturated_throughput
from spfmodel.solvers import ctmc
from spfmodel.solvers.markov import dense, reach, stationary, stationary_gth
from spfmodel.solvers.mva import mva, repairman
from spfmodel.solvers.policy_chains import (
    Parameters,
    policy_throughput,
    queue_string_throughput,
    reader_preference,
    wake_all_readers,
    writer_preference,
)
from spfmodel.solvers.rwlock_chain import LockSystem, drain_rates, simple_system, solve_lock
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf


def ident(row: Oracle) -> str:
    return row.key


def lock_parameters(row: Oracle) -> Parameters:
    p = row.parameters
    return Parameters(p["N"], p["p_write"], p["think"], p["read_hold"], p["write_hold"])


@pytest.mark.parametrize("row", oracles("rw_fcfs"), ids=ident)
def test_lumped_chain_gives_the_published_throughput(row):
    row.check(solve_lock(simple_system(*lock_parameters(row))).throughput)


POLICIES = [wake_all_readers, reader_preference, writer_preference]


@pytest.mark.parametrize(("row", "rule"), list(zip(oracles("rw_policy"), POLICIES, strict=True)))
def test_policy_chains_give_the_published_throughput(row, rule):
    row.check(policy_throughput(rule, lock_parameters(row)))


@pytest.mark.parametrize("row", oracles("spf_exact"), ids=ident)
def test_small_speculative_system_gives_the_published_values(row):
    p = row.parameters
    names = ("N", "p_write", "think", "read_hold", "write_hold", "spec", "same_vma")
    row.check(list(solve_spf(SpfParameters(*(p[name] for name in names)))[:3]))


@pytest.mark.parametrize("row", oracles("ctmc_"), ids=ident)
def test_textbook_chains_by_elimination_and_by_lu(row):
    generator = np.array(row.parameters["Q"], float)
    row.check(stationary_gth(generator))
    _, chain = reach(0, lambda i: [(j, r) for j, r in enumerate(generator[i]) if j != i])
    np.testing.assert_allclose(np.sort(stationary(chain)), np.sort(stationary_gth(generator)), rtol=1e-12)


SYSTEM = st.tuples(
    st.integers(1, 5), st.floats(0.01, 0.99), st.floats(0.1, 20.0), st.floats(0.1, 5.0), st.floats(0.1, 20.0)
)


@given(SYSTEM)
@settings(max_examples=40, deadline=None)
def test_lumped_chain_equals_the_chain_over_queue_strings(system):
    p = Parameters(*system)
    np.testing.assert_allclose(solve_lock(simple_system(*p)).throughput, queue_string_throughput(p), rtol=1e-10)


@given(SYSTEM)
@settings(max_examples=25, deadline=None)
def test_two_threads_or_one_do_the_same_under_every_fair_policy(system):
    p = Parameters(*system)._replace(n_threads=2)
    exact = queue_string_throughput(p)
    for rule in POLICIES:
        np.testing.assert_allclose(policy_throughput(rule, p), exact, rtol=1e-10)
        one = policy_throughput(rule, p._replace(n_threads=1))
        np.testing.assert_allclose(one, 1 / (p.think + p.p_write * p.write + (1 - p.p_write) * p.read))


@given(SYSTEM, st.integers(2, 24))
@settings(max_examples=25, deadline=None)
def test_elimination_without_subtraction_agrees_with_lu(system, n):
    chain = lumped_chain(simple_system(n, *system[1:]))
    np.testing.assert_allclose(stationary(chain), stationary_gth(dense(chain)), rtol=1e-8, atol=1e-14)


@given(SYSTEM, st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_flows_balance(system, n):
    """Little's law, the utilisation law, and every thread is somewhere."""
    p = Parameters(n, *system[1:])
    m = solve_lock(simple_system(*p))
    np.testing.assert_allclose(m.outside, m.throughput * p.think, rtol=1e-8)
    np.testing.assert_allclose(m.writer, m.throughput * p.p_write * p.write, rtol=1e-8)
    np.testing.assert_allclose(m.readers, m.throughput * (1 - p.p_write) * p.read, rtol=1e-8)
    everybody = m.outside + m.writer + m.readers + m.readers_waiting + m.writers_waiting
    np.testing.assert_allclose(everybody, n, rtol=1e-8)
    upper = min(
        n / (p.think + p.p_write * p.write + (1 - p.p_write) * p.read),
        float(saturated_throughput(n, p.p_write, p.read, p.write)),
    )
    assert m.throughput <= upper * (1 + 1e-9)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_readers_only_never_wait_and_writers_only_are_a_repairman(n):
    readers = solve_lock(simple_system(n, 0.0, 4.0, 1.5, 9.0))
    np.testing.assert_allclose(readers.throughput, n / 5.5, rtol=1e-12)
    assert readers.readers_waiting == 0
    writers = solve_lock(simple_system(n, 1.0, 4.0, 1.5, 9.0)).throughput
    np.testing.assert_allclose(writers, repairman(n, 4.0, np.full(n, 1 / 9)).throughput, rtol=1e-12)


@pytest.mark.parametrize("p", [1e-7, 1 - 1e-7])
def test_almost_one_type_is_near_exactly_one_type(p):
    near = solve_lock(simple_system(12, p, 4.0, 1.5, 9.0)).throughput
    exactly = solve_lock(simple_system(12, round(p), 4.0, 1.5, 9.0)).throughput
    np.testing.assert_allclose(near, exactly, rtol=1e-5)


@pytest.mark.parametrize("cv", [0.0, 1.0])
def test_drain_rates_are_steps_of_the_longest_hold(cv):
    rates = drain_rates(6, 2.0, cv)
    longest = np.cumsum(1 / rates[1:])
    expected = 2.0 * (1 + cv * (np.cumsum(1 / np.arange(1, 7.0)) - 1))
    np.testing.assert_allclose(longest, expected, rtol=1e-5)


TandemState = tuple[int, str, str]


def line_then_lock(state: TandemState, p: Parameters, line: float) -> Iterator[tuple[TandemState, float]]:
    """Exact chain: think, one first-come-first-served line, then the lock; the oracle of Norton's theorem."""
    at_line, holders, queue = state
    thinking = p.n_threads - at_line - len(holders) - len(queue)
    yield (at_line + 1, holders, queue), thinking / p.think

    def admit(h: str, q: str) -> tuple[str, str]:
        while q and (not h or (q[0] == "R" and h[0] == "R")):
            h, q = h + q[0], q[1:]
        return h, q

    if at_line:
        for letter, chance in (("W", p.p_write), ("R", 1 - p.p_write)):
            yield (at_line - 1, *admit(holders, queue + letter)), chance / line
    if holders:
        rate = 1 / p.write if holders == "W" else len(holders) / p.read
        yield (at_line, *admit(holders[1:], queue)), rate


@pytest.mark.parametrize(("n", "line"), [(2, 0.3), (4, 0.3), (4, 1.0), (6, 0.1), (6, 0.6)])
def test_norton_folds_a_line_in_within_a_percent(n, line):
    p = Parameters(n, 0.2, 2.0, 1.0, 2.0)
    states, chain = reach((0, "", ""), lambda s: line_then_lock(s, p, line))
    exact = float(stationary(chain) @ [s[0] > 0 for s in states]) / line
    arrival = np.concatenate([[0.0], mva(n, p.think, np.array([line])).throughput])
    simple = simple_system(*p)
    folded = solve_lock(LockSystem(p.p_write, arrival, simple.complete, simple.drain, simple.write_rate))
    np.testing.assert_allclose(folded.throughput, exact, rtol=0.01)


@pytest.mark.parametrize(("n", "faults"), [(1, 3), (4, 3), (16, 19), (48, 63)])
def test_solving_a_network_is_solving_its_lock(n, faults):
    solution = ctmc.solve(reader_writer(n, faults, 3000.0, 800.0, 9000.0))
    exact = solve_lock(simple_system(n, 1 / (1 + faults), 3000.0, 800.0, 9000.0))
    np.testing.assert_allclose(solution.throughput_per_s * 1e-9, exact.throughput, rtol=1e-9)
    np.testing.assert_allclose(solution.utilisation["mmap_sem"], exact.writer + exact.reader_owned, rtol=1e-9)
    cycle = n / (solution.updates_per_s * 1e-9)
    spent = solution.update_mean_ns + faults * solution.fault_mean_ns + (1 + faults) * 3000.0
    np.testing.assert_allclose(spent, cycle, rtol=1e-9)


def test_solving_speculation_where_nothing_can_abort_is_a_repairman():
    """Faults that always succeed are think time: only updates meet, at one exclusive station."""
    solution = ctmc.solve(speculative(6, 4, 1000.0, 500.0, 3000.0, 700.0, 0.0))
    exact = repairman(6, 5 * 1000.0 + 4 * 700.0, np.full(6, 1 / 3000.0))
    np.testing.assert_allclose(solution.updates_per_s * 1e-9, exact.throughput, rtol=1e-6)
    assert solution.fallback_share[0] == 0


def test_other_rules_and_crowded_cpus_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="only the first-come-first-served lock"):
        ctmc.solve(reader_writer(4, 3, 1.0, 1.0, 1.0, rules=ERAS["to-4.19"]))
    with pytest.raises(ValueError, match="4 threads on 2 CPUs"):
        ctmc.solve(reader_writer(4, 3, 1.0, 1.0, 1.0, cpus=2))


@pytest.mark.parametrize(("n", "limit_s"), [(64, 0.05), (256, 0.4), (800, 1.0)])
def test_chain_is_solved_in_time(n, limit_s):
    system, best = simple_system(n, 0.02, 3.0, 1.0, 15.0), 1e9
    for _ in range(4):
        start = time.process_time()
        solve_lock(system)
        best = min(best, time.process_time() - start)
    assert best < limit_s


def test_heavy_and_light_loads_stay_accurate():
    """Idle states of weight 1e-100 and less must not spoil the solution."""
    crowded = solve_lock(simple_system(200, 0.05, 1e-3, 1.0, 4.0)).throughput
    np.testing.assert_allclose(crowded, saturated_throughput(200, 0.05, 1.0, 4.0), rtol=1e-3)
    idle = solve_lock(simple_system(200, 0.05, 1e7, 1.0, 4.0)).throughput
    np.testing.assert_allclose(idle, 200 / (1e7 + 0.05 * 4 + 0.95), rtol=1e-6)
    oracle("rw_fcfs_9").check(solve_lock(simple_system(200, 0.05, 10.0, 1.0, 4.0)).throughput)
