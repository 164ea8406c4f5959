"""Protocol tables are well formed, take what the kernels' sources say, and are priced everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.machine import CHOICES, Phase, Workload
from spfmodel.pricing import prices
from spfmodel.primitives.reader_writer import OTHER_LOCKS
from spfmodel.program import build, tries_at_all
from spfmodel.protocol_file import known_costs
from spfmodel.protocols import PROTOCOLS, Action, Protocol, Resource, Step
from spfmodel.protocols.check import OPS, problems
from spfmodel.protocols.footprint import atomics, failed, footprint
from spfmodel.solvers import solve

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
every_op = pytest.mark.parametrize("op", OPS)
SPECULATIVE = ("spf_srcu", "spf_rwlock", "spf_rwlock_v11", "spf_rcu", "spf_mmseq")
PER_VMA = ("per_vma_lock", "per_vma_refcnt")


def path(protocol: Protocol, op: str) -> tuple[Step, ...]:
    """An update's steps for one operation."""
    return tuple(s for s in protocol.update if not s.ops or op in s.ops)


def inside(protocol: Protocol, op: str, first: Action, last: Action) -> list[str]:
    """Costs of an update between two actions."""
    steps = path(protocol, op)
    actions = [s.action for s in steps]
    return [s.cost for s in steps[actions.index(first) : actions.index(last)] if s.cost]


def test_the_ten() -> None:
    assert list(PROTOCOLS) == [
        "mmap_sem", "spf_srcu", "spf_rwlock", "spf_rwlock_v11", "spf_rcu", "spf_mmseq", "per_vma_lock",
        "per_vma_refcnt", "range_lock", "ideal",
    ]  # fmt: skip


@every_protocol
def test_a_shipped_table_has_no_problems(protocol: Protocol) -> None:
    assert problems(protocol, known_costs()) == []
    assert protocol.lock in ("", *OTHER_LOCKS)
    assert set(protocol.refuses) <= set(CHOICES["fault_kind"])
    assert protocol.source
    assert protocol.title


SUCCESS = {
    "mmap_sem": 2, "spf_srcu": 0, "spf_rwlock": 4, "spf_rwlock_v11": 4, "spf_rcu": 2, "spf_mmseq": 0,
    "per_vma_lock": 2, "per_vma_refcnt": 2, "range_lock": 2, "ideal": 0,
}  # fmt: skip
"""Atomics on shared lines of a fault that succeeds, as counted in the patches."""
FAILURE = {
    "spf_srcu": 2, "spf_rwlock": 6, "spf_rwlock_v11": 6, "spf_rcu": 4, "spf_mmseq": 2, "per_vma_lock": 2,
    "per_vma_refcnt": 2,
}  # fmt: skip
"""Of one whose attempt fails, up to and including the classic path."""


@every_protocol
def test_atomics_are_those_of_the_patches(protocol: Protocol) -> None:
    assert atomics(protocol.attempt or protocol.classic).total() == SUCCESS[protocol.name]
    assert footprint(protocol).startswith(f"{SUCCESS[protocol.name] or 'no'} atomics")
    aborts = [n for n, s in enumerate(protocol.attempt, 1) if s.abort]
    first = {failed(protocol, n).total() for n in aborts[:1]}
    assert first == ({FAILURE[protocol.name]} if aborts else set())
    if protocol.name in SPECULATIVE:
        assert {failed(protocol, n).total() for n in aborts} == first


@pytest.mark.parametrize("name", SPECULATIVE)
def test_speculation_checks_its_sequence_under_the_page_table_lock(name: str) -> None:
    actions = [s.action for s in PROTOCOLS[name].attempt]
    locked = max(i for i, a in enumerate(actions) if a in (Action.TRYLOCK, Action.SPIN_LOCK))
    assert actions.index(Action.SEQ_READ) < actions.index(Action.SEQ_CHECK) < locked
    assert Action.SEQ_CHECK in actions[locked : actions.index(Action.SPIN_UNLOCK)]


def test_who_loops_on_the_page_table_lock() -> None:
    tries = {p.name for p in PROTOCOLS.values() if any(s.action == Action.TRYLOCK for s in p.attempt)}
    assert tries == {"spf_srcu", "spf_rwlock", "spf_mmseq"}


