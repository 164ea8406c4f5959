"""Reads a network's program once: which steps make up what one cycle of one thread spends, and where its attempts fail.

What a cycle spends is a list of sums, its rows: work in one place, or service at cache lines. A term says that a step
adds its time to a row. The terms hold for all draws; the sums themselves are made point by point (`lanes.gather`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, repeats
from ..sources import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HAZARDS = (Op.SEQ_READ, Op.SEQ_CHECK, Op.TRYLOCK, Op.CHANCE, Op.VMA_READ_TRY)
CLOSES, OPENS = (Op.SEQ_ODD, Op.VMA_WRITE_LOCK), (Op.SEQ_EVEN, Op.VMA_WRITE_UNLOCK)
"""How an update keeps attempts out, and lets them in again: a sequence, or the VMA's own lock."""

(
    OUTSIDE, FALLBACK, HELD, HELD_LINES, FALLBACK_HELD, FALLBACK_HELD_LINES, WRITE, WRITE_LINES, ODD, ODD_LINES,
    TRYLOCK, TRYLOCK_LINES, FAULT, FAULT_LINES, UPDATE, UPDATE_LINES, MOVES, ROWS,
) = range(18)  # fmt: skip
"""Sums per cycle, ns: work, and where a row of that name follows, service at all lines together. OUTSIDE and FALLBACK:
outside mmap_sem, always and on the fallback path (which counts as if every attempt failed); HELD: inside read holds,
and what is left of write holds after a downgrade; WRITE: inside write holds up to there; FAULT and UPDATE: of all
these, what faults and updates always spend; ODD: while attempts are kept out; TRYLOCK: under a page-table lock taken
by a trylock. MOVES: how often the sequence that attempts read moves. After ROWS come the rows that `Layout` finds."""
WINDOW, WINDOW_LINES, CHANCE, PER_HAZARD = range(4)
"""Rows of each hazard. WINDOW: of SEQ_CHECK, from SEQ_READ or the check before; CHANCE: of CHANCE; of TRYLOCK: that the
page table is the thread's own."""


class Layout(NamedTuple):
    """Where the rows are whose number depends on the program."""

    lines: int
    """L"""
    hazards: int
    """C"""

    @property
    def line(self) -> int:
        """First of L rows: service at each line; as many follow for that on the fallback path."""
        return ROWS

    @property
    def hazard(self) -> int:
        """First of PER_HAZARD C rows."""
        return ROWS + 2 * self.lines

    @property
    def segment(self) -> int:
        """First of (C + 1) (L + 1) rows: work and service at lines of attempts between one hazard and the next."""
        return self.hazard + PER_HAZARD * self.hazards

    @property
    def rows(self) -> int:
        """Number of all rows."""
        return self.segment + (self.hazards + 1) * (self.lines + 1)


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
    """One cycle of one thread; T terms, C hazards."""

    layout: Layout
    row: Ints
    """(T,) the sum to which a term adds"""
    step: Ints
    """(T,) the step whose value it adds"""
    times: Floats
    """(T,) so often per cycle"""
    odd: Ints
    """(T,) times the value of this step; -1: no factor"""
    hazard_op: Ints
    """(C,) codes of `Op`"""
    hazard_cause: Ints
    """(C,) index into the network's causes"""
    counts: Counts


Row = tuple[str, int, int]
"""A row before the number of hazards is known: (kind, place, offset)"""


@dataclass
class _Walk:
    """Where the reader stands in the program, and what it has found."""

    sequence: int
    path: str = ""
    lock: str = ""
    phase: str = ""
    odd: int = -1
    trylock: bool = False
    place: int = 0
    segments: int = 0
    terms: list[tuple[Row, int, float, int]] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    hazards: list[tuple[int, int]] = field(default_factory=list)
    window: list[tuple[int, int]] | None = None

    def term(self, row: int | Row, step: int, times: float, odd: int = -1) -> None:
        """A step adds to a row."""
        self.terms.append(((("fixed", row, 0) if isinstance(row, int) else row), step, times, odd))

    def count(self, name: str, times: float) -> None:
        """Count an event."""
        self.counts[name] = self.counts.get(name, 0.0) + times


PLACES = {"": OUTSIDE, "read": HELD, "downgraded": HELD, "write": WRITE}


