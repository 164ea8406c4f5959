"""Reads a network's program once: what one cycle of one thread costs, and where its attempts can fail.

A `Costs` array has shape (1 + L, D): row 0 is work, the other rows are service at each cache line, for
D draws, in ns. All sums are per cycle of one thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, repeats
from ..primitives.cacheline import mean_service_ns
from ..sources import BadInput

Floats = NDArray[np.float64]
Costs = Floats
HAZARDS = (Op.SEQ_READ, Op.SEQ_CHECK, Op.TRYLOCK, Op.CHANCE, Op.VMA_READ_TRY)
CLOSES, OPENS = (Op.SEQ_ODD, Op.VMA_WRITE_LOCK), (Op.SEQ_EVEN, Op.VMA_WRITE_UNLOCK)
"""How an update keeps attempts out, and lets them in again: a sequence, or the VMA's own lock."""


class Hazard(NamedTuple):
    """A step of the attempt that can abort."""

    op: Op
    cause: int
    """index into the network's causes"""
    chance: Floats
    """(D,) of CHANCE; of TRYLOCK: that the page table is the thread's own"""
    window: Costs
    """of SEQ_CHECK: from SEQ_READ or the check before"""


class Spent(NamedTuple):
    """Costs per cycle, by place. Steps of the fallback path count as if every attempt failed."""

    outside: Costs
    fallback: Costs
    """outside mmap_sem, on the fallback path"""
    read: Costs
    """inside read holds that are always taken"""
    fallback_read: Costs
    write: Costs
    """inside write holds, up to a downgrade"""
    downgraded: Costs
    """what is left of them after a downgrade"""
    fault: Costs
    """of all these, what faults always spend"""
    update: Costs
    odd: Costs
    """while the sequence that attempts read is odd"""
    trylock: Costs
    """under a page-table lock taken by a trylock"""


