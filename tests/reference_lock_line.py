"""The reference rwsem where lock operations take time (docs/semantics.md, "Lock operations that take time")."""

from __future__ import annotations

from collections.abc import Callable

from reference_machine import Thread, World
from reference_rwsem import Rwsem
from reference_sleepers import Waiter

ACCESSES = 3
"""of the lock's line in a slow path"""


class TimedRwsem(Rwsem):
    """Slow paths are visits at the lock's cache line."""

    def __init__(self, world: World, go_on: Callable[[Thread], None]) -> None:
        super().__init__(world, go_on)
        self.line = world.lock_line
        self.going: dict[Thread, object] = {}
        """spinners that are on their way to a lock that they saw free"""

    def section(self, thread: Thread, then: Callable[[], None]) -> None:
        """Then, after a visit at the line."""
        self.line.visit(thread, lambda _: ACCESSES * self.rules.transfer_ns, then)

    def runs_on(self, thread: Thread, slow: bool) -> bool:
        """A slow path takes a section."""
        if slow:
            self.section(thread, lambda: self.go_on(thread))
        return not slow

    def goes_to_the_list(self, thread: Thread, writes: bool) -> bool:
        """After a section; always False."""
        self.section(thread, lambda: self.queues_now(thread, writes))
        return False

    def queues_now(self, thread: Thread, writes: bool) -> None:
        """Rule (3), as things are by now."""
        if self.queue(thread, writes):
            self.go_on(thread)
        elif self.free:
            self.serve_list(thread)

    def release(self, waker: Thread) -> bool:
        """The first spinner goes for the lock, the releaser for the list."""
        self.observe()
        if self.handoff is not None:
            self.hand_off()
            return True
        waiting = bool(self.list)
        early = not waiting or self.rng.random() < self.ns["steal_probability"]
        if early:
            self.first_spinner_goes()
        if waiting:
            self.section(waker, lambda: self.serves(waker))
        if not early:
            self.first_spinner_goes()
        return not waiting

    def serves(self, waker: Thread) -> None:
        """The releaser has wait_lock."""
        self.serve_list(waker)
        self.go_on(waker)

    def first_reader_reads(self) -> bool:
        """Always False: it is on its way."""
        self.first_spinner_goes()
        return False

    def first_spinner_goes(self) -> None:
        """If there is one, and it is not on its way."""
        if not self.spinners or self.spinners[0] in self.going:
            return
        first, errand = self.spinners[0], object()
        self.going[first] = errand
        if self.list:
            self.section(first, lambda: self.arrives(first, errand))
        else:
            self.line.visit(first, lambda _: self.ns["spin_handoff_ns"], lambda: self.arrives(first, errand))

    def arrives(self, thread: Thread, errand: object) -> None:
        """Unless it has given up meanwhile, it takes the lock if it still can, or spins on."""
        if self.going.get(thread) is not errand:
            return
        del self.going[thread]
        writes = self.spins_to_write[thread]
        if self.writer is None and self.handoff is None and not (writes and self.readers):
            self.spinners.remove(thread)
            self.takes(thread, writes)
        self.spinners_meet_readers()

    def takes(self, thread: Thread, writes: bool) -> None:
        """It has the lock; a reader lets in others, if any wait."""
        if writes:
            self.take_for_writing(thread)
            self.calendar.after(0.0, lambda: self.go_on(thread))
            return
        if self.runs_on(thread, slow=bool(self.list)):
            self.calendar.after(0.0, lambda: self.go_on(thread))
        self.read_with_the_head(thread)

    def gives_up_spinning(self, thread: Thread) -> None:
        """Its errand is void; the next spinner goes for a free lock."""
        self.going.pop(thread, None)
        self.spinners.remove(thread)
        if not self.spinners:
            self.reader_deadline = None
        if self.free:
            self.first_spinner_goes()
        self.goes_to_the_list(thread, self.spins_to_write[thread])

    def is_faster_than_spinners(self) -> bool:
        """By chance, if somebody spins."""
        return not self.spinners or self.rng.random() >= self.ns["steal_probability"]

    def has_left_its_cpu(self, waiter: Waiter) -> bool:
        """It went to sleep at least a switch ago."""
        return self.asleep_ns(waiter) >= self.ns["switch_ns"]

    def hurry_ns(self, waiter: Waiter) -> float:
        """Until who has not left its CPU is runnable."""
        return max(self.ns["switch_ns"] - self.asleep_ns(waiter), self.rules.transfer_ns)
