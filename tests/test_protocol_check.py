"""The checker of protocol tables: each rule refuses a table that breaks it, in one sentence that says where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from spfmodel.protocol_file import known_costs
from spfmodel.protocols import PROTOCOLS, AbortCause, Action, Protocol, Resource, Step
from spfmodel.protocols.check import problems

GOOD, VMA = PROTOCOLS["spf_rwlock"], PROTOCOLS["per_vma_lock"]


def place(steps: tuple[Step, ...], action: Action, nth: int = 0) -> int:
    return [i for i, s in enumerate(steps) if s.action == action][nth]


def without(steps: tuple[Step, ...], action: Action, nth: int = 0) -> tuple[Step, ...]:
    i = place(steps, action, nth)
    return steps[:i] + steps[i + 1 :]


def before(steps: tuple[Step, ...], action: Action, *more: Step) -> tuple[Step, ...]:
    i = place(steps, action)
    return steps[:i] + more + steps[i:]


def changed(steps: tuple[Step, ...], at: Action, /, **fields: object) -> tuple[Step, ...]:
    i = place(steps, at)
    return (*steps[:i], replace(steps[i], **fields), *steps[i + 1 :])  # type: ignore[arg-type]


def attempt(change: Callable[..., tuple[Step, ...]], *args: object, p: Protocol = GOOD, **more: object) -> Protocol:
    return replace(p, attempt=change(p.attempt, *args, **more))


def update(change: Callable[..., tuple[Step, ...]], *args: object, p: Protocol = GOOD, **more: object) -> Protocol:
    return replace(p, update=change(p.update, *args, **more))


A, R = Action, Resource
READ = Step(action=A.READ_LOCK, resource=R.MMAP_SEM)
FLUSH = Step(action=A.FLUSH, cost="munmap_flush_ns")
WORK = Step(action=A.WORK, cost="vma_walk_ns")
BROKEN = {
    "PTE lock kept on success": (
        attempt(without, A.SPIN_UNLOCK), "attempt, row 14 takes pte_lock, which no later row gives back; add that row"),
    "mmap_sem kept by the classic path": (
        replace(GOOD, classic=without(GOOD.classic, A.READ_UNLOCK)), "classic, row 2 takes mmap_sem for read, which"),
    "mmap_sem kept by one operation": (
        update(without, A.READ_UNLOCK), "which no later row gives back; add that row (for madvise)"),
    "unlock without lock": (
        attempt(without, A.TRYLOCK), "attempt, row 16 (spin_unlock) gives back pte_lock, which is not held"),
    "taken twice": (
        replace(GOOD, classic=before(GOOD.classic, A.WORK, READ)), "but row 2 holds mmap_sem for read"),
    "abort with mmap_sem held": (
        attempt(before, A.SEQ_READ, READ), "attempt, row 7 (seq_read) aborts with mmap_sem for read held (row 6)"),
    "check before read": (
        attempt(without, A.SEQ_READ), "attempt, row 11 (seq_check) checks vma_seq, which no row before it reads"),
    "read, never checked": (
        replace(GOOD, attempt=tuple(s for s in GOOD.attempt if s.action != A.SEQ_CHECK)),
        "attempt, row 6 reads vma_seq, which no later row checks"),
    "nobody makes it odd": (
        replace(GOOD, update=PROTOCOLS["mmap_sem"].update), "attempt, row 6: no update makes vma_seq odd"),
    "odd for ever": (
        update(without, A.SEQ_EVEN, 2), "row 4 took vma_seq odd; give that back first (for mprotect)"),
    "odd outside mmap_sem": (
        replace(GOOD, update=(Step(action=A.SEQ_ODD, resource=R.MM_SEQ), Step(action=A.SEQ_EVEN, resource=R.MM_SEQ),
                              *GOOD.update)), "update, row 1 (seq_odd) is outside mmap_sem's write hold"),
    "cause missing": (
        attempt(changed, A.TRYLOCK, abort=None), "attempt, row 14 (trylock) can fail, but names no cause"),
    "cause of what cannot fail": (
        attempt(changed, A.WORK, abort=AbortCause.VMA_CHANGED), "attempt, row 2 (work) cannot fail, but has abort"),
    "abort in the classic path": (
        replace(GOOD, classic=changed(GOOD.classic, A.SPIN_LOCK, action=A.TRYLOCK, abort=AbortCause.PTE_LOCK)),
        "classic, row 6 (trylock) has abort = pte_lock, but only an attempt can fall back"),
    "trylock in the classic path": (
        replace(GOOD, classic=changed(GOOD.classic, A.SPIN_LOCK, action=A.TRYLOCK)),
        "classic, row 6 (trylock) belongs to an attempt; use spin_lock"),
    "no classic path": (replace(GOOD, classic=()), "there is no classic path"),
    "no update": (replace(GOOD, update=(), attempt=(), refuses=()), "there is no update; add [[update]]"),
    "flush under the PTE lock": (
        update(before, A.SPIN_UNLOCK, FLUSH), "(flush) may wait for long under pte_lock, a spinlock"),
    "sleep with a VMA's lock": (
        attempt(before, A.VMA_READ_UNLOCK, READ, p=VMA), "waits for mmap_sem with vma_lock held for read"),
    "no update takes the VMA's lock": (
        replace(VMA, update=GOOD.update), "attempt, row 2: no update takes vma_lock for write"),
    "VMA's lock beyond the downgrade": (
        update(without, A.VMA_WRITE_UNLOCK, p=VMA), "(downgrade) ends the hold in which row 4 took vma_lock for write"),
    "downgrade of nothing": (
        update(changed, A.DOWNGRADE, ops=("madvise",)), "(downgrade) has no write hold to turn into a read hold"),
    "update's step in a fault": (
        attempt(before, A.SEQ_READ, Step(action=A.SEQ_ODD, resource=R.VMA_SEQ)),
        "attempt, row 6 (seq_odd) belongs to an update"),
    "wrong resource": (
        attempt(changed, A.TRYLOCK, resource=R.VMA_SEQ), "row 14 (trylock) has resource vma_seq; it needs one of"),
    "resource of work": (attempt(changed, A.WORK, resource=R.VMA_SEQ), "row 2 (work) has resource vma_seq; it has"),
    "cost unknown": (
        attempt(changed, A.WORK, cost="vma_wlk_ns"), "attempt, row 2 (work) has cost vma_wlk_ns, which is unknown"),
    "cost of one operation unknown": (
        update(changed, A.WORK, cost="{op}_walk_ns"), "update, row 1 (work) has cost mmap_walk_ns, which is unknown"),
    "operation of a fault": (
        attempt(changed, A.WORK, cost="{op}_zap_ns"), "attempt, row 2 (work) has cost {op}_zap_ns, but only an update"),
    "cost missing": (attempt(changed, A.LINE, cost=""), "attempt, row 1 (line) has cost none; name a time in ns"),
    "share for a time": (
        attempt(changed, A.CHANCE, cost="vma_walk_ns"), "row 7 (chance) has cost vma_walk_ns; name a probability"),
    "cost of a lock": (attempt(changed, A.TRYLOCK, cost="line_ns"), "row 14 (trylock) has cost line_ns, but takes"),
    "operation unknown": (
        update(changed, A.DOWNGRADE, ops=("mremap",)), "is for mremap, which is no operation; known are mmap, brk_up"),
    "ops in a fault": (attempt(changed, A.WORK, ops=("mmap",)), "attempt, row 2 (work) has ops, which only rows of"),
    "refuses without a row": (
        replace(VMA, refuses=("file",)), "refuses is file, but no attempt row is a chance"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_refused_in_a_sentence(name: str) -> None:
    protocol, sentence = BROKEN[name]
    found = problems(protocol, known_costs())
    assert any(sentence in problem for problem in found), found
    assert all("\n" not in problem and ("; " in problem) for problem in found)


def test_what_is_fine_stays_fine() -> None:
    """Rows may be added, paths left out: no rule is broken."""
    assert problems(attempt(before, A.SEQ_READ, WORK), known_costs()) == []
    assert problems(replace(GOOD, fallback=()), known_costs()) == []
    assert problems(replace(GOOD, attempt=(), refuses=()), known_costs()) == []
    assert problems(replace(VMA, attempt=GOOD.attempt, update=GOOD.update), known_costs()) == []


def test_a_sentence_that_holds_for_all_operations_names_none() -> None:
    found = problems(replace(GOOD, update=(*GOOD.update, Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK))), known_costs())
    assert found == ["update, row 20 takes pte_lock, which no later row gives back; add that row"]
