"""Spinning readers, wake-ups by depth, vCPUs that stop, lock operations that take time: cases with a plain answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from study_rules import Row, network_of
from systems import FREE, IN_TIME, OLD, SPINNING_READERS, STOPPED, US, mmap_sem, ops, work

from spfmodel.network import Network, Op, Solution
from spfmodel.primitives.reader_writer import ERAS, FCFS, PATCHES, RwsemRules
from spfmodel.solvers import des


def run(network: Network, events: int = 50_000) -> Solution:
    """One draw, one run; throughput in cycles."""
    return des.solve(replace(network, faults_per_cycle=0.0), events=events, replicas=1)


def one_of_each(rules: RwsemRules, costs: Sequence[float]) -> Network:
    """One thread only writes, for 4 us, one only reads, for 1 us; neither thinks."""
    write = [*ops("WRITE_LOCK"), work(4), *ops("WRITE_UNLOCK"), Row(op=Op.CYCLE_END, arg=0)]
    read = [*ops("READ_LOCK"), work(1), *ops("READ_UNLOCK"), Row(op=Op.CYCLE_END, arg=4)]
    network = network_of([*write, *read], n_threads=2, cpus=2, rules=rules, rwsem_ns=costs, scv=0.0)
    return replace(network, entry=np.array([0, 4], np.int32))


def test_readers_that_spin_pass_the_lock_on_without_sleep() -> None:
    costs = (50 * US, 50 * US, 0.0, 200.0, 0.0, 1e18, 0.0)
    found = run(one_of_each(ERAS["5.3-5.10"], costs))
    assert found.throughput_per_s == pytest.approx(2e9 / (5.4 * US), rel=1e-3)
    assert found.busy_cpus == pytest.approx(2.0)


def test_readers_do_not_spin_before_5_3_nor_from_5_11_nor_without_spin_on_owner() -> None:
    costs = (50 * US, 50 * US, 0.0, 200.0, 0.0, 1e18, 0.0)
    for rules in (ERAS["5.2"], ERAS["from-5.11"], ERAS["5.3-5.10"]._replace(write_spin=0)):
        assert run(one_of_each(rules, costs)).busy_cpus < 1.9


def test_while_only_writers_are_watched_readers_spin_but_writers_sleep_behind_them() -> None:
    """The step before spinning on readers: the writer's hint is READER, so it sleeps till the reader wakes it."""
    costs = (50 * US, 50 * US, 0.0, 200.0, 0.0, 1e18, 0.0)
    found = run(one_of_each(PATCHES["rwsem_pre"], costs))
    assert found.throughput_per_s < 1e9 / (5.4 * US)


def test_a_wake_up_takes_longer_by_the_time_asleep() -> None:
    """Each of two threads sleeps while the other has the lock: tau = h + d (tau + 4 us) = (h + 4 d) / (1 - d)."""
    steps = [*ops("WRITE_LOCK"), work(4), *ops("WRITE_UNLOCK", "CYCLE_END")]
    rules = FCFS._replace(sleep=1, idle_depth=0.5)
    costs = (1e9, 2 * US, 0.0, 0.0, 0.0, 1e18, 0.0)
    found = run(network_of(steps, n_threads=2, cpus=2, rules=rules, rwsem_ns=costs, scv=0.0), events=200_000)
    assert found.throughput_per_s == pytest.approx(1e9 / (12 * US), rel=0.02)


def test_a_stopped_vcpu_adds_its_stops_to_the_work() -> None:
    steps = [work(10), *ops("CYCLE_END")]
    network = network_of(steps, n_threads=1, cpus=1, rules=OLD._replace(**STOPPED), rwsem_ns=FREE, scv=0.0)
    cycle_us = 10 + (1 - np.exp(-10 / 50)) * 20
    assert run(network, events=100_000).throughput_per_s == pytest.approx(1e6 / cycle_us, rel=0.02)


def test_spinners_leave_a_writer_whose_vcpu_is_stopped() -> None:
    steps = [*ops("WRITE_LOCK"), work(5), *ops("WRITE_UNLOCK", "CYCLE_END")]
    costs = (1 * US, 1 * US, 0.0, 0.0, 0.0, 1e18, 0.0)

    def busy(**stops: Any) -> float:
        network = network_of(
            steps,
            n_threads=2,
            cpus=2,
            rules=OLD._replace(**stops),
            rwsem_ns=costs,
            scv=0.0,
        )
        return float(run(network).busy_cpus[0])

    assert busy() == pytest.approx(2.0)
    assert busy(**STOPPED) < 1.8


@pytest.mark.parametrize("cpus", [2, 4, 8])
@pytest.mark.parametrize("stops", [{}, STOPPED])
def test_no_wake_up_is_lost_where_operations_take_time(cpus: int, stops: dict[str, Any]) -> None:
    """A lost one leaves the calendar empty, and the clock at infinity."""
    for rules in (OLD, SPINNING_READERS, ERAS["from-5.11"], *PATCHES.values()):
        for transfer_ns in (100.0, 1000.0):
            timed = rules._replace(**(IN_TIME | stops | {"transfer_ns": transfer_ns}))
            assert np.isfinite(des.simulate(mmap_sem(timed, cpus=cpus), 0, 1, 60_000)[0]).all()
