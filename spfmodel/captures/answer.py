"""How often did the fault path fall back? One answer from one capture or several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

from ..sources import BadInput
from . import vmstat
from .binomial import Share, share_of
from .capture import Capture
from .evidence import Basis, Evidence, of_capture, of_counters, of_counts
from .histogram import Histogram
from .names import FAULT_COUNTERS, total

WAYS = {
    Basis.COUNTERS: "by the kernel's own counters",
    Basis.CALL_GRAPH: "by call graph of each read acquisition of mmap_lock",
    Basis.EVENTS: "by the order of each thread's events",
    Basis.MAPS: "user faults against read acquisitions of mmap_lock",
    Basis.COUNTS: "user faults against read acquisitions of mmap_lock",
    Basis.BOUND: "user faults against all acquisitions of mmap_lock: a bound",
}


@dataclass(frozen=True)
class Part:
    """What one file says by itself."""

    path: str
    evidence: Evidence | None
    share: Share | None
    used: bool = False
    """whether the answer rests on it"""


@dataclass(frozen=True)
class Answer:
    """Attempts, fallbacks and what stands beside them. Counts; shares of attempts."""

    captures: list[Capture]
    parts: list[Part]
    """one for each file"""
    stints: list[Part]
    """one for each repetition or interval within the files"""
    evidence: Evidence | None
    share: Share | None
    reason: str
    """why there is no share, if there is none"""
    range_only: bool
    """whether the share is only known to lie between its ends"""
    histograms: list[Histogram]
    callers: Counter[tuple[str, str]]
    faults: int | None
    """all faults of the run, where counted"""
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def answer(captures: Sequence[Capture]) -> Answer:
    """Answer from captures of one run by several tools, or of several runs by one tool.

    The share rests on the best evidence there is; files with evidence of that kind count together, as repetitions.
    Successive looks at /proc/vmstat in files of their own count by their differences.

    Raises `BadInput`: a later look has smaller counts than an earlier one.
    """
    from .traps import traps, unknowns

    runs = _paired(captures)
    found = [of_capture(run) for run in runs]
    best = _pooled([evidence for evidence in found if evidence])
    share = _share(best, runs) if best and best.attempts else None
    callers: Counter[tuple[str, str]] = Counter()
    for run in runs:
        callers.update(run.callers)
    made = Answer(
        captures=list(captures),
        parts=[_part(run, evidence, best) for run, evidence in zip(runs, found, strict=True)],
        stints=[part for run in runs for part in _stints(run)],
        evidence=best,
        share=share,
        reason="" if share else _why_not(runs, found, best),
        range_only=best is not None and best.basis == Basis.BOUND,
        histograms=[histogram for run in runs for histogram in run.histograms if histogram.count],
        callers=callers,
        faults=_faults([run for run, evidence in zip(runs, found, strict=True) if not best or _used(evidence, best)]),
    )
    made.notes.extend(traps(made, runs))
    made.unknown.extend(unknowns(made, runs))
    return made


def from_counts(events: Mapping[str, int], filters: Mapping[str, str] | None = None) -> Share | None:
    """Share of attempts that fell back, from counts by event name; None if they do not say it, or nothing was tried.

    The same arithmetic as that of a capture file: for tables of counts such as `datasets.counters`.
    """
    found = of_counters(events) or of_counts(events, filters or {})
    return share_of(found.fallbacks, found.attempts) if found and found.attempts else None


def success_of_faults(events: Mapping[str, int]) -> float | None:
    """Successful attempts over all faults, tried or not, from 0 to 1: the share that was published with SPF.

    >>> round(100 * success_of_faults({"faults": 711589, "spf": 692649}), 3)
    97.338
    """
    found = of_counters(events)
    faults = _first(events, "faults", "pgfault")
    success = found.successes if found else _first(events, "spf", "speculative_pgfault")
    return success / faults if faults and success is not None else None


def _first(events: Mapping[str, int], *names: str) -> int | None:
    """Count of the first of these names that is listed."""
    return next((count for name in names if (count := total(dict(events), name)) is not None), None)


def _paired(captures: Sequence[Capture]) -> list[Capture]:
    """Neighbouring looks at /proc/vmstat with the same fault counters, as what was counted in between."""
    runs: list[Capture] = []
    looks: list[Capture] = []
    for capture in [*captures, None]:
        if capture and _is_look(capture) and (not looks or _counters_of(capture) == _counters_of(looks[-1])):
            looks.append(capture)
            continue
        runs += _between(looks)
        looks = [capture] if capture and _is_look(capture) else []
        runs += [capture] if capture and not looks else []
    return runs


def _between(looks: list[Capture]) -> list[Capture]:
    if len(looks) < 2:
        return looks
    try:
        return [vmstat.between(before, after) for before, after in pairwise(looks)]
    except ValueError as error:
        raise BadInput(str(error)) from None


def _is_look(capture: Capture) -> bool:
    return capture.accumulated and capture.tool == "/proc/vmstat"


def _counters_of(capture: Capture) -> set[str]:
    return {name.lower() for name in capture.events if name.lower() in FAULT_COUNTERS}


def _pooled(found: list[Evidence]) -> Evidence | None:
    """The evidence on the best basis, added up; None if it is of several designs."""
    if not found:
        return None
    basis = max(evidence.basis for evidence in found)
    best = [evidence for evidence in found if evidence.basis == basis]
    if len({evidence.design for evidence in best}) > 1:
        return None
    if len(best) == 1:
        return best[0]
    causes: Counter[str] = Counter()
    for evidence in best:
        causes.update(dict.fromkeys(evidence.by_cause, 0))
        causes.update(evidence.by_cause)
    known = [evidence.sure for evidence in best if evidence.sure is not None]
    return Evidence(
        best[0].design,
        basis,
        sum(evidence.attempts for evidence in best),
        sum(evidence.fallbacks for evidence in best),
        dict(causes),
        sum(known) if len(known) == len(best) else None,
        [group for evidence in best for group in evidence.groups or [(evidence.fallbacks, evidence.attempts)]],
        all(evidence.complete_downgrades for evidence in best),
    )


def _share(evidence: Evidence, runs: Sequence[Capture]) -> Share:
    if evidence.basis == Basis.BOUND:
        high = evidence.fallbacks / evidence.attempts
        return Share(sqrt(0.5 / evidence.attempts * max(high, 0.5 / evidence.attempts)) if high else 0.0, 0.0, high)
    factor = max((_spread_factor(run, evidence) for run in runs), default=1.0)
    return share_of(evidence.fallbacks, evidence.attempts, evidence.groups, at_least=evidence.sure, factor=factor)


def _spread_factor(run: Capture, evidence: Evidence) -> float:
    """Widening by the relative standard errors that perf stat -r prints: the largest, against a binomial's."""
    if not run.spreads or not evidence.fallbacks:
        return 1.0
    names = re.compile(r"spf|vma_lock|mmap_lock")
    spread = max((value for name, value in run.spreads.items() if names.search(name)), default=0.0)
    chance = 1 / evidence.fallbacks - 1 / evidence.attempts
    return spread**2 / chance if chance > 0 else 1.0


