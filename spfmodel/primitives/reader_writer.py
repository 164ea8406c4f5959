"""mmap_sem: the rwsem's rules per kernel era, as data, and the capacity of a reader/writer lock.

The rules are those of kernel/locking/rwsem*.c (4.14, 4.19, 5.4 and 5.17 trees); `solvers.des`
interprets them. `RwsemRules` holds flags and the kernel's own time limits; other times are costs of the machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class RwsemRules(NamedTuple):
    """One policy of a reader/writer semaphore. Flags are 0 or 1 (ints, for the jitted solver)."""

    handoff_direct: int = 0
    """1: a freed lock is given to the head of the queue at once (FCFS textbook lock)"""
    sleep: int = 1
    """0: waiters never sleep: no wake latency, no wake-up cost"""
    write_barge: int = 1
    """a writer's fast path takes a free lock when nobody is queued, without asking the spinners"""
    write_spin: int = 1
    """writers spin while a writer that runs owns the lock"""
    spin_on_reader: int = 0
    """writers also spin on a reader-owned lock, for a limited time (5.3 on)"""
    last_try: int = 1
    """who gives up spinning tries once before it sleeps, whatever its place in the queue"""
    read_steal: int = 0
    """0: readers queue behind waiters; 1: granted although others wait, unless readers own the
    lock already (5.11 on)"""
    wake_all_readers: int = 0
    """0: the run of readers at the head; 1: all queued readers, at most 256 (5.3 on)"""
    wake_on_release: int = 1
    """a release wakes a sleeping writer at the head although a spinner takes the lock"""
    downgrade: int = 0
    """munmap and brk turn their write hold into a read hold for the unmapping (4.20 on)"""
    read_spin: int = 0
    """readers enter the spin queue, too, if `write_spin` is set (5.3 to 5.10)"""
    handoff_after_ns: float = 0.0
    """a waiter first in line longer than this forbids stealing (5.3 on); 0: never"""
    reader_spin_each_ns: float = 0.0
    """with `spin_on_reader`: 0: the kernel's one clock for all who spin on readers; else each spinner
    watches them for so long by itself (an earlier study's rule, for comparison)"""
    transfer_ns: float = 0.0
    """of the machine: fetching the lock's cache line from another CPU, once in each access of a slow path;
    0: lock operations take no time but what the program's LINE steps say"""
    idle_depth: float = 0.0
    """of the machine, ns per ns: waking takes longer by this share of the time asleep, since idle CPUs sink
    deeper: from wake_hot_ns to at most wake_ns; 0: wake_ns, or wake_hot_ns soon after a failed try"""
    stop_every_ns: float = 0.0
    """of a virtual machine: mean CPU time between two stops of a vCPU by its host; 0: never"""
    stop_for_ns: float = 0.0
    """how long such a stop lasts"""

    def flags(self) -> tuple[int, ...]:
        """The rules that are 0 or 1, in order."""
        return tuple(int(x) for x in self[: self._fields.index("handoff_after_ns")])

    def times_ns(self) -> tuple[float, ...]:
        """The rules that are times, in order."""
        return tuple(float(x) for x in self[self._fields.index("handoff_after_ns") :])


FCFS = RwsemRules(handoff_direct=1, sleep=0, write_barge=0, write_spin=0, last_try=0)
"""The textbook lock, for comparison with the exact chain."""

FROM_5_3 = RwsemRules(spin_on_reader=1, wake_all_readers=1, downgrade=1, handoff_after_ns=4e6)
"""What 5.3 brought and later kernels kept; a jiffy of 4 ms or less is assumed."""

ERAS: dict[str, RwsemRules] = {
    "to-4.19": RwsemRules(),
    "4.20-5.1": RwsemRules(downgrade=1),
    "5.2": RwsemRules(downgrade=1),
    "5.3-5.10": FROM_5_3._replace(read_spin=1),
    "from-5.11": FROM_5_3._replace(read_steal=1),
}
"""Rules by era. 5.2 differs from 4.20-5.1 by a wake-up that its predecessors skip where the spin queue is occupied
*and* wait_lock is taken: so rarely that no rule is made of it."""

PATCHES: dict[str, RwsemRules] = {
    "rwsem_v5.1": ERAS["4.20-5.1"],
    "rwsem_wake_few": RwsemRules(handoff_after_ns=4e6),
    "rwsem_wake_256": RwsemRules(handoff_after_ns=4e6, wake_all_readers=1),
    "rwsem_pre": RwsemRules(handoff_after_ns=4e6, wake_all_readers=1, read_spin=1),
    "rwsem_reader_owned_spin": RwsemRules(handoff_after_ns=4e6, wake_all_readers=1, read_spin=1, spin_on_reader=1),
    "rwsem_v5.2/5.3_rearch": ERAS["5.3-5.10"],
}
"""The steps from 5.1 to 5.3 that Waiman Long measured one by one, by their names in measurements.csv."""

OTHER_LOCKS: dict[str, RwsemRules] = {
    "range_lock": RwsemRules(handoff_direct=1, write_barge=0, write_spin=0, last_try=0),
}
"""What a protocol may have in place of mmap_sem's rwsem: a range lock over all addresses is granted in order, to
sleepers, and nobody spins or steals."""


