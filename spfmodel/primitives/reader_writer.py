"""mmap_sem: the rwsem's rules per kernel era, as data.

The rules are those of kernel/locking/rwsem*.c (4.14, 4.19, 5.4 and 5.17 trees); `solvers.des`
interprets them. `RwsemRules` holds flags only; times are costs of the machine.
"""

from __future__ import annotations

from typing import NamedTuple


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
    handoff_after_ns: float = 0.0
    """a waiter first in line longer than this forbids stealing (5.3 on); 0: never"""


FCFS = RwsemRules(handoff_direct=1, sleep=0, write_barge=0, write_spin=0, last_try=0)
"""The textbook lock, for comparison with the exact chain."""

ERAS: dict[str, RwsemRules] = {
    "to-4.19": RwsemRules(),
    "4.20-5.1": RwsemRules(downgrade=1),
    "5.2": RwsemRules(downgrade=1),
    "5.3-5.10": RwsemRules(
        spin_on_reader=1, read_steal=1, wake_all_readers=1, downgrade=1, handoff_after_ns=4e6
    ),
    "from-5.11": RwsemRules(
        spin_on_reader=1, read_steal=1, wake_all_readers=1, downgrade=1, handoff_after_ns=4e6
    ),
}
"""Rules by era. 5.2 differs from 4.20-5.1 by a wake-up skip that is rare; 5.3-5.10 differs from
5.11 by readers that spin, which is not modelled yet: it borrows the later rules."""


def era_of(kernel: str) -> str:
    """Rwsem era of a kernel version such as `4.16` or `5.12.0-smp`.

    >>> era_of("4.16"), era_of("5.1.0-rc4"), era_of("6.12")
    ('to-4.19', '4.20-5.1', 'from-5.11')
    """
    import re

    match = re.match(r"\s*v?(\d+)\.(\d+)", kernel)
    if match is None:
        raise ValueError(
            f"kernel version {kernel!r} is not understood: write it as major.minor, such as 4.16"
        )
    version = (int(match[1]), int(match[2]))
    for last, era in (((4, 19), "to-4.19"), ((5, 1), "4.20-5.1"), ((5, 2), "5.2"), ((5, 10), "5.3-5.10")):
        if version <= last:
            return era
    return "from-5.11"
