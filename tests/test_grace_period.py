"""Reference counts and grace periods: closed forms against exact chains, replays and derivations; SRCU's losses."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from spfmodel import srcu, symbolic
from spfmodel.primitives import grace_period, refcount
from spfmodel.primitives.grace_period import Callbacks
from spfmodel.primitives.refcount import Vma
from spfmodel.solvers.markov import reach, stationary
from spfmodel.solvers.mva import mva

GRACE_NS = 5e6


@pytest.mark.parametrize("rate", [2e-8, 2e-7, 6e-7])
def test_grace_periods_by_the_exact_chain(rate):
    states, chain = reach(Callbacks(), lambda s: grace_period.moves(s, rate, GRACE_NS, 80))
    weight = stationary(chain)
    waiting = weight @ np.array([s.served + s.later for s in states])
    busy = weight @ np.array([s.served > 0 for s in states])
    np.testing.assert_allclose(grace_period.waiting_frees(rate, GRACE_NS, 1.0), waiting, rtol=1e-6)
    np.testing.assert_allclose(grace_period.busy_share(rate, GRACE_NS, 1.0), busy, rtol=1e-6)
    per_period = rate / (busy / GRACE_NS)
    np.testing.assert_allclose(grace_period.frees_per_grace_period(rate, GRACE_NS, 1.0), per_period, rtol=1e-6)


@pytest.mark.parametrize("scv", [0.0, 0.25])
@pytest.mark.parametrize(("rate", "frees"), [(2e-8, 15_000), (3e-7, 30_000), (1e-6, 60_000)])
def test_grace_periods_by_replaying_them(rate, frees, scv):
    seen = grace_period.replay(np.random.default_rng(7), rate, GRACE_NS, scv, frees)
    np.testing.assert_allclose(seen.latency_ns, grace_period.free_latency_ns(rate, GRACE_NS, scv), rtol=0.01)
    np.testing.assert_allclose(seen.waiting, grace_period.waiting_frees(rate, GRACE_NS, scv), rtol=0.02)
    per_period = grace_period.frees_per_grace_period(rate, GRACE_NS, scv)
    np.testing.assert_allclose(seen.per_grace_period, per_period, rtol=0.02)


@pytest.mark.parametrize(("constant", "scv"), [(True, 0.0), (False, 1.0)])
def test_derived_grace_periods(constant, scv):
    derived = symbolic.grace_periods(constant=constant)
    rng = np.random.default_rng(8)
    rate, grace = 10 ** rng.uniform(-9, -6, 40), rng.uniform(1e6, 1e7, 40)
    names = symbolic.symbols("r G")
    batch, latency = (sp.lambdify(names, part)(rate, grace) for part in derived)
    np.testing.assert_allclose(batch, grace_period.frees_per_grace_period(rate, grace, scv), rtol=1e-12)
    np.testing.assert_allclose(latency, grace_period.free_latency_ns(rate, grace, scv), rtol=1e-12)


@given(st.floats(0.0, 1e-4), st.floats(1e3, 1e8), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_free_waits_between_one_grace_period_and_the_rest_of_another(rate, grace, scv):
    latency = float(grace_period.free_latency_ns(rate, grace, scv))
    assert grace * (1 - 1e-12) <= latency <= grace * (1 + (1 + scv) / 2) * (1 + 1e-12)
    assert grace_period.frees_per_grace_period(rate, grace, scv) >= 1 - 1e-12
    assert 0 <= grace_period.busy_share(rate, grace, scv) <= 1
    assert grace_period.switches_per_free(rate, grace, scv, 3.0) <= 3 * (1 + 1e-12)


def test_bursts_hold_more_memory_but_need_no_more_grace_periods():
    one, ten = (float(grace_period.waiting_frees(1e-7, GRACE_NS, burst=burst)) for burst in (1, 10))
    assert ten == pytest.approx(10 * one)
    state = Callbacks().call(3).call(2)
    assert state == Callbacks(3, 2)
    assert state.grace_period_ends() == Callbacks(2, 0)
    assert state.grace_period_ends().grace_period_ends().served == 0


def test_maple_nodes_by_walking_up():
    rng, levels, share = np.random.default_rng(9), 4, 0.3
    up = (rng.random((50_000, levels - 1)) < share).cumprod(axis=1)
    np.testing.assert_allclose(1 + up.sum(axis=1).mean(), grace_period.maple_frees(levels, share), rtol=0.01)


@pytest.mark.parametrize(("n", "vmas"), [(1, 3), (8, 1), (8, 4), (40, 16)])
def test_many_lines_are_mean_value_analysis_of_each(n, vmas):
    found = refcount.throughput(n, vmas, 900.0, 60.0)
    full = mva(n, 900.0, np.full(vmas, 120.0 / vmas)).throughput[-1]
    np.testing.assert_allclose(found, full, rtol=1e-12)
    idle = refcount.throughput(n, vmas, 0.0, 60.0)
    np.testing.assert_allclose(idle, refcount.full_throughput(n, vmas, 60.0), rtol=1e-12)


def test_derived_throughput_of_many_lines():
    derived = sp.lambdify(symbolic.symbols("V D"), symbolic.many_lines_throughput(5))
    vmas = np.array([1.0, 2.0, 7.0, 100.0])
    np.testing.assert_allclose(derived(vmas, 120.0), refcount.full_throughput(5, vmas, 60.0), rtol=1e-12)


def test_life_after_erasure_by_replay_and_derivation():
    lives = refcount.replay_erase(np.random.default_rng(10), 7, 0.4, 100.0, 6000)
    np.testing.assert_allclose(lives.mean(), refcount.life_after_erase_ns(7, 0.4, 100.0), rtol=0.03)
    derived = sp.lambdify(symbolic.symbols("u S"), symbolic.longest_of(7))
    np.testing.assert_allclose(derived(0.4, 100.0), refcount.life_after_erase_ns(7, 0.4, 100.0), rtol=1e-12)


def test_a_vma_is_freed_by_its_last_user_and_never_earlier():
    used = Vma().get().get().erase()
    assert not used.freed
    assert not used.put().freed
    assert used.put().put().freed
    assert Vma().erase().freed
    for wrong in (used.get, used.erase, Vma().put, Vma().erase().put):
        with pytest.raises(ValueError, match=r"VMA|put_vma"):
            wrong()


@given(st.floats(0, 1), st.floats(0, 1))
def test_reuse_saves_the_walk_where_the_cache_would_have_missed(hit, valid):
    saved = float(refcount.reuse_saving_ns(60.0, hit, valid, 3.0))
    assert -3 <= saved <= 57
    assert refcount.reuse_saving_ns(60.0, 1.0, valid, 3.0) == -3


@pytest.fixture(scope="module")
def lkp():
    return srcu.pairs()


def test_srcu_constants_of_the_four_socket_machine(lkp):
    extras = srcu.fitted(lkp)
    assert set(extras) == {"brk1", "malloc1", "mmap1", "mmap2", "page_fault1", "page_fault2", "page_fault3"}
    assert extras["brk1"].ns == pytest.approx(100.4, abs=0.1)
    assert extras["page_fault3"].ns == pytest.approx(106.4, abs=0.1)
    assert all(extra.low * (1 - 1e-9) <= extra.ns <= extra.high * (1 + 1e-9) for extra in extras.values())


def test_srcu_losses_of_the_two_socket_machine(lkp):
    losses = srcu.predicted(lkp, srcu.fitted(lkp))
    by_mode = {mode: [loss for loss in losses if loss.mode == mode] for mode in ("processes", "threads")}
    assert [len(rows) for rows in by_mode.values()] == [6, 5]
    assert srcu.median_error(by_mode["processes"]) <= 0.03
    assert srcu.median_error(by_mode["threads"]) <= 0.10
    assert srcu.median_error(by_mode["threads"]) < srcu.median_error(srcu.added_to_threads(lkp, srcu.fitted(lkp)))
    assert 0.01 < srcu.noise_floor(lkp) < 0.02


def test_srcu_prediction_reads_no_candidate_of_the_predicted_machine(lkp):
    changed = lkp.copy()
    theirs = changed["machine_key"] == srcu.PREDICTED
    changed.loc[theirs, "candidate"] *= np.random.default_rng(11).uniform(0.5, 2, theirs.sum())
    before, after = (srcu.predicted(found, srcu.fitted(found)) for found in (lkp, changed))
    assert [loss.predicted for loss in before] == [loss.predicted for loss in after]
    assert [loss.measured for loss in before] != [loss.measured for loss in after]


def test_kernbench_piles_up_its_context_switches():
    """Where the loads differ, the printed spread is that of two pooled loads to three digits."""
    rows = srcu.kernbench()
    apart = [row for row in rows if row.machine_key != "power8-752"]
    assert len(apart) == 9
    np.testing.assert_allclose([row.pooled_spread for row in apart], 1.0, atol=0.003)
    assert next(row for row in rows if row.machine_key == "power8-752").pooled_spread > 3


def test_context_switches_come_with_srcu_and_go_with_it():
    of = {name: srcu.kernbench(protocol=name) for name in ("spf_srcu", "spf_rwlock")}
    extra = {name: [row.full[1] / row.full[0] - 1 for row in rows] for name, rows in of.items()}
    assert min(extra["spf_srcu"]) > 0.14
    assert max(abs(x) for x in extra["spf_rwlock"]) < 0.011