def era_of(kernel: str) -> str:
    """Rwsem era of a kernel version such as `4.16` or `5.12.0-smp`.

    >>> era_of("4.16"), era_of("5.1.0-rc4"), era_of("6.12")
    ('to-4.19', '4.20-5.1', 'from-5.11')
    """
    import re

    match = re.match(r"\s*v?(\d+)\.(\d+)", kernel)
    if match is None:
        raise ValueError(f"kernel version {kernel!r} is not understood: write it as major.minor, such as 4.16")
    version = (int(match[1]), int(match[2]))
    for last, era in (((4, 19), "to-4.19"), ((5, 1), "4.20-5.1"), ((5, 2), "5.2"), ((5, 10), "5.3-5.10")):
        if version <= last:
            return era
    return "from-5.11"


def cv_mix(cv: float, constant: Floats, exponential: Floats) -> Floats:
    """Linear in the coefficient of variation between a constant and an exponential hold, (...)."""
    return exponential if cv == 1 else constant + cv * (exponential - constant)


def saturated_op_ns(
    n_threads: int,
    p_write: Floats | float,
    read_ns: Floats | float,
    write_ns: Floats | float,
    read_cv: float = 1.0,
) -> Floats:
    """Mean time per operation of a FCFS lock that 1, 2, ..., n_threads threads never leave.

    1/X_sat(n) = p S_w + S_r [(1 - cv) q / (1 + q + ... + q^(n-1)) + cv (p sum_{j<n} q^j / j + q^n / n)]
    p: share of writers, q = 1 - p, S_r and S_w: mean holds, cv: coefficient of variation of the
    read hold. Exact for cv = 1 (exponential) and cv = 0 (constant; a batch of readers lasts S_r);
    linear between, since the mean of the longest of k holds grows nearly so.
    Source: batches of a geometric number of readers between writers (cf. Johnson 1995).

    p_write, read_ns, write_ns broadcast to (...); returns ns, shape (n_threads, ...).
    >>> [round(float(x), 3) for x in saturated_op_ns(3, 0.5, 1.0, 2.0)]
    [1.5, 1.375, 1.354]
    """
    p, read, write = np.broadcast_arrays(*(np.asarray(x, float) for x in (p_write, read_ns, write_ns)))
    q, power, base = 1 - p, np.ones(p.shape), np.asarray(p * write)
    harmonic, powers = np.zeros(p.shape), np.zeros(p.shape)
    out = np.empty((n_threads, *p.shape))
    for n in range(1, n_threads + 1):
        powers += power
        power *= q
        last = power / n
        longest = cv_mix(read_cv, q / powers if read_cv != 1 else q, p * harmonic + last)
        out[n - 1] = longest
        out[n - 1] *= read
        out[n - 1] += base
        harmonic += last
    return out


def saturated_throughput(
    n_threads: int,
    p_write: Floats | float,
    read_ns: Floats | float,
    write_ns: Floats | float,
    read_cv: float = 1.0,
) -> Floats:
    """Capacity of a FCFS lock with n_threads in it, operations per ns, shape (...).

    >>> float(saturated_throughput(1, 0.25, 2.0, 6.0))   # alone: 1 / (p S_w + q S_r)
    0.3333333333333333
    """
    return np.asarray(1 / saturated_op_ns(n_threads, p_write, read_ns, write_ns, read_cv)[-1])


def saturated_op_ns_limit(
    p_write: Floats | float, read_ns: Floats | float, write_ns: Floats | float, read_cv: float = 1.0
) -> Floats:
    """Mean time per operation of the FCFS lock as the number of threads grows, ns, shape (...).

    1/X_sat = p S_w + S_r [(1 - cv) p q - cv p ln p]      (0 for p = 0: readers alone have no limit)

    >>> round(1 / float(saturated_op_ns_limit(0.1, 1.0, 1.0)), 4)
    3.0279
    """
    p = np.asarray(p_write, float)
    exponential = -p * np.log(np.where(p > 0, p, 1.0))
    return np.asarray(p * write_ns + np.asarray(read_ns) * cv_mix(read_cv, p * (1 - p), exponential))


def saturated_op_ns_wake_all(
    n_threads: int,
    p_write: Floats | float,
    read_ns: Floats | float,
    write_ns: Floats | float,
    read_cv: float = 1.0,
) -> Floats:
    """Like `saturated_op_ns` where a reader at the head takes all queued readers along (approx).

    In a round all n threads are served once: the writers one by one, the readers together. With
    r = E[readers | at least one writer] and H_r about ln(1 + e^gamma r):
    1/X_sat(n) = p S_w + S_r [(1 - q^n) ((1 - cv) min(r, 1) + cv H_r) + q^n] / n
    Returns ns, shape (n_threads, ...). Compared with the exact chain in tests/test_closed.py.
    """
    p, read, write = np.broadcast_arrays(*(np.asarray(x, float) for x in (p_write, read_ns, write_ns)))
    q, power = 1 - p, np.ones(p.shape)
    out = np.empty((n_threads, *p.shape))
    for n in range(1, n_threads + 1):
        power = power * q
        mixed = np.maximum(1 - power, 1e-300)
        readers = n * np.maximum(q - power, 0.0) / mixed
        longest = cv_mix(read_cv, np.minimum(readers, 1.0), np.log1p(1.7810724 * readers))
        out[n - 1] = p * write + read * (mixed * longest + power) / n
    return out
