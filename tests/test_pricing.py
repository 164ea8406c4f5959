"""Prices: positive whatever the draws, and the parts of a hold add up to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfmodel import catalog
from spfmodel.machine import Machine, Phase, Workload
from spfmodel.placement import cross_share
from spfmodel.pricing import (
    OPS,
    faults_per_cycle,
    mapped_runs,
    prices,
    threads_per_page_table,
    times,
    turns,
    values,
)  # fmt: skip
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.settings import parse, with_settings
from spfmodel.sources import Quantity

MACHINES = {name: catalog.prior(name) for name in [*catalog.machine_names(), *catalog.prior_names()]}
WORKLOADS = {name: catalog.workload(name) for name in catalog.workload_names()}
some_machine = st.sampled_from(list(MACHINES.values()))
some_workload = st.sampled_from(list(WORKLOADS.values()))
threads = st.integers(1, 4096)


@st.composite
def draws(draw: st.DrawFn, machine: Machine, workload: Workload) -> dict[str, np.ndarray]:
    """Three draws of every number, anywhere in its range."""
    known = {**machine.costs, **workload.parameters}
    place = st.lists(st.floats(0, 1), min_size=3, max_size=3)
    return {n: q.low + (q.high - q.low) * np.array(draw(place)) for n, q in known.items() if q.high > q.low}


def with_op(workload: Workload, op: str) -> Workload:
    """The workload with one more update; `recycle` only where it says after how much."""
    if op == "recycle" and "recycle_kib" not in workload.parameters:
        return workload
    return replace(workload, program=(*workload.program, Phase(do="update", op=op)))


@given(st.data(), some_machine, some_workload, st.sampled_from(OPS), threads)
def test_prices_are_finite_and_never_negative(
    data: st.DataObject, machine: Machine, workload: Workload, op: str, n: int
) -> None:
    workload = with_op(workload, op)
    for name, price in prices(machine, workload, data.draw(draws(machine, workload)), n).items():
        assert np.isfinite(price).all(), name
        assert (price >= 0).all(), name
        assert not name.endswith(("_share", "_same_vma")) or (price <= 1).all(), name


@given(st.data(), some_machine, some_workload, st.sampled_from([op for op in OPS if op != "recycle"]))
def test_the_parts_of_a_hold_add_up(data: st.DataObject, machine: Machine, workload: Workload, op: str) -> None:
    """Hold = update_hold_ns x the operation's ratio + what more VMAs cost; unmapping pays for pages and their flush."""
    workload = with_op(workload, op)
    v = prices(machine, workload, data.draw(draws(machine, workload)), 8)
    hold = v["madvise_ns"]
    if op != "madvise":
        hold = (v["update_hold_ns"] * v[f"{'brk' if op.startswith('brk') else op}_ratio"] + v["level_ns"]) * v["cut"]
    parts = sum(v[f"{op}_{part}_ns"] for part in ("before", "adjust", "zap", "after"))
    pages = (parts - hold).round(6)
    assert (pages >= 0).all()
    if op in ("mmap", "brk_up", "mprotect"):
        assert not pages.any()
    elif op == "munmap" and "update_op" not in {p.op for p in workload.program}:
        count = faults_per_cycle(machine, workload)
        np.testing.assert_allclose(
            pages, v["zap_page_ns"] * count + v["tlb_flush_ns"] * v["cut"] * (count > 0), rtol=1e-6
        )


@given(some_machine, threads)
def test_cross_share_is_a_chance_that_sockets_limit(machine: Machine, n: int) -> None:
    assert 0 <= cross_share(machine, n) <= 1 - 1 / machine.sockets + 1e-12


def test_cross_share_at_its_ends() -> None:
    machine = MACHINES["skylake-112"]
    assert cross_share(machine, 1) == cross_share(machine, 28) == 0
    assert cross_share(machine, 56) == cross_share(machine, 112) == pytest.approx(0.5)
    assert cross_share(MACHINES["x86-vm-16"], 32) == 0


def test_a_line_costs_more_when_threads_sit_on_two_sockets() -> None:
    machine, workload = MACHINES["skylake-112"], WORKLOADS["pft"]
    near, far = (prices(machine, workload, {}, n)["line_ns"][0] for n in (28, 56))
    assert near == machine.costs["line_ns"].value
    assert far == pytest.approx(near * (1 + (machine.costs["line_cross_ratio"].value - 1) / 2))


