"""What each program step does, in the reference simulation (docs/semantics.md): one method per `Op`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

from reference_attempts import Attempts
from reference_machine import Calendar, Level, Line, Processors, PteLock, Thread, World, draw_time
from reference_rwsem import Rwsem

from spfmodel.network import TIMES, Network, Op


class Simulation(Attempts):
    """One draw of a network, N threads running its program. A step's method returns True if the
    thread goes on at once, False if something will call `go_on` later."""

    def __init__(self, network: Network, *, draw: int = 0, seed: int = 1, rwsem: type[Rwsem] = Rwsem) -> None:
        self.network, self.value = network, [float(v) for v in network.value_ns[draw]]
        self.line_local_ns = float(network.line_local_ns[draw])
        self.slowdown = [float(factor) for factor in network.slowdown[draw]]
        self.rng, self.calendar = Random(seed), Calendar()
        costs = dict(zip((*TIMES, "steal_probability"), map(float, network.rwsem_ns[draw]), strict=True))
        self.processors = Processors(self.calendar, network.cpus, costs["switch_ns"], costs["slice_ns"])
        self.lines = [Line(self.calendar) for _ in network.lines or ("unused",)]
        world = World(self.calendar, self.processors, self.rng, network.rules, costs, self.lines[0])
        self.rwsem = rwsem(world, self.go_on)
        self.sequences = [0, 0]
        self.vma_readers, self.vma_owner, self.vma_waiter = 0, None, None
        self.pte_locks = [PteLock() for _ in range(network.n_threads)]
        self.counts: Counter[str] = Counter()
        self.totals_ns = {"fault": 0.0, "update": 0.0}
        self.in_fault = Level(self.calendar)
        self.program = [int(op) for op in network.op]
        self.do: dict[int, Callable[[Thread, int], bool]] = {int(op): getattr(self, op.name.lower()) for op in Op}
        for number in range(network.n_threads):
            thread = Thread(number, int(network.entry[number]))
            self.processors.runnable(thread, partial(self.later, 0.0, thread))

    def go_on(self, thread: Thread) -> None:
        """Run the program until a step takes time or has to wait."""
        while True:
            if thread.busy_until > self.calendar.now:
                return self.later(thread.busy_until - self.calendar.now, thread)
            step, thread.step = thread.step, thread.step + 1
            if not self.do[self.program[step]](thread, step):
                return None

    def later(self, delay: float, thread: Thread) -> None:
        """The thread goes on in `delay` ns."""
        self.calendar.after(delay, lambda: self.go_on(thread))

    # -- time ---------------------------------------------------------------------------------

    def work(self, thread: Thread, step: int) -> bool:
        """Run on the CPU, slower by how many CPUs are busy, and do not spin for mmap_sem, when it starts."""
        time = draw_time(self.rng, self.value[step], float(self.network.scv[step]))
        stopped = self.stopped_ns(thread, time)
        factor = self.slowdown[int(self.processors.busy.value) - len(self.rwsem.spinners)]
        self.later(stopped + time * factor, thread)
        return False

    def stopped_ns(self, thread: Thread, work_ns: float) -> float:
        """How long the thread's vCPU stands still before its work."""
        rules = self.network.rules
        if rules.stop_every_ns == 0 or self.rng.expovariate(1 / rules.stop_every_ns) > work_ns:
            return 0.0
        self.rwsem.stands_still(thread)
        return rules.stop_for_ns

    def flush(self, thread: Thread, step: int) -> bool:
        """`value_ns` for each other busy CPU."""
        time = draw_time(self.rng, self.value[step], float(self.network.scv[step]))
        self.later(time * (self.processors.busy.value - 1), thread)
        return False

    def line(self, thread: Thread, step: int) -> bool:
        """Wait for the line, first come first served."""
        mean, scv = self.value[step], float(self.network.scv[step])

        def time(again: bool) -> float:
            """Local if this thread was the last one, too."""
            return self.line_local_ns if again else draw_time(self.rng, mean, scv)

        self.lines[int(self.network.arg[step])].visit(thread, time, lambda: self.go_on(thread))
        return False

    # -- mmap_sem -----------------------------------------------------------------------------

    def read_lock(self, thread: Thread, _step: int) -> bool:
        return self.rwsem.read_request(thread)

    def read_unlock(self, thread: Thread, _step: int) -> bool:
        return self.rwsem.read_unlock(thread)

    def write_lock(self, thread: Thread, _step: int) -> bool:
        return self.rwsem.write_request(thread)

    def write_unlock(self, thread: Thread, _step: int) -> bool:
        return self.rwsem.write_unlock(thread)

    def downgrade(self, thread: Thread, _step: int) -> bool:
        self.rwsem.downgrade(thread)
        return True

    # -- marks and jumps ----------------------------------------------------------------------

    def fault_begin(self, thread: Thread, _step: int) -> bool:
        thread.fault_began = self.calendar.now
        self.in_fault.becomes(self.in_fault.value + 1)
        return True

    def attempt(self, _thread: Thread, _step: int) -> bool:
        self.counts["attempts"] += 1
        return True

    def fault_end(self, thread: Thread, _step: int) -> bool:
        self.counts["faults"] += 1
        self.totals_ns["fault"] += self.calendar.now - thread.fault_began
        self.in_fault.becomes(self.in_fault.value - 1)
        return self.return_to_user(thread)

    def update_begin(self, thread: Thread, _step: int) -> bool:
        thread.update_began = self.calendar.now
        return True

    def update_end(self, thread: Thread, _step: int) -> bool:
        self.counts["updates"] += 1
        self.totals_ns["update"] += self.calendar.now - thread.update_began
        return self.return_to_user(thread)

    def cycle_end(self, thread: Thread, step: int) -> bool:
        self.counts["cycles"] += 1
        thread.step = int(self.network.arg[step])
        return self.return_to_user(thread)

    def return_to_user(self, thread: Thread) -> bool:
        """The only place where a thread may lose its CPU to the run queue."""
        return not self.processors.preempted(thread, lambda: self.go_on(thread))

    def jump(self, thread: Thread, step: int) -> bool:
        thread.step = int(self.network.arg[step])
        return True

    def every(self, thread: Thread, step: int) -> bool:
        """Jump ahead but for each `value_ns`-th time."""
        thread.ran[step] = thread.ran.get(step, 0) + 1
        if thread.ran[step] < self.value[step]:
            thread.step = int(self.network.arg[step])
        else:
            thread.ran[step] = 0
        return True

    def loop(self, thread: Thread, step: int) -> bool:
        """Jump back until the body ran `value_ns` times."""
        thread.ran[step] = thread.ran.get(step, 0) + 1
        if thread.ran[step] < self.value[step]:
            thread.step = int(self.network.arg[step])
        else:
            thread.ran[step] = 0
        return True
