"""One thread alone: against the simulation, the exact chain, and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from small_networks import network_of, reader_writer, speculative, step
from tiny_systems import tiny

from spfmodel import catalog
from spfmodel.network import Op
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des, lone_thread, table_chain
from spfmodel.solvers.lone_thread import gamma_mixture_quantile
from spfmodel.sources import BadInput


@pytest.mark.parametrize("name", PROTOCOLS)
def test_it_is_the_exact_chain_of_one_thread(name: str) -> None:
    """Attempts by one thread are skipped by most protocols; the chain takes the same program."""
    for program in ("map, touch, unmap", "drop, touch"):
        network = tiny(PROTOCOLS[name], program, 1, line_ns=120.0, memory_ratio=0.4, syscall_ns=200.0)
        found, exact = lone_thread.solve(network), table_chain.solve(network)
        for figure in ("throughput_per_s", "faults_per_s", "updates_per_s", "fault_mean_ns", "update_mean_ns"):
            np.testing.assert_allclose(getattr(found, figure), getattr(exact, figure), rtol=1e-9, err_msg=figure)
        for cause, share in exact.abort_share.items():
            np.testing.assert_allclose(found.abort_share[cause], share, rtol=1e-9, atol=1e-12)
        for station, share in exact.utilisation.items():
            np.testing.assert_allclose(found.utilisation[station], share, rtol=1e-9, atol=1e-12)


def test_aborts_of_a_lone_thread_are_those_by_chance() -> None:
    network = speculative(1, 9, 1e3, 700.0, 4e3, 500.0, 1.0, chance=0.25)
    found, exact = lone_thread.solve(network), table_chain.solve(network)
    assert found.fallback_share[0] == pytest.approx(0.25)
    np.testing.assert_allclose(found.fault_mean_ns, 500 + 0.25 * 700)
    np.testing.assert_allclose(found.throughput_per_s, exact.throughput_per_s, rtol=1e-9)
    sample = des.solve(network, events=400_000)
    assert found.fault_p99_ns[0] == pytest.approx(sample.fault_p99_ns[0], rel=0.05)


@pytest.mark.parametrize("workload", ["pft", "ebizzy-mTt"])
def test_it_is_the_simulation_of_a_real_machine(workload: str) -> None:
    """All of it, the 99th percentile within the histogram's bins."""
    network = build(catalog.machine("x86-vm-16"), catalog.workload(workload), PROTOCOLS["per_vma_lock"], 1)
    found, sample = lone_thread.solve(network), des.solve(network, events=400_000)
    near = 3 * float(sample.throughput_half_width[0] / sample.throughput_per_s[0])
    assert near < 0.05
    for figure in ("throughput_per_s", "fault_mean_ns", "updates_per_s"):
        assert getattr(found, figure)[0] == pytest.approx(getattr(sample, figure)[0], rel=near)
    assert found.fault_p99_ns[0] == pytest.approx(sample.fault_p99_ns[0], rel=0.05)
    assert found.utilisation.keys() == sample.utilisation.keys()


def test_quantiles_of_a_mixture() -> None:
    weight, mean, variance = np.array([[0.7], [0.3]]), np.array([[1.0], [5.0]]), np.array([[0.5], [1.0]])
    q = float(gamma_mixture_quantile(0.9, weight, mean, variance)[0])
    cdf = sum(
        w * stats.gamma.cdf(q, m * m / v, scale=v / m)
        for w, m, v in zip(weight.ravel(), mean.ravel(), variance.ravel(), strict=True)
    )
    assert cdf == pytest.approx(0.9, abs=1e-9)
    constant = gamma_mixture_quantile(0.99, np.ones((1, 1)), np.full((1, 1), 7.0), np.zeros((1, 1)))
    assert constant[0] == pytest.approx(7.0, rel=1e-3)


def test_every_draw_has_its_own_answer() -> None:
    one = speculative(1, 3, 1e3, 700.0, 4e3, 500.0, 1.0)
    two = replace(
        one, value_ns=np.vstack([one.value_ns, np.where(one.op == Op.WORK, 2 * one.value_ns, one.value_ns)]),
        line_local_ns=np.zeros(2), rwsem_ns=np.zeros((2, 7)), slowdown=np.ones((2, 2)),
    )  # fmt: skip
    found = lone_thread.solve(two)
    np.testing.assert_allclose(found.throughput_per_s[0], 2 * found.throughput_per_s[1])


def test_more_threads_or_chance_between_faults_are_refused() -> None:
    with pytest.raises(BadInput, match="one thread"):
        lone_thread.solve(reader_writer(2, 3, 1.0, 1.0, 1.0))
    rows = [step(Op.WORK, 1.0), step(Op.CHANCE, 0.5, 0, 2, 0), step(Op.CYCLE_END)]
    with pytest.raises(BadInput, match="chance"):
        lone_thread.solve(network_of(rows, 1, faults=0, updates=0))
