"""The reference simulation against closed forms, exact chains, and an earlier study's results."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference_des import simulate
from reference_rwsem import Rwsem
from study_rules import Row, StudyRwsem, network_from_row, network_of

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import FCFS, RwsemRules

ORACLES = Path(__file__).parent / "oracles"
US = 1000.0
"""one unit of time of an oracle, in ns"""
NO_COSTS = (0.0, 0.0, 0.0, 0.0, 0.0, 1e18, 0.0)
"""waking, spinning and switching cost nothing, and a slice never ends"""


def oracle(name: str) -> tuple[dict[str, Any], Any]:
    """Parameters and value of one row of oracles.csv."""
    with (ORACLES / "oracles.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["id"] == name)
    return json.loads(row["parameters"]), json.loads(row["value"])


def study_row(name: str) -> dict[str, str]:
    """One row of rwsem_reference.csv."""
    with (ORACLES / "rwsem_reference.csv").open() as file:
        return next(row for row in csv.DictReader(file) if row["id"] == f"rwsem_{name}")


def free_of_cost(
    steps: Sequence[Row], n: int, rules: RwsemRules = FCFS, ns: Sequence[float] = NO_COSTS, **kwargs: Any
) -> Network:
    """A CPU for everybody, and one PTE lock for all."""
    kwargs = {"cpus": n, "threads_per_page_table": n} | kwargs
    return network_of(steps, n_threads=n, rules=rules, rwsem_ns=ns, **kwargs)


def work(units: float) -> Row:
    """Work for so many units of time."""
    return Row(op=Op.WORK, value=units * US)


def ops(*names: str) -> list[Row]:
    """Steps without a parameter."""
    return [Row(op=Op[name]) for name in names]


def agrees(measured: tuple[float, float], exact: float, *, precision: float) -> bool:
    """Within twice the 95 % half-width, which is itself small enough for the test to mean something."""
    value, half_width = measured
    assert half_width < precision * abs(exact)
    return abs(value - exact) < 2 * half_width


def reader_writer(p: dict[str, float]) -> list[Row]:
    """Think, then a write hold with probability p_write, else a read hold."""
    return [
        work(p["think"]),
        Row(op=Op.CHANCE, value=p["p_write"], fail=6, cause=0),
        *ops("READ_LOCK"), work(p["read_hold"]), *ops("READ_UNLOCK"), Row(op=Op.JUMP, arg=9),
        *ops("WRITE_LOCK"), work(p["write_hold"]), *ops("WRITE_UNLOCK"),
        Row(op=Op.CYCLE_END),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [f"rw_fcfs_{i}" for i in (0, 1, 2, 4, 5, 7)])
def test_fcfs_lock_is_the_exact_chain(name: str) -> None:
    p, exact = oracle(name)
    found = simulate(free_of_cost(reader_writer(p), p["N"]), cycles=30000)
    assert agrees(found["throughput_per_s"], exact * 1e9 / US, precision=0.04)


def test_waking_all_readers_is_the_exact_chain() -> None:
    p, exact = oracle("rw_policy_0")
    network = free_of_cost(reader_writer(p), p["N"], FCFS._replace(wake_all_readers=1))
    found = simulate(network, cycles=20000)
    assert agrees(found["throughput_per_s"], exact * 1e9 / US, precision=0.02)


def speculative(p: dict[str, float]) -> list[Row]:
    """Think, then an update with probability p_write, else a speculative fault."""
    return [
        work(p["think"]),
        Row(op=Op.CHANCE, value=p["p_write"], fail=10, cause=0),
        *ops("ATTEMPT"),
        Row(op=Op.SEQ_READ, fail=7, cause=1), work(p["spec"]), Row(op=Op.SEQ_CHECK, fail=7, cause=2),
        Row(op=Op.JUMP, arg=15),
        *ops("READ_LOCK"), work(p["read_hold"]), Row(op=Op.JUMP, arg=16),
        *ops("WRITE_LOCK"), Row(op=Op.SEQ_ODD, value=p["same_vma"]), work(p["write_hold"]),
        *ops("SEQ_EVEN", "WRITE_UNLOCK"),
        Row(op=Op.JUMP, arg=17),
        *ops("READ_UNLOCK", "CYCLE_END"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [f"spf_exact_{i}" for i in range(4)])
def test_speculation_is_the_exact_chain(name: str) -> None:
    p, (rate, aborts, at_once) = oracle(name)
    causes = ("is_update", "at_once", "at_the_end")
    found = simulate(free_of_cost(speculative(p), p["N"], causes=causes), cycles=40000)
    both = [found[f"abort_share:{c}"] for c in causes[1:]]
    assert agrees(found["throughput_per_s"], rate * 1e9 / US, precision=0.02)
    assert agrees(both[0], at_once, precision=0.12)
    assert agrees(both[1], aborts - at_once, precision=0.12)


def test_spinlock_is_the_machine_repairman() -> None:
    p, (length, *_, exact) = oracle("rq_repair_1")
    steps = [work(1 / p["lambda"]), *ops("FAULT_BEGIN", "SPIN_LOCK"), work(1 / p["mu"])]
    steps += ops("SPIN_UNLOCK", "FAULT_END", "CYCLE_END")
    found = simulate(free_of_cost(steps, p["K"]), cycles=20000)
    assert agrees(found["throughput_per_s"], exact * 1e9 / US, precision=0.02)
    assert agrees(found["faults_in_progress"], length, precision=0.03)


@pytest.mark.parametrize("scv", [0.0, 0.25, 1.0, 4.0])
def test_trylock_is_engset_loss_whatever_the_law_of_hold_times(scv: float) -> None:
    n, think, hold = 5, 10.0, 2.0
    steps = [work(think), *ops("ATTEMPT"), Row(op=Op.TRYLOCK, fail=5, cause=0), work(hold)]
    steps += ops("SPIN_UNLOCK", "CYCLE_END")
    network = free_of_cost(steps, n)
    network = replace(network, scv=np.array([1.0, 0, 0, scv, 0, 0]))
    offered = (n - 1) * hold / think
    found = simulate(network, cycles=40000)
    assert agrees(found["abort_share:fails"], offered / (1 + offered), precision=0.03)


def test_little_law_holds_for_faults_and_for_the_whole_population() -> None:
    steps = [
        work(4), *ops("FAULT_BEGIN", "READ_LOCK"), work(1), *ops("READ_UNLOCK", "FAULT_END"),
        *ops("UPDATE_BEGIN", "WRITE_LOCK"), work(1), *ops("WRITE_UNLOCK", "UPDATE_END", "CYCLE_END"),
    ]  # fmt: skip
    ns = (5 * US, 2 * US, 100.0, 200.0, 0.0, 1e18, 0.8)
    found = {k: v[0] for k, v in simulate(free_of_cost(steps, 8, RwsemRules(), ns), cycles=20000).items()}
    inside = found["faults_per_s"] * found["fault_mean_ns"] / 1e9
    assert inside == pytest.approx(found["faults_in_progress"], rel=0.01)
    cycle_ns = 4 * US + found["fault_mean_ns"] + found["update_mean_ns"]
    assert found["throughput_per_s"] * cycle_ns / 1e9 == pytest.approx(8, rel=0.02)
    assert found["faults_per_s"] == pytest.approx(found["updates_per_s"], rel=1e-3)


def test_line_is_local_for_one_thread_and_serves_one_at_a_time() -> None:
    steps = [Row(op=Op.LINE, value=100.0), *ops("CYCLE_END")]
    networks = [
        replace(free_of_cost(steps, n, lines=("line",), scv=0.0), line_local_ns=np.array([20.0])) for n in (1, 2, 7)
    ]
    rates = [simulate(network, cycles=100)["throughput_per_s"][0] for network in networks]
    assert rates == pytest.approx([1e9 / 20, 1e9 / 100, 1e9 / 100])


def test_two_threads_share_one_cpu_by_slices() -> None:
    """Three cycles of 1 ms fill a slice of 3 ms; the switch of 2 us comes on top."""
    network = free_of_cost([work(1000), *ops("CYCLE_END")], 2, ns=(0, 0, 0, 0, 2 * US, 3e6, 0), cpus=1, scv=0.0)
    found = simulate(network, cycles=600)
    assert found["throughput_per_s"][0] == pytest.approx(3 / 3.002e-3, rel=1e-6)
    assert found["busy_cpus"][0] == pytest.approx(1.0)


def test_hand_off_to_a_sleeper_costs_the_wake_latency() -> None:
    """A saturated lock that is given to the sleeping head: one hold and one wake-up per operation."""
    steps = [*ops("WRITE_LOCK"), work(4), *ops("WRITE_UNLOCK", "CYCLE_END")]
    ns = (10 * US, 10 * US, 0.0, 0.0, 0.0, 1e18, 0.0)
    found = simulate(free_of_cost(steps, 4, FCFS._replace(sleep=1), ns, scv=0.0), cycles=5000)
    assert agrees(found["throughput_per_s"], 1e9 / (14 * US), precision=0.02)
    assert found["busy_cpus"][0] == pytest.approx(4 / 14, rel=0.02)


@pytest.mark.parametrize(("flag", "owned"), [(0, (1.0, 0.0)), (1, (0.75, 0.25))])
def test_downgrade_turns_the_rest_of_the_hold_into_a_read_hold(flag: int, owned: tuple[float, float]) -> None:
    steps = [*ops("WRITE_LOCK"), work(3), *ops("DOWNGRADE"), work(1), *ops("WRITE_UNLOCK", "CYCLE_END")]
    found = simulate(free_of_cost(steps, 1, RwsemRules(downgrade=flag), scv=0.0), cycles=100)
    assert (found["writer_owned"][0], found["reader_owned"][0]) == pytest.approx(owned)


def test_hand_off_ends_starvation() -> None:
    """One running thread steals the lock from the sleeper until the sleeper may forbid it."""
    waits: list[float] = []

    class Watched(Rwsem):
        def hand_off(self) -> None:
            assert self.handoff is not None
            waits.append(self.calendar.now - self.handoff.since)
            super().hand_off()

    steps = [*ops("WRITE_LOCK"), work(10), *ops("WRITE_UNLOCK"), work(0.1), *ops("CYCLE_END")]
    ns = (5 * US, 5 * US, 0.0, 0.0, 0.0, 1e18, 0.0)
    rules = RwsemRules(write_spin=0, handoff_after_ns=100 * US)
    simulate(free_of_cost(steps, 2, rules, ns), cycles=2000, rwsem=Watched)
    assert len(waits) > 20
    assert min(waits) > 100 * US


def deviation(name: str, rwsem: type[Rwsem], *, cycles: int, start: int | None = None) -> float:
    """Relative to the study's records per second."""
    row = study_row(name)
    found = simulate(network_from_row(row, start=start), cycles=cycles, warmup=cycles // 2, rwsem=rwsem)
    return found["throughput_per_s"][0] / float(row["records_per_s"]) - 1


@pytest.mark.parametrize("name", ["0", "2", "4", "16", "12", "18", "27", "28", "29", "32", "51"])
def test_study_rows_are_reproduced(name: str) -> None:
    many_faults = float(study_row(name)["faults_per_record"]) > 8
    assert abs(deviation(name, StudyRwsem, cycles=600 if many_faults else 3000)) < 0.04


@pytest.mark.parametrize("name", ["3", "6", "15"])
def test_study_rows_with_one_fault_lie_between_results_of_different_starts(name: str) -> None:
    """Groups of readers that queued together never mix: throughput remembers the start."""
    found = [deviation(name, StudyRwsem, cycles=1500, start=start) for start in (None, 0, 1, 2, 3)]
    assert min(found) < 0 < max(found)
    assert max(found) - min(found) > 0.08  # far more than the noise of one run


def test_spinning_on_readers_one_by_one_is_the_study_not_the_kernel() -> None:
    """With the kernel's one clock for all, few threads and many faults lose a quarter."""
    assert abs(deviation("48", StudyRwsem, cycles=400)) < 0.08
    assert deviation("48", Rwsem, cycles=400) < -0.15


def test_same_seed_same_result() -> None:
    network = network_from_row(study_row("8"))
    once, again, other = (simulate(network, cycles=300, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_an_abort_releases_the_pte_lock() -> None:
    steps = [
        *ops("ATTEMPT"), Row(op=Op.TRYLOCK, fail=4, cause=0), Row(op=Op.CHANCE, value=1.0, fail=4, cause=1),
        *ops("SPIN_UNLOCK"), work(1), *ops("CYCLE_END"),
    ]  # fmt: skip
    found = simulate(free_of_cost(steps, 3, causes=("busy", "chance")), cycles=300)
    assert found["abort_share:busy"][0] == 0
    assert found["abort_share:chance"][0] == 1
