"""Counts of mmap_lock's events by their filters: how many times the fault path took the lock, or at most took it.

Subtracted are: kernel-mode faults, which always take mmap_lock; failed trylocks, after which the fault path starts
again; and write locks turned into read locks, which return from no start_locking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .names import ACQUIRED, START, canonical, total

TERM = re.compile(r"(write|success)\s*(==|!=)\s*(0|1|true|false)")
MAP = re.compile(r"@acq\[([01]), ([01])\]")
Case = tuple[str, int | None, int | None]
"""(event, write, success): 0, 1, or None where the filter does not say"""


@dataclass(frozen=True)
class Reads:
    """Read acquisitions of mmap_lock that user faults may have made."""

    most: int
    """no more than these"""
    sure: int | None
    """no fewer than these, where known: their first try failed, as only in faults it can"""
    counted: bool
    """whether reads were counted apart from writes; else `most` is only a bound"""
    exact_downgrades: bool = True
    """whether turned write locks are known to be left out"""


def reads(events: Mapping[str, int], filters: Mapping[str, str], kernel_faults: int) -> Reads | None:
    """What the counts of one run say, or None without any of mmap_lock.

    events        : name (`name#2` for a second filter) -> count
    filters       : the same names -> filter, such as `write==0 && success==1`
    kernel_faults : each took mmap_lock for read and is subtracted
    """
    cases = _cases(events, filters)
    if (ACQUIRED, 0, 1) in cases and (ACQUIRED, 0, 0) in cases and _from_maps(events):
        return _reads(cases[ACQUIRED, 0, 1], cases[ACQUIRED, 0, 0], kernel_faults)
    failed = cases.get((ACQUIRED, 0, 0))
    started = cases.get((START, 0, None))
    if started is not None and failed is not None:
        return _reads(started - failed, failed, kernel_faults)
    taken = cases.get((ACQUIRED, 0, 1))
    if taken is not None:
        turned = _downgrades(cases)
        return _reads(taken - (turned or 0), failed, kernel_faults, known=turned is not None)
    return _bound(cases, kernel_faults)


def _reads(taken: int, failed: int | None, kernel_faults: int, *, known: bool = True) -> Reads:
    most = max(taken - kernel_faults, 0)
    sure = None if failed is None else min(max(failed - kernel_faults, 0), most)
    return Reads(most, sure, counted=True, exact_downgrades=known)


def _downgrades(cases: Mapping[Case, int]) -> int | None:
    """Returned acquisitions beyond those started, where both were counted without telling more."""
    for write in (None, 0):
        acquired, started = cases.get((ACQUIRED, write, None)), cases.get((START, write, None))
        if acquired is not None and started is not None:
            return max(acquired - started, 0)
    return None


def _bound(cases: Mapping[Case, int], kernel_faults: int) -> Reads | None:
    """Reads and writes counted together: every turned lock was a write, and nothing else is known."""
    acquired, started = cases.get((ACQUIRED, None, None)), cases.get((START, None, None))
    if acquired is None and started is None:
        return None
    turned = _downgrades(cases) or 0
    most = min((started if started is not None else acquired or 0) - turned, acquired or started or 0)
    return Reads(max(most - kernel_faults, 0), 0, counted=False)


def _cases(events: Mapping[str, int], filters: Mapping[str, str]) -> dict[Case, int]:
    """Counts by event, mode and success. Of two listings of the same case the first counts."""
    cases: dict[Case, int] = {}
    for label, count in events.items():
        if found := MAP.fullmatch(label):
            cases.setdefault((ACQUIRED, int(found[1]), int(found[2])), count)
        elif (name := canonical(label)) in (START, ACQUIRED) and _known(label, events, filters):
            said = dict(_terms(filters.get(label, "")))
            cases.setdefault((name, said.get("write"), said.get("success")), count)
    if _from_maps(events):  # bpftrace prints no map that stayed empty
        cases.setdefault((ACQUIRED, 0, 0), 0)
        cases.setdefault((ACQUIRED, 0, 1), 0)
    return cases


def _known(label: str, events: Mapping[str, int], filters: Mapping[str, str]) -> bool:
    """An event listed several times must state its filters: without them nobody can say which is which."""
    plain = label.partition("#")[0]
    return label in filters or (label == plain and f"{plain}#2" not in events)


def _terms(expression: str) -> list[tuple[str, int]]:
    return [(name, (value in ("1", "true")) ^ (sign == "!=")) for name, sign, value in TERM.findall(expression)]


def _from_maps(events: Mapping[str, int]) -> bool:
    return any(MAP.fullmatch(label) for label in events)


def unfiltered_twice(events: Mapping[str, int], filters: Mapping[str, str]) -> bool:
    """Whether mmap_lock's acquisitions are listed several times and nothing says with which filters."""
    several = [label for label in events if canonical(label) == ACQUIRED]
    return len(several) > 1 and not any(label in filters for label in several)


def user_faults(events: Mapping[str, int]) -> int | None:
    """Faults from user mode, which per-VMA locks try first."""
    return total(dict(events), "page_fault_user")