def _part(run: Capture, evidence: Evidence | None, best: Evidence | None) -> Part:
    share = _share(evidence, [run]) if evidence and evidence.attempts else None
    return Part(run.path, evidence, share, _used(evidence, best))


def _used(evidence: Evidence | None, best: Evidence | None) -> bool:
    return bool(evidence and best and evidence.basis == best.basis)


def _stints(run: Capture) -> list[Part]:
    parts = []
    for stint in run.stints if len(run.stints) > 1 else []:
        found = of_capture(Capture(f"{run.path}: {stint.label}", run.tool, events=stint.events, filters=run.filters))
        if found and found.attempts:
            parts.append(Part(f"{run.path}: {stint.label}", found, _share(found, [])))
    return parts


def _faults(runs: Sequence[Capture]) -> int | None:
    """Faults of all runs: perf's, else those of both modes, else /proc/vmstat's."""
    for name in ("faults", "page_fault_user", "pgfault"):
        counts = [total(run.events, name) for run in runs]
        if any(count is not None for count in counts):
            extra = [total(run.events, "page_fault_kernel") or 0 for run in runs] if name == "page_fault_user" else []
            return sum(count or 0 for count in counts) + sum(extra)
    return None


def _why_not(runs: Sequence[Capture], found: Sequence[Evidence | None], best: Evidence | None) -> str:
    from .traps import reason

    if best is not None:
        return "no fault was attempted without mmap_lock: the process has one thread, or all faults are the kernel's"
    if any(found):
        return "the files are of kernels of different designs: ask for each by itself"
    return reason(runs)
