"""The rwsem of docs/semantics.md in plain Python: one method per rule, in the page's words.

Part of the reference simulation (reference_des.py). Written to be read and compared with the fast
solver; nothing here is shared with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reference_machine import Level, Thread, World
from reference_sleepers import Sleepers, Waiter, run_of_readers


class Rwsem(Sleepers):
    """mmap_sem. `go_on(thread)` resumes the program of a thread that now has the lock."""

    def __init__(self, world: World, go_on: Callable[[Thread], None]) -> None:
        super().__init__(world)
        self.go_on = go_on
        self.writer: Thread | None = None
        self.readers = 0
        self.hint = ""
        self.list: list[Waiter] = []
        self.spinners: deque[Thread] = deque()
        self.handoff: Waiter | None = None
        self.non_spinnable = False
        self.reader_deadline: float | None = None
        self.writer_owned, self.reader_owned = Level(world.calendar), Level(world.calendar)
        world.processors.when_someone_queues = self.reschedule_spinners

    def read_request(self, thread: Thread) -> bool:
        """True if granted; else the thread sleeps until `go_on`."""
        if self.writer is None and not self.list:
            self.take_for_reading(1)
            return True
        if self.may_steal_for_reading():
            self.read_with_the_head(thread)
            return True
        self.list.append(Waiter(thread, writes=False, since=self.calendar.now))
        self.sleep(thread)
        return False

    def may_steal_for_reading(self) -> bool:
        """No writer and no hand-off, unless the hint is READER and a reader is counted."""
        open_to_all = self.writer is None and self.handoff is None
        return bool(self.rules.read_steal) and open_to_all and not (self.hint == "READER" and self.readers)

    def write_request(self, thread: Thread) -> bool:
        """True if taken; else the thread spins or sleeps until `go_on`."""
        if self.free and not self.list and (self.rules.write_barge or not self.spinners):
            return self.take_for_writing(thread)
        if self.spinning_allowed(thread):
            return self.spin(thread)
        return self.queue_for_writing(thread)

    def spinning_allowed(self, thread: Thread) -> bool:
        """Rules, need_resched, hand-off, and who owned the lock last."""
        if not self.rules.write_spin or self.handoff is not None or self.processors.slice_over(thread):
            return False
        return self.hint != "READER" or bool(self.rules.spin_on_reader and not self.non_spinnable)

    def spin(self, thread: Thread) -> bool:
        """Join the spin queue; who is alone there takes a free lock at once."""
        if self.free and not self.spinners:
            return self.take_for_writing(thread)
        self.spinners.append(thread)
        self.calendar.at(thread.cpu_since + self.ns["slice_ns"], self.reschedule_spinners)
        self.spinners_meet_readers()
        return False

    def queue_for_writing(self, thread: Thread) -> bool:
        """Join the list, let readers at its head in beside readers, try once, sleep."""
        waiter = Waiter(thread, writes=True, since=self.calendar.now)
        self.list.append(waiter)
        if self.readers > 0:
            self.grant_readers_at_the_head(waker=thread)
        if self.rules.last_try and self.free and (self.handoff is None or self.list[0] is waiter):
            self.list.remove(waiter)
            return self.take_for_writing(thread)
        self.sleep(thread)
        return False

    @property
    def free(self) -> bool:
        """No writer and no readers."""
        return self.writer is None and self.readers == 0

    def take_for_writing(self, thread: Thread) -> bool:
        """The lock is the thread's; always True."""
        assert self.free
        self.writer, self.hint = thread, "WRITER"
        self.non_spinnable, self.reader_deadline = False, None
        self.observe()
        return True

    def take_for_reading(self, count: int) -> None:
        """Grant the lock to so many readers."""
        assert self.writer is None
        self.readers += count
        self.hint = "READER"
        self.observe()
        self.spinners_meet_readers()

    def observe(self) -> None:
        """Note who owns the lock, for its utilisation."""
        self.writer_owned.becomes(float(self.writer is not None))
        self.reader_owned.becomes(float(self.readers > 0))

    def spinners_meet_readers(self) -> None:
        """The lock is reader-owned while writers spin."""
        if self.readers == 0 or not self.spinners:
            return
        if not self.rules.spin_on_reader:
            self.all_spinners_give_up()
        elif self.reader_deadline is None:
            limit = min(10_000.0 + 500.0 * self.readers, 25_000.0)
            self.reader_deadline = deadline = self.calendar.now + limit
            self.calendar.after(limit, lambda: self.reader_limit_expires(deadline))

    def reader_limit_expires(self, deadline: float) -> None:
        """Spinners join the list; nobody spins on these readers any more."""
        if self.reader_deadline == deadline:
            self.non_spinnable, self.reader_deadline = True, None
            self.all_spinners_give_up()

    def all_spinners_give_up(self) -> None:
        """In order."""
        while self.spinners:
            self.gives_up_spinning(self.spinners[0])

    def gives_up_spinning(self, thread: Thread) -> None:
        """It joins the list as in rule (3) of a write request."""
        self.spinners.remove(thread)
        if not self.spinners:
            self.reader_deadline = None
        if self.queue_for_writing(thread):
            self.calendar.after(0.0, lambda: self.go_on(thread))

    def reschedule_spinners(self) -> None:
        """Who spins although its slice is over and others queue gives up (need_resched)."""
        for thread in list(self.spinners):
            if thread in self.spinners and self.processors.slice_over(thread):
                self.gives_up_spinning(thread)

    def write_unlock(self, thread: Thread) -> None:
        """Clears the hint. After a downgrade it is a read unlock."""
        if self.writer is thread:
            self.writer, self.hint = None, ""
            self.release(waker=thread)
        else:
            self.read_unlock(thread)

    def read_unlock(self, thread: Thread) -> None:
        """The hint stays; the last reader releases."""
        assert self.readers > 0
        self.readers -= 1
        if self.readers == 0:
            self.non_spinnable = self.non_spinnable and not self.list
            self.reader_deadline = None
            self.release(waker=thread)

    def downgrade(self, thread: Thread) -> None:
        """The writer becomes a reader and lets in readers at the list's head."""
        if self.rules.downgrade:
            self.writer = None
            self.read_with_the_head(thread)

    def release(self, waker: Thread) -> None:
        """The lock is free: the hand-off, the first spinner, or the head is next."""
        self.observe()
        if self.handoff is not None:
            self.hand_off()
        elif self.rules.handoff_direct:
            self.grant_the_head(waker)
        elif self.spinners and self.spinner_is_next():
            winner = self.spinners.popleft()
            self.take_for_writing(winner)
            self.calendar.after(self.ns["spin_handoff_ns"], lambda: self.go_on(winner))
            if self.rules.wake_on_release:
                self.wake_a_writer_at_the_head(waker)
        else:
            self.grant_readers_at_the_head(waker)
            if self.free:
                self.wake_a_writer_at_the_head(waker)

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

    def readers_at_the_head(self) -> list[Waiter]:
        """The run of readers leaves the list."""
        run = run_of_readers(self.list, everywhere=bool(self.rules.wake_all_readers))
        self.list = [waiter for waiter in self.list if waiter not in run]
        return run

    def grant_readers_at_the_head(self, waker: Thread) -> None:
        """They have the lock, and are woken."""
        if run := self.readers_at_the_head():
            self.take_for_reading(len(run))
            self.wake(run, waker, self.go_on)

    def read_with_the_head(self, thread: Thread) -> None:
        """The thread reads, and lets readers at the head in before spinners see any of them."""
        run = self.readers_at_the_head()
        self.take_for_reading(1 + len(run))
        self.wake(run, thread, self.go_on)

    def wake_a_writer_at_the_head(self, waker: Thread) -> None:
        """Woken, not granted; not again if it is already on its way."""
        if self.list and self.list[0].writes and not self.list[0].on_its_way:
            (waiter := self.list[0]).on_its_way = True
            self.wake([waiter], waker, lambda _: self.woken_writer_tries(waiter))

    def woken_writer_tries(self, waiter: Waiter) -> None:
        """On a CPU: takes a free lock; or sets the hand-off and spins; or sleeps again."""
        waiter.on_its_way = False
        if self.free:
            self.list.remove(waiter)
            self.take_for_writing(waiter.thread)
            self.go_on(waiter.thread)
        elif self.has_waited_long(waiter):
            self.handoff = waiter
        else:
            waiter.failed_at = self.calendar.now
            self.sleep(waiter.thread)

    def has_waited_long(self, waiter: Waiter) -> bool:
        """It heads the list for longer than the hand-off time."""
        waited = self.calendar.now - waiter.since
        return 0 < self.rules.handoff_after_ns < waited and self.list[0] is waiter
