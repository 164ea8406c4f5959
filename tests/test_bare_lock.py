"""The bare lock: formula, exact chain and simulation are about the same lock."""

from __future__ import annotations

import numpy as np
import pytest

from spfmodel import bare_lock, load_machine
from spfmodel.bare_lock import BareLock
from spfmodel.network import TIMES
from spfmodel.primitives.reader_writer import ERAS, FCFS

LOCK = BareLock(p_write=0.1, think_ns=5000.0, read_ns=1000.0, write_ns=4000.0)


def test_one_thread_never_waits_by_formula_and_chain() -> None:
    alone = 1e9 / (5000 + 0.9 * 1000 + 0.1 * 4000)
    assert bare_lock.by_formula(LOCK, 1) == pytest.approx(alone, rel=1e-9)
    assert bare_lock.by_chain(LOCK, 1) == pytest.approx(alone, rel=1e-9)


def test_formula_and_chain_reach_the_limit_from_below() -> None:
    limit = bare_lock.limit(LOCK)
    assert limit == pytest.approx(1e9 / (0.1 * 4000 - 0.1 * np.log(0.1) * 1000))
    for way in (bare_lock.by_formula, bare_lock.by_chain):
        assert way(LOCK, 16) < limit
        assert way(LOCK, 128) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("n_threads", [2, 8])
def test_the_simulation_covers_the_chain(n_threads: int) -> None:
    rate, half = bare_lock.simulated(bare_lock.network(LOCK, n_threads), seed=3, events=300_000)
    exact = bare_lock.by_chain(LOCK, n_threads)
    assert half < 0.02 * exact
    assert abs(rate - exact) < 2 * half


def test_sleeping_costs_and_the_later_rules_win_some_back() -> None:
    machine = load_machine("skylake-112")
    times = bare_lock.rwsem_times(machine)
    assert times[: len(TIMES)] == tuple(machine.costs[name].value for name in TIMES)

    def rate(rules: object, costs: object) -> float:
        found = bare_lock.under_rules(LOCK, [8], rules, costs, machine.cpus, seed=1, events=60_000)  # type: ignore[arg-type]
        return found[0]["throughput"]

    textbook = rate(FCFS, bare_lock.FREE)
    assert rate(ERAS["to-4.19"], times) < rate(ERAS["from-5.11"], times) < textbook


def test_the_table_has_a_row_for_each_lock_and_number_of_threads() -> None:
    rows = bare_lock.three_ways([LOCK], [1, 2], events=20_000)
    assert [(row["p_write"], row["n_threads"]) for row in rows] == [(0.1, 1), (0.1, 2)]
    assert rows[1]["chain"] == bare_lock.by_chain(LOCK, 2)