def _spend(w: _Walk, step: int, line: int, times: float) -> None:
    """A step that is work (line -1) or service at a line."""
    at_line = int(line >= 0)
    if w.window is not None:
        w.window.append((at_line, step))
    if w.trylock:
        w.term(TRYLOCK + at_line, step, 1.0)
    if w.odd >= 0:
        w.term(ODD + at_line, step, times, w.odd)
    if w.path == "attempt":
        w.term(("segment", w.place, 1 + line), step, times)
        return
    falls = w.path == "fallback"
    place = (FALLBACK_HELD if w.lock == "read" else FALLBACK) if falls else PLACES[w.lock]
    if at_line:
        w.term(("line", int(falls), line), step, times)
    if not at_line or place not in (OUTSIDE, FALLBACK):
        w.term(place + at_line, step, times)
    if w.phase and not w.path:
        w.term((FAULT if w.phase == "fault" else UPDATE) + at_line, step, times)


def _hazard(w: _Walk, op: Op, cause: int, step: int) -> None:
    """A step that can abort the attempt: a new segment begins."""
    if w.place + 1 == w.segments:
        for at_line, part in (w.window or []) if op == Op.SEQ_CHECK else []:
            w.term(("hazard", w.place, WINDOW + at_line), part, 1.0)
        w.term(("hazard", w.place, CHANCE), step, 1.0)
        w.hazards.append((int(op), cause))
        w.segments += 1
    w.place += 1
    if op in (Op.SEQ_READ, Op.SEQ_CHECK):
        w.window = []
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
        w.path, w.place, w.segments = "attempt", 0, max(w.segments, 1)
        w.count("attempts", times)
    elif op == Op.JUMP and w.path == "attempt":
        w.path, w.window, w.trylock = "fallback", None, False
    elif op in (Op.FAULT_END, Op.UPDATE_END):
        w.path = w.phase = ""


def _step(w: _Walk, network: Network, s: int, times: float) -> None:
    """One step of the program."""
    op = Op(int(network.op[s]))
    if op in (Op.WORK, Op.FLUSH, Op.LINE):
        _spend(w, s, int(network.arg[s]) if op == Op.LINE else -1, times)
    elif op in HAZARDS and network.cause[s] >= 0:
        _hazard(w, op, int(network.cause[s]), s)
    elif op == Op.SPIN_UNLOCK:
        w.trylock = False
    elif op in (*CLOSES, *OPENS) and network.arg[s] == w.sequence:
        w.odd = s if op in CLOSES else -1
        if op in CLOSES:
            w.term(MOVES, s, times)
    else:
        _mark(w, op, times)
        _lock(w, op, times, bool(network.rules.downgrade))


def _number(row: Row, layout: Layout) -> int:
    """The number of a row."""
    kind, place, offset = row
    first = {"fixed": 0, "line": layout.line, "hazard": layout.hazard, "segment": layout.segment}[kind]
    width = {"fixed": 1, "line": layout.lines, "hazard": PER_HAZARD, "segment": layout.lines + 1}[kind]
    return first + place * width + offset


def read_cycle(network: Network) -> Cycle:
    """The terms of one cycle of a program in which all threads start at the same step."""
    if np.any(network.entry != network.entry[0]):
        raise BadInput("the formulas need threads that all do the same: use --solver des")
    reads = np.flatnonzero((network.op == Op.SEQ_READ) | (network.op == Op.VMA_READ_TRY))
    w, times = _Walk(int(network.arg[reads[0]]) if len(reads) else -1), repeats(network)
    for s in range(int(network.entry[0]), len(network.op)):
        if network.op[s] == Op.CYCLE_END:
            break
        _step(w, network, s, float(times[s]))
    layout = Layout(len(network.lines), len(w.hazards))
    hazards = np.array(w.hazards, np.int64).reshape(-1, 2)
    return Cycle(
        layout=layout, row=np.array([_number(term[0], layout) for term in w.terms], np.int64),
        step=np.array([term[1] for term in w.terms], np.int64), times=np.array([term[2] for term in w.terms], float),
        odd=np.array([term[3] for term in w.terms], np.int64), hazard_op=hazards[:, 0].copy(),
        hazard_cause=hazards[:, 1].copy(), counts=Counts(*(w.counts.get(name, 0.0) for name in Counts._fields)),
    )  # fmt: skip
