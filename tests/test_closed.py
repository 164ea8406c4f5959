"""Closed forms of whole networks: exact chains, limits, monotonicity, and the clock."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from agreement import Agreement, agreement_table, throughput
from agreement_regimes import DOCS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_networks import network_of, reader_writer, speculative, step

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import ERAS, FCFS, saturated_op_ns, saturated_op_ns_wake_all
from spfmodel.primitives.seqcount import abort_probability
from spfmodel.solvers import closed
from spfmodel.solvers.aborts import secant_gain
from spfmodel.solvers.lanes import LANES
from spfmodel.solvers.lock_capacity import log_of_ratio
from spfmodel.solvers.lock_models import long_writers
from spfmodel.solvers.mva import birth_death, mva


def test_the_secant_rule_finds_the_fixed_point_of_a_steep_falling_map():
    for start in (0.01, 1.0, 100.0):
        x, gap = start, np.log(3.0 / (1 + start**3) / start)
        move = 0.6 * gap
        for _ in range(60):
            x *= np.exp(min(max(move, -1.0), 1.0))
            change = np.log(3.0 / (1 + x**3) / x)
            if abs(change) < 1e-9:
                break
            move, gap = secant_gain(change, gap, min(max(move, -1.0), 1.0)) * change, change
        np.testing.assert_allclose(x * (1 + x**3), 3.0, rtol=1e-8)


@given(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
def test_the_series_of_a_logarithm_is_exact_to_rounding(n, a, b):
    for ratio, terms in ((1 + 2 * a, 20), (1 + 0.4 * b, 9)):
        np.testing.assert_allclose(log_of_ratio(n * ratio, float(n), terms), np.log(ratio), rtol=1e-13, atol=1e-15)


@given(
    st.integers(1, 30), st.integers(1, 99), st.floats(0.1, 5), st.floats(0.1, 20), st.floats(0.1, 40),
    st.floats(0.01, 2.0), st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_compiled_lock_is_the_birth_death_chain_of_the_formulas(n, faults, read, write, think, line, wakes_all):
    """Lines by `mva`, capacity by `saturated_op_ns`, the rest by `birth_death`: numpy's answer, written apart."""
    rules = FCFS._replace(wake_all_readers=int(wakes_all))
    found = closed.solve(reader_writer(n, faults, think, read, write, line=line, rules=rules, scv=0.5))
    service = faults * (10 + (line - 10) * (1 - 1 / n))
    assume(service > 0)
    arrival = mva(n, (1 + faults) * think, np.array([service])).throughput
    capacity = saturated_op_ns_wake_all if wakes_all else saturated_op_ns
    op_ns = capacity(n, 1 / (1 + faults), read, write, 0.5**0.5) * (1 + faults)
    chain = birth_death(arrival[::-1], 1 / op_ns)
    most = long_writers(arrival[-1], n, 1 + faults, 1.0, write)
    np.testing.assert_allclose(throughput(found) / (1 + faults), min(chain.throughput, most), rtol=1e-9)
    np.testing.assert_allclose(found.utilisation["mmap_sem"][0], 1 - chain.probability[0], rtol=1e-7, atol=1e-12)


@pytest.fixture(scope="module")
def table() -> dict[str, Agreement]:
    return {row.what: row for row in agreement_table()}


LIMITS = [
    ("capacity of the FCFS lock", 1e-8, 1e-8),
    ("capacity of the wake-all lock", 0.02, 0.06),
    ("throughput, FCFS lock", 0.03, 0.30),
    ("throughput (relative), speculation: closed, aborts below 5 %", 0.01, 0.04),
    ("abort share (absolute), speculation: closed, aborts below 5 %", 0.01, 0.04),
    ("throughput (relative), speculation: closed, aborts of 5 % and more", 0.04, 0.12),
    ("abort share (absolute), speculation: closed, aborts of 5 % and more", 0.04, 0.13),
    ("throughput (relative), speculation: ctmc, aborts below 5 %", 0.01, 0.04),
    ("throughput (relative), speculation: ctmc, aborts of 5 % and more", 0.04, 0.10),
]


