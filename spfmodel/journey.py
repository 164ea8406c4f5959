"""One fault, step by step: what it does and costs while nobody else is in the way, and what an abort leaves.

Nothing queues here: a shared line comes from another core's cache, locks are free. Costs are medians over
the machine's draws, with the central 80 % interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .prediction import Question, draws_for
from .pricing import prices
from .protocols import PROTOCOLS
from .protocols.vocabulary import Action, Protocol, Resource, Step

Floats = NDArray[np.float64]

SHARED = (Resource.MMAP_LINE, Resource.MM_RB_LINE, Resource.VMA_LINE)
"""Lines that the locking itself makes all threads write; accounting and page-table locks are apart."""
ENTRY = Step(action=Action.WORK, cost="fault_entry_ns", note="exception entry and exit")
KINDS = {
    "fault_entry_ns": "enter and leave the kernel",
    "line_ns": "write a shared line (lock or count)",
    "vma_walk_ns": "find the VMA",
    "fault_work_ns": "allocate, clear and charge the page",
    "speculative_work_ns": "allocate, clear and charge the page",
    "memory_ns": "zone, LRU, memcg and rss counters",
    "pte_commit_ns": "set the PTE",
}
"""Cost -> kind of step."""
CHECK = "check or take a free lock"


@dataclass(frozen=True, kw_only=True)
class Priced:
    """One step of a journey with its price."""

    step: Step
    ns: float
    """median"""
    low: float
    """10 % quantile, ns"""
    high: float
    """90 % quantile, ns"""
    wasted: bool = False
    """done in an attempt that aborts later"""

    @property
    def kind(self) -> str:
        """What sort of step it is."""
        return KINDS.get(self.step.cost, CHECK)

    @property
    def price(self) -> str:
        """In words; empty for what takes no time."""
        return f"{self.ns:,.0f} ({self.low:,.0f} to {self.high:,.0f})" if self.ns else ""

    @property
    def writes_shared_line(self) -> bool:
        """Whether it is an atomic on a line that the locking makes all threads write."""
        return self.step.action == Action.LINE and self.step.resource in SHARED


Journey = tuple[Priced, ...]


def uncontended(machine: Machine, workload: Workload, seed: int = 1) -> dict[str, Floats]:
    """Prices by name, (D,): lines come from another core of the same socket."""
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS["mmap_sem"], seed=seed)
    return prices(machine, workload, draws_for(question), 1)


def _priced(step: Step, priced: Mapping[str, Floats], wasted: bool = False) -> Priced:
    takes_time = step.action in (Action.WORK, Action.LINE)
    low, ns, high = np.quantile(priced[step.cost], (0.1, 0.5, 0.9)) if takes_time else (0.0, 0.0, 0.0)
    return Priced(step=step, ns=float(ns), low=float(low), high=float(high), wasted=wasted)


def _walked(steps: Sequence[Step], priced: Mapping[str, Floats], wasted: bool = False) -> Journey:
    """The steps with their prices, without those that take no time here (what a refused fault pays, say)."""
    found = (_priced(step, priced, wasted) for step in steps)
    return tuple(p for p in found if p.ns > 0 or p.step.action not in (Action.WORK, Action.LINE))


def succeeds(protocol: Protocol, priced: Mapping[str, Floats]) -> Journey:
    """The way that the protocol hopes for: its attempt, or the classic path if it has none."""
    return _walked((ENTRY, *(protocol.attempt or protocol.classic)), priced)


def aborts(protocol: Protocol, priced: Mapping[str, Floats], place: int) -> Journey:
    """An attempt that fails at its step `place` (from 0), and the fallback."""
    done = _walked(protocol.attempt[: place + 1], priced, wasted=True)
    return (_priced(ENTRY, priced), *done, *_walked(protocol.fallback or protocol.classic, priced))


def total_ns(journey: Journey) -> float:
    """Sum of the median prices."""
    return sum(p.ns for p in journey)


def shared_writes(journey: Journey) -> int:
    """Atomics on lines that the locking makes all threads write."""
    return sum(p.writes_shared_line for p in journey)


def steps(journey: Journey) -> list[dict[str, str]]:
    """A table of a journey's steps: what, on what, its price with the 80 % interval, how it can abort."""
    return [
        {
            "step": p.step.note or f"{p.step.action} {p.step.resource}", "action": str(p.step.action),
            "on": str(p.step.resource or ""), "ns (80 %)": p.price, "can abort as": str(p.step.abort or ""),
        }
        for p in journey
    ]  # fmt: skip


def after_abort(protocol: Protocol, priced: Mapping[str, Floats]) -> list[dict[str, object]]:
    """Every place where an attempt can fail: what it has wasted, what remains, and all of it with the kernel entry."""
    rows: list[dict[str, object]] = []
    for place, step in enumerate(protocol.attempt):
        if step.abort is not None:
            way = aborts(protocol, priced, place)
            wasted = sum(p.ns for p in way if p.wasted)
            head = {"aborts as": str(step.abort), "where": step.note or str(step.action)}
            costs = {"wasted ns": wasted, "remains ns": total_ns(way[1:]) - wasted, "in all ns": total_ns(way)}
            rows.append({**head, **costs, "shared lines written": shared_writes(way)})
    return rows


def journeys(protocols: Sequence[Protocol], priced: Mapping[str, Floats]) -> dict[str, Journey]:
    """By name: each protocol's hoped-for way and, where it has an attempt, the dearest way to fail."""
    out = {}
    for protocol in protocols:
        out[protocol.name] = succeeds(protocol, priced)
        if protocol.attempt:
            last = max(place for place, step in enumerate(protocol.attempt) if step.abort)
            out[f"{protocol.name}, aborted last"] = aborts(protocol, priced, last)
    return out


def bars(ways: Mapping[str, Journey]) -> list[dict[str, object]]:
    """Rows of the figure `plots.journeys`: journey, kind, ns, wasted."""
    return [
        {"journey": name, "kind": p.kind, "ns": p.ns, "wasted": p.wasted} for name, way in ways.items() for p in way
    ]
