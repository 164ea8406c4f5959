"""Closed forms of single mechanisms: against sums, integrals, simulation of the mechanism, and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_table import oracle

from spfmodel.primitives import cacheline, ipi, lookup, seqcount, spin_trylock
from spfmodel.primitives import reader_writer as rw

share = st.floats(0.001, 0.999)
hold = st.floats(0.01, 100.0)
threads = st.integers(1, 40)


@given(threads, share, hold, hold, st.sampled_from([0.0, 0.5, 1.0]))
def test_saturated_capacity_rises_with_threads_up_to_its_limit(n, p, read, write, cv):
    times = rw.saturated_op_ns(n + 1, p, read, write, cv)
    assert np.all(np.diff(times) <= 1e-12 * times[0])
    assert times[-1] >= float(rw.saturated_op_ns_limit(p, read, write, cv)) * (1 - 1e-12)
    np.testing.assert_allclose(times[0], p * write + (1 - p) * read, rtol=1e-12)


@given(threads, hold, hold, st.sampled_from([0.0, 0.5, 1.0]))
def test_saturated_capacity_at_readers_only_and_writers_only(n, read, write, cv):
    np.testing.assert_allclose(rw.saturated_throughput(n, 0.0, read, write, cv), n / read, rtol=1e-12)
    np.testing.assert_allclose(rw.saturated_throughput(n, 1.0, read, write, cv), 1 / write, rtol=1e-12)


@given(share, hold, hold, st.sampled_from([0.0, 1.0]))
def test_saturated_capacity_converges_to_the_limit(p, read, write, cv):
    n = min(4000, int(40 / p))
    far = rw.saturated_op_ns(n, p, read, write, cv)[-1]
    slack = 1.0 if p * n >= 40 - p else 1.5
    assert far <= float(rw.saturated_op_ns_limit(p, read, write, cv)) * slack * (1 + 1e-9) + 1e-9


def test_rw_capacity_oracle():
    row = oracle("rw_capacity")
    p = row.parameters
    read, write = 1 / p["mu_r"], 1 / p["mu_w"]
    row.check(1 / rw.saturated_op_ns_limit(1 - p["p_reader"], read, write))


def test_constant_reads_capacity_by_replaying_the_lock():
    """Batches of a random sequence of types, at most n readers each, give the formula for constant holds."""
    rng, n, p, read, write = np.random.default_rng(1), 6, 0.15, 2.0, 3.0
    writes = rng.random(400_000) < p
    runs = np.diff(np.flatnonzero(writes)) - 1
    ns = (np.ceil(runs / n).sum() * read + len(runs) * write) / (runs.sum() + len(runs))
    np.testing.assert_allclose(ns, rw.saturated_op_ns(n, p, read, write, 0.0)[-1], rtol=5e-3)


@given(share, hold, hold, st.integers(2, 40))
def test_wake_all_capacity_lies_between_its_bounds(p, read, write, n):
    times = rw.saturated_op_ns_wake_all(n, p, read, write)
    assert np.all(times >= p * write)
    assert np.all(times <= p * write + read * 1.3)


rate = st.floats(0.0, 2.0)


@given(rate, hold, st.floats(0.0, 50.0), share, st.floats(0.0, 2.0))
def test_abort_probability_rises_with_rate_window_odd_time_and_sharing(x, window, odd, psi, scv):
    p = seqcount.abort_probability(x, odd, window, 8, psi, scv)
    assert 0 <= p <= 1
    more = [
        seqcount.abort_probability(1.1 * x, odd, window, 8, psi, scv),
        seqcount.abort_probability(x, 1.1 * odd, window, 8, psi, scv),
        seqcount.abort_probability(x, odd, 1.1 * window, 8, psi, scv),
        seqcount.abort_probability(x, odd, window, 8, min(1.0, 1.1 * psi), scv),
        seqcount.abort_probability(x, odd, window, 9, psi, scv),
    ]
    assert all(m >= p - 1e-12 for m in more)


def test_abort_probability_vanishes_without_others_sharing_or_time():
    assert seqcount.abort_probability(0.5, 1.0, 1.0, 1) == 0
    assert seqcount.abort_probability(0.5, 1.0, 1.0, 8, 0.0) == 0
    assert seqcount.abort_probability(0.5, 0.0, 0.0, 8) == 0


@pytest.mark.parametrize(("scv", "draw"), [(0.0, None), (1.0, 1.0), (0.25, 4.0)])
def test_success_against_one_writer_by_throwing_faults_at_a_renewal_process(scv, draw):
    rng, rate_, odd, window = np.random.default_rng(2), 0.1, 3.0, 4.0
    gaps, odds = rng.exponential(1 / rate_, 200_000), rng.exponential(odd, 200_000)
    starts = np.cumsum(gaps + odds) - gaps - odds
    times = rng.uniform(0, starts[-1], 200_000)
    i = np.searchsorted(starts, times, side="right") - 1
    lengths = np.full(times.size, window) if draw is None else rng.gamma(draw, window / draw, times.size)
    seen = np.mean(times + lengths < starts[i] + gaps[i])
    assert abs(seen - seqcount.success_one_writer(rate_, odd, window, scv)) < 0.005


def test_many_writers_with_one_writer_is_one_writer():
    one = seqcount.success_one_writer(0.2, 1.5, 3.0, 0.5)
    np.testing.assert_allclose(seqcount.success_many_writers(1, 0.2, 1.5, 3.0, 0.5), one)


def test_gamma_window_approaches_the_constant_one():
    np.testing.assert_allclose(
        seqcount.stays_unchanged(0.3, 2.0, 1e-6), seqcount.stays_unchanged(0.3, 2.0, 0.0), rtol=1e-5
    )


@pytest.mark.parametrize("law", ["exponential", "constant", "hyperexponential"])
def test_trylock_loss_depends_on_means_only(law):
    """m threads try, hold for S if free, and stay away for Z: the share that fails is Engset's."""
    rng, m, hold_, between = np.random.default_rng(3), 4, 1.0, 6.0
    due, free_at, tries, busy = rng.exponential(between, m), 0.0, 0, 0
    holds = {
        "exponential": lambda: rng.exponential(hold_),
        "constant": lambda: hold_,
        "hyperexponential": lambda: rng.exponential(hold_ * (0.5 if rng.random() < 0.8 else 3.0)),
    }[law]
    for _ in range(200_000):
        i = int(np.argmin(due))
        now, tries = due[i], tries + 1
        busy += now < free_at
        if now >= free_at:
            free_at = now + holds()
            due[i] = free_at
        due[i] += rng.exponential(between)
    assert abs(busy / tries - spin_trylock.busy_probability(m, hold_, between)) < 0.005


