"""Which protocol takes which kind of fault without mmap_sem: read from the patches and from 6.4 to 6.12."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Way(StrEnum):
    """What becomes of a fault."""

    SPECULATIVE = "speculative"
    """tried, and done unless something changes"""
    ABORTS = "aborts"
    """tried in vain each time: the attempt's cost on top of the classic path"""
    CLASSIC = "classic"
    """not even tried"""


PROTOCOLS = ("spf v6-v10", "spf v11", "spf v12", "per-mm sequence", "VMA lock 6.4", "VMA lock 6.6+")


class FaultKind(NamedTuple):
    """One kind of fault."""

    kind: str
    ways: tuple[Way, ...]
    """one for each of PROTOCOLS"""
    cause: str
    """where it is refused: event of spf, then vmstat name of the per-mm sequence"""
    note: str


S, A, C = Way.SPECULATIVE, Way.ABORTS, Way.CLASSIC
FAULT_KINDS = (
    FaultKind("anonymous write", (S, S, S, S, S, S), "", "do_anonymous_page"),
    FaultKind("anonymous read, zero page", (S, S, S, S, S, S), "", "do_anonymous_page; the zero page is mapped"),
    FaultKind(
        "copy on write", (S, S, S, S, S, S), "",
        "do_wp_page of an anonymous VMA; the per-mm sequence must keep MMU notifiers out (trylock of a per-CPU rwsem)",
    ),
    FaultKind("NUMA hint", (S, S, S, S, S, S), "", "do_numa_page"),
    FaultKind(
        "swap-in", (S, S, S, A, A, S), "spf_abort_swap",
        "v12 without readahead; per-mm sequence v2 and 6.4 always fall back",
    ),
    FaultKind(
        "private file", (A, A, A, A, A, S), "vma_notsup, spf_abort_no_speculate",
        "vm_ops (v12: vm_ops->fault) present: page_fault2",
    ),
    FaultKind("shared file, shmem", (A, A, A, A, A, S), "vma_notsup, spf_abort_no_speculate", "page_fault3"),
    FaultKind(
        "first in a new VMA", (A, A, A, A, A, S), "vma_notsup, spf_abort_anon_vma",
        "no anon_vma, unless the mapping merged with a neighbour that has one; later kernels try mmap_lock for it",
    ),
    FaultKind(
        "first in a page table", (A, A, A, A, S, S), "vma_notsup, spf_abort_pmd",
        "pmd none: once per 2 MiB with 4 KiB pages; a locked VMA keeps khugepaged and table freeing away",
    ),
    FaultKind(
        "huge page, THP", (A, A, A, A, S, S), "vma_notsup, spf_abort_pmd",
        "as pmd none; hugetlb: no protocol before 6.7",
    ),
    FaultKind("stack (VM_GROWSDOWN)", (A, A, A, A, S, S), "vma_notsup", "as long as the stack need not grow"),
    FaultKind("userfaultfd", (A, A, A, A, A, S), "vma_notsup, spf_abort_userfaultfd", "missing mode"),
    FaultKind("interleaved memory policy", (A, A, A, S, S, S), "vma_notsup", "MPOL_INTERLEAVE; only spf refuses it"),
    FaultKind("kernel mode (copy_to_user)", (C, C, C, C, C, C), "", "FAULT_FLAG_USER is not set"),
    FaultKind("single-threaded process", (C, C, C, C, S, S), "", "mm_users is 1; v1 to v5 of spf tried all the same"),
)  # fmt: skip


def way_of(kind: str, protocol: str) -> Way:
    """What a protocol does with a kind of fault. KeyError or ValueError if unknown.

    >>> way_of("private file", "spf v12").value
    'aborts'
    """
    return {row.kind: row for row in FAULT_KINDS}[kind].ways[PROTOCOLS.index(protocol)]