@pytest.mark.parametrize("name", ["spf_rwlock", "spf_rwlock_v11", "spf_rcu"])
def test_whatever_gets_pinned_is_put_on_both_ways(name: str) -> None:
    """A reference count is an atomic to get and another to put, after success and after fallback alike."""
    protocol = PROTOCOLS[name]
    assert atomics(protocol.attempt)[Resource.VMA_LINE] == 2
    assert atomics(protocol.fallback)[Resource.VMA_LINE] == 1
    looks_up_again = any(s.cost == "vma_walk_ns" for s in protocol.fallback)
    assert looks_up_again == (name != "spf_rwlock")


@every_protocol
@every_op
def test_an_update_holds_mmap_sem_once(protocol: Protocol, op: str) -> None:
    actions = [s.action for s in path(protocol, op)]
    writes = 0 if op == "madvise" else 1
    reads = int(op == "madvise" and protocol.name != "per_vma_refcnt")
    assert actions.count(Action.WRITE_LOCK) == actions.count(Action.WRITE_UNLOCK) == writes
    assert actions.count(Action.READ_LOCK) == actions.count(Action.READ_UNLOCK) == reads
    downgrades = op in ("munmap", "brk_down") and protocol.name != "range_lock"
    assert actions.count(Action.DOWNGRADE) == downgrades


@pytest.mark.parametrize("name", SPECULATIVE[:4])
def test_a_vma_is_odd_while_it_is_changed_and_while_its_pages_are_zapped_or_protected(name: str) -> None:
    odd = {op: inside(PROTOCOLS[name], op, Action.SEQ_ODD, Action.SEQ_EVEN) for op in OPS}
    for op in ("mmap", "munmap", "brk_up", "brk_down"):
        assert odd[op] == ["{op}_adjust_ns"]
    assert odd["mprotect"] == ["{op}_adjust_ns", "{op}_flush_ns", "{op}_after_ns"]
    assert odd["madvise"] == ["{op}_zap_ns"]


def test_a_per_mm_sequence_is_odd_in_the_whole_write_hold_and_not_in_madvise() -> None:
    protocol = PROTOCOLS["spf_mmseq"]
    assert not any(s.action == Action.SEQ_ODD for s in path(protocol, "madvise"))
    assert inside(protocol, "mmap", Action.WRITE_LOCK, Action.SEQ_ODD) == []
    assert inside(protocol, "mmap", Action.SEQ_EVEN, Action.WRITE_UNLOCK) == []
    assert inside(protocol, "munmap", Action.SEQ_EVEN, Action.DOWNGRADE) == []


@pytest.mark.parametrize("name", PER_VMA)
def test_a_vma_stays_locked_until_mmap_lock_is_released_or_downgraded(name: str) -> None:
    protocol = PROTOCOLS[name]
    for op in ("mmap", "brk_up", "mprotect"):
        assert inside(protocol, op, Action.VMA_WRITE_UNLOCK, Action.WRITE_UNLOCK) == []
    for op in ("munmap", "brk_down"):
        assert inside(protocol, op, Action.VMA_WRITE_UNLOCK, Action.DOWNGRADE) == []
        assert inside(protocol, op, Action.VMA_WRITE_LOCK, Action.VMA_WRITE_UNLOCK) == ["{op}_adjust_ns"]


def choosing(**choices: str) -> Workload:
    return replace(catalog.workload("pft"), choices=choices)


def test_who_tries() -> None:
    """Kernel-mode faults never; alone, only v1 to v5 and the per-VMA locks."""
    tries = {p.name for p in PROTOCOLS.values() if tries_at_all(p, choosing(), 2)}
    alone = {p.name for p in PROTOCOLS.values() if tries_at_all(p, choosing(), 1)}
    kernel = {p.name for p in PROTOCOLS.values() if tries_at_all(p, choosing(touch="kern"), 2)}
    assert tries == {*SPECULATIVE, *PER_VMA}
    assert alone == {"spf_srcu", *PER_VMA}
    assert not kernel


