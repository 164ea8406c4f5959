"""Calibration: known costs are found again, one row moves one cost, and what was not told is said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from spfmodel import PROTOCOLS, Fit, Machine, Observation, build, catalog, fit
from spfmodel.calibration import choose_free
from spfmodel.fit_model import EVENTS, Model, distinct, measured
from spfmodel.settings import parse, with_settings
from spfmodel.solvers import des

EBIZZY, BRK = catalog.workload("ebizzy-mTRp"), catalog.workload("brk1")
TRUE = {"wake_ns": 40_000.0, "update_hold_ns": 6_000.0}
"""a machine whose wake-ups and holds lie above its prior's medians"""


@cache
def machine() -> Machine:
    return replace(catalog.prior("x86-2s"), cpus=16, cores=16, sockets=1, kernel="4.16")


def row(protocol: str, n: int, quantity: str, value: float, workload: str = "ebizzy-mTRp") -> Observation:
    return Observation(
        workload=catalog.workload(workload), protocol=PROTOCOLS[protocol], n_threads=n, quantity=quantity,
        value=value, log_sd=0.03, rows=(f"made-up:{n}",),
    )  # fmt: skip


@cache
def made(protocol: str, n: int, workload: str = "ebizzy-mTRp", quantity: str = "throughput_per_s") -> Observation:
    """A row as a machine of the true costs would give it, simulated longer and with another seed."""
    draws = {name: np.array([value]) for name, value in TRUE.items()}
    network = build(machine(), catalog.workload(workload), PROTOCOLS[protocol], n, draws=draws)
    value = measured(quantity, des.solve(network, seed=77, events=4 * EVENTS))[0]
    return row(protocol, n, quantity, float(value), workload)


@cache
def one_row() -> Fit:
    return fit(machine(), [made("mmap_sem", 32)], seed=1, events=40_000)


def test_one_row_moves_the_one_cost_that_it_depends_on_most() -> None:
    found = one_row()
    (moved,) = found.identified
    assert moved == max(found.sensitivity, key=lambda name: found.sensitivity[name]) == "wake_ns"
    assert found.fitted[0] == pytest.approx(found.observations[0].value, rel=0.02)
    assert set(found.prior_only) == set(found.calibration.parameters) - {moved}


def test_the_known_cost_is_found_again() -> None:
    p = one_row().calibration.parameters["wake_ns"]
    assert p.origin == "data"
    assert p.low < TRUE["wake_ns"] < p.high
    assert p.high / p.low < 1.8 < machine().costs["wake_ns"].high / machine().costs["wake_ns"].low


def test_the_others_keep_the_priors_spread() -> None:
    found = one_row().calibration
    for name in one_row().prior_only:
        q, column = machine().costs.get(name), found.draws.names.index(name)
        if q is not None and q.unit != "share":
            logs = np.log(found.draws.values[:, column])
            assert logs.std() == pytest.approx(q.log_sd, rel=0.35), name
            assert logs.mean() == pytest.approx(np.log(q.value), abs=0.5 * q.log_sd), name


def test_a_row_of_another_workload_tells_the_hold() -> None:
    """brk1 in the same table: the hold of an update; its own think time stays what it is."""
    found = fit(
        machine(),
        [made("mmap_sem", 16, "brk1"), made("mmap_sem", 32)],
        workload=EBIZZY,
        seed=1,
        events=20_000,
        n_draws=32,
    )
    parameters = found.calibration.parameters
    assert found.calibration.workload == "ebizzy-mTRp"
    assert {"wake_ns", "update_hold_ns"} <= set(found.identified)
    for name, true in TRUE.items():
        assert parameters[name].low < true < parameters[name].high
    assert abs(np.log(parameters["think_ns"].median / EBIZZY.parameters["think_ns"].value)) < 0.5
    assert found.calibration.rows == ("made-up:16", "made-up:32")


def test_rows_of_two_protocols_and_a_share_are_fitted_together() -> None:
    share = made("spf_mmseq", 32, quantity="fallback_share")
    found = fit(machine(), [made("mmap_sem", 32), made("spf_mmseq", 32), share], seed=1, events=40_000, n_draws=16)
    for name, true in TRUE.items():
        p = found.calibration.parameters[name]
        assert p.low < true < p.high
    assert found.calibration.protocols_used == ("mmap_sem", "spf_mmseq")
    assert found.calibration.baseline == "mmap_sem"
    assert found.fitted[2] == pytest.approx(share.value, rel=0.3)


