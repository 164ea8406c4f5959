"""The steps at which an attempt may abort, and the locks that it only tries, in the reference simulation."""

from __future__ import annotations

from collections import Counter
from random import Random

from reference_machine import PteLock, Thread

from spfmodel.network import Network


class Attempts:
    """Sequences, page-table locks, the VMA's own lock."""

    network: Network
    value: list[float]
    rng: Random
    counts: Counter[str]
    sequences: list[int]
    pte_locks: list[PteLock]
    vma_readers: int
    vma_owner: Thread | None
    vma_waiter: Thread | None

    def later(self, delay: float, thread: Thread) -> None:
        """The thread goes on in `delay` ns."""
        raise NotImplementedError

    # -- sequences, PTE locks, aborts ---------------------------------------------------------

    def abort(self, thread: Thread, step: int) -> bool:
        """Count the cause, release the PTE lock and the VMA if held, go on at `fail`."""
        self.counts[f"abort:{int(self.network.cause[step])}"] += 1
        self.spin_unlock(thread, step)
        self.vma_read_unlock(thread, step)
        thread.step = int(self.network.fail[step])
        return True

    def seq_read(self, thread: Thread, step: int) -> bool:
        """Abort if the sequence is odd, else remember it."""
        k = int(self.network.arg[step])
        thread.remembered[k] = self.sequences[k]
        return self.abort(thread, step) if self.sequences[k] % 2 else True

    def seq_check(self, thread: Thread, step: int) -> bool:
        """Abort if the sequence is no longer what was remembered."""
        k = int(self.network.arg[step])
        return True if self.sequences[k] == thread.remembered[k] else self.abort(thread, step)

    def seq_odd(self, thread: Thread, step: int) -> bool:
        """With probability `value_ns` the sequence moves to odd."""
        k = int(self.network.arg[step])
        if self.rng.random() < self.value[step]:
            self.sequences[k] += 1
            thread.moved.add(k)
        return True

    def seq_even(self, thread: Thread, step: int) -> bool:
        """Move the sequence on if SEQ_ODD had."""
        k = int(self.network.arg[step])
        if k in thread.moved:
            self.sequences[k] += 1
            thread.moved.remove(k)
        return True

    def pte_lock_of(self, thread: Thread) -> PteLock:
        """Neighbours share a page-table page, hence its lock."""
        return self.pte_locks[thread.number // self.network.threads_per_page_table]

    def trylock(self, thread: Thread, step: int) -> bool:
        """Take the PTE lock, or abort if it is held."""
        if self.own_table(step):
            return True
        lock = self.pte_lock_of(thread)
        if lock.held:
            return self.abort(thread, step)
        lock.held = thread.holds_pte_lock = True
        return True

    def own_table(self, step: int) -> bool:
        """With probability `value_ns` the page lies in a table that no other thread uses."""
        return self.value[step] > 0 and self.rng.random() < self.value[step]

    def spin_lock(self, thread: Thread, step: int) -> bool:
        """Take the PTE lock, or wait first come first served."""
        if self.own_table(step):
            return True
        lock = self.pte_lock_of(thread)
        if lock.held:
            lock.waiting.append(thread)
            return False
        lock.held = thread.holds_pte_lock = True
        return True

    def spin_unlock(self, thread: Thread, _step: int) -> bool:
        """Hand the PTE lock, if held, to the next at once."""
        if not thread.holds_pte_lock:
            return True
        lock, thread.holds_pte_lock = self.pte_lock_of(thread), False
        lock.held = bool(lock.waiting)
        if lock.waiting:
            heir = lock.waiting.popleft()
            heir.holds_pte_lock = True
            self.later(0.0, heir)
        return True

    def chance(self, thread: Thread, step: int) -> bool:
        """Abort with probability `value_ns`."""
        return self.abort(thread, step) if self.rng.random() < self.value[step] else True

    # -- the VMA's own lock -------------------------------------------------------------------

    def vma_read_try(self, thread: Thread, step: int) -> bool:
        """Read the VMA, or abort if an update has marked it."""
        if self.vma_owner is not None:
            return self.abort(thread, step)
        self.vma_readers += 1
        thread.holds_vma = True
        return True

    def vma_read_unlock(self, thread: Thread, _step: int) -> bool:
        """The last reader lets a waiting update on."""
        if thread.holds_vma:
            thread.holds_vma = False
            self.vma_readers -= 1
            if not self.vma_readers and self.vma_waiter is not None:
                waiter, self.vma_waiter = self.vma_waiter, None
                self.later(0.0, waiter)
        return True

    def vma_write_lock(self, thread: Thread, step: int) -> bool:
        """With probability `value_ns`: mark the VMA and wait for its readers."""
        if self.rng.random() >= self.value[step]:
            return True
        self.vma_owner = thread
        if not self.vma_readers:
            return True
        self.vma_waiter = thread
        return False

    def vma_write_unlock(self, thread: Thread, _step: int) -> bool:
        if self.vma_owner is thread:
            self.vma_owner = None
        return True
