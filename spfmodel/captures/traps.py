"""What a reader of a capture has to know, what the capture can't tell, and which event would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .capture import Capture
from .evidence import MMSEQ, PER_VMA_LOCK, SPF, Basis, Evidence
from .lock_counts import unfiltered_twice
from .names import ACQUIRED, MMSEQ_REASONS, SPF_FAILURES, canonical, total
from .wording import plural

if TYPE_CHECKING:
    from .answer import Answer

READS = "mmap_lock:mmap_lock_acquire_returned with --filter 'write==0 && success==1'"
SCRIPT = "the script that `spfmodel capture --script` prints counts these"
CALL_GRAPH = "perf record -g -e mmap_lock:mmap_lock_acquire_returned --filter 'write==0'"
VMA_STATS = "a kernel with CONFIG_PER_VMA_LOCK_STATS: vma_lock_* in /proc/vmstat"
USER_FAULTS = "exceptions:page_fault_user, exceptions:page_fault_kernel"
WAITS = "perf lock record and perf lock contention, or mmap_lock's events in trace-cmd or bpftrace"


def traps(answer: Answer, runs: Sequence[Capture]) -> Iterator[str]:
    """Sentences on how to read the counts; what each file's parser noted comes first."""
    several = len(runs) > 1
    for run in runs:
        for note in run.notes:
            yield f"{run.path}: {note}" if several else note
    yield from _kernel_faults(answer, runs)
    if answer.evidence:
        yield from _design(answer.evidence, answer, runs)
        yield from _estimate(answer.evidence, runs)
    yield from _scope(answer, runs)
    yield from _trace(runs)


def _kernel_faults(answer: Answer, runs: Sequence[Capture]) -> Iterator[str]:
    used = [run for run, part in zip(runs, answer.parts, strict=True) if part.used]
    kernel = _sum(used or runs, "page_fault_kernel")
    if kernel:
        yield (
            f"{plural(kernel, 'fault')} came from kernel mode (a system call touched the page): they always take "
            "mmap_lock, and are neither attempts nor fallbacks"
        )
    elif kernel is None and answer.evidence and answer.evidence.basis in (Basis.COUNTS, Basis.MAPS, Basis.EVENTS):
        yield (
            "page_fault_kernel was not recorded: kernel-mode faults, which always take mmap_lock, may count as "
            "fallbacks here"
        )
    elif kernel is None and answer.evidence and answer.faults is None:
        yield "kernel-mode faults always take mmap_lock and are counted neither as attempts nor as fallbacks"


def _design(evidence: Evidence, answer: Answer, runs: Sequence[Capture]) -> Iterator[str]:
    miss = _sum(runs, "vma_lock_miss")
    if miss is not None:
        yield f"vma_lock_miss ({miss:,}) is an internal retry, never a fallback: it is left out"
    untried = (answer.faults or 0) - evidence.attempts
    if evidence.basis == Basis.COUNTERS and untried > 0:
        alone = "" if evidence.design == PER_VMA_LOCK else " and of single-threaded processes"
        yield (
            f"{plural(untried, 'fault')} of {answer.faults:,} were not attempted: faults from kernel mode{alone} go "
            "to mmap_lock at once and are in no counter"
        )
    if evidence.design == SPF and "pte_lock" not in evidence.by_cause:
        yield "spf_pte_lock is not among the events: v11 and later wait for the PTE lock instead of giving up"
    causes = sum(evidence.by_cause.values())
    if evidence.design == MMSEQ and evidence.by_cause and causes != evidence.fallbacks:
        yield f"the reasons add up to {causes:,}, spf_abort is {evidence.fallbacks:,}: the latter counts as fallbacks"


def _estimate(evidence: Evidence, runs: Sequence[Capture]) -> Iterator[str]:
    """What an estimate by mmap_lock's events may count too much."""
    if evidence.basis in (Basis.COUNTERS, Basis.CALL_GRAPH):
        return
    if evidence.basis == Basis.BOUND:
        yield (
            "read and write acquisitions of mmap_lock are counted together: fallbacks are at most those that remain "
            "when kernel-mode faults and turned write locks are taken off"
        )
    else:
        yield (
            "a first fault in a fresh VMA takes mmap_lock for read for a moment (__vmf_anon_prepare), and so do some "
            "system calls (madvise): without a call graph they look like fallbacks, so the share is rather too high"
        )
    if not evidence.complete_downgrades:
        yield "munmap and brk turn write locks into read locks: each is counted here as if it were a fallback"
    if any(unfiltered_twice(run.events, run.filters) for run in runs):
        yield "perf lists one event once per filter, in the order of -e, and does not print the filter: order tells"
    if evidence.attempts and evidence.fallbacks > 0.9 * evidence.attempts and evidence.basis != Basis.BOUND:
        yield "nearly every user fault takes mmap_lock: does this kernel have per-VMA locks (6.4, CONFIG_PER_VMA_LOCK)?"


def _scope(answer: Answer, runs: Sequence[Capture]) -> Iterator[str]:
    if any(run.accumulated for run in runs):
        yield "counts since boot, of all processes: take a look before and one after the run, and give both"
    elif any(run.tool == "/proc/vmstat" for run in runs):
        yield "/proc/vmstat counts all processes of the machine"
    used = [part for part in answer.parts if part.used]
    if len(used) > 1:
        yield f"{len(used)} files count together, as runs of their own"
    settings = {stint.label for run in runs for stint in run.stints if run.tool == "pfbench"}
    if len(settings) > 1 and answer.evidence:
        yield "runs of different settings count together here: the share of each stands below its setting"
    if answer.share and answer.share.dispersion > 1.5:
        yield (
            f"runs or intervals scatter {answer.share.dispersion:.3g} times as much as chance would: the interval "
            "allows for it"
        )


