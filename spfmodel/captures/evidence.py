"""What one capture says about attempts and fallbacks: by the kernel's own counters, or by mmap_lock's events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from . import lock_counts
from .capture import Capture
from .load import PFBENCH
from .names import MMSEQ_REASONS, PER_VMA, SPF_FAILURES, canonical, total
from .stacks import ANON_VMA, FALLBACK, KERNEL_FAULT, OTHER

SPF, MMSEQ, PER_VMA_LOCK = "spf", "spf_mmseq", "per_vma_lock"
TITLES = {
    SPF: "speculative page faults (Dufour, v1 to v12)",
    MMSEQ: "speculative page faults (Lespinasse)",
    PER_VMA_LOCK: "per-VMA locks (6.4 and later)",
}
FEWEST_SLICES = 8
"""slices of a trace from which their scatter tells something"""
READ_KINDS = (FALLBACK, KERNEL_FAULT, ANON_VMA, OTHER)
Groups = list[tuple[int, int]]


class Basis(IntEnum):
    """What a share rests on; the higher the better."""

    BOUND = 1
    COUNTS = 2
    MAPS = 3
    EVENTS = 4
    CALL_GRAPH = 5
    COUNTERS = 6


@dataclass(frozen=True)
class Evidence:
    """Attempts and fallbacks of one run."""

    design: str
    basis: Basis
    attempts: int
    fallbacks: int
    """or, where the basis is BOUND, the most that there can have been"""
    by_cause: dict[str, int] = field(default_factory=dict)
    sure: int | None = None
    """fallbacks that are certain, where `fallbacks` is an upper estimate"""
    groups: Groups = field(default_factory=list)
    """(fallbacks, attempts) of repetitions or intervals"""
    complete_downgrades: bool = True

    @property
    def successes(self) -> int:
        """Attempts that did not fall back."""
        return self.attempts - self.fallbacks


def of_counters(events: Mapping[str, int]) -> Evidence | None:
    """Evidence of the kernel's own counters: SPF, Lespinasse's or per-VMA; None if they are not all there.

    SPF: attempts = spf + all spf_* failure events. Lespinasse: spf_attempt, spf_abort. Per-VMA: attempts = success +
    abort + retry, fallbacks = abort + retry (a miss is retried inside and no fallback).

    >>> of_counters({"vma_lock_success": 21277, "vma_lock_abort": 1090}).fallbacks
    1090
    """
    known = dict(events)
    return _per_vma(known) or _mmseq(known) or _spf(known)


def _per_vma(events: dict[str, int]) -> Evidence | None:
    found = {name: total(events, name) for name in PER_VMA}
    success = found["vma_lock_success"]
    if success is None:
        return None
    causes = {name: found[name] or 0 for name in ("vma_lock_abort", "vma_lock_retry")}
    fallbacks = sum(causes.values())
    return Evidence(PER_VMA_LOCK, Basis.COUNTERS, success + fallbacks, fallbacks, causes)


def _mmseq(events: dict[str, int]) -> Evidence | None:
    attempts = total(events, "spf_attempt")
    if attempts is None:
        return None
    reasons = {name: total(events, name) for name in MMSEQ_REASONS}
    causes = {name: count for name, count in reasons.items() if count is not None}
    aborts = total(events, "spf_abort")
    fallbacks = sum(causes.values()) if aborts is None else aborts
    return Evidence(MMSEQ, Basis.COUNTERS, attempts, min(fallbacks, attempts), causes)


def _spf(events: dict[str, int]) -> Evidence | None:
    success = total(events, "spf")
    success = total(events, "speculative_pgfault") if success is None else success
    failures = {name: total(events, name) for name in {*SPF_FAILURES, *_other_failures(events)}}
    causes = {name.removeprefix("spf_"): count for name, count in sorted(failures.items()) if count is not None}
    if success is None or not causes:
        return None
    fallbacks = sum(causes.values())
    return Evidence(SPF, Basis.COUNTERS, success + fallbacks, fallbacks, causes)


def _other_failures(events: Mapping[str, int]) -> set[str]:
    """Failure events of versions unknown to us: any other spf_ event of the system pagefault."""
    return {canonical(name) for name in events if re.match(r"pagefault:spf_\w+", name)}


def of_counts(events: Mapping[str, int], filters: Mapping[str, str]) -> Evidence | None:
    """Evidence of user faults against read acquisitions of mmap_lock; None if either is not counted."""
    attempts = lock_counts.user_faults(events)
    found = lock_counts.reads(events, filters, total(dict(events), "page_fault_kernel") or 0)
    if attempts is None or found is None:
        return None
    maps = any(name.startswith("@acq[") for name in events)
    basis = Basis.MAPS if maps else Basis.COUNTS
    if not found.counted or found.most > attempts:
        return Evidence(PER_VMA_LOCK, Basis.BOUND, attempts, min(found.most, attempts))
    sure = None if found.sure is None else min(found.sure, found.most)
    return Evidence(
        PER_VMA_LOCK, basis, attempts, found.most, sure=sure, complete_downgrades=found.exact_downgrades
    )  # fmt: skip


def of_trace(capture: Capture) -> Evidence | None:
    """Evidence of a trace of user faults and mmap_lock's events; None without both."""
    use = capture.locks
    if use is None or use.without_fields or not use.user_faults or not _lock_was_traced(capture):
        return None
    if use.by_stack:
        fallbacks = min(use.by_stack[FALLBACK], use.user_faults)
        return Evidence(PER_VMA_LOCK, Basis.CALL_GRAPH, use.user_faults, fallbacks)
    slices = use.slices if len(use.slices) >= FEWEST_SLICES else []
    return Evidence(
        PER_VMA_LOCK, Basis.EVENTS, use.user_faults, use.fallbacks, sure=use.tried_first, groups=list(slices)
    )


def of_call_graphs(capture: Capture) -> Evidence | None:
    """Evidence of bpftrace's call graphs, where they hold every read acquisition; None if some are missing."""
    attempts = lock_counts.user_faults(capture.events)
    taken = capture.events.get("@acq[0, 1]")
    graphs = {did: sum(n for (kind, _), n in capture.callers.items() if kind == did) for did in READ_KINDS}
    if attempts is None or not taken or sum(graphs.values()) < taken or graphs[FALLBACK] > attempts:
        return None
    return Evidence(PER_VMA_LOCK, Basis.CALL_GRAPH, attempts, graphs[FALLBACK])


def _lock_was_traced(capture: Capture) -> bool:
    return any(canonical(name).startswith("mmap_lock_") for name in capture.events)


def of_capture(capture: Capture) -> Evidence | None:
    """The best evidence of a capture, with its repetitions or intervals as groups."""
    traced = of_trace(capture)
    whole = of_counters(capture.events) or traced
    whole = whole or (None if capture.locks else of_call_graphs(capture) or of_counts(capture.events, capture.filters))
    if whole is None or whole is traced:
        return whole
    return _grouped(whole, capture)


def _grouped(whole: Evidence, capture: Capture) -> Evidence:
    """With its repetitions or intervals; runs of different settings are no repetitions."""
    if capture.tool == PFBENCH and len({stint.label for stint in capture.stints}) > 1:
        return whole
    counters = whole.basis == Basis.COUNTERS
    parts = [
        of_counters(stint.events) if counters else of_counts(stint.events, capture.filters) for stint in capture.stints
    ]
    groups = [(part.fallbacks, part.attempts) for part in parts if part and part.basis == whole.basis]
    return replace(whole, groups=groups if len(groups) > 1 else [])