def test_faults_follow_from_the_bytes_touched_and_the_page_size() -> None:
    faults = {(m, w): faults_per_cycle(MACHINES[m], WORKLOADS[w]) for m in MACHINES for w in WORKLOADS}
    assert faults["x86-vm-16", "ebizzy-mTt"] == 128
    assert faults["power8-80", "ebizzy-mTt"] == 8
    assert faults["x86-vm-16", "ebizzy-mTRp"] == faults["power8-80", "ebizzy-mTRp"] == 1
    assert faults["skylake-112", "brk1"] == 0


def test_a_phase_repeats_by_its_own_parameter() -> None:
    machine = MACHINES["x86-vm-16"]
    workload = replace(WORKLOADS["pft"], parameters={**WORKLOADS["pft"].parameters, "touched_kib": quantity(12.0)})
    assert times(machine, workload, Phase(do="fault", repeat="faults")) == 3
    assert times(machine, workload, Phase(do="update", op="mmap", repeat="touched_kib")) == 12
    assert times(machine, workload, Phase(do="update", op="mmap")) == 1


def quantity(value: float) -> Quantity:
    return replace(WORKLOADS["pft"].parameters["faults"], value=value, low=value, high=value)


@given(threads, st.integers(1, 4096))
def test_mapped_runs_lie_between_one_and_one_more_than_a_quarter_of_the_threads(n: int, faults: int) -> None:
    assert 1 <= mapped_runs(n, faults) <= 1 + n / 4


@given(some_machine, st.floats(4, 1e7), threads)
def test_threads_per_page_table_are_some_but_not_more_than_there_are(machine: Machine, kib: float, n: int) -> None:
    found = threads_per_page_table(machine, {"page_table_sharing_kib": np.array([kib])}, n)
    assert 1 <= found <= n


def test_threads_per_page_table_at_its_ends() -> None:
    machine = MACHINES["x86-vm-16"]
    assert threads_per_page_table(machine, {}, 16) == 1
    assert threads_per_page_table(machine, {"page_table_sharing_kib": np.array([2048.0])}, 16) == 1
    assert threads_per_page_table(machine, {"page_table_sharing_kib": np.array([512.0])}, 16) == 4
    assert threads_per_page_table(machine, {"page_table_sharing_kib": np.array([4.0])}, 16) == 16


def test_draws_replace_medians_and_leave_the_rest() -> None:
    machine, workload = MACHINES["x86-vm-16"], WORKLOADS["ebizzy-mTRp"]
    found = values(machine, workload, {"wake_ns": np.array([1e4, 2e4, 3e4])})
    assert found["wake_ns"].tolist() == [1e4, 2e4, 3e4]
    assert found["slice_ns"].tolist() == [machine.costs["slice_ns"].value]


def test_a_number_on_which_all_draws_agree_makes_the_same_network_as_the_number_itself() -> None:
    machine, workload = MACHINES["x86-vm-16"], WORKLOADS["ebizzy-mTRp"]
    line = {"line_ns": np.array([50.0, 60.0, 70.0])}
    spelled = {name: np.full(3, machine.costs[name].value) for name in ("wake_ns", "crowding", "fault_work_ns")}
    for protocol in PROTOCOLS.values():
        ours, theirs = (build(machine, workload, protocol, 20, draws=line | more) for more in ({}, spelled))
        for name in ("value_ns", "slowdown", "rwsem_ns", "line_local_ns"):
            assert len(getattr(ours, name)) == 3
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_what_the_user_sets_is_priced() -> None:
    machine, workload, fixed = with_settings(
        MACHINES["x86-vm-16"], WORKLOADS["ebizzy-mTt"], parse(["page_kib=64", "line_ns=77", "workload.think_ns=0"])
    )
    assert faults_per_cycle(machine, workload) == 8
    priced = prices(machine, workload, {}, 4)
    assert priced["line_ns"][0] == 77
    assert priced["think_ns"][0] == 0
    assert fixed == {"line_ns": 77.0, "think_ns": 0.0}


@pytest.mark.parametrize(("faults", "given_back", "one_in"), [(8, 1, 64), (512, 1, 1), (2048, 4, 1)])
def test_a_region_is_given_back_whenever_it_is_full(faults: int, given_back: int, one_in: int) -> None:
    """2 MiB regions of 4 KiB pages: after 512 faults, however many a cycle has."""
    machine = MACHINES["host-6.18"]
    machine, workload, _ = with_settings(
        machine, WORKLOADS["fault-update"], parse([f"workload.faults_per_update={faults}"])
    )
    recycle = next(phase for phase in workload.program if phase.op == "recycle")
    assert times(machine, workload, recycle) == given_back
    assert turns(machine, workload, recycle) == one_in