@pytest.mark.parametrize(("what", "mean", "worst"), LIMITS)
def test_errors_against_exact_chains_stay_as_documented(table, what, mean, worst):
    (row,) = [r for name, r in table.items() if name.startswith(what)]
    assert row.points >= 30
    assert row.mean < mean
    assert row.worst < worst


def test_the_documented_errors_are_those_found_today(table):
    text = (DOCS / "agreement.md").read_text(encoding="utf-8")
    for row in table.values():
        if row.worst > 1e-6:
            assert f"| {row.what} | {row.points} | " + " | ".join(f"{100 * x:.2g}" for x in row[2:]) in text


def test_a_lock_that_is_exclusive_has_the_product_form():
    """Updates only: the closed form is exact."""
    network = network_of(
        [
            step(Op.WORK, 900.0), step(Op.UPDATE_BEGIN), step(Op.LINE, 110.0), step(Op.WRITE_LOCK),
            step(Op.WORK, 300.0), step(Op.WRITE_UNLOCK), step(Op.UPDATE_END), step(Op.CYCLE_END),
        ], 10, faults=0, updates=1, lines=("mmap_line",),
    )  # fmt: skip
    line = 10 + 100 * 0.9
    exact = mva(10, 900.0, np.array([line, 300.0]))
    found = closed.solve(network)
    np.testing.assert_allclose(throughput(found), exact.throughput[-1], rtol=1e-9)
    np.testing.assert_allclose(found.utilisation["mmap_line"], exact.throughput[-1] * line, rtol=1e-9)
    np.testing.assert_allclose(found.update_mean_ns, exact.residence.sum(), rtol=1e-9)


@given(st.integers(1, 30), st.integers(1, 60), st.floats(10, 1e5), st.floats(10, 1e4), st.floats(10, 1e5))
@settings(max_examples=60, deadline=None)
def test_threads_spend_their_cycle_somewhere(n, faults, think, read, write):
    found = closed.solve(reader_writer(n, faults, think, read, write, line=50.0))
    spent = found.update_mean_ns + faults * found.fault_mean_ns + (1 + faults) * think
    np.testing.assert_allclose(spent, n / (found.updates_per_s * 1e-9), rtol=1e-6)
    assert found.fault_p99_ns >= found.fault_mean_ns * (1 - 1e-9)
    assert all(0 <= u <= 1 + 1e-9 for u in found.utilisation.values())