def test_a_measured_cost_is_taken_as_it_is() -> None:
    found = fit(machine(), [row("mmap_sem", 1, "ns:wake_ns", 33_000.0)], seed=1)
    p = found.calibration.parameters["wake_ns"]
    assert p.low < 33_000 < p.high < 36_000
    assert found.identified == ("wake_ns",)
    assert found.calibration.protocols_used == ()
    assert found.calibration.baseline == "mmap_sem"


def test_the_tables_one_protocol_is_the_baseline() -> None:
    found = fit(
        machine(), [row("spf_rwlock", 1, "ns:wake_ns", 2e4), made("spf_rwlock", 2)], seed=1, events=8_000, n_draws=4
    )
    assert (found.calibration.baseline, found.calibration.protocols_used) == ("spf_rwlock", ("spf_rwlock",))


def test_facts_are_listed_and_kept() -> None:
    m, w, _ = with_settings(machine(), EBIZZY, parse(["line_ns=80", "workload.think_ns=0"]))
    found = fit(m, [row("mmap_sem", 1, "ns:wake_ns", 33_000.0)], workload=w, seed=1).calibration
    assert (found.parameters["line_ns"].origin, found.parameters["line_ns"].median) == ("fact", 80)
    assert (found.draws.values[:, found.draws.names.index("think_ns")] == 0).all()


def test_a_far_move_is_warned_of() -> None:
    found = fit(machine(), [row("mmap_sem", 1, "ns:wake_ns", 3e6)], seed=1)
    assert any("wake_ns moved far out of its prior's 8000 to 50000 ns" in warning for warning in found.warnings)
    assert not any("far" in warning for warning in one_row().warnings)


def test_rows_that_no_cost_explains_are_warned_of() -> None:
    rows = [row("mmap_sem", n, "throughput_per_s", value) for n, value in ((2, 17_000.0), (8, 1_500.0))]
    found = fit(machine(), rows, seed=1, events=8_000, n_draws=4)
    assert any("misses the rows by" in warning for warning in found.warnings)


def test_the_same_seed_gives_the_same_fit() -> None:
    again, other = (fit(machine(), [row("mmap_sem", 1, "ns:wake_ns", 3e4)], seed=seed) for seed in (1, 2))
    same = fit(machine(), [row("mmap_sem", 1, "ns:wake_ns", 3e4)], seed=1)
    np.testing.assert_array_equal(same.calibration.draws.values, again.calibration.draws.values)
    assert (other.calibration.draws.values != again.calibration.draws.values).any()


def test_draws_are_positive_shares_at_most_one_and_rounded() -> None:
    draws = one_row().calibration.draws
    assert draws.values.shape == (64, len(draws.names))
    assert (draws.values > 0).all()
    shares = [n for n in draws.names if ({**machine().costs, **EBIZZY.parameters})[n].unit == "share"]
    assert (draws.values[:, [draws.names.index(n) for n in shares]] <= 1).all()
    assert all(float(f"{value:.5g}") == value for value in draws.values.ravel())


def test_free_costs_are_those_that_rows_tell_apart() -> None:
    alike = np.array([[1.0, 0.99, 0.0], [1.0, 0.99, 0.0]])
    assert choose_free(alike, np.array([0.05, 0.05])) == [0]
    apart = np.array([[1.0, 0.0, 0.0], [0.0, 0.8, 0.01]])
    assert choose_free(apart, np.array([0.05, 0.05])) == [0, 1]
    assert choose_free(np.full((1, 3), 0.01), np.array([1.0])) == [0]


def test_what_no_cost_changes_is_simulated_once() -> None:
    draws = {"wake_ns": np.array([1e4, 2e4, 1e4]), "brk_ratio": np.array([1.0, 1.0, 2.0])}
    network = build(machine(), EBIZZY, PROTOCOLS["mmap_sem"], 4, draws=draws)
    few, place = distinct(network)
    assert len(few.value_ns) == 2
    np.testing.assert_array_equal(few.rwsem_ns[place], network.rwsem_ns)
    np.testing.assert_array_equal(few.value_ns[place], network.value_ns)


def test_another_workloads_parameters_do_not_move() -> None:
    model = Model(machine(), EBIZZY, [row("mmap_sem", 4, "throughput_per_s", 1e5, "brk1")], seed=1)
    z = np.zeros((2, len(model.parameters)))
    z[1, [p.name for p in model.parameters].index("think_ns")] = 3.0
    assert np.ptp(model.logs(z)) == 0
    assert BRK.parameters["think_ns"].value != EBIZZY.parameters["think_ns"].value
