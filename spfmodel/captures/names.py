"""The kernel's names of fault events and counters, over all versions; mmap_sem and mmap_lock are one."""

from __future__ import annotations

import re
from functools import lru_cache

SPF_FAILURES = (
    "spf_pte_lock",
    "spf_vma_changed",
    "spf_vma_noanon",
    "spf_vma_notsup",
    "spf_vma_access",
    "spf_pmd_changed",
    "spf_vma_dead",
)
"""Dufour's trace events (system pagefault): each is one attempt given up. spf_pte_lock ended with v10."""
MMSEQ_REASONS = (
    "spf_abort_odd",
    "spf_abort_unmapped",
    "spf_abort_no_speculate",
    "spf_abort_vma_copy",
    "spf_abort_access_error",
    "spf_abort_pud",
    "spf_abort_pmd",
    "spf_abort_anon_vma",
    "spf_abort_pte_map_lock_seq1",
    "spf_abort_pte_map_lock_pmd",
    "spf_abort_pte_map_lock_ptl",
    "spf_abort_pte_map_lock_seq2",
    "spf_abort_userfaultfd",
    "spf_abort_fault",
    "spf_abort_swap",
)
"""Lespinasse's reasons in /proc/vmstat, in lower case; only with CONFIG_SPECULATIVE_PAGE_FAULT_STATS"""
PER_VMA = ("vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss")
"""Per-VMA locks in /proc/vmstat; only with CONFIG_PER_VMA_LOCK_STATS"""
FAULT_COUNTERS = {"pgfault", "spf_attempt", "spf_abort", "speculative_pgfault", *MMSEQ_REASONS, *PER_VMA} | {
    f"spf_attempt_{kind}" for kind in ("anon", "numa", "pte", "wp")
}
ALIASES = {
    "page-faults": "faults",
    "minor-faults": "minor_faults",
    "speculative-faults": "spf",
    "speculative_page_fault": "spf",
    "faults_user": "page_fault_user",
    "faults_kernel": "page_fault_kernel",
    "minfault": "minor_faults",
}
"""other names of the same event: perf's software events, and the maps of our own bpftrace script"""
START, ACQUIRED, RELEASED = "mmap_lock_start_locking", "mmap_lock_acquire_returned", "mmap_lock_released"
DECORATION = re.compile(r"^@|(?:#\d+)?$|:[ukhGHpPSDWeI]+(?=#|$)")
LOCK = re.compile(r"mmap_(?:sem|lock)")


@lru_cache(maxsize=1 << 15)
def canonical(name: str) -> str:
    """The one name of an event: without system, modifiers, the number of its filter, or capitals.

    >>> [canonical(n) for n in ("exceptions:page_fault_user#2", "page-faults:u", "SPF_ABORT_ODD", "@faults_user")]
    ['page_fault_user', 'faults', 'spf_abort_odd', 'page_fault_user']
    """
    plain = DECORATION.sub("", name).rsplit(":", 1)[-1]
    plain = ALIASES.get(plain, plain)
    return plain.lower() if plain.lower() in FAULT_COUNTERS else plain


def is_mmap_lock(text: str) -> bool:
    """Whether a lock's or a caller's name is that of mmap_lock, or of mmap_sem as it was called before 5.8."""
    return bool(LOCK.search(text))


def total(events: dict[str, int], name: str) -> int | None:
    """Sum of all listings of an event; None if it is not listed."""
    found = [count for label, count in events.items() if canonical(label) == name]
    return sum(found) if found else None
