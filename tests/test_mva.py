"""Product-form networks, many-server queues and the universal scalability law: textbook values and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_table import oracle, oracles

from spfmodel.solvers import usl
from spfmodel.solvers.mva import asymptotic_bounds, mmck, mmcn, mva, repairman


@pytest.mark.parametrize("key", ["jain342", "bolch83"])
def test_mva_gives_the_textbook_values(key):
    for row in oracles(key):
        p = row.parameters
        visits = np.array(p["V"], float)
        found = mva(p["N"], p.get("Z", 0.0), visits * p["S"])
        flow = found.throughput[-1]
        row.check(
            {
                "R": found.residence / visits, "Q": found.customers, "X": flow * visits,
                "U": flow * visits * p["S"],
            }[row.key[-1]]
        )  # fmt: skip


def schweitzer(n: int, think: float, demand: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Queues, throughput, response by Schweitzer's approximation: a test of the oracle, used nowhere else."""
    queues = np.full(len(demand), n / len(demand))
    for _ in range(2000):
        residence = demand * (1 + queues * (n - 1) / n)
        flow = n / (think + residence.sum())
        queues = flow * residence
    return queues, flow, residence.sum()


def test_approximate_mva_row_and_its_distance_from_exact():
    row = oracle("lazowska117")
    p = row.parameters
    demand = np.array(p["S"]) * p["V"]
    queues, flow, response = schweitzer(p["N"], p["Z"], demand)
    for found, value in zip((queues, flow, response), row.value, strict=True):
        np.testing.assert_allclose(found, value, atol=row.atol)
    exact = mva(p["N"], p["Z"], demand)
    assert 0 < abs(flow / exact.throughput[-1] - 1) < 0.01


def test_bounds_row():
    row = oracle("bounds_aba")
    p = row.parameters
    row.check(asymptotic_bounds(p["N"], p["Z"], np.array(p["D"], float)))


@given(st.integers(1, 30), st.floats(0, 50), st.lists(st.floats(0.01, 5), min_size=1, max_size=4))
def test_mva_rises_stays_within_bounds_and_keeps_littles_law(n, think, demands):
    demand = np.array(demands)
    found, bounds = mva(n, think, demand), asymptotic_bounds(n, think, demand)
    flow = found.throughput[-1]
    assert np.all(np.diff(found.throughput) >= -1e-12 * flow)
    assert flow <= bounds.throughput_high * (1 + 1e-12)
    assert found.residence.sum() >= bounds.response_low * (1 - 1e-12)
    np.testing.assert_allclose(found.customers.sum() + flow * think, n, rtol=1e-12)


def test_many_server_queues():
    found = mmck(40, 30, 3, 7)
    oracle("mmmk_1").check([found.probability[0], found.response])
    oracle("mmmk_2").check(mmck(50, 10, 4, 6).probability[-1])
    found = mmck(3, 2, 2, 5)
    oracle("mmmk_3").check([found.probability[0], found.probability[-1], found.customers, found.wait])
    oracle("mm1k_half").check(mmck(1, 1, 1, 10).customers)


@pytest.mark.parametrize("key", ["rq_repair_c", "rq_repair_1"])
def test_repairmen_with_several_servers(key):
    row = oracle(key)
    p = row.parameters
    found = mmcn(p["lambda"], p["mu"], p["c"], p["K"])
    row.check([found.customers, found.waiting, found.response, found.wait, found.throughput])


def test_repairman_with_feedback():
    row = oracle("line_repairmen")
    p = row.parameters
    found = repairman(p["N"], p["Z"] / p["p_repair"], np.full(p["N"], 1 / p["S"]))
    queues, response, flow = row.value
    np.testing.assert_allclose([p["N"] - found.mean, found.mean], queues, atol=row.atol)
    np.testing.assert_allclose(found.mean / found.throughput, response, atol=row.atol)
    np.testing.assert_allclose(found.throughput, flow, atol=row.atol)


@given(st.integers(1, 40), st.floats(0.1, 50), st.floats(0.1, 5))
def test_mva_of_one_station_is_the_repairman_chain(n, think, service):
    chain = repairman(n, think, np.full(n, 1 / service))
    found = mva(n, think, np.array([service])).throughput[-1]
    np.testing.assert_allclose(found, chain.throughput, rtol=1e-10)


def test_two_stations_by_convolution():
    """X(N) = G(N - 1) / G(N) with G(n) = sum over i of D1^i D2^(n - i)."""
    demand, n = np.array([1.5, 0.4]), 9
    g = [sum(demand[0] ** i * demand[1] ** (m - i) for i in range(m + 1)) for m in (n - 1, n)]
    np.testing.assert_allclose(mva(n, 0.0, demand).throughput[-1], g[0] / g[1], rtol=1e-12)


def test_ticket_lock_collapses():
    """Boyd-Wickizer's ticket lock, rate 1 / (s + c n / 2): throughput falls beyond a number of threads."""
    flows = [float(repairman(n, 100.0, 1 / (1.0 + 2.0 * np.arange(1, n + 1) / 2)).throughput) for n in (4, 12, 48)]
    assert flows[0] < flows[1]
    assert flows[2] < 0.5 * flows[1]


@pytest.mark.parametrize("key", ["usl_spec", "usl_exact"])
def test_usl_fit(key):
    row = oracle(key)
    found = usl.usl_fit(np.array(row.parameters["load"], float), np.array(row.parameters["tput"]))
    row.check(list(found))


def test_usl_errors_and_peak():
    row = oracle("usl_spec_se")
    load, flow = np.array(row.parameters["load"], float), np.array(row.parameters["tput"])
    fit = usl.usl_fit(load, flow)
    errors, sigma = usl.usl_errors(load, flow, fit)
    np.testing.assert_allclose(list(errors), row.value[0], rtol=row.rtol)
    np.testing.assert_allclose(sigma, row.value[1], rtol=row.rtol)
    oracle("usl_spec_peak").check(usl.usl_peak(fit))
    with pytest.raises(ValueError, match="at least 3 pairs, got 2 loads"):
        usl.usl_fit(load[:2], flow[:2])
