"""mm_rb_lock: closed forms against the exact chain, an event loop, and the derivations; tree depth and vmacache."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from spfmodel import symbolic
from spfmodel.primitives import lookup, reader_writer, rwlock
from spfmodel.solvers.lookups import lookups
from spfmodel.solvers.markov import reach, stationary
from spfmodel.solvers.mva import mva
from spfmodel.solvers.policy_chains import Parameters, policy_throughput, reader_preference

LOADS = [(0.005, 150.0, 500.0, 5e3), (0.02, 150.0, 500.0, 5e3), (0.01, 80.0, 2000.0, 5e4)]


def exact(load: rwlock.Load, most: int = 60) -> rwlock.Waits:
    """Mean waits from the chain's stationary law, by Little's law."""
    states, chain = reach(rwlock.Rwlock(), lambda lock: rwlock.moves(lock, load, most))
    weight = stationary(chain)
    waiting, away, queued = (
        float(weight @ np.array([value(s) for s in states], float))
        for value in (lambda s: s.update == 1, lambda s: s.update == 0, lambda s: s.queued)
    )
    return rwlock.Waits(np.asarray(queued / load.reads_per_ns), np.asarray(waiting * load.gap_ns / away))


@pytest.mark.parametrize("numbers", LOADS)
@pytest.mark.parametrize("fair", [True, False])
def test_waits_are_those_of_the_exact_chain(numbers, fair):
    """Within 6 %: the formula's updater comes at a random time, the chain's a gap after its last update."""
    load = rwlock.Load(*numbers, fair)
    np.testing.assert_allclose(rwlock.waits(load), exact(load), rtol=0.06)


def test_the_chain_comes_to_the_formula_as_updates_grow_rare():
    load = rwlock.Load(0.01, 150.0, 500.0, 1e6, fair=False)
    np.testing.assert_allclose(rwlock.waits(load).update_ns, exact(load).update_ns, rtol=1e-3)
    fair = load._replace(fair=True)
    np.testing.assert_allclose(rwlock.waits(fair).update_ns, exact(fair).update_ns, rtol=1e-3)


def test_an_unfair_writer_that_never_rests():
    """Writes back to back: after each, the readers that queued meanwhile have to leave, and those who join them."""
    load = rwlock.Load(0.01, 150.0, 500.0, 1e-3, fair=False)
    states, chain = reach(rwlock.Rwlock(), lambda lock: rwlock.moves(lock, load, 80))
    writes = stationary(chain)[[i for i, s in enumerate(states) if s.update == 2]].sum()
    # the hold is exponential: the readers that queue during it are geometric, an average over Poisson(lambda t)
    t = np.random.default_rng(1).exponential(500.0, 100_000)
    drain = rwlock.unfair_drain_ns(0.01, 150.0, t, arrived=True).mean()
    np.testing.assert_allclose(writes, 500.0 / (500.0 + drain), rtol=0.01)


@pytest.mark.parametrize("rho", [0.01, 0.7, 3.0])
def test_drains_are_poisson_sums_of_the_derived_times(rho):
    rate, hold = symbolic.symbols("lambda S")
    k = np.arange(1, 40)
    weights = np.exp(-rho + k * np.log(rho) - np.cumsum(np.log(k)))
    alone = np.array([float(symbolic.drain_from(int(j)).subs(hold, 1)) for j in k])
    np.testing.assert_allclose(weights @ alone, rwlock.fair_drain_ns(rho, 1.0), rtol=1e-9)
    few = [float(symbolic.empty_from(j).evalf(40, subs={rate: sp.Rational(str(rho)), hold: 1})) for j in range(1, 7)]
    x = (np.arange(20_000) + 0.5) / 20_000
    integral = [np.mean((1 - (1 - x) ** j) / x * np.exp(rho * x)) for j in range(1, 7)]
    np.testing.assert_allclose(integral, few, rtol=1e-6)
    a, y = symbolic.symbols("a x")
    inner = sp.lambdify((a, y), symbolic.poisson_integral())(rho, x) / x * np.exp(rho * x)
    np.testing.assert_allclose(np.mean(inner), rwlock.unfair_drain_ns(rho, 1.0), rtol=1e-6)


def test_unfair_lock_is_serial_once_full_and_the_fair_one_is_not():
    """Threads that hardly think, by the exact chain of reader preference."""
    full = policy_throughput(reader_preference, Parameters(6, 0.3, 1e-4, 1.0, 2.0))
    np.testing.assert_allclose(1 / full, rwlock.unfair_saturated_op_ns(0.3, 1.0, 2.0), rtol=2e-3)
    assert reader_writer.saturated_op_ns(6, 0.3, 1.0, 2.0)[-1] < rwlock.unfair_saturated_op_ns(0.3, 1.0, 2.0)


@given(st.floats(1e-4, 0.05), st.floats(1.0, 300.0))
def test_a_fair_writer_waits_less_than_an_unfair_one(rate, read):
    fair, unfair = rwlock.fair_drain_ns(rate, read), rwlock.unfair_drain_ns(rate, read)
    assert 0 <= fair <= unfair * (1 + 1e-9)
    assert rwlock.fair_drain_ns(rate, 1.1 * read) >= fair


@pytest.mark.parametrize("n", [4, 16])
def test_event_loop_without_updates_is_exact_mean_value_analysis(n):
    load = rwlock.Load(0.0, 80.0, 400.0, np.inf)
    seen = rwlock.replay(np.random.default_rng(n), load, n, 1500.0, 75.0, 20_000)
    solved = lookups(n, 1500.0, 75.0, load)
    assert abs(seen.lookup_ns - solved.lookup_ns) < 2 * seen.lookup_half
    np.testing.assert_allclose(solved.per_ns, mva(n, 1580.0, np.array([150.0])).throughput[-1])


@pytest.mark.parametrize(
    ("n", "fair", "gap", "write", "walk"),
    [
        (8, True, 5e3, 400.0, 80.0),
        (8, False, 5e3, 400.0, 80.0),
        (32, True, 2e4, 400.0, 80.0),
        (32, True, 2e4, 4e3, 1e3),
    ],
)
def test_event_loop_with_updates(n, fair, gap, write, walk):
    load = rwlock.Load(0.0, walk, write, gap, fair)
    seen = rwlock.replay(np.random.default_rng(n), load, n, 1500.0, 75.0, 20_000)
    solved = lookups(n, 1500.0, 75.0, load)
    np.testing.assert_allclose(solved.lookup_ns, seen.lookup_ns, rtol=0.08)
    np.testing.assert_allclose(solved.update_ns, seen.update_ns, rtol=0.25)


def test_readers_starve_the_updates_of_an_unfair_lock_at_a_full_line():
    """Half of the threads queue for their second atomic, inside the lock; a fair lock lets them drain."""
    unfair, fair = (lookups(32, 1500.0, 75.0, rwlock.Load(0.0, 80.0, 400.0, 2e4, kind)) for kind in (False, True))
    assert unfair.update_ns > 1e6
    assert fair.update_ns < 1e4
    seen = rwlock.replay(np.random.default_rng(1), rwlock.Load(0.0, 80.0, 400.0, 2e4, False), 32, 1500.0, 75.0, 10_000)
    assert np.isnan(seen.update_ns)


def test_depth_of_a_full_tree_is_the_derived_one():
    k = sp.Symbol("k", integer=True, positive=True)
    for rows in (4, 10, 16):
        exact_depth = float(symbolic.full_tree_depth().subs(k, rows))
        assert abs(exact_depth - float(lookup.walk_depth(2**rows - 1))) < 0.5


def test_red_black_walks_of_random_trees():
    """Keys in random order into a plain search tree are deeper than a balanced tree, and than the formula."""
    rng, n = np.random.default_rng(4), 2000
    left, right, depths = np.zeros(n, int), np.zeros(n, int), [1]
    keys = rng.permutation(n)
    for i in range(1, n):
        node, depth = 0, 1
        while True:
            side, depth = (left, depth + 1) if keys[i] < keys[node] else (right, depth + 1)
            if side[node] == 0:
                side[node] = i
                break
            node = side[node]
        depths.append(depth)
    assert lookup.walk_depth(n) < np.mean(depths) < 2 * lookup.walk_depth(n)


@given(st.integers(1, 10**6))
def test_maple_trees_are_flatter_and_walks_cost_more_with_size(n):
    level, lines = np.array([1.0, 4.0, 15.0, 90.0]), np.array([64.0, 4096.0, 2.0**17])
    assert 1 <= lookup.maple_depth(n) <= 1 + np.log(2 * n) / np.log(6)
    assert lookup.maple_depth(n, fill=1.0, entries_per_vma=1.0) <= lookup.maple_depth(n)
    assert lookup.maple_walk_ns(n, level, lines) <= lookup.maple_walk_ns(2 * n, level, lines)
    assert lookup.maple_walk_ns(n, level[:1], lines[:0]) == pytest.approx(3 * float(lookup.maple_depth(n)))


@pytest.mark.parametrize(("n_used", "flush"), [(8, 0.05), (3, 0.2), (100, 0.01)])
def test_vmacache_hits_by_looking_up(n_used, flush):
    seen = lookup.replay_cache(np.random.default_rng(n_used), n_used, flush, 20_000)
    assert abs(seen - float(lookup.cache_hit_share(n_used, flush))) < 0.012


def test_vmacache_hits_without_removals_and_with_one_before_each():
    shares = [float(lookup.cache_hit_share(n, 0.0)) for n in (1, 4, 8, 100)]
    np.testing.assert_allclose(shares, [1.0, 1.0, 0.5, 0.04], rtol=1e-9)
    many = lookup.cache_hit_share(8, np.array([0.0, 0.1, 0.5, 1.0]))
    assert all(a > b for a, b in pairwise(many))
    assert many[-1] == 0