@given(
    st.integers(2, 30), st.integers(1, 60), st.floats(10, 1e5), st.floats(10, 1e4), st.floats(10, 1e5),
    st.floats(0.01, 1.0), st.floats(0.0, 0.2),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_speculation_accounts_for_every_attempt(n, faults, think, read, write, psi, c):
    assume(think > 0.05 * read)
    network = speculative(n, faults, think, read, write, 0.8 * read, psi, chance=c)
    found = closed.solve(network)
    shares = np.array([v[0] for v in found.abort_share.values()])
    assert np.all(shares >= 0)
    assert found.attempt_share[0] == 1
    assert c - 1e-9 <= found.fallback_share[0] <= 1 + 1e-9
    cycle = n / (found.updates_per_s[0] * 1e-9)
    rate, p = 1 / cycle * n, found.abort_share["changed"][0]
    by_hand = abort_probability(rate, write, 0.8 * read, n, psi, 1.0)
    np.testing.assert_allclose(p, by_hand, atol=1e-5)


def test_more_sharing_means_more_aborts_and_less_throughput():
    runs = [closed.solve(speculative(16, 19, 2e3, 1e3, 4e3, 800.0, psi)) for psi in (0.01, 0.1, 0.4, 1.0)]
    assert np.all(np.diff([r.fallback_share[0] for r in runs]) > 0)
    assert np.all(np.diff([throughput(r) for r in runs]) < 0)


def test_both_ends_meet_where_aborts_slow_updates_down():
    ends = closed.both_ends(speculative(16, 19, 2e3, 1e3, 4e3, 800.0, 0.3))
    assert not ends.differ.any()
    np.testing.assert_allclose(ends.low.fallback_share, ends.high.fallback_share, rtol=1e-4)


def test_one_thread_neither_waits_nor_aborts():
    found = closed.solve(speculative(1, 9, 1e3, 700.0, 4e3, 500.0, 1.0))
    assert found.fallback_share[0] == 0
    np.testing.assert_allclose(found.updates_per_s * 1e-9, 1 / (1e4 + 9 * 500 + 4e3), rtol=1e-6)


@pytest.mark.parametrize("era", ["to-4.19", "from-5.11"])
def test_waking_costs_time_only_where_threads_sleep_and_meet(era):
    wake, none = (8e3, 5e3, 500.0, 200.0, 1e3, 3e6, 0.8), (0.0,) * 7
    alone, crowd = (
        [closed.solve(reader_writer(n, 4, 2e3, 1e3, 3e3, rules=ERAS[era], rwsem_ns=w)) for w in (none, wake)]
        for n in (1, 16)
    )
    assert throughput(alone[1]) == throughput(alone[0])
    assert throughput(crowd[1]) < 0.9 * throughput(crowd[0])
    assert crowd[1].busy_cpus[0] < crowd[0].busy_cpus[0] + 1e-9 < 16


def test_threads_beyond_the_cpus_add_no_capacity():
    flows = [throughput(closed.solve(reader_writer(n, 199, 1e3, 1e3, 1e3, cpus=8))) for n in (8, 16, 64)]
    ceiling = 8 * 200 / (200 * 1e3 + 200 * 1e3)
    assert flows[0] <= flows[1] <= ceiling * (1 + 1e-9)
    assert flows[2] <= ceiling * (1 + 1e-9)


def test_slow_siblings_slow_the_work_down():
    network = reader_writer(8, 99, 1e3, 1e3, 1e3)
    slow = replace(network, slowdown=np.where(np.arange(9) > 4, 1.5, 1.0)[None, :])
    ratio = throughput(closed.solve(slow)) / throughput(closed.solve(network))
    assert 1 / 1.5 - 0.01 < ratio < 0.8
    found = closed.solve(replace(network, slowdown=np.full((1, 9), 1.5)))
    np.testing.assert_allclose(throughput(found), throughput(closed.solve(network)) / 1.5, rtol=1e-6)


def test_threads_that_differ_are_refused():
    network = replace(reader_writer(2, 3, 1.0, 1.0, 1.0), entry=np.array([0, 2], np.int32))
    with pytest.raises(ValueError, match="threads that all do the same"):
        closed.solve(network)


def many(network: Network, size: int) -> Network:
    """The network with its times varied over `size` draws."""
    rng = np.random.default_rng(6)
    factors = rng.lognormal(0, 0.3, (size, len(network.op)))
    times = np.where(np.isin(network.op, (Op.WORK, Op.LINE)), factors, 1.0)
    return replace(
        network, value_ns=network.value_ns * times, line_local_ns=np.full(size, 10.0),
        rwsem_ns=np.repeat(network.rwsem_ns, size, axis=0),
        slowdown=np.repeat(network.slowdown, size, axis=0),
    )  # fmt: skip


def test_draws_do_not_depend_on_each_other_to_the_last_bit():
    network = many(speculative(16, 19, 2e3, 1e3, 4e3, 800.0, 0.3, chance=0.01), 2 * LANES + 3)
    together = closed.solve(network)
    for some in (slice(0, 1), slice(5, 2 * LANES), slice(2 * LANES + 2, None)):
        part = replace(
            network, value_ns=network.value_ns[some], line_local_ns=network.line_local_ns[some],
            rwsem_ns=network.rwsem_ns[some], slowdown=network.slowdown[some],
        )  # fmt: skip
        apart = closed.solve(part)
        for name in ("throughput_per_s", "fallback_share", "fault_p99_ns", "update_mean_ns", "busy_cpus"):
            assert np.array_equal(getattr(apart, name), getattr(together, name)[some])


def test_two_hundred_thousand_draws_of_speculation_take_less_than_a_second():
    """Twice that on two cores; the limit leaves room for a busy machine."""
    wake = (8e3, 5e3, 500.0, 200.0, 1e3, 3e6, 0.8)
    network = speculative(
        16, 128, 200.0, 1e3, 4e3, 800.0, 0.1, chance=0.01, rules=ERAS["to-4.19"], rwsem_ns=wake, scv=0.25
    )
    network, best = many(network, 100_000), 1e9
    for _ in range(3):
        start = time.process_time()
        closed.solve(network)
        best = min(best, time.process_time() - start)
    assert best < 0.5
