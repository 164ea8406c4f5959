"""The words in which a protocol is written: steps, resources, abort causes.

A protocol is a table. Each row is one `Step`: an action on a resource, with the name of its
cost. The table is read by `program.build`, which prices it; solvers never see a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..introduced import Introduced


class Action(StrEnum):
    """What a step does."""

    WORK = "work"
    """run on the CPU for `cost`"""
    LINE = "line"
    """one atomic read-modify-write on a cache line that all threads share (FCFS station)"""
    READ_LOCK = "read_lock"
    READ_UNLOCK = "read_unlock"
    WRITE_LOCK = "write_lock"
    WRITE_UNLOCK = "write_unlock"
    DOWNGRADE = "downgrade"
    """turn a write hold into a read hold (kernels 4.20 on, for unmapping); else nothing"""
    SEQ_READ = "seq_read"
    """remember a sequence count; abort if it is odd"""
    SEQ_CHECK = "seq_check"
    """abort if the sequence has moved since SEQ_READ, or is odd"""
    SEQ_ODD = "seq_odd"
    """an update begins to change what the sequence guards"""
    SEQ_EVEN = "seq_even"
    """the update is done with it"""
    TRYLOCK = "trylock"
    """take a spinlock if it is free; abort if not"""
    SPIN_LOCK = "spin_lock"
    """take a spinlock, waiting for it"""
    SPIN_UNLOCK = "spin_unlock"
    CHANCE = "chance"
    """abort with the probability named by `cost` (a share of attempts, 0 to 1)"""
    FLUSH = "flush"
    """interrupt every other CPU that runs the mm, and wait: `cost` for each of them"""
    VMA_READ_TRY = "vma_read_try"
    """take the faulting VMA's lock for read; abort if an update has it, or waits for it"""
    VMA_READ_UNLOCK = "vma_read_unlock"
    VMA_WRITE_LOCK = "vma_write_lock"
    """an update locks its VMA, once the faults that hold it are done; it keeps it to VMA_WRITE_UNLOCK"""
    VMA_WRITE_UNLOCK = "vma_write_unlock"
    """the update lets go of all VMAs that it locked (mmap_write_unlock or downgrade)"""


class Resource(StrEnum):
    """What a step acts on."""

    MMAP_SEM = "mmap_sem"
    """the rwsem (mmap_lock since 5.8)"""
    MMAP_LINE = "mmap_line"
    """the cache line of mmap_sem's count: two atomics per read acquisition and release"""
    MM_RB_LINE = "mm_rb_line"
    """the cache line of mm_rb_lock, the rwlock around the VMA tree (v6 to v11)"""
    VMA_LINE = "vma_line"
    """the cache line of a VMA's reference count"""
    MEMORY_LINE = "memory_line"
    """what mm-wide and machine-wide sharing is left: zone, LRU, memcg, rss counters"""
    RANGE_LINE = "range_line"
    """the spinlock around the tree of a range lock"""
    VMA_LOCK = "vma_lock"
    """the faulting VMA's own lock (6.4 on)"""
    VMA_SEQ = "vma_seq"
    """the faulting VMA's sequence count"""
    MM_SEQ = "mm_seq"
    """the mm-wide sequence count (Lespinasse)"""
    PTE_LOCK = "pte_lock"
    """the spinlock of one page-table page"""


class AbortCause(StrEnum):
    """Why a speculative attempt fell back, by the kernel's event name."""

    VMA_CHANGED = "vma_changed"
    PTE_LOCK = "pte_lock"
    PMD_CHANGED = "pmd_changed"
    VMA_NOTSUP = "vma_notsup"
    VMA_NOANON = "vma_noanon"
    VMA_ACCESS = "vma_access"
    SPF_ABORT_ODD = "spf_abort_odd"
    SPF_ABORT_UNMAPPED = "spf_abort_unmapped"
    SPF_ABORT_NO_SPECULATE = "spf_abort_no_speculate"
    SPF_ABORT_VMA_COPY = "spf_abort_vma_copy"
    SPF_ABORT_PMD = "spf_abort_pmd"
    SPF_ABORT_ANON_VMA = "spf_abort_anon_vma"
    SPF_ABORT_PTE_MAP_LOCK_SEQ1 = "spf_abort_pte_map_lock_seq1"
    SPF_ABORT_PTE_MAP_LOCK_PMD = "spf_abort_pte_map_lock_pmd"
    SPF_ABORT_PTE_MAP_LOCK_PTL = "spf_abort_pte_map_lock_ptl"
    SPF_ABORT_PTE_MAP_LOCK_SEQ2 = "spf_abort_pte_map_lock_seq2"
    VMA_LOCK_ABORT = "vma_lock_abort"
    VMA_LOCK_RETRY = "vma_lock_retry"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One row of a protocol's table."""

    action: Action
    resource: Resource | None = None
    cost: str = ""
    """name of a cost in ns (or, for CHANCE, of a probability) that `network.prices` knows"""
    abort: AbortCause | None = None
    """the cause counted when this step fails; only in an attempt"""
    ops: tuple[str, ...] = ()
    """of an update's step: only for these operations; empty: for all"""
    note: str = ""
    """what the kernel does here"""


@dataclass(frozen=True, kw_only=True)
class Protocol(Introduced):
    """How a page fault gets its locks, and what an update pays for it."""

    name: str
    title: str
    source: str
    """citation of the patch series"""
    attempt: tuple[Step, ...] = ()
    """the speculative path; empty when every fault is classic"""
    classic: tuple[Step, ...] = ()
    """the path under mmap_sem, of a fault that does not try (or has nothing to try)"""
    fallback: tuple[Step, ...] = ()
    """the path under mmap_sem after an abort; empty: as `classic`"""
    update: tuple[Step, ...] = ()
    """mmap, munmap, brk, mprotect, madvise: `{op}` in a cost stands for the operation"""
    skips_single_threaded: bool = True
    """a process with one thread never tries (mm_users == 1)"""
    tries_kernel_mode: bool = False
    """a fault in kernel mode (a system call that touches user memory) tries, too"""
    refuses: tuple[str, ...] = ()
    """kinds of fault that its attempt always refuses, where its table says `notsup_share`"""
    lock: str = ""
    """rules of mmap_sem, if not those of the kernel's era: a name in `reader_writer.OTHER_LOCKS`"""
    notes: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, int, str, str, str, str, str]]:
        """The table, as (path, number, action, resource, cost, abort cause, note)."""
        paths = {
            "attempt": self.attempt, "classic": self.classic, "fallback": self.fallback, "update": self.update
        }  # fmt: skip
        return [
            (path, i, s.action.value, s.resource or "", s.cost, s.abort or "", _note(s))
            for path, steps in paths.items()
            for i, s in enumerate(steps, 1)
        ]


def _note(step: Step) -> str:
    """A step's note, with the operations that it is for."""
    return f"{step.note} ({', '.join(step.ops)} only)".strip() if step.ops else step.note
