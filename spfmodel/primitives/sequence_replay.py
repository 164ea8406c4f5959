"""Threads that fault and update under one lock, replayed: the sequence counts its sections, event by event.

Written to be read beside the formulas of `seqcount`, which it checks. The lock serves first come first
served, readers together; who had to wait runs on only `wake` later, and holds the lock meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np


class Habits(NamedTuple):
    """What one thread repeats; times in any one unit."""

    faults: int
    """faults between two updates; 0: updates only"""
    sections: int
    """write-locked sections of one update; 0: never updates"""
    between: float
    """G: from the end of a fault to the next attempt's first look at the sequence"""
    window: float
    """S: from the first look to the last check"""
    outside: float
    """of an update, before each of its sections"""
    section: float
    """H: the lock is held for writing, the sequence odd"""
    classic: float
    """the lock is held for reading after an abort"""


class Setting(NamedTuple):
    """What all threads share."""

    wake: float = 0.0
    """latency of a waiter that has been granted the lock"""
    hits: float = 1.0
    """psi: chance that a section covers the VMA of everybody else"""
    scv: float = 0.0
    """squared coefficient of variation of every time: 0 constant, else gamma"""
    vma_lock: bool = False
    """per-VMA locks: a section waits for the faults in flight, and no attempt fails at its end"""


class Tally(NamedTuple):
    """Counts of a replay."""

    attempts: int
    odd: int
    """aborts at the first look: the sequence is odd"""
    moved: int
    """aborts at the last check: the sequence has moved"""
    sections: int
    elapsed: float

    @property
    def share(self) -> float:
        """Aborts of all attempts."""
        return (self.odd + self.moved) / self.attempts if self.attempts else 0.0


@dataclass
class Replay:
    """State: the calendar, the lock, the sequence."""

    habits: Sequence[Habits]
    setting: Setting
    rng: np.random.Generator
    calendar: list[tuple[float, int, int, str]] = field(default_factory=list)
    queue: list[tuple[int, str]] = field(default_factory=list)
    now: float = 0.0
    events: int = 0
    readers: int = 0
    writer: int = -1
    sequence: int = 0
    flying: int = 0
    """attempts between their first look and last check"""
    waits: bool = False
    """a section waits for them"""
    done: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("attempts", "odd", "moved", "sections"), 0))

    def later(self, i: int, mean: float, what: str, extra: float = 0.0) -> None:
        """Thread i does `what` after a time of this mean."""
        scv = self.setting.scv
        drawn = mean if scv <= 0 or mean <= 0 else self.rng.gamma(1 / scv, mean * scv)
        self.events += 1
        heappush(self.calendar, (self.now + extra + drawn, self.events, i, what))

    def go_on(self, i: int) -> None:
        """Thread i begins the next item of its cycle: a fault or a section."""
        mine = self.habits[i]
        step = self.done[i] % (mine.faults + mine.sections)
        self.done[i] += 1
        if step < mine.faults:
            self.later(i, mine.between, "look")
        else:
            self.later(i, mine.outside, "write")

    def look(self, i: int) -> None:
        """The first look: an odd sequence ends the attempt."""
        self.counts["attempts"] += 1
        self.seen[i] = self.sequence
        if self.sequence % 2 or self.waits:
            self.counts["odd"] += 1
            self.ask(i, "read")
        else:
            self.flying += 1
            self.later(i, self.habits[i].window, "check")

    def check(self, i: int) -> None:
        """The last check: a sequence that moved ends the attempt."""
        self.flying -= 1
        if self.waits and not self.flying:
            self.waits = False
            self.start(self.writer, True)
            self.seen[i] = self.sequence
        if self.sequence == self.seen[i]:
            self.go_on(i)
        else:
            self.counts["moved"] += 1
            self.ask(i, "read")

    def ask(self, i: int, mode: str) -> None:
        """Thread i wants the lock."""
        self.queue.append((i, mode))
        self.grant(newcomer=i)

    def grant(self, newcomer: int = -1) -> None:
        """Serve the queue's head as long as the lock allows."""
        while self.queue and self.writer < 0 and (self.queue[0][1] == "read" or not self.readers):
            i, mode = self.queue.pop(0)
            late = 0.0 if i == newcomer else self.setting.wake
            if mode == "read":
                self.readers += 1
                self.later(i, self.habits[i].classic, "read_done", late)
            else:
                self.writer = i
                self.later(i, 0.0, "begin", late)

    def begin(self, i: int) -> None:
        """The writer runs: the sequence becomes odd if the section covers the others' VMA."""
        hit = self.setting.hits >= 1 or self.rng.random() < self.setting.hits
        if self.setting.vma_lock and hit and self.flying:
            self.waits = True
        else:
            self.start(i, hit)

    def start(self, i: int, hit: bool) -> None:
        """The section begins."""
        self.counts["sections"] += 1
        self.sequence += hit
        self.later(i, self.habits[i].section, "end_odd" if hit else "end")

    def end(self, i: int, odd: bool) -> None:
        """The writer's release; the sequence becomes even again."""
        self.sequence += odd
        self.writer = -1
        self.grant()
        self.go_on(i)

    def step(self) -> None:
        """The next event."""
        self.now, _order, i, what = heappop(self.calendar)
        if what == "look":
            self.look(i)
        elif what == "check":
            self.check(i)
        elif what == "write":
            self.ask(i, "write")
        elif what == "begin":
            self.begin(i)
        elif what == "read_done":
            self.readers -= 1
            self.grant()
            self.go_on(i)
        else:
            self.end(i, what == "end_odd")


def replay(habits: Sequence[Habits], events: int, seed: int, setting: Setting | None = None) -> Tally:
    """Run threads with these habits for so many events and count their aborts.

    >>> alone = Habits(faults=4, sections=1, between=1.0, window=1.0, outside=1.0, section=1.0, classic=1.0)
    >>> replay([alone], 1000, seed=1).share
    0.0
    """
    state = Replay(habits, setting or Setting(), np.random.default_rng(seed))
    state.done = [int(k) for k in state.rng.integers(0, 1000, len(habits))]
    state.seen = [0] * len(habits)
    for i in range(len(habits)):
        state.later(i, float(state.rng.uniform(0, habits[i].between + habits[i].outside)), "start")
    for _ in range(len(habits)):
        state.now, _order, i, _what = heappop(state.calendar)
        state.go_on(i)
    for _ in range(events):
        state.step()
    return Tally(**state.counts, elapsed=state.now)
