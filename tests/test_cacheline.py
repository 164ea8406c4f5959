"""A shared cache line: closed forms against all pairs, an exact chain, an event loop, the derivations, hardware."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from spfmodel import datasets, symbolic
from spfmodel.primitives import cacheline
from spfmodel.primitives.cacheline import Topology, Visit
from spfmodel.solvers.markov import reach, stationary
from spfmodel.solvers.mva import mva

BOX = Topology(2, 8, within_ns=50.0, across_ns=120.0, sibling_ns=8.0, local_ns=6.0)


@given(st.integers(2, 16))
def test_socket_first_is_the_mean_over_all_pairs(n):
    cores = cacheline.cores_of(n, BOX)
    np.testing.assert_allclose(cacheline.socket_first_ns(n, BOX), cacheline.transfer_ns(cores, BOX))


@given(st.integers(1, 8))
def test_even_spread_is_the_mean_over_all_pairs(half):
    cores = cacheline.cores_of(2 * half, BOX, spread=True)
    mixed = cacheline.mixed_transfer_ns(BOX.within_ns, BOX.across_ns, 2 * half, 2)
    np.testing.assert_allclose(mixed, cacheline.transfer_ns(cores, BOX))


def test_derived_share_of_same_socket_pairs():
    threads, cores = sp.symbols("N c", integer=True, positive=True)
    share = sp.lambdify((threads, cores), symbolic.same_socket_share())
    ones = BOX._replace(within_ns=1.0, across_ns=0.0)
    for n in range(8, 17):
        np.testing.assert_allclose(share(n, 8), cacheline.socket_first_ns(n, ones), rtol=1e-12)


def test_siblings_share_a_core_and_make_the_mean_transfer_cheaper():
    few, many = (cacheline.transfer_ns(cacheline.cores_of(n, BOX), BOX) for n in (16, 32))
    other = cacheline.transfer_ns(cacheline.cores_of(32, BOX), BOX._replace(sibling_ns=BOX.within_ns))
    assert many < other
    np.testing.assert_allclose(other - many, 32 * (50 - 8) / (32 * 31))
    assert abs(other - few) < 0.05 * few


def test_placement_fills_cores_before_siblings():
    assert cacheline.cores_of(17, BOX)[-1] == 0
    assert cacheline.cores_of(4, BOX, spread=True).tolist() == [0, 8, 1, 9]
    matrix = cacheline.pair_ns(cacheline.cores_of(17, BOX), BOX)
    assert (matrix[0, 0], matrix[0, 1], matrix[0, 8], matrix[0, 16]) == (6.0, 50.0, 120.0, 8.0)


def test_one_thread_keeps_the_line():
    assert cacheline.transfer_ns(cacheline.cores_of(1, BOX), BOX) == 6.0


@pytest.mark.parametrize(("q", "n", "within"), [(2, 2, 1e-9), (6, 2, 0.06), (6, 4, 0.08), (12, 4, 0.1)])
def test_batched_transfer_against_the_exact_chain(q, n, within):
    """The formula takes the waiters for evenly spread; after a visit few of its complex are left: 5 to 10 % low."""
    near, far = 25.0, 125.0
    start = Visit(True, 0, 0, (*(0,) * (n - 2), q - 1))
    states, chain = reach(start, lambda visit: cacheline.visit_moves(visit, near, far))
    served = stationary(chain) @ np.array([1 / (far if s.crossing else near) for s in states])
    formula = float(cacheline.batched_transfer_ns(near, far, q, n))
    assert 0 <= formula * served - 1 + 1e-12 <= within + 1e-12


def test_derived_batched_transfer():
    names = symbolic.symbols("t_w t_a q n kappa")
    derived = sp.lambdify(names, symbolic.batched_transfer())
    rng = np.random.default_rng(3)
    values = [rng.uniform(*ends, 50) for ends in ((5, 50), (60, 300), (1, 40), (1, 16), (0, 1))]
    np.testing.assert_allclose(derived(*values), cacheline.batched_transfer_ns(*values), rtol=1e-12)


def test_batching_has_the_right_limits():
    assert cacheline.batched_transfer_ns(25.0, 125.0, 1, 4) == 125.0
    assert cacheline.batched_transfer_ns(25.0, 125.0, 40, 4, 0.0) == 125.0
    assert cacheline.batched_transfer_ns(25.0, 125.0, 10**9, 4) == pytest.approx(25.0)


@pytest.mark.parametrize(("n", "spread"), [(12, False), (12, True), (24, False)])
def test_event_loop_of_a_full_line_meets_the_ceiling(n, spread):
    """Nearly every transfer comes from another thread. (Without any thinking the queue keeps the order it began in.)"""
    cores = cacheline.cores_of(n, BOX, spread)
    seen = cacheline.replay(np.random.default_rng(n), cacheline.pair_ns(cores, BOX), 500.0, 20_000)
    mean = cacheline.transfer_ns(cores, BOX)
    np.testing.assert_allclose(seen.transfer_ns, mean, rtol=0.04)
    np.testing.assert_allclose(seen.ops_per_ns, cacheline.throughput_bound(mean), rtol=0.04)


@pytest.mark.parametrize("n", [4, 8, 16])
def test_event_loop_below_the_ceiling_is_mean_value_analysis(n):
    """Within 7 %: the analysis takes both atomics as fetched, but the second sometimes finds the line still there."""
    cores = cacheline.cores_of(n, BOX)
    seen = cacheline.replay(np.random.default_rng(n), cacheline.pair_ns(cores, BOX), 1000.0, 20_000)
    mean = cacheline.mean_service_ns(BOX.local_ns, cacheline.transfer_ns(cores, BOX), n)
    solved = mva(n, 1000.0, np.array([2 * float(mean)])).throughput[-1]
    np.testing.assert_allclose(seen.ops_per_ns, solved, rtol=0.07)


def test_threads_at_the_bound_is_where_the_asymptotes_cross():
    n = float(cacheline.threads_at_bound(1000.0, 80.0))
    assert n / (1000.0 + 160.0) == pytest.approx(float(cacheline.throughput_bound(80.0)))
    think, service = symbolic.symbols("Z S")
    assert sp.simplify(symbolic.throughput_ceiling(3) - 1 / service) == 0
    assert think not in symbolic.throughput_ceiling(2).free_symbols


def test_two_threads_on_a_rwlock_pay_one_to_two_transfers_a_pair():
    """Host: a ping-pong's round trip is two transfers; a read-side pair has two atomics on one line."""
    host = datasets.host_primitives()
    native = host[host["environment"] == "native"].set_index("primitive")["median"]
    transfer, local = native["cacheline_pingpong_roundtrip_2t_med"] / 2, native["atomic_rmw_local_med"]
    extra = native["rwlock_rd_pair_shared_2t_med"] - native["rwlock_rd_pair_med"]
    assert 0.95 < extra / (2 * (transfer - local)) < 1.05
    batch = (transfer - local) / (native["atomic_rmw_shared_2t_per_op_med"] - local) - 1
    assert 0 < batch < 4


def test_core_to_core_tables_tell_siblings_from_sockets():
    table = datasets.primitives().set_index("id")["number"]
    for machine in ("Xeon_E5-2680_v4", "Xeon_E5-2630_v4", "Xeon_Gold_6242"):
        smt, same, cross = (table[f"C2C-D-{machine}-{kind}"] for kind in ("smt", "same", "cross"))
        assert 4 * smt < same < cross / 2