class Counts(NamedTuple):
    """Events per cycle."""

    faults: float
    updates: float
    attempts: float
    reads: float
    fallback_reads: float
    writes: float
    downgrades: float


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One cycle of one thread."""

    spent: Spent
    counts: Counts
    segments: tuple[tuple[int, Costs], ...]
    """costs of the attempts between one hazard and the next: (number of hazards passed, costs > 0)"""
    hazards: tuple[Hazard, ...]
    moves: Floats
    """(D,) moves of the sequence that attempts read, per cycle"""


@dataclass
class _Walk:
    """Where the reader stands in the program, and what it has added up."""

    shape: tuple[int, int]
    sequence: int
    path: str = ""
    lock: str = ""
    phase: str = ""
    odd: Floats | float = 0.0
    trylock: bool = False
    place: int = 0
    spent: dict[str, Costs] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    segments: list[Costs] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    window: Costs | None = None
    moves: Floats | float = 0.0

    def add(self, name: str, costs: Costs) -> None:
        """Add costs to a sum."""
        self.spent[name] = self.spent.get(name, np.zeros(self.shape)) + costs

    def count(self, name: str, times: float) -> None:
        """Count an event."""
        self.counts[name] = self.counts.get(name, 0.0) + times

    def place_name(self) -> str:
        """Which sum the present step belongs to."""
        if self.path == "fallback":
            return "fallback_read" if self.lock == "read" else "fallback"
        return self.lock or "outside"


def _spend(w: _Walk, row: int, value: Floats, times: float) -> None:
    """A WORK or LINE step."""
    costs = np.zeros(w.shape)
    costs[row] = value
    if w.window is not None:
        w.window = w.window + costs
    if w.trylock:
        w.spent["trylock"] = w.spent.get("trylock", np.zeros(w.shape)) + costs
    costs = costs * times
    w.add("odd", costs * w.odd)
    if w.path == "attempt":
        w.segments[w.place] = w.segments[w.place] + costs
        return
    w.add(w.place_name(), costs)
    if w.phase and not w.path:
        w.add(w.phase, costs)


def _hazard(w: _Walk, op: Op, cause: int, chance: Floats) -> None:
    """A step that can abort the attempt: a new segment begins."""
    w.place += 1
    if len(w.segments) == w.place:
        window = w.window if op == Op.SEQ_CHECK and w.window is not None else np.zeros(w.shape)
        w.hazards.append(Hazard(op, cause, chance, window))
        w.segments.append(np.zeros(w.shape))
    if op in (Op.SEQ_READ, Op.SEQ_CHECK):
        w.window = np.zeros(w.shape)
    w.trylock = w.trylock or op == Op.TRYLOCK


LOCKS = {
    Op.READ_LOCK: "read", Op.WRITE_LOCK: "write", Op.READ_UNLOCK: "", Op.WRITE_UNLOCK: "",
}  # fmt: skip


def _lock(w: _Walk, op: Op, times: float, downgrades: bool) -> None:
    """mmap_sem is taken, kept in part, or left."""
    if op == Op.DOWNGRADE and downgrades:
        w.lock = "downgraded"
        w.count("downgrades", times)
    elif op in LOCKS:
        w.lock = LOCKS[op]
        if w.lock:
            w.count(("fallback_" if w.path == "fallback" else "") + f"{w.lock}s", times)


def _mark(w: _Walk, op: Op, times: float) -> None:
    """The borders of faults, attempts and updates."""
    if op in (Op.FAULT_BEGIN, Op.UPDATE_BEGIN):
        w.phase = "fault" if op == Op.FAULT_BEGIN else "update"
        w.count(f"{w.phase}s", times)
    elif op == Op.ATTEMPT:
        w.path, w.place = "attempt", 0
        w.segments = w.segments or [np.zeros(w.shape)]
        w.count("attempts", times)
    elif op == Op.JUMP and w.path == "attempt":
        w.path, w.window, w.trylock = "fallback", None, False
    elif op in (Op.FAULT_END, Op.UPDATE_END):
        w.path = w.phase = ""


def _step(w: _Walk, network: Network, s: int, column: Floats, times: float) -> None:
    """One step of the program."""
    op = Op(int(network.op[s]))
    if op == Op.WORK:
        _spend(w, 0, column, times)
    elif op == Op.LINE:
        service = mean_service_ns(network.line_local_ns, column, network.n_threads)
        _spend(w, 1 + int(network.arg[s]), service, times)
    elif op in HAZARDS and network.cause[s] >= 0:
        _hazard(w, op, int(network.cause[s]), column)
    elif op == Op.SPIN_UNLOCK:
        w.trylock = False
    elif op in (*CLOSES, *OPENS) and network.arg[s] == w.sequence:
        w.odd = column if op in CLOSES else 0.0
        w.moves = w.moves + w.odd * times
    else:
        _mark(w, op, times)
        _lock(w, op, times, bool(network.rules.downgrade))


def read_cycle(network: Network) -> Cycle:
    """Add up one cycle of a program in which all threads start at the same step, and no step flushes TLBs."""
    if np.any(network.entry != network.entry[0]):
        raise BadInput("the formulas need threads that all do the same: use --solver des")
    reads = np.flatnonzero((network.op == Op.SEQ_READ) | (network.op == Op.VMA_READ_TRY))
    size = len(network.value_ns)
    w = _Walk((1 + len(network.lines), size), int(network.arg[reads[0]]) if len(reads) else -1)
    columns, times = np.ascontiguousarray(network.value_ns.T), repeats(network)
    for s in range(int(network.entry[0]), len(network.op)):
        if network.op[s] == Op.CYCLE_END:
            break
        _step(w, network, s, columns[s], float(times[s]))
    zero = np.zeros(w.shape)
    segments = tuple((i, s) for i, s in enumerate(w.segments) if s.any())
    return Cycle(
        spent=Spent(*(w.spent.get(name, zero) for name in Spent._fields)),
        counts=Counts(*(w.counts.get(name, 0.0) for name in Counts._fields)),
        segments=segments, hazards=tuple(w.hazards), moves=np.zeros(size) + w.moves,
    )  # fmt: skip
