"""A first look at real workloads: bounds by hand, builds have nothing to gain, launches only a range."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from spfmodel import catalog, datasets, real_workloads
from spfmodel.first_look import Look, bounds, if_nobody_waited, lone_fault_ns, without
from spfmodel.prediction import Question, predict
from spfmodel.protocols import PROTOCOLS

VM = catalog.machine("x86-vm-16")
THREADED = Look(name="app", threads=16, cpus=16, faults_per_s=1e5, user_cpus=2.0, system_cpus=1.0)


def test_free_faults_are_amdahls_law_on_their_share_of_cpu_time() -> None:
    """One thread that thinks z and faults c: its rate is 1 / (z + c), and 1 / z if faults were free."""
    think, cost = 3000.0, 1500.0
    rate = 1e9 / (think + cost)
    assert without(rate, cost, 1.0) == pytest.approx((think + cost) / think)
    assert without(1e6, 1000.0, 1.0) == inf


def test_a_lone_fault_costs_what_the_network_of_one_thread_says() -> None:
    question = Question(machine=VM, workload=catalog.workload("pft"), baseline=PROTOCOLS["mmap_sem"], solver="closed")
    sure = {name: VM.costs[name].value for name, q in VM.costs.items() if q.log_sd > 0}
    (found,) = predict(replace(question, overrides=sure, n_draws=1), [PROTOCOLS["mmap_sem"]], [1])
    memory = found.fault_ns["mean"].median - lone_fault_ns(VM)
    assert 0 <= memory < 0.1 * lone_fault_ns(VM)  # what stays shared is no part of the bound


def test_waits_bound_threads_and_never_a_process_by_itself() -> None:
    assert if_nobody_waited(replace(THREADED, threads=1, waiting=50.0)) == 1
    assert if_nobody_waited(THREADED) == pytest.approx(16 / 3)
    assert if_nobody_waited(replace(THREADED, waiting=1.5)) == pytest.approx(4.5 / 3)
    assert if_nobody_waited(replace(THREADED, waiting=1000.0)) == pytest.approx(16 / 3)
    assert if_nobody_waited(Look(name="app", threads=100, cpus=8)) == 8


def test_system_time_holds_all_faults() -> None:
    dear = replace(THREADED, faults_per_s=1e7)
    assert bounds(dear, VM).free_faults == pytest.approx(1 / (1 - 1 / 3))
    assert bounds(THREADED, VM).free_faults < bounds(dear, VM).free_faults


@pytest.mark.parametrize("machine", ["x86-vm-16", "power8-80"])
def test_a_kernel_build_has_nothing_to_gain(machine: str) -> None:
    look = real_workloads.build_look(machine, "Dufour2018d")
    found = bounds(look, catalog.machine(machine))
    assert not found.tries
    assert 1 < found.most < 1.001
    assert 1.01 < found.free_faults < 1 / (1 - look.system_share)  # type: ignore[operator]
    assert "nothing to gain" in found.sentence
    predicted = real_workloads.predicted(machine, "kernbench", "spf_rwlock")
    assert predicted.attempt_share.high == predicted.fallback_share.high == 0
    assert predicted.speedup.median == pytest.approx(1, abs=0.001)
    assert 0.9 < predicted.speedup.low < 1 < predicted.speedup.high < 1.1


def test_first_look_reads_the_rows_as_printed() -> None:
    look = real_workloads.build_look("x86-vm-16", "Dufour2018d")
    assert look.faults_per_s == pytest.approx(513045402 / 11 / 152.5)
    assert look.busy == pytest.approx((1036.4 + 125.688) / 152.5)
    printed = float(datasets.measurements().set_index("id").loc["m0517", "value"]) / 100
    assert look.busy == pytest.approx(printed, rel=0.002)  # "Percent CPU" of the same runs


def test_measured_builds_differ_as_two_builds_of_one_kernel_do() -> None:
    table = real_workloads.changes()
    builds = table[table["workload"] == "kernbench"]
    assert set(builds["machine"]) == {"x86-vm-8", "power8-752", "x86-vm-16", "power8-80", "x86-48"}
    assert np.abs(np.log(builds["median"])).max() < 2.5 * real_workloads.repetition_sd()
    tried, faults = real_workloads.speculative()
    assert (tried, faults) == (227 + 200 + 202 + 210, 2472498904)


def test_launches_gain_and_the_model_knows_a_range_only() -> None:
    table = real_workloads.changes()
    launches = table[table["workload"] == "app-launch"]
    assert launches["n"].sum() == 35
    for row in launches.itertuples():
        predicted = real_workloads.predicted(str(row.machine), "app-launch", str(row.protocol)).speedup
        assert predicted.low < float(str(row.median)) < predicted.high
        assert predicted.high > 1.5 * predicted.low


def test_few_long_waits_are_nearly_all_waiting() -> None:
    share, least = real_workloads.long_waits()
    assert share == pytest.approx(656 / 20010)
    assert 0.95 < least < 1


@pytest.mark.parametrize("name", sorted(real_workloads.UNMEASURED))
def test_workloads_without_a_table_are_predicted_all_the_same(name: str) -> None:
    assert not (datasets.measurements()["benchmark"].str.contains(name)).any()
    gain = real_workloads.predicted("x86-48", name, "spf_rcu").speedup
    assert 0.5 < gain.low < gain.median < gain.high < 5