def test_sharers_of_a_page_table():
    assert spin_trylock.sharers_random(16, 512) == 16
    assert spin_trylock.sharers_random(17, 8192) == 2
    assert spin_trylock.sharers_of_chunks(16, 512 * 1024) == 5
    assert spin_trylock.sharers_of_chunks(3, 512 * 1024) == 3


@pytest.mark.parametrize("u", [0.05, 0.4, 1.0])
def test_ipi_wait_by_drawing_residuals(u):
    rng, n, m = np.random.default_rng(4), 7, 3.0
    off = rng.random((100_000, n)) < u
    longest = (off * rng.exponential(m, off.shape)).max(axis=1).mean()
    np.testing.assert_allclose(ipi.wait_exponential_ns(n, u, m), longest, rtol=0.02)
    constant = (off * rng.uniform(0, m, off.shape)).max(axis=1).mean()
    np.testing.assert_allclose(ipi.wait_constant_ns(n, u, m), constant, rtol=0.02)
    np.testing.assert_allclose(ipi.hit_probability(n, u), off.any(axis=1).mean(), atol=0.01)


def test_ipi_wait_with_all_interrupts_off_is_a_harmonic_number():
    np.testing.assert_allclose(ipi.wait_exponential_ns(4, 1.0, 12.0), 25.0)


def test_line_service_mix_and_its_bound():
    assert cacheline.mean_service_ns(10.0, 100.0, 1) == 10.0
    assert cacheline.mean_service_ns(10.0, 100.0, 10**9) == pytest.approx(100.0)
    np.testing.assert_allclose(cacheline.throughput_bound(100.0) * 1e9, 5e6)


def test_transfers_between_sockets():
    assert cacheline.mixed_transfer_ns(50.0, 150.0, 8, 1) == 50.0
    assert cacheline.mixed_transfer_ns(50.0, 150.0, 2, 2) == 150.0
    np.testing.assert_allclose(cacheline.mixed_transfer_ns(50.0, 150.0, 8, 2), (3 * 50 + 4 * 150) / 7)


@given(st.integers(1, 10**6))
@settings(max_examples=50)
def test_walk_is_no_deeper_than_the_worst_tree_and_costs_grow(n):
    level, lines = np.array([1.0, 4.0, 15.0, 90.0]), np.array([64.0, 4096.0, 2.0**17])
    assert 1 <= lookup.walk_depth(n) <= lookup.worst_depth(n)
    assert lookup.walk_ns(n, level, lines) <= lookup.walk_ns(2 * n, level, lines)
    assert lookup.walk_ns(n, level, lines) >= lookup.walk_depth(n)
    np.testing.assert_allclose(lookup.walk_ns(n, level[:1], lines[:0]), lookup.walk_depth(n))


def test_random_tree_walk_depth():
    """Mean number of nodes on a path of a balanced tree of 2^k - 1 nodes is k - 1 + k / (2^k - 1)."""
    k = 10
    exact = sum((d + 1) * 2**d for d in range(k)) / (2**k - 1)
    assert abs(float(lookup.walk_depth(2**k - 1)) - exact) < 0.6


def test_kernel_eras_by_version():
    assert [rw.era_of(v) for v in ("4.19", "4.20", "5.2", "5.3", "5.11")] == list(rw.ERAS)
    with pytest.raises(ValueError, match=r"'six' is not understood: write it as major\.minor"):
        rw.era_of("six")
