"""The rwsem of docs/semantics.md in plain Python: one method per rule, in the page's words.

Part of the reference simulation (reference_des.py). Written to be read and compared with the fast
solver; nothing here is shared with it. Sleepers are in reference_sleepers.py, spinners in
reference_spinners.py, lock operations that take time in reference_lock_line.py.
"""

from __future__ import annotations

from collections.abc import Callable

from reference_machine import Thread, World
from reference_sleepers import Waiter
from reference_spinners import Spinners


class Rwsem(Spinners):
    """mmap_sem. `go_on(thread)` resumes the program of a thread that now has the lock."""

    def __init__(self, world: World, go_on: Callable[[Thread], None]) -> None:
        super().__init__(world)
        self.go_on = go_on

    def read_request(self, thread: Thread) -> bool:
        """True if granted; else the thread spins or sleeps until `go_on`."""
        waited_for = bool(self.list)
        if self.may_read() or (self.may_spin_to_read(thread) and self.writer is None and not self.spinners):
            self.read_with_the_head(thread)
            return self.runs_on(thread, slow=waited_for)
        if self.may_spin_to_read(thread):
            return self.spin(thread, writes=False)
        return self.goes_to_the_list(thread, writes=False)

    def may_read(self) -> bool:
        """No writer and nobody waits; or it steals, unless the hint is READER and a reader is counted."""
        if self.writer is not None or not self.list:
            return self.writer is None
        return bool(self.rules.read_steal) and self.handoff is None and not (self.hint == "READER" and self.readers)

    def may_spin_to_read(self, thread: Thread) -> bool:
        """From 5.3 to 5.10."""
        return bool(self.rules.read_spin) and self.spinning_allowed(thread)

    def write_request(self, thread: Thread) -> bool:
        """True if taken; else the thread spins or sleeps until `go_on`."""
        if self.free and not self.list and (self.rules.write_barge or not self.spinners):
            return self.take_for_writing(thread)
        if not self.spinning_allowed(thread):
            return self.goes_to_the_list(thread, writes=True)
        if self.free and not self.spinners:
            self.take_for_writing(thread)
            return self.runs_on(thread, slow=True)
        return self.spin(thread, writes=True)

    def runs_on(self, _thread: Thread, slow: bool) -> bool:
        """The lock is the thread's, and it goes on at once."""
        return True

    def goes_to_the_list(self, thread: Thread, writes: bool) -> bool:
        """True if it has the lock instead of waiting."""
        return self.queue(thread, writes)

    def queue(self, thread: Thread, writes: bool) -> bool:
        """Rule (3): True if the lock is the thread's."""
        if not writes and self.writer is None and not self.list:
            self.take_for_reading(1)
            return True
        waiter = Waiter(thread, writes=writes, since=self.calendar.now)
        self.list.append(waiter)
        if writes and self.readers > 0:
            self.grant_readers_at_the_head(waker=thread)
        may_try = writes and self.rules.last_try and self.free
        if may_try and (self.handoff is None or self.list[0] is waiter):
            self.list.remove(waiter)
            return self.take_for_writing(thread)
        self.sleep(thread)
        return False

    def write_unlock(self, thread: Thread) -> bool:
        """Clears the hint. After a downgrade it is a read unlock. True if the thread goes on."""
        if self.writer is not thread:
            return self.read_unlock(thread)
        self.writer, self.hint = None, ""
        return self.release(waker=thread)

    def read_unlock(self, thread: Thread) -> bool:
        """The hint stays; the last reader releases. True if the thread goes on."""
        assert self.readers > 0
        self.readers -= 1
        if self.readers > 0:
            return True
        self.non_spinnable = self.non_spinnable and not self.list
        self.reader_deadline = None
        return self.release(waker=thread)

    def downgrade(self, thread: Thread) -> None:
        """The writer becomes a reader and lets in readers at the list's head."""
        if self.rules.downgrade:
            self.writer = None
            self.read_with_the_head(thread)

    def stands_still(self, thread: Thread) -> None:
        """The thread's vCPU stops: who spins for a lock that it writes gives up."""
        if self.writer is thread:
            self.stopped_until = self.calendar.now + self.rules.stop_for_ns
            self.all_spinners_give_up()

    def release(self, waker: Thread) -> bool:
        """The lock is free: the hand-off, the first spinner, or the head is next."""
        self.observe()
        if self.handoff is not None:
            self.hand_off()
        elif self.rules.handoff_direct:
            self.grant_the_head(waker)
        elif self.spinners and self.spinner_is_next():
            writer_waits = bool(self.list) and self.list[0].writes
            self.first_spinner_takes()
            if self.rules.wake_on_release and writer_waits:
                self.wake_a_writer_at_the_head(waker)
        else:
            self.serve_list(waker)
        return True

    def spinner_is_next(self) -> bool:
        """If the list is empty, a writer heads it, or by chance against a reader."""
        return not self.list or self.list[0].writes or self.rng.random() < self.ns["steal_probability"]

    def hand_off(self) -> None:
        """The waiter that set the hand-off has the lock; it spins, so it runs on at once."""
        assert self.handoff is not None
        waiter, self.handoff = self.handoff, None
        self.list.remove(waiter)
        self.take_for_writing(waiter.thread)
        self.calendar.after(0.0, lambda: self.go_on(waiter.thread))

    def grant_the_head(self, waker: Thread) -> None:
        """The textbook lock: a writer or the run of readers has the lock at once."""
        self.grant_readers_at_the_head(waker)
        if self.free and self.list:
            waiter = self.list.pop(0)
            self.take_for_writing(waiter.thread)
            self.wake([waiter], waker, self.go_on)

    def serve_list(self, waker: Thread) -> None:
        """A writer at the head is woken; the run of readers is granted, unless a writer has the lock."""
        if not self.list or self.handoff is not None:
            return
        if self.list[0].writes:
            self.wake_a_writer_at_the_head(waker)
        elif self.writer is None:
            self.grant_readers_at_the_head(waker)

    def wake_a_writer_at_the_head(self, waker: Thread) -> None:
        """Woken, not granted; not again if it is already on its way."""
        if self.list and self.list[0].writes and not self.list[0].on_its_way:
            (waiter := self.list[0]).on_its_way = True
            self.wake([waiter], waker, lambda _: self.woken_writer_tries(waiter))

    def woken_writer_tries(self, waiter: Waiter) -> None:
        """On a CPU: takes a free lock; or sets the hand-off and spins; or sleeps again."""
        waiter.on_its_way = False
        long = self.has_waited_long(waiter)
        if self.free and (long or self.is_faster_than_spinners()):
            self.list.remove(waiter)
            self.take_for_writing(waiter.thread)
            if self.runs_on(waiter.thread, slow=True):
                self.go_on(waiter.thread)
        elif long:
            self.handoff = waiter
        else:
            waiter.failed_at = self.calendar.now
            self.sleep(waiter.thread)

    def is_faster_than_spinners(self) -> bool:
        """A lock that is free has no spinners, if operations take no time."""
        return True

    def has_waited_long(self, waiter: Waiter) -> bool:
        """It heads the list for longer than the hand-off time."""
        waited = self.calendar.now - waiter.since
        return 0 < self.rules.handoff_after_ns < waited and self.list[0] is waiter