def _trace(runs: Sequence[Capture]) -> Iterator[str]:
    for run in runs:
        if run.buffered and run.buffered[0] < run.buffered[1]:
            lost = run.buffered[1] - run.buffered[0]
            yield f"{plural(lost, 'event')} were overwritten in the trace's buffer before it was read"
        if run.buffered and run.locks and sum(run.events.values()) < run.buffered[0]:
            shown = sum(run.events.values())
            yield f"the trace's heading says {run.buffered[0]:,} events, the file holds {shown:,}: it is an excerpt"
        if any(canonical(name).startswith("contention_") for name in run.events):
            yield "lock:contention_begin also counts spin locks and other semaphores, not only mmap_lock"


def reason(runs: Sequence[Capture]) -> str:
    """Why no share follows from these files."""
    return _half(runs) or _faults_only(runs) or "no fault events in these files"


def _half(runs: Sequence[Capture]) -> str:
    """One of the two counts that make a share."""
    if _sum(runs, "spf") is not None or _sum(runs, "speculative_pgfault") is not None:
        return "successes are counted (spf), failures are not: count the pagefault:spf_* events, too"
    if any(_sum(runs, name) is not None for name in SPF_FAILURES):
        return "failures are counted (pagefault:spf_*), successes are not: count the event spf, too"
    users, locks = _sum(runs, "page_fault_user"), _sum(runs, ACQUIRED)
    if locks is not None and users is None:
        return "acquisitions of mmap_lock are there, but not the user faults that did without it"
    if any(unfiltered_twice(run.events, run.filters) for run in runs):
        return (
            "mmap_lock's acquisitions are listed several times and nothing says with which filter each was counted: "
            "put lines `# filter: EVENT EXPRESSION` above them, in the order of -e"
        )
    return ""


def _faults_only(runs: Sequence[Capture]) -> str:
    """Faults or waits, but nothing of how the faults got their locks."""
    if any(kind == "wait" for run in runs for kind, _caller in run.callers):
        return "only waits for locks are counted: neither the faults, nor the locks that were had at once"
    if _sum(runs, "page_fault_user") is not None:
        return "user faults are counted, but not which of them took mmap_lock"
    if _sum(runs, "pgfault") is not None and any(run.tool == "/proc/vmstat" for run in runs):
        return "only faults are counted: this kernel's /proc/vmstat has no counters of attempts (not compiled in)"
    if any(count is not None for count in (_sum(runs, "faults"), _sum(runs, "minor_faults"), _sum(runs, "pgfault"))):
        return "only faults are counted, not how they got their locks"
    return ""


def unknowns(answer: Answer, runs: Sequence[Capture]) -> Iterator[str]:
    """What can't be known from these files: WHAT: which event would tell."""
    evidence = answer.evidence
    if evidence is None:
        yield from _missing(runs)
    else:
        yield from _causes(evidence)
        if _sum(runs, "page_fault_kernel") is None:
            yield f"how many faults came from kernel mode: {USER_FAULTS}"
    kinds = {kind for kind, _caller in answer.callers}
    if "fallback" not in kinds and (evidence is None or evidence.design != SPF):
        yield f"which code falls back, and which read locks are no fallbacks: {CALL_GRAPH}"
    elif "fallback" not in kinds:
        yield "which code falls back: perf record -g -e 'pagefault:spf_*', where the kernel has these events"
    elif {caller for kind, caller in answer.callers if kind == "fallback"} == {"(user code)"}:
        yield f"which functions of the program fault there: {CALL_GRAPH}"
    elif any(re.match(r"ip 0x", caller) for _kind, caller in answer.callers):
        yield f"the function at these addresses, and what else took mmap_lock: {CALL_GRAPH}"
    if not answer.histograms and "wait" not in kinds:
        yield f"how long mmap_lock was waited for and held: {WAITS}"


def _missing(runs: Sequence[Capture]) -> Iterator[str]:
    """What would give a share."""
    spf = _sum(runs, "spf") is not None or _sum(runs, "speculative_pgfault") is not None
    if spf or any(_sum(runs, name) is not None for name in SPF_FAILURES):
        yield "the share of attempts that fall back: perf stat -e spf -e 'pagefault:spf_*'"
        return
    have_users = _sum(runs, "page_fault_user") is not None
    asked = READS if have_users else f"{USER_FAULTS}, and {READS}"
    yield f"the share of attempts that fall back: {asked} ({SCRIPT}); or {VMA_STATS}"


def _causes(evidence: Evidence) -> Iterator[str]:
    if evidence.basis == Basis.BOUND:
        yield f"how many of the acquisitions are reads: {READS}"
    if evidence.basis != Basis.COUNTERS:
        yield f"why they fell back: {VMA_STATS}"
    elif evidence.design == MMSEQ and not set(evidence.by_cause) & set(MMSEQ_REASONS):
        yield "why they fell back: a kernel with CONFIG_SPECULATIVE_PAGE_FAULT_STATS: SPF_ABORT_* in /proc/vmstat"


def _sum(runs: Sequence[Capture], name: str) -> int | None:
    found = [count for run in runs if (count := total(run.events, name)) is not None]
    return sum(found) if found else None
