"""Calendar, threads, CPUs, lines and laws of time of the reference simulation (docs/semantics.md)."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import sqrt
from random import Random

from spfmodel.primitives.reader_writer import RwsemRules

Action = Callable[[], None]
MOST_STAGES = 100


class Calendar:
    """What happens when. Events of one instant happen in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self.heap: list[tuple[float, int, Action]] = []
        self.tickets = count()

    def after(self, delay: float, action: Action) -> None:
        """Plan `action` in `delay` ns."""
        self.at(self.now + delay, action)

    def at(self, time: float, action: Action) -> None:
        """Plan `action` at `time`, or now if that is past."""
        heapq.heappush(self.heap, (max(time, self.now), next(self.tickets), action))

    def step(self) -> None:
        """Do the next event."""
        self.now, _, action = heapq.heappop(self.heap)
        action()


class Level:
    """A quantity over time, and the area below it."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.value, self.since, self.past = 0.0, 0.0, 0.0

    def becomes(self, value: float) -> None:
        """From now on it is `value`."""
        self.past, self.since = self.area, self.calendar.now
        self.value = value

    @property
    def area(self) -> float:
        """Integral from 0 to now."""
        return self.past + self.value * (self.calendar.now - self.since)


@dataclass(eq=False)
class Thread:
    """One customer of the network."""

    number: int
    step: int
    """the next step of its program"""
    cpu_since: float = 0.0
    """when it got the CPU that it has"""
    busy_until: float = 0.0
    """when it has sent all wake-ups: its next step starts no earlier"""
    ran: dict[int, int] = field(default_factory=dict)
    """how often the body of each LOOP ran"""
    remembered: dict[int, int] = field(default_factory=dict)
    """what SEQ_READ saw"""
    moved: set[int] = field(default_factory=set)
    """sequences that its SEQ_ODD moved"""
    holds_pte_lock: bool = False
    holds_vma: bool = False
    fault_began: float = 0.0
    update_began: float = 0.0


class Processors:
    """C CPUs and one FIFO run queue."""

    def __init__(self, calendar: Calendar, cpus: int, switch_ns: float, slice_ns: float) -> None:
        self.calendar, self.cpus = calendar, cpus
        self.switch_ns, self.slice_ns = switch_ns, slice_ns
        self.run_queue: deque[tuple[Thread, Action]] = deque()
        self.busy = Level(calendar)
        self.when_someone_queues: Action = lambda: None

    def runnable(self, thread: Thread, then: Action) -> None:
        """Take an idle CPU at once, or join the run queue."""
        if self.busy.value < self.cpus:
            self.busy.becomes(self.busy.value + 1)
            thread.cpu_since = self.calendar.now
            then()
        else:
            self.run_queue.append((thread, then))
            self.when_someone_queues()

    def leave(self, _thread: Thread) -> None:
        """Go to sleep: the CPU takes the head of the run queue, which runs on after the switch."""
        if self.run_queue:
            thread, then = self.run_queue.popleft()
            thread.cpu_since = self.calendar.now
            self.calendar.after(self.switch_ns, then)
        else:
            self.busy.becomes(self.busy.value - 1)

    def slice_over(self, thread: Thread) -> bool:
        """The thread has had its CPU for a slice or longer, and others queue."""
        return bool(self.run_queue) and self.calendar.now >= thread.cpu_since + self.slice_ns

    def preempted(self, thread: Thread, then: Action) -> bool:
        """At the return to user mode: whose slice is over goes to the run queue's tail."""
        if not self.slice_over(thread):
            return False
        self.run_queue.append((thread, then))
        self.leave(thread)
        return True


@dataclass(frozen=True)
class World:
    """What the rwsem needs to know of its surroundings."""

    calendar: Calendar
    processors: Processors
    rng: Random
    rules: RwsemRules
    costs: dict[str, float]
    """by `network.TIMES`, and steal_probability"""
    lock_line: Line
    """the rwsem's cache line"""


def draw_time(rng: Random, mean: float, scv: float) -> float:
    """A time of this mean and squared coefficient of variation, by the law the page names."""
    if mean <= 0 or scv == 0:
        return mean
    if scv < 1:
        stages = min(round(1 / scv), MOST_STAGES)
        return rng.gammavariate(stages, mean / stages)
    p = (1 + sqrt((scv - 1) / (scv + 1))) / 2
    branch = p if rng.random() < p else 1 - p
    return rng.expovariate(2 * branch / mean)


class Line:
    """A first-come-first-served station; whoever waits keeps its CPU."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.waiting: deque[tuple[Thread, Callable[[bool], float], Action]] = deque()
        self.last_served: Thread | None = None

    def visit(self, thread: Thread, time: Callable[[bool], float], then: Action) -> None:
        """Be served for `time(again)`, where `again` says whether this thread was the last one, too; then `then`."""
        self.waiting.append((thread, time, then))
        if len(self.waiting) == 1:
            self.serve()

    def serve(self) -> None:
        """The head is served."""
        thread, time, _ = self.waiting[0]
        again, self.last_served = self.last_served is thread, thread
        self.calendar.after(time(again), self.served)

    def served(self) -> None:
        """The next is served; this one goes on."""
        _, _, then = self.waiting.popleft()
        if self.waiting:
            self.serve()
        then()


class PteLock:
    """A spinlock that is handed to the next in line at once."""

    def __init__(self) -> None:
        self.held = False
        self.waiting: deque[Thread] = deque()
