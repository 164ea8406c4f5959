"""Protocol tables are well formed: what is taken is given back, what aborts has a cause and a fallback."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.machine import Phase, Workload
from spfmodel.pricing import OPS, prices
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS, AbortCause, Action, Protocol, Resource, Step

LOCKS = {
    Action.READ_LOCK: ("read", +1), Action.READ_UNLOCK: ("read", -1), Action.WRITE_LOCK: ("write", +1),
    Action.WRITE_UNLOCK: ("write", -1), Action.TRYLOCK: ("spin", +1), Action.SPIN_LOCK: ("spin", +1),
    Action.SPIN_UNLOCK: ("spin", -1), Action.SEQ_ODD: ("odd", +1), Action.SEQ_EVEN: ("odd", -1),
}  # fmt: skip
CAN_FAIL = {Action.SEQ_READ, Action.SEQ_CHECK, Action.TRYLOCK, Action.CHANCE}
NEEDS = {
    Action.READ_LOCK: {Resource.MMAP_SEM}, Action.READ_UNLOCK: {Resource.MMAP_SEM},
    Action.WRITE_LOCK: {Resource.MMAP_SEM}, Action.WRITE_UNLOCK: {Resource.MMAP_SEM},
    Action.DOWNGRADE: {Resource.MMAP_SEM}, Action.TRYLOCK: {Resource.PTE_LOCK}, Action.SPIN_LOCK: {Resource.PTE_LOCK},
    Action.SPIN_UNLOCK: {Resource.PTE_LOCK}, Action.SEQ_READ: {Resource.VMA_SEQ, Resource.MM_SEQ},
    Action.SEQ_CHECK: {Resource.VMA_SEQ, Resource.MM_SEQ}, Action.SEQ_ODD: {Resource.VMA_SEQ, Resource.MM_SEQ},
    Action.SEQ_EVEN: {Resource.VMA_SEQ, Resource.MM_SEQ},
    Action.LINE: {Resource.MMAP_LINE, Resource.MM_RB_LINE, Resource.VMA_LINE, Resource.MEMORY_LINE},
}  # fmt: skip
"""What an action may act on; WORK and CHANCE act on nothing."""

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
every_op = pytest.mark.parametrize("op", OPS)


def held_after(steps: tuple[Step, ...]) -> dict[tuple[str, Resource | None], int]:
    """What is held at the end; nothing is given back before it is taken, nor taken twice."""
    held: dict[tuple[str, Resource | None], int] = {}
    for step in steps:
        if step.action in LOCKS:
            kind, sign = LOCKS[step.action]
            key = (kind, step.resource)
            held[key] = held.get(key, 0) + sign
            assert held[key] in (0, 1), f"{step.action} {step.resource} out of turn"
    return held


def path(protocol: Protocol, op: str) -> tuple[Step, ...]:
    """An update's steps for one operation."""
    return tuple(s for s in protocol.update if not s.ops or op in s.ops)


def abort_points(attempt: tuple[Step, ...]) -> list[int]:
    return [i for i, s in enumerate(attempt) if s.abort]


@every_protocol
def test_fault_paths_release_what_they_take(protocol: Protocol) -> None:
    for steps in (protocol.attempt, protocol.classic, protocol.fallback):
        assert not any(held_after(steps).values())


@every_protocol
@every_op
def test_update_paths_release_what_they_take(protocol: Protocol, op: str) -> None:
    steps = path(protocol, op)
    assert not any(held_after(steps).values())
    actions = [s.action for s in steps]
    assert actions.count(Action.WRITE_LOCK) == actions.count(Action.WRITE_UNLOCK) == 1
    first, last = actions.index(Action.WRITE_LOCK), actions.index(Action.WRITE_UNLOCK)
    assert all(first < i < last for i, a in enumerate(actions) if a in (Action.DOWNGRADE, Action.SPIN_LOCK))
    assert actions.count(Action.DOWNGRADE) == (op in ("munmap", "brk_down"))


@every_protocol
@every_op
def test_a_sequence_is_odd_once_inside_the_write_hold(protocol: Protocol, op: str) -> None:
    actions = [s.action for s in path(protocol, op)]
    assert actions.count(Action.SEQ_ODD) == actions.count(Action.SEQ_EVEN) == int(bool(protocol.attempt))
    if protocol.attempt:
        odd, even = actions.index(Action.SEQ_ODD), actions.index(Action.SEQ_EVEN)
        assert actions.index(Action.WRITE_LOCK) < odd < even < actions.index(Action.WRITE_UNLOCK)
        assert Action.WORK in actions[odd:even]


