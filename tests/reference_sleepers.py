"""Sleeping and waking at the rwsem of the reference simulation (docs/semantics.md, "Waking")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from reference_machine import Thread, World

MOST_READERS_WOKEN = 256
HOT_NS = 50_000.0
"""who went back to sleep after a failed try so recently wakes fast"""
HOT_SPREAD = 0.27
"""a fast wake-up's latency is uniform within so much of its mean"""


@dataclass(eq=False)
class Waiter:
    """One entry of the wait list."""

    thread: Thread
    writes: bool
    since: float
    on_its_way: bool = False
    """woken, not yet back on a CPU"""
    failed_at: float = float("-inf")
    """when it last went back to sleep after a failed try"""


def run_of_readers(waiters: list[Waiter], everywhere: bool) -> list[Waiter]:
    """If a reader heads the list: the readers up to the first writer, or everywhere; at most 256."""
    if not waiters or waiters[0].writes:
        return []
    run = takewhile(lambda waiter: not waiter.writes, waiters)
    return [waiter for waiter in (waiters if everywhere else run) if not waiter.writes][:MOST_READERS_WOKEN]


class Sleepers:
    """What it costs to sleep and to be woken."""

    def __init__(self, world: World) -> None:
        self.calendar, self.processors, self.rng = world.calendar, world.processors, world.rng
        self.rules, self.ns = world.rules, world.costs

    def sleep(self, thread: Thread) -> None:
        """Leave the CPU. Without `sleep` a waiter keeps it."""
        if self.rules.sleep:
            self.processors.leave(thread)

    def wake(self, waiters: list[Waiter], waker: Thread, then: Callable[[Thread], None]) -> None:
        """The i-th becomes runnable after its latency + i sends; the waker loses them all."""
        send = self.ns["wake_send_ns"] if self.rules.sleep else 0.0
        sent = sum(self.has_left_its_cpu(waiter) for waiter in waiters)
        for place, waiter in enumerate(waiters):
            self.wake_one(waiter, place * send, then)
        if sent:
            waker.busy_until = max(waker.busy_until, self.calendar.now) + sent * send

    def asleep_ns(self, waiter: Waiter) -> float:
        """Since it last went to sleep."""
        return self.calendar.now - max(waiter.since, waiter.failed_at)

    def has_left_its_cpu(self, _waiter: Waiter) -> bool:
        """Always, if lock operations take no time."""
        return True

    def hurry_ns(self, _waiter: Waiter) -> float:
        """Until who has not left its CPU is runnable (reference_lock_line.py)."""
        raise NotImplementedError

    def wake_one(self, waiter: Waiter, delay: float, then: Callable[[Thread], None]) -> None:
        """Without `sleep` at once; else after the latency, when there is a CPU."""
        thread = waiter.thread
        if self.rules.sleep:
            delay = delay + self.wake_latency(waiter) if self.has_left_its_cpu(waiter) else self.hurry_ns(waiter)
            self.calendar.after(delay, lambda: self.processors.runnable(thread, lambda: then(thread)))
        else:
            self.calendar.after(0.0, lambda: then(thread))

    def wake_latency(self, waiter: Waiter) -> float:
        """Hot and uniform soon after a failed try, else cold and Erlang-4; or by the time asleep."""
        if self.rules.idle_depth > 0:
            mean = min(self.ns["wake_ns"], self.ns["wake_hot_ns"] + self.rules.idle_depth * self.asleep_ns(waiter))
            return self.rng.gammavariate(4.0, mean / 4.0)
        if self.calendar.now - waiter.failed_at <= HOT_NS:
            return self.ns["wake_hot_ns"] * self.rng.uniform(1 - HOT_SPREAD, 1 + HOT_SPREAD)
        mean = self.ns["wake_ns"]
        return self.rng.gammavariate(4.0, mean / 4.0) if mean > 0 else 0.0