@pytest.mark.parametrize("kind", CHOICES["fault_kind"])
def test_what_is_refused_always_falls_back(kind: str) -> None:
    """Files never speculate, swap does not with Lespinasse, and a VMA's lock asks nothing."""
    refusing = {name for name, p in PROTOCOLS.items() if kind in p.refuses}
    expected = {"file": set(SPECULATIVE), "shared": set(SPECULATIVE), "swap": {"spf_mmseq"}}
    assert refusing == expected.get(kind, set())


@every_protocol
def test_a_protocol_prints_every_step_of_every_path(protocol: Protocol) -> None:
    rows = protocol.rows()
    paths = (protocol.attempt, protocol.classic, protocol.fallback, protocol.update)
    assert len(rows) == sum(map(len, paths))
    for name, steps in zip(("attempt", "classic", "fallback", "update"), paths, strict=True):
        mine = [row for row in rows if row[0] == name]
        assert [row[1] for row in mine] == list(range(1, len(steps) + 1))
        assert [(row[2], row[5]) for row in mine] == [(s.action.value, s.abort or "") for s in steps]
        assert all(op in row[6] for row, s in zip(mine, steps, strict=True) for op in s.ops)
    assert protocol.name == next(name for name, p in PROTOCOLS.items() if p is protocol)


def doing(workload: Workload, ops: tuple[str, ...]) -> Workload:
    """The workload with more updates in its cycle."""
    return replace(workload, program=(*workload.program, *(Phase(do="update", op=op) for op in ops)))


WORKLOADS = [doing(catalog.workload(name), OPS) for name in catalog.workload_names()]
COSTS = sorted({
    step.cost.format(op=op)
    for protocol in PROTOCOLS.values()
    for op in OPS
    for step in (*protocol.attempt, *protocol.classic, *protocol.fallback, *path(protocol, op))
    if step.cost
})  # fmt: skip


@pytest.mark.parametrize("machine_name", [*catalog.machine_names(), *catalog.prior_names()])
def test_every_cost_exists_on_every_machine_and_workload(machine_name: str) -> None:
    machine = catalog.prior(machine_name)
    for workload in WORKLOADS:
        priced = prices(machine, workload, {}, 4)
        for name in COSTS:
            assert np.isfinite(priced[name]).all()
            assert (priced[name] >= 0).all()
            assert not name.endswith("_share") or (priced[name] <= 1).all()


@every_protocol
def test_every_protocol_is_laid_out_for_every_workload(protocol: Protocol) -> None:
    machine = catalog.prior("x86-2s")
    for workload in WORKLOADS:
        assert np.isfinite(build(machine, workload, protocol, 4).value_ns).all()


@every_protocol
def test_every_protocol_runs(protocol: Protocol) -> None:
    """Every operation. Attempts count at a fault's start, faults at its end: a short run has a few more of one."""
    workload = replace(doing(catalog.workload("ebizzy-mTRp"), OPS), parameters=catalog.workload("pft").parameters)
    network = build(catalog.prior("x86-2s"), workload, protocol, 4)
    found = solve(network, solver="des", events=20_000)
    assert np.isfinite(found.throughput_per_s).all()
    assert found.throughput_per_s.min() > 0
    assert found.attempt_share.min() == pytest.approx(float(bool(protocol.attempt)), abs=0.04)
    causes = {s.abort.value for s in protocol.attempt if s.abort}
    assert set(found.abort_share) <= causes


BUESO_40 = {1: 0.957, 4: 0.950, 12: 0.992, 21: 1.002, 30: 0.998, 40: 1.014}
"""pft's faults/s under the full-range lock over mmap_sem's, by threads (measurements.csv, RL-DAVIDLOHR-PFT)."""


@pytest.mark.parametrize("n", BUESO_40)
def test_the_range_lock_costs_a_few_percent_alone_and_nothing_where_the_line_is_the_limit(n: int) -> None:
    facts = {"cpus": 40, "cores": 20, "sockets": 2, "numa_nodes": 2, "kernel": "4.15"}
    machine = catalog.with_facts(catalog.prior("x86-2s"), facts)
    rate = {
        name: solve(build(machine, catalog.workload("pft"), PROTOCOLS[name], n), solver="closed").throughput_per_s[0]
        for name in ("mmap_sem", "range_lock")
    }
    assert rate["range_lock"] / rate["mmap_sem"] == pytest.approx(BUESO_40[n], abs=0.025)
