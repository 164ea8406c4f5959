"""Who owns the rwsem, and who spins for it, in the reference simulation (docs/semantics.md, "The rwsem")."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reference_machine import Level, Thread, World
from reference_sleepers import Sleepers, Waiter, run_of_readers


class Spinners(Sleepers):
    """Owner, wait list and spin queue."""

    go_on: Callable[[Thread], None]

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.writer: Thread | None = None
        self.readers = 0
        self.hint = ""
        self.list: list[Waiter] = []
        self.spinners: deque[Thread] = deque()
        self.spins_to_write: dict[Thread, bool] = {}
        self.handoff: Waiter | None = None
        self.non_spinnable = False
        self.reader_deadline: float | None = None
        self.stopped_until = 0.0
        self.writer_owned, self.reader_owned = Level(world.calendar), Level(world.calendar)
        world.processors.when_someone_queues = self.reschedule_spinners

    @property
    def free(self) -> bool:
        """No writer and no readers."""
        return self.writer is None and self.readers == 0

    def observe(self) -> None:
        """Note who owns the lock, for its utilisation."""
        self.writer_owned.becomes(float(self.writer is not None))
        self.reader_owned.becomes(float(self.readers > 0))

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

    def spinning_allowed(self, thread: Thread) -> bool:
        """Rules, need_resched, hand-off, the writer's vCPU, and who owned the lock last."""
        if not self.rules.write_spin or self.handoff is not None or self.processors.slice_over(thread):
            return False
        if self.calendar.now < self.stopped_until:
            return False
        return self.hint != "READER" or bool(self.rules.spin_on_reader and not self.non_spinnable)

    def spin(self, thread: Thread, writes: bool) -> bool:
        """Join the spin queue; always False."""
        self.spinners.append(thread)
        self.spins_to_write[thread] = writes
        self.calendar.at(thread.cpu_since + self.ns["slice_ns"], self.reschedule_spinners)
        self.spinners_meet_readers()
        return False

    def first_spinner_takes(self) -> None:
        """It leaves the spin queue with the lock, and runs on a line transfer later."""
        winner = self.spinners.popleft()
        self.calendar.after(self.ns["spin_handoff_ns"], lambda: self.go_on(winner))
        if self.spins_to_write[winner]:
            self.take_for_writing(winner)
        else:
            self.read_with_the_head(winner)

    def spinners_meet_readers(self) -> None:
        """The lock is reader-owned: readers that spin read, too; writers give up, or spin on until a deadline."""
        while self.readers > 0 and self.spinners:
            first = self.spinners[0]
            if not self.spins_to_write[first] and self.handoff is None:
                if not self.first_reader_reads():
                    return
            elif not self.rules.spin_on_reader:
                self.gives_up_spinning(first)
            else:
                self.watch_readers()
                return

    def first_reader_reads(self) -> bool:
        """Always True: it has left the spin queue."""
        self.first_spinner_takes()
        return True

    def watch_readers(self) -> None:
        """A writer is the first spinner: it starts the clock, if it does not run."""
        if self.reader_deadline is None:
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
        """It joins the list as in rule (3) of its request."""
        self.spinners.remove(thread)
        if not self.spinners:
            self.reader_deadline = None
        if self.goes_to_the_list(thread, self.spins_to_write[thread]):
            self.calendar.after(0.0, lambda: self.go_on(thread))

    def goes_to_the_list(self, thread: Thread, writes: bool) -> bool:
        """True if it has the lock instead of waiting."""
        raise NotImplementedError

    def reschedule_spinners(self) -> None:
        """Who spins although its slice is over and others queue gives up (need_resched)."""
        for thread in list(self.spinners):
            if thread in self.spinners and self.processors.slice_over(thread):
                self.gives_up_spinning(thread)
