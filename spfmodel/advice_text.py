"""Advice in three sentences: is it the problem, what would buy something, what to measure next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .advise import Change, Observed

SCRIPT = "run the script of `spfmodel capture --script` on it, which counts faults, updates, waits and CPU time"

TITLES = {
    "per_vma_lock": "per-VMA locks",
    "spf_rwlock": "speculative page faults",
    "spf_mmseq": "speculative page faults (per-mm sequence)",
    "ideal": "no lock in the fault path at all",
    "mmap_sem": "mmap_lock in every fault",
}
"""protocols, for a reader"""


def first(seen: Observed, problem: str) -> str:
    """Is the page-fault path the problem?"""
    rate = "" if seen.faults_per_s is None else f" at {seen.faults_per_s:,.0f} faults/s"
    back = seen.fallback_share
    falls = "" if back is None else f"; {percent(back.median)} of the faults that try to do without it fall back"
    share, reads = seen.waiting_share(writers=True), seen.waiting_share(writers=False)
    if share is None or reads is None:
        return f"Whether the page-fault path is your problem this capture does not say: it holds no waits{rate}{falls}."
    spent = (
        f"threads wait for mmap_lock for {percent(share)} of their time{rate}, {percent(reads)} to read it, as faults "
        f"do, and {percent(share - reads)} to write it{falls}"
    )
    if problem == "no":
        return f"The page-fault path is not your problem: {spent}."
    if reads < 0.5 * share:
        return f"mmap_lock is {'your' if problem == 'yes' else 'a part of your'} problem, but less in faults: {spent}."
    return f"The page-fault path is {'your' if problem == 'yes' else 'a part of your'} problem: {spent}."


def second(seen: Observed, changes: Sequence[Change], confidence: str, *, doubt: str) -> str:
    """What would buy something, and with what confidence?"""
    bound = seen.bound(writers=True)
    said = [
        f"{change.name} {change.speedup.median:.2f} times ({change.speedup.low:.2f} to {change.speedup.high:.2f})"
        for change in changes
    ]
    has = TITLES.get(seen.design, seen.design)
    most = f"no change of the lock can speed it up more than {bound or 0:.2f} times by the measured waits"
    model = f"against {has}, as its kernel has, the model gives {'; '.join(said)} (90 % intervals)"
    parts = [most if bound else "", model if said else "", doubt]
    both = "; ".join(filter(None, parts)) or "what a change would buy can't be said without faults/s"
    return f"{both[0].upper()}{both[1:]}; confidence is {confidence}."


def percent(share: float) -> str:
    """Two digits, in %.

    >>> percent(0.0312), percent(0.996), percent(0.00004)
    ('3.1 %', '99.6 %', '0.004 %')
    """
    value = 100 * share
    return f"{value:.3g} %" if value >= 10 else f"{value:.2g} %"


def following(seen: Observed, problem: str) -> list[str]:
    """What to measure, the most useful first."""
    out = []
    if seen.readers_waiting is None or seen.faults_per_s is None:
        out.append(SCRIPT)
    if problem in ("yes", "partly"):
        callers = "name who writes: perf record -g -e mmap_lock:mmap_lock_acquire_returned --filter 'write==1'"
        out.append(f"{callers}, since fewer or shorter updates help under any lock")
        out.append("run it with twice and with half the threads: waits that grow faster than threads confirm the lock")
    if problem == "no":
        out.append("look elsewhere first (perf record -g on the CPUs, perf sched for other sleeps)")
    if seen.busy_cpus is None:
        out.append("count its CPU time beside the waits (perf stat -e task-clock)")
    if seen.updates_per_s is None:
        out.append("count updates (mmap_lock:mmap_lock_start_locking --filter 'write==1')")
    return out
