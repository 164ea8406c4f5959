"""The state of a small system: what each thread is at and holds, its queues, and courses that an instant can take.

Everything global follows from the threads: a sequence is odd if an odd number of them has moved it, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

READS, WRITES, HOLDS_PTE, READS_VMA, MARKS_VMA = 1, 2, 4, 8, 16
VALID, BUMPED, LAST_SERVED = 32, 128, 512
"""Flags of a thread. VALID << k: sequence k is still what it remembers; BUMPED << k: it has moved it;
LAST_SERVED << l: it was the last at line l."""
FLAGS_WIDTH, COUNT_WIDTH, PLACE_WIDTH = 17, 10, 4
COUNT, PLACE = 1 << COUNT_WIDTH, 1 << PLACE_WIDTH
"""bounds of a LOOP's or EVERY's count, and of the number of threads"""
MMAP_SEM, VMA_LOCK, LINES, PTE_LOCKS = 0, 1, 2, 10
"""Queues: the two locks, LINES + l, and PTE_LOCKS + j; -1: none."""

State = tuple[int, ...]
"""the threads, each packed into a number, in an order that forgets who is who"""


class Table(NamedTuple):
    """A program with the numbers of one draw; each (S,) but for the last four."""

    op: list[int]
    arg: list[int]
    fail: list[int]
    cause: list[int]
    value: list[float]
    """times are means, as long as they last with every CPU busy"""
    queue: list[int]
    """where a thread that stops at this step waits"""
    live: list[int]
    """VALID flags that matter to a thread that is at this step"""
    group: list[int]
    """(N,) page-table lock of each thread"""
    contended: bool
    """threads share page-table locks"""
    local_ns: float
    downgrade: bool


class Instant:
    """The threads while somebody acts: lists by thread, who goes on at once, how likely this course is."""

    __slots__ = ("chance", "flags", "loops", "pc", "place", "ready", "seen", "table", "turns")

    def __init__(self, table: Table, state: State) -> None:
        self.table = table
        self.flags = [x & ((1 << FLAGS_WIDTH) - 1) for x in state]
        rest = [x >> FLAGS_WIDTH for x in state]
        self.turns = [x % COUNT for x in rest]
        self.loops = [(x >> COUNT_WIDTH) % COUNT for x in rest]
        rest = [x >> 2 * COUNT_WIDTH for x in rest]
        self.place = [x % PLACE for x in rest]
        self.pc = [x >> PLACE_WIDTH for x in rest]
        self.ready: list[int] = []
        self.seen: list[int] = []
        self.chance = 1.0

    def copy(self) -> Instant:
        """The same threads, for another course."""
        other = Instant.__new__(Instant)
        other.table, other.chance, other.seen = self.table, self.chance, self.seen[:]
        other.flags, other.turns, other.loops = self.flags[:], self.turns[:], self.loops[:]
        other.place, other.pc, other.ready = self.place[:], self.pc[:], self.ready[:]
        return other

    def packed(self) -> State:
        """The state, in an order of threads that depends on nothing but what they are at."""
        t, forget = self.table, ~(3 * VALID)
        threads = [
            ((((pc << PLACE_WIDTH | place) << COUNT_WIDTH | loops) << COUNT_WIDTH | turns) << FLAGS_WIDTH)
            | (flags & (t.live[pc] | forget))
            for pc, place, loops, turns, flags in zip(
                self.pc, self.place, self.loops, self.turns, self.flags, strict=True
            )
        ]
        if not t.contended:
            return tuple(sorted(threads))
        tables: list[list[int]] = [[] for _ in range(t.group[-1] + 1)]
        for g, thread in zip(t.group, threads, strict=True):
            tables[g].append(thread)
        ordered = sorted((sorted(each) for each in tables), key=lambda each: (-len(each), each))
        return tuple(thread for each in ordered for thread in each)

    def queue_of(self, j: int) -> int:
        """The queue of the step that thread j is at."""
        queue = self.table.queue[self.pc[j]]
        return queue + self.table.group[j] if queue == PTE_LOCKS else queue

    def queued(self, queue: int) -> int:
        """How many are in a queue."""
        return sum(place > 0 and self.queue_of(j) == queue for j, place in enumerate(self.place))

    def head(self, queue: int) -> int:
        """Who is first in a queue; -1: nobody."""
        return next((j for j, place in enumerate(self.place) if place == 1 and self.queue_of(j) == queue), -1)

    def stop(self, place: int = 0) -> None:
        """The thread that acts has to wait, at this place of its queue; 0: for its own time to pass."""
        self.place[self.ready.pop(0)] = place

    def leave(self, j: int) -> None:
        """Thread j, the head of its queue, goes on at once."""
        queue = self.queue_of(j)
        for other, place in enumerate(self.place):
            if place and self.queue_of(other) == queue:
                self.place[other] -= 1
        self.ready.append(j)

    def holding(self, flag: int, group: int = -1) -> int:
        """How many have a flag; of those who share a page table, if given."""
        if group < 0:
            return sum(flags & flag != 0 for flags in self.flags)
        return sum(flags & flag != 0 and g == group for flags, g in zip(self.flags, self.table.group, strict=True))


Others = list[Instant]
"""courses still to be followed"""


def toss(m: Instant, chance: float, others: Others, then: Callable[[Instant], None]) -> None:
    """`then` happens with this chance, in a course of its own."""
    if chance >= 1:
        then(m)
    elif chance > 0:
        other = m.copy()
        other.chance *= chance
        m.chance *= 1 - chance
        others.append(other)
        then(other)