@every_protocol
def test_only_attempts_abort_and_hold_at_most_the_pte_lock_then(protocol: Protocol) -> None:
    """An abort releases the PTE lock by itself (docs/semantics.md), and nothing else."""
    for step in (*protocol.classic, *protocol.fallback, *protocol.update):
        assert step.abort is None
        assert step.action not in CAN_FAIL
    for i in abort_points(protocol.attempt):
        held = held_after(protocol.attempt[:i])
        assert not any(count for (kind, _), count in held.items() if kind != "spin")
    for step in protocol.attempt:
        assert (step.abort is not None) == (step.action in CAN_FAIL)


@every_protocol
def test_an_attempt_reads_the_sequence_before_it_checks_it_and_checks_under_the_lock(protocol: Protocol) -> None:
    actions = [s.action for s in protocol.attempt]
    if not actions:
        return
    assert actions.index(Action.SEQ_READ) < actions.index(Action.SEQ_CHECK)
    assert Action.SEQ_CHECK in actions[actions.index(Action.TRYLOCK) :]
    read = {s.resource for s in protocol.attempt if s.action in (Action.SEQ_READ, Action.SEQ_CHECK)}
    moved = {s.resource for s in protocol.update if s.action == Action.SEQ_ODD}
    assert read == moved


@every_protocol
def test_whatever_gets_pinned_is_put_on_both_ways(protocol: Protocol) -> None:
    """A reference count is an atomic to get and another to put, after success and after fallback alike."""
    taken = [s for s in protocol.attempt if s.resource == Resource.VMA_LINE]
    assert len(taken) in (0, 2)
    before_first_abort = protocol.attempt[: min(abort_points(protocol.attempt), default=0)]
    got = [s for s in before_first_abort if s.resource == Resource.VMA_LINE]
    put = [s for s in protocol.fallback or protocol.classic if s.resource == Resource.VMA_LINE]
    assert len(got) == len(put) == len(taken) // 2


@every_protocol
def test_the_fallback_does_what_the_classic_path_does(protocol: Protocol) -> None:
    """Up to what the attempt has already found, and the reference that it still holds."""
    if protocol.fallback:
        kept = [s for s in protocol.fallback if s.resource != Resource.VMA_LINE]
        assert kept == [s for s in protocol.classic if s.cost != "vma_walk_ns"]


@every_protocol
def test_steps_name_a_fitting_resource_a_cost_and_a_known_operation(protocol: Protocol) -> None:
    for step in (*protocol.attempt, *protocol.classic, *protocol.fallback, *protocol.update):
        if step.action in NEEDS:
            assert step.resource in NEEDS[step.action]
        else:
            assert step.resource is None
        assert bool(step.cost) == (step.action in (Action.WORK, Action.LINE, Action.CHANCE))
        assert step.cost.endswith("_share") == (step.action == Action.CHANCE)
        assert set(step.ops) <= set(OPS)
        assert step.abort is None or step.abort in AbortCause


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
    assert protocol.source
    assert protocol.title


def doing(workload: Workload, op: str) -> Workload:
    """The workload with one more update in its cycle."""
    return replace(workload, program=(*workload.program, Phase(do="update", op=op)))


@every_protocol
@pytest.mark.parametrize("machine_name", [*catalog.machine_names(), *catalog.prior_names()])
def test_every_cost_exists_on_every_machine_and_workload(protocol: Protocol, machine_name: str) -> None:
    machine = catalog.prior(machine_name)
    for workload_name in catalog.workload_names():
        for op in OPS:
            workload = doing(catalog.workload(workload_name), op)
            priced = prices(machine, workload, {}, 4)
            for step in (*protocol.attempt, *protocol.classic, *protocol.fallback, *path(protocol, op)):
                if step.cost:
                    price = priced[step.cost.format(op=op)]
                    assert np.isfinite(price).all()
                    assert (price >= 0).all()
                    assert step.action != Action.CHANCE or (price <= 1).all()
            network = build(machine, workload, protocol, 4)
            assert np.isfinite(network.value_ns).all()
