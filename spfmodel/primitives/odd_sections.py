"""Which updates make a sequence odd, for how long, and whose: read from the patches (v1 to v12, 2017 to 2019).

With one counter per VMA only the VMA that an update touches is odd, for a part of the update. With one per
mm (Lespinasse 2021) every VMA is odd as long as mmap_sem is held for writing, whatever the update does.
"""

from __future__ import annotations

from typing import NamedTuple


class OddSection(NamedTuple):
    """One kind of update."""

    update: str
    functions: str
    """kernel functions that make the VMA odd (vm_write_begin)"""
    whose: str
    """the VMA: `neighbour` (that grows or shrinks), `new`, `own` (that is changed), `detached`, `survivor`"""
    lock: str
    """how it holds mmap_sem: write, read"""
    sections: int
    """times that it takes mmap_sem for writing: odd periods of a counter per mm"""
    odd_share: tuple[float, float, float]
    """(median, low, high) share of the hold during which a VMA in which another thread may fault is odd: judgement
    from the order of the calls, except where it is 0 (nobody can fault there) or 1 (the whole walk)"""
    note: str


NONE, WHOLE = (0.0, 0.0, 0.0), (1.0, 0.9, 1.0)

ODD_SECTIONS = (
    OddSection(
        "mmap that merges", "vma_merge, __vma_adjust", "neighbour", "write", 1, (0.2, 0.05, 0.5),
        "the merge only, after the search for a gap; the next VMA, too, if it is swallowed",
    ),
    OddSection(
        "mmap, new VMA", "mmap_region", "new", "write", 1, NONE,
        "flags and accounting of a VMA in which nobody faults yet",
    ),
    OddSection(
        "munmap of a part", "__split_vma, __vma_adjust", "survivor", "write", 1, (0.3, 0.1, 0.6),
        "the split at its start; then only the detached piece is odd (unmap_page_range)",
    ),
    OddSection(
        "munmap of a whole VMA", "unmap_page_range, free_pgtables", "detached", "write", 1, NONE,
        "a fault in flight there is hit; it would have to end in a signal anyway",
    ),
    OddSection(
        "brk up", "do_brk_flags, vma_merge, __vma_adjust", "neighbour", "write", 1, (0.4, 0.2, 0.6),
        "the heap grows by a merge",
    ),
    OddSection(
        "brk down", "__split_vma, __vma_adjust", "survivor", "write", 1, (0.4, 0.2, 0.6),
        "the split; the zap makes the detached tail odd",
    ),
    OddSection(
        "mprotect", "mprotect_fixup, change_protection", "own", "write", 1, (0.9, 0.7, 1.0),
        "flags and the whole walk; __vma_adjust on top where it splits or merges. Nothing where nothing changes",
    ),
    OddSection(
        "madvise DONTNEED", "unmap_page_range", "own", "read", 0, WHOLE,
        "the whole zap, also of faults on other pages of the VMA; no counter per mm moves (no write lock)",
    ),
    OddSection(
        "madvise FREE", "madvise_free_single_vma", "own", "read", 0, WHOLE, "the whole walk",
    ),
    OddSection(
        "madvise, flags", "madvise_behavior", "own", "write", 1, (0.3, 0.1, 0.6), "the flags; splits and merges",
    ),
    OddSection(
        "mremap, moves", "move_vma", "own", "write", 1, (0.8, 0.5, 1.0),
        "old VMA odd while its page tables move, the new one against early faults",
    ),
    OddSection(
        "mremap, grows", "__vma_adjust", "own", "write", 1, (0.2, 0.05, 0.5), "in place",
    ),
    OddSection("mlock, munlock", "mlock_fixup", "own", "write", 1, (0.3, 0.1, 0.6), "flags; splits and merges"),
    OddSection(
        "stack growth", "expand_downwards, expand_upwards", "own", "read", 0, WHOLE,
        "stacks are refused by speculative faults before this matters",
    ),
    OddSection(
        "mbind", "vma_replace_policy, mpol_rebind_mm", "own", "write", 1, (0.2, 0.05, 0.5), "the policy pointer",
    ),
    OddSection(
        "NUMA balancing", "change_prot_numa", "own", "read", 0, WHOLE,
        "a whole scan step of up to 256 MiB of the VMA",
    ),
    OddSection(
        "khugepaged collapse", "collapse_huge_page", "own", "write", 1, (0.8, 0.5, 1.0),
        "the pmd is cleared and one table copied",
    ),
    OddSection("soft-dirty clear", "clear_refs_write", "own", "write", 1, (0.8, 0.5, 1.0), "flags of every VMA"),
    OddSection(
        "userfaultfd", "userfaultfd_register, userfaultfd_unregister, userfaultfd_release", "own", "write", 1,
        (0.2, 0.05, 0.5), "flags and context",
    ),
)  # fmt: skip


def odd_section(update: str) -> OddSection:
    """The row of one update. KeyError if it has none.

    >>> odd_section("mprotect").whose
    'own'
    """
    return {row.update: row for row in ODD_SECTIONS}[update]
